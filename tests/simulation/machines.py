"""What is wrong with the machine that the daemon runs on; with most of them, nothing."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from tests.simulation.clocks import WrongClock
from tests.simulation.disk import KINDS, FailingDisk
from tests.simulation.drawing import some_hours
from tests.simulation.stops import StandingStill

_STEPS = tuple(
    timedelta(seconds=s) for s in (90, -90, 15 * 60, -15 * 60, 3 * 3600, -3 * 3600, 2 * 86_400, -2 * 86_400)
)
_DRIFTS = (0.02, -0.02)


def a_wrong_clock(draw: Random, troubled: timedelta) -> WrongClock | None:
    """It is set wrong, or runs wrong, or both, and is set right again before all is calm."""
    if draw.random() < 0.8:
        return None
    begins = some_hours(draw, troubled)
    lasts = min(timedelta(minutes=draw.randrange(10, 24 * 60)), troubled - begins)
    step, drift = draw.choice(((True, False), (False, True), (True, True)))
    return WrongClock(
        begins,
        lasts,
        step=draw.choice(_STEPS) if step else timedelta(0),
        drift=draw.choice(_DRIFTS) if drift else 0.0,
    )


def a_failing_disk(draw: Random) -> FailingDisk | None:
    if draw.random() < 0.75:
        return None
    kinds = tuple(draw.sample(KINDS, k=draw.choice((1, 2, len(KINDS)))))
    return FailingDisk(chance=draw.choice((0.01, 0.03, 0.1)), kinds=kinds)


def a_machine_that_stops(draw: Random) -> StandingStill | None:
    if draw.random() < 0.8:
        return None
    longest = draw.choice((timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=2)))
    return StandingStill(points=draw.choice((50, 200, 600)), longest=longest)
