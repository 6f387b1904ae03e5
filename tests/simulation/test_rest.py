"""A story is over when everything has come to rest, and also its end can be found wanting."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from tests.simulation import run
from tests.simulation.rest import unrest
from tests.simulation.run import Left, play
from tests.simulation.seldom import drawn

STAGED_TO_THE_END = 117


def test_a_daemon_that_has_written_nothing_down_has_overlooked_what_is_being_rolled_out() -> None:
    plan = drawn(STAGED_TO_THE_END)
    left = play(plan)
    assert not list(unrest(plan, left))
    blank = replace(left, evidence=replace(left.evidence, rollouts=[], journal=[], notices=[]))
    assert [text for text in unrest(plan, blank) if "knows of no release" in text]


def test_a_story_ends_early_once_everything_has_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = drawn(STAGED_TO_THE_END)
    early = _last_request(play(plan))
    assert plan.rest_from is not None
    assert plan.calm_from < early < plan.rest_from + plan.scenario.poll
    monkeypatch.setattr(run, "unrest", lambda plan, left: ["a notice is still on its way"])
    assert _last_request(play(plan)) > plan.scenario.ends - 2 * plan.scenario.poll


def _last_request(left: Left) -> datetime:
    return max(datetime.fromisoformat(request["at"]) for request in left.evidence.requests)
