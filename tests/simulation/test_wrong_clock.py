"""The machine's clock is days off, to the end or for some hours: what has to be halted is halted in time all the same,
nothing is raised meanwhile, and what went live then is raised in its own time once the clock is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core.model import CommandVerb, Store
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Onset, Outage, Scenario
from tests.judge import judge
from tests.simulation.by_hand import FINE, MONDAY, app, hours, in_the_console, order
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
    store: str,
    days: int,
    *orders: PlannedOrder,
    crash_free_ppm: int = 998_000,
    policy: str = "quick",
    outages: tuple[Outage, ...] = (),
    drift: float = 0.0,
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
        outages=outages,
        switches={},
    )
    wrong = WrongClock(WRONG_FROM, hours(24), timedelta(days=days), drift)
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


@pytest.mark.promise("R3")
def test_a_halt_that_cannot_be_sent_is_tried_again_after_a_poll_by_clocks_that_run_slow() -> None:
    """Nothing on that machine knows that its hour is longer than one: it is a minute and 13 seconds late by ours."""
    left = told(
        GOOGLE_PLAY,
        0,
        crash_free_ppm=940_000,
        outages=(Outage("google_play", hours(1.5), hours(11), "down"),),
        drift=-0.02,
    )
    assert judge(left.evidence).findings == []
    assert 11 < stopped_after(left, GOOGLE_PLAY) < 12.1


def found_meanwhile(days: int, *, crash_free_ppm: int, points_per_life: int = 0) -> Left:
    """5.3.0 goes live while the clock is wrong, for four hours. It has no raise and no halt before that to go by."""
    newer = {"version": "5.3.0", "code": 5030, "crash_free_ppm": crash_free_ppm, "exposure_ppm": 10_000}
    scenario = Scenario(
        name="found-meanwhile",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(36),
        poll=hours(1),
        policy="quick",
        mode="act",
        on_new_release="adopt",
        apps=(replace(app(), uptake=hours(36)),),
        people=(in_the_console(FOUND_AT, "new_release", **newer),),
        outages=(),
        switches={},
    )
    wrong = WrongClock(WRONG_FROM, hours(4), timedelta(days=days))
    return play(Plan(7, scenario, FINE, MONDAY + hours(34), points_per_life, (), clock=wrong))


FOUND_AT = 3.0
RIGHT_AGAIN = WRONG_FROM / hours(1) + 4
RESTARTED = 60
"""Points of I/O that a process survives: it is another one that goes on once the clock is right."""


@pytest.mark.promise("R5", "R19")
@pytest.mark.parametrize("points", [0, RESTARTED])
def test_a_healthy_release_found_by_a_clock_that_was_slow_is_not_called_dark(points: int) -> None:
    """Nor does the process that has lived through it take what was lost for time that still has to pass."""
    left = found_meanwhile(-2, crash_free_ppm=998_000, points_per_life=points)
    assert judge(left.evidence).findings == []
    assert "because: dark" not in left.marks
    assert most(left, "5.3.0") == 100


@pytest.mark.promise("R5", "R19")
def test_it_is_not_raised_before_the_clock_is_right() -> None:
    left = found_meanwhile(-2, crash_free_ppm=998_000)
    served = [record for record in left.evidence.ledger if record["type"] == "served"]
    raised = next(r for r in served if r["release"] == "5.3.0" and r["exposure_ppm"] > 10_000)
    assert (datetime.fromisoformat(raised["at"]) - MONDAY) / hours(1) >= RIGHT_AGAIN


@pytest.mark.promise("R3")
@pytest.mark.parametrize("points", [0, RESTARTED])
@pytest.mark.parametrize("days", [-2, 2])
def test_a_bad_release_found_by_a_wrong_clock_is_halted_as_soon(days: int, points: int) -> None:
    """By a clock that is ahead nothing that people do with it would count for two days."""
    left = found_meanwhile(days, crash_free_ppm=940_000, points_per_life=points)
    assert judge(left.evidence).findings == []
    assert most(left, "5.3.0") == 1
    last = [r for r in left.evidence.ledger if r["type"] == "served" and r["release"] == "5.3.0"][-1]
    assert last["status"] == "halted"


RESUMED_AT = 3.1
"""Hours: while the clock is wrong, after the release was halted."""


def resumed_meanwhile(days: int, *, mended: bool = False) -> Left:
    """5.2.0 crashes, is halted, and is let go on in the console (an order would be refused) while the clock is wrong."""
    story = app()
    onset = Onset(hours(3), 998_000) if mended else None
    newest = replace(story.releases[1], crash_free_ppm=940_000, onset=onset)
    scenario = Scenario(
        name="resumed-meanwhile",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(36),
        poll=hours(1),
        policy="quick",
        mode="act",
        on_new_release="adopt",
        apps=(replace(story, releases=(story.releases[0], newest)),),
        people=(in_the_console(RESUMED_AT, "resume", exposure_ppm=10_000),),
        outages=(),
        switches={},
    )
    wrong = WrongClock(WRONG_FROM, hours(4), timedelta(days=days))
    return play(Plan(7, scenario, FINE, MONDAY + hours(34), 0, (), clock=wrong))


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_bad_release_that_is_resumed_by_a_wrong_clock_is_halted_again_as_soon(days: int) -> None:
    """By a clock that is ahead nothing that people do with it would count for two days."""
    left = resumed_meanwhile(days)
    assert judge(left.evidence).findings == []
    assert RESUMED_AT < stopped_after(left, GOOGLE_PLAY) < RESUMED_AT + 3


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_release_that_was_mended_and_is_resumed_by_a_wrong_clock_is_not_halted_for_what_was(
    days: int,
) -> None:
    """By a clock that is behind the crashes from before the resume would count once more."""
    left = resumed_meanwhile(days, mended=True)
    assert judge(left.evidence).findings == []
    served = [record for record in left.evidence.ledger if record["type"] == "served"]
    last = [record for record in served if record["release"] == "5.2.0"][-1]
    assert last["status"] != "halted"
