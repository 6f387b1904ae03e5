"""Several daemons by one clock: it goes on once all are idle, and waits for none that is dead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stagedrollout.emulator.idlers import PATIENCE_SECONDS, Idlers
from tests.emulator.calls import control, world_at

SIX, SEVEN, NOON = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (6, 7, 12))


class Real:
    """Real time, as the test wants it."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def real():
    return Real()


@pytest.fixture
def idlers(real):
    return Idlers(real)


def test_one_alone_is_never_waited_for(idlers):
    assert idlers.idle("", NOON, SIX) == NOON
    idlers.moved(NOON)
    assert idlers.idle("", NOON, NOON) == NOON


def test_the_clock_goes_to_where_the_first_of_them_is_woken(idlers):
    assert idlers.idle("a", NOON, SIX) == NOON
    assert idlers.idle("b", SEVEN, SIX) == SEVEN


def test_whoever_was_woken_is_at_work_until_it_is_idle_again(idlers):
    idlers.idle("a", SEVEN, SIX)
    idlers.idle("b", NOON, SIX)
    idlers.moved(SEVEN)
    assert idlers.busy
    assert idlers.idle("b", NOON, SEVEN) is None
    assert idlers.idle("a", NOON, SEVEN) == NOON
    assert not idlers.busy


def test_one_that_only_learns_that_its_time_has_come_is_at_work_too(idlers):
    idlers.idle("a", SEVEN, SEVEN)
    assert idlers.idle("b", NOON, SEVEN) is None


def test_one_that_begins_is_at_work(idlers):
    idlers.begins("a")
    assert idlers.idle("b", NOON, SIX) is None


def test_who_is_not_heard_of_any_more_is_not_waited_for(idlers, real):
    idlers.idle("a", SEVEN, SIX)
    idlers.moved(SEVEN)
    real.seconds += PATIENCE_SECONDS - 0.1
    assert idlers.idle("b", NOON, SEVEN) is None
    real.seconds += 0.1
    assert idlers.idle("b", NOON, SEVEN) == NOON


def test_who_is_forgotten_is_not_waited_for_until_it_is_heard_of_again(idlers):
    idlers.begins("a")
    idlers.idle("b", NOON, SIX)
    idlers.forget()
    assert idlers.idle("b", NOON, SIX) == NOON
    assert idlers.several
    idlers.begins("a")
    assert idlers.idle("b", NOON, SIX) is None


def test_through_the_control_door_the_clock_stands_while_another_is_at_work():
    world = world_at(0)
    nine, ten = "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"
    begun = control(world, "GET", "clock?who=a").document["now"]
    told = control(world, "POST", "idle", {"who": "b", "next_due": ten}).document
    assert (told["now"], told["shared"]) == (begun, True)
    control(world, "POST", "idle", {"who": "a", "next_due": nine})
    assert control(world, "POST", "idle", {"who": "b", "next_due": ten}).document["now"] == nine
    assert control(world, "POST", "idle", {"who": "a", "next_due": ten}).document["now"] == ten
