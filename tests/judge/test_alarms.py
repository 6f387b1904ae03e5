"""Alarms for halts that nobody answers: told at every place, and told as over."""

from __future__ import annotations

import pytest

from tests.judge.story import Story, bad_release

pytestmark = pytest.mark.promise("R20")

PLACES = ["pagerduty", "webhook", "C0ONCALL"]
WAKE = {"wake": {"unanswered_after_minutes": 15, "places": PLACES}}
LOST = "notices_lost"


def halted(until: float = 40) -> Story:
    """The daemon halts it at hour 21, and nobody is there."""
    told = bad_release(scenario=WAKE, until=until)
    told.halts(21)
    told.ends("halted", 10_000)
    return told


def wakes(told: Story, place: str, hour: float = 21.3) -> None:
    headline = "acme 5.2.0 was halted at 1 % 15m ago, and nobody has answered"
    match place:
        case "pagerduty":
            about = {"action": "trigger", "key": "k", "summary": headline, "source": told.rollout}
            told._ledger(hour, "pagerduty", **about)
        case "webhook":
            release = {"app": "acme", "store": "google_play", "release": "5020"}
            told._ledger(
                hour, "webhook", signed=True, said={"event": "alarm", "headline": headline, **release}
            )
        case _:
            told._ledger(hour, "slack", ts=f"{hour}", thread_ts=None, text=headline, channel=place)


@pytest.mark.parametrize("silent", ["", *PLACES])
def test_who_is_to_be_woken_is_told_at_every_place(silent):
    told = halted()
    for place in PLACES:
        if place != silent:
            wakes(told, place)
    assert told.blamed() == ({LOST: 1} if silent else {})


def test_nobody_is_woken_where_nobody_wants_to_be():
    told = halted()
    told.scenario.pop("wake")
    assert told.blamed() == {}


@pytest.mark.parametrize(("hour", "woken"), [(21.1, 0), (30, 1)])
def test_who_answers_at_once_need_not_be_woken(hour, woken):
    told = halted()
    told.writes(hour, "acknowledged", actor={"kind": "human", "name": "ana"}, halted_at="")
    assert told.blamed().get(LOST, 0) == woken * len(PLACES)


@pytest.mark.parametrize("over", [True, False])
def test_what_needs_nobody_any_more_is_told_as_over(over):
    told = halted()
    for place in PLACES:
        wakes(told, place)
    told.writes(25, "acknowledged", actor={"kind": "human", "name": "ana"}, halted_at="")
    if over:
        told._ledger(25.1, "pagerduty", action="resolve", key="k", summary=None, source=None)
    assert told.blamed() == ({} if over else {LOST: 1})


def test_what_was_due_right_before_the_end_is_not_owed_yet():
    assert halted(until=22).blamed() == {}


def test_what_a_person_orders_wakes_nobody():
    told = bad_release(scenario=WAKE)
    command = told.orders(20.6, "halt")
    told.decides(20.6, "HALT", command=command)
    told.commit(20.6, {**told.track[0], "status": "halted"}, told.track[1])
    told.served(20.6, "halted", 0)
    told.tells(20.6, "halted", broadcast=True)
    told.ends("halted", 10_000)
    assert told.blamed() == {}
