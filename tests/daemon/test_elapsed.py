"""Time that has passed: also while the machine slept, and whatever its clock is set to."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from stagedrollout.core.errors import Preempted
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.elapsed import WallWatch, elapsed
from stagedrollout.daemon.lanes import Lanes

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
APP = StoreApp("acme", Store.APP_STORE)


class Machine:
    """Its clock, and the seconds that pass on it."""

    def __init__(self) -> None:
        self.wall, self.seconds = NOON, 500.0

    def now(self) -> datetime:
        return self.wall

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.mark.skipif(
    not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that goes on in sleep"
)
def test_a_raise_decided_before_the_machine_was_suspended_is_not_sent_after_it(monkeypatch):
    slept = 0.0
    monkeypatch.setattr(time, "clock_gettime", lambda clock: 100.0 + slept * (clock == time.CLOCK_BOOTTIME))
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)  # stands still in sleep
    lanes = Lanes()
    permit = lanes.permit(APP, elapsed() + 45.0)
    with lanes.raising(permit, lambda: None) as clearance:
        clearance()
        slept = 3_600.0
        with pytest.raises(Preempted, match="out of time"):
            clearance()


def test_only_a_clock_that_is_set_back_is_told_and_only_once():
    machine = Machine()
    watch = WallWatch(machine, lambda: machine.seconds)
    machine.passes(3_600)
    assert watch.set_back() == timedelta(0)
    machine.wall -= timedelta(minutes=30)
    assert watch.set_back() == timedelta(minutes=30)
    machine.passes(1)
    assert watch.set_back() == timedelta(0)


def test_a_clock_set_forward_and_back_again_is_told():
    machine = Machine()
    watch = WallWatch(machine, lambda: machine.seconds)
    machine.wall += timedelta(days=2)
    assert watch.set_back() == timedelta(0)
    machine.wall -= timedelta(days=2)
    assert watch.set_back() == timedelta(days=2)


def test_a_machine_that_slept_was_not_set_back():
    machine = Machine()
    watch = WallWatch(machine, lambda: machine.seconds)
    machine.passes(8 * 3_600)
    assert watch.set_back() == timedelta(0)
