"""How far the clock goes by itself, for people who watch and for tests that need it to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stagedrollout.emulator.pace import Pace, Step, pace_from
from tests.emulator.calls import control, world_at

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
THREE = datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_a_clock_without_a_pace_jumps_at_once():
    assert Pace().step(NOON, THREE) == Step(THREE, 0.0)


def test_a_slow_clock_goes_in_steps_of_a_quarter_of_a_second():
    assert Pace(hours_per_second=4).step(NOON, THREE) == Step(NOON.replace(hour=13), 0.25)
    assert Pace(hours_per_second=24).step(NOON, THREE) == Step(THREE, 0.125)


def test_a_stopped_clock_waits_where_it_was_told_to_and_never_goes_back():
    assert Pace(stop_at=NOON.replace(hour=14)).step(NOON, THREE) == Step(NOON.replace(hour=14), 0.0)
    assert Pace(stop_at=NOON).step(NOON, THREE) == Step(NOON, 0.25)
    assert Pace(stop_at=NOON).step(THREE, THREE) == Step(THREE, 0.0)
    assert Pace(stop_at=NOON, hours_per_second=1).step(THREE, NOON) == Step(THREE, 0.0)


def test_the_pace_is_set_and_lifted_through_the_control_door():
    world = world_at(0)
    set_to = {"hours_per_second": None, "stop_at": "2026-03-02T09:00:00Z"}
    assert control(world, "POST", "pace", set_to).document == {**set_to, "held_back": None}
    assert control(world, "POST", "idle", {"next_due": None}).document["now"] == "2026-03-02T09:00:00Z"
    until = "2026-03-14T06:00:00Z"
    assert control(world, "GET", "pace").document == {**set_to, "held_back": until}
    assert control(world, "POST", "pace", {}).document["held_back"] is None
    assert control(world, "POST", "idle", {"next_due": None}).document["finished"] is True


@pytest.mark.parametrize(
    "wrong",
    [{"speed": 1}, {"hours_per_second": 0}, {"hours_per_second": "2"}, {"stop_at": 5}, {"stop_at": "noon"}],
)
def test_a_pace_that_is_none_is_refused_in_words(wrong):
    with pytest.raises(ValueError, match=r"pace|hours_per_second|stop_at|noon"):
        pace_from(wrong)
    assert control(world_at(0), "POST", "pace", wrong).status == 400
