"""People who are woken by halts that nobody answers, on a machine whose days are good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stagedrollout.core.model import CommandVerb
from stagedrollout.emulator.scenario import GOOGLE_PLAY, AppStory, Onset
from stagedrollout.emulator.slack import SECOND_CHANNEL
from tests.simulation.by_hand import app, hours, in_the_console, order
from tests.simulation.run import Left
from tests.simulation.test_what_seeds_taught import a_plan, told

pytestmark = pytest.mark.promise("R20")


def _turns_bad(at: float) -> AppStory:
    shown = app(GOOGLE_PLAY)
    return replace(
        shown, releases=(shown.releases[0], replace(shown.releases[1], onset=Onset(hours(at), 900_000)))
    )


def _told(left: Left, kind: str) -> list[dict[str, Any]]:
    return [dict(record) for record in left.evidence.ledger if record["type"] == kind]


def test_a_halt_that_nobody_answers_wakes_people_at_every_place_once() -> None:
    left = told(a_plan(_turns_bad(4), alarms=True))
    assert [record["action"] for record in _told(left, "pagerduty")] == ["trigger"]
    assert [(record["said"]["event"], record["signed"]) for record in _told(left, "webhook")] == [
        ("alarm", True)
    ]
    assert len([r for r in _told(left, "slack") if r["channel"] == SECOND_CHANNEL]) == 1


@pytest.mark.parametrize("by", ["an order", "the console"])
def test_who_resumes_it_wherever_lets_the_pager_rest_as_well(by: str) -> None:
    """Seed 1683: the alert of a halt that somebody had resumed in the console stayed open for ever."""
    at = 12.5
    ordered = (order(at, CommandVerb.RESUME, "5.2.0"),) if by == "an order" else ()
    acts = () if by == "an order" else (in_the_console(at, "resume", exposure_ppm=10_000),)
    left = told(a_plan(_turns_bad(4), people=acts, orders=ordered, alarms=True))
    first = _told(left, "pagerduty")[0]
    resolved = [record["key"] for record in _told(left, "pagerduty") if record["action"] == "resolve"]
    assert first["key"] in resolved
    assert "over" in [record["said"]["event"] for record in _told(left, "webhook")]


def test_what_was_taken_off_the_rollout_by_a_newer_release_wakes_nobody_any_more() -> None:
    newer = {"version": "5.3.0", "code": 5030, "crash_free_ppm": 998_000, "exposure_ppm": 10_000}
    left = told(a_plan(_turns_bad(4), people=(in_the_console(12.5, "new_release", **newer),), alarms=True))
    assert [record["action"] for record in _told(left, "pagerduty")] == ["trigger", "resolve"]


def test_the_digest_and_reminders_come_without_a_halt_as_well() -> None:
    left = told(a_plan(app(GOOGLE_PLAY), alarms=True))
    assert "digest" in {row["kind"] for row in left.evidence.notices}
    assert _told(left, "pagerduty") == []
