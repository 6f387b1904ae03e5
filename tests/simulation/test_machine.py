"""A machine with a wrong clock, a failing disk, or one that stands still: whatever it does, no promise is broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from stagedrollout.emulator.clock import Timeline
from stagedrollout.storage.engine import open_engine, open_existing, reading, writing
from tests.judge import judge
from tests.simulation.clocks import MachineClock, WrongClock
from tests.simulation.disk import FULL, KINDS, Disk, FailingDisk
from tests.simulation.kernel import Kernel
from tests.simulation.rest import unrest
from tests.simulation.run import Left, play
from tests.simulation.seldom import drawn
from tests.simulation.stops import StandingStill

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEEDS = (8, 11)


def well(left: Left, seed: int) -> Counter[str]:
    assert judge(left.evidence).findings == []
    assert left.unrepeatable == ()
    assert list(unrest(drawn(seed), left)) == []
    return left.marks


def test_a_clock_that_is_set_back_and_right_again_never_turns_the_monotonic_one_back():
    timeline = Timeline(START)
    clock = MachineClock(timeline, WrongClock(begins=HOUR, lasts=2 * HOUR, step=-HOUR / 2, drift=0.02))
    walls, ticks = [], []
    for minute in range(0, 300, 10):
        timeline.advance(START + timedelta(minutes=minute))
        walls.append(clock.now() - timeline.now)
        ticks.append(clock.monotonic())
    assert walls[5] == timedelta(0)
    assert walls[6] == -HOUR / 2
    assert walls[12] == -HOUR / 2 + HOUR * 0.02
    assert walls[18] == timedelta(0)
    assert all(before < after for before, after in pairwise(ticks))
    assert ticks[-1] - ticks[0] == pytest.approx(290 * 60 + 0.02 * 2 * 3600)


def test_what_a_clock_said_while_it_was_set_back_is_known_for_the_time_that_it_really_was():
    timeline = Timeline(START)
    clock = MachineClock(timeline, WrongClock(begins=HOUR, lasts=2 * HOUR, step=-HOUR / 2, drift=0.02))
    for minute in range(0, 300, 10):
        timeline.advance(START + timedelta(minutes=minute))
        told = clock.now()
        timeline.advance(timeline.now + timedelta(seconds=40))
        assert abs(clock.truly(told) - (START + timedelta(minutes=minute))) < timedelta(milliseconds=1)


def test_what_is_due_by_a_wrong_clock_comes_when_that_clock_says_so():
    timeline = Timeline(START)
    clock = MachineClock(timeline, WrongClock(begins=timedelta(0), lasts=9 * HOUR, step=HOUR, drift=0.02))
    timeline.advance(START + HOUR)
    due = clock.now() + HOUR
    timeline.advance(timeline.now + clock.until(due))
    assert abs(clock.now() - due) < timedelta(milliseconds=1)


def test_an_hour_by_clocks_that_run_slow_is_longer_and_it_is_known_until_when():
    timeline = Timeline(START)
    assert MachineClock(timeline, WrongClock(HOUR, 2 * HOUR, drift=0.02)).slow is None
    clock = MachineClock(timeline, WrongClock(HOUR, 2 * HOUR, drift=-0.02))
    assert clock.slow == (START + HOUR, START + 3 * HOUR, 0.98)
    timeline.advance(START + HOUR)
    assert clock.until(clock.now() + HOUR) == HOUR / 0.98


def test_others_get_their_turn_around_a_transaction_and_never_inside_it(tmp_path: Path):
    kernel = Kernel(Random(1), Timeline(START))
    ours = open_engine(f"sqlite:///{tmp_path / 'one.db'}")
    theirs = open_existing(f"sqlite:///{tmp_path / 'one.db'}", busy_seconds=0)
    Disk(kernel, Random(1)).haunt(ours)
    turns = []

    def write() -> None:
        for _ in range(20):
            with writing(ours) as connection:
                connection.exec_driver_sql("PRAGMA user_version = 1")
                with reading(ours) as another:
                    another.exec_driver_sql("PRAGMA user_version")

    kernel.start("pass", write)
    while len(kernel.tasks) > 1:
        kernel.pause()
        with writing(theirs) as connection:
            connection.exec_driver_sql("PRAGMA user_version = 2")
        turns.append(len(turns))
    assert len(turns) > 20
    ours.dispose()
    theirs.dispose()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_disk_does_to_a_transaction_no_promise_is_broken(seed: int, kind: str):
    left = play(replace(drawn(seed), disk=FailingDisk(0.15, (kind,))))
    assert well(left, seed)[f"disk: {kind}"] > 2


def test_a_disk_that_fails_while_the_daemon_starts_costs_one_life_and_the_next_one_goes_on():
    plans = {seed: replace(drawn(seed), disk=FailingDisk(0.3, (FULL,)), points_per_life=60) for seed in SEEDS}
    marks = [well(play(plan), seed) for seed, plan in plans.items()]
    assert sum(each["start broke off: StorageError"] for each in marks) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_process_that_stands_still_for_minutes_breaks_no_promise(seed: int):
    left = play(replace(drawn(seed), stops=StandingStill(40, timedelta(minutes=10))))
    assert well(left, seed)["stood still"] > 2


@pytest.mark.parametrize("step", [timedelta(seconds=90), timedelta(seconds=-90), timedelta(days=2)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_that_is_wrong_for_hours_breaks_no_promise(seed: int, step: timedelta):
    well(play(replace(drawn(seed), clock=WrongClock(4 * HOUR, 6 * HOUR, step))), seed)
