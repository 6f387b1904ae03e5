"""The machine's clock is days off to the end: what has to be halted is halted in time all the same, nothing is raised."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core.model import CommandVerb, Store
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Scenario
from tests.judge import judge
from tests.simulation.by_hand import FINE, MONDAY, app, hours, order
from tests.simulation.clocks import WrongClock
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.run import Left, play
from tests.simulation.test_newer_releases import most

WRONG_FROM = hours(1) + timedelta(minutes=20)
AT = 5.0
"""Hours: no token from before the clock was wrong lives for so long."""

STOPPED = {GOOGLE_PLAY: "halted", APP_STORE: "PAUSED"}


def told(
    store: str, days: int, *orders: PlannedOrder, crash_free_ppm: int = 998_000, policy: str = "quick"
) -> Left:
    story = app(store)
    newest = replace(story.releases[1], crash_free_ppm=crash_free_ppm)
    scenario = Scenario(
        name="wrong-clock",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(24),
        poll=hours(1),
        policy=policy,
        mode="act",
        on_new_release="adopt",
        apps=(replace(story, releases=(story.releases[0], newest)),),
        people=(),
        outages=(),
        switches={},
    )
    wrong = WrongClock(WRONG_FROM, hours(24), timedelta(days=days))
    return play(Plan(7, scenario, FINE, MONDAY + hours(22), 0, orders, clock=wrong))


def stopped_after(left: Left, store: str) -> float:
    """Hours until it was stopped for good."""
    served = [record for record in left.evidence.ledger if record["type"] == "served"]
    last = [record for record in served if record["release"] == "5.2.0"][-1]
    assert last["status"] == STOPPED[store]
    return (datetime.fromisoformat(last["at"]) - MONDAY) / hours(1)


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_persons_halt_is_in_the_store_within_a_minute(days: int) -> None:
    """Google takes no token that is signed by that clock."""
    left = told(GOOGLE_PLAY, days, order(AT, CommandVerb.HALT, "5.2.0"))
    assert AT < stopped_after(left, GOOGLE_PLAY) < AT + 1 / 60
    assert most(left, "5.2.0") == 1


@pytest.mark.promise("R7")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_window_that_was_open_on_the_app_store_is_closed_within_a_poll(days: int) -> None:
    """Nor does Apple; and every further day that it stays open costs a step."""
    left = told(APP_STORE, days, order(1.1, CommandVerb.ADVANCE, "5.2.0", Store.APP_STORE))
    begun = WRONG_FROM / hours(1)
    assert begun <= stopped_after(left, APP_STORE) < begun + 1 + 1 / 60
    assert most(left, "5.2.0") == 1


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_release_that_fails_is_halted_by_a_machine_that_is_days_off(days: int) -> None:
    """Signals are asked by the time that the store tells: two days ago there was nothing to be seen of it."""
    left = told(GOOGLE_PLAY, days, crash_free_ppm=940_000)
    assert judge(left.evidence).findings == []
    assert stopped_after(left, GOOGLE_PLAY) < WRONG_FROM / hours(1) + 1 + 1 / 60
    assert most(left, "5.2.0") == 1


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_floor_that_is_kept_for_hours_is_judged_by_the_hours_that_passed(days: int) -> None:
    """Its window are the hours before now. By that clock they are long over, or still to come."""
    left = told(GOOGLE_PLAY, days, crash_free_ppm=940_000, policy="by-hand")
    assert judge(left.evidence).findings == []
    assert stopped_after(left, GOOGLE_PLAY) < WRONG_FROM / hours(1) + 2 + 1 / 60
