"""A story is over when everything has come to rest, and also its end can be found wanting."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.rest import unrest
from tests.simulation.run import play
from tests.simulation.seldom import drawn

STAGED_TO_THE_END = 117


def test_a_daemon_that_has_written_nothing_down_has_overlooked_what_is_being_rolled_out() -> None:
    plan = drawn(STAGED_TO_THE_END)
    left = play(plan)
    assert not list(unrest(plan, left))
    blank = replace(left, evidence=replace(left.evidence, rollouts=[], journal=[], notices=[]))
    assert [text for text in unrest(plan, blank) if "knows of no release" in text]
