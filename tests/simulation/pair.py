"""What befalls two daemons beside the story that both live through: each dies, stands still, is cut off, or is asked to end,
by itself; each has a machine of its own.

All of it is drawn from generators of its own, so that what a seed draws for one daemon stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from tests.simulation.clocks import WrongClock
from tests.simulation.disk import FailingDisk
from tests.simulation.drawing import some_hours
from tests.simulation.failover import FailsOver, a_failover
from tests.simulation.lines import Line
from tests.simulation.machines import a_failing_disk, a_machine_that_stops, a_wrong_clock
from tests.simulation.stops import StandingStill, StandsStill

LEASE = timedelta(seconds=60)
"""As long as an operator's is who sets none."""

NAMES = ("first", "second")


class Blow(StrEnum):
    """What happens to one of them. LEAVES: it is asked to end, finishes what is under way, and is started again. SUSPENDED: it stands
    still, and with it the steady clock by which it believes in its leases."""

    KILLED = "killed"
    FREEZES = "freezes"
    SUSPENDED = "is suspended"
    LEAVES = "leaves"
    LOSES_DATABASE = "loses the database"
    LOSES_STORES = "loses the stores"
    LOSES_SIGNALS = "loses Sentry"
    LOSES_SLACK = "loses Slack"


CUTS = (Blow.LOSES_DATABASE, Blow.LOSES_STORES, Blow.LOSES_SIGNALS, Blow.LOSES_SLACK)


class Aim(StrEnum):
    """What a blow waits for. DECIDED: an act was written down, and nothing is sent yet. SENDS: it is about to be sent."""

    NOTHING = ""
    DECIDED = " once it has decided to act"
    SENDS = " when it acts"


@dataclass(frozen=True, slots=True)
class Trouble:
    """From `at` on, or from what it waits for then, for `lasts`. `line`: how a cut shows."""

    at: datetime
    blow: Blow
    lasts: timedelta = timedelta(0)
    aim: Aim = Aim.NOTHING
    line: Line = Line.WHOLE

    def __str__(self) -> str:
        line = f", {self.line}" if self.line is not Line.WHOLE else ""
        return f"{self.at:%m-%d %H:%M:%S} {self.blow}{self.aim} for {self.lasts}{line}"


@dataclass(frozen=True, slots=True)
class Side:
    """What is wrong with one of the two, and with its machine. `points_per_life` as in a plan."""

    troubles: tuple[Trouble, ...] = ()
    clock: WrongClock | None = None
    disk: FailingDisk | None = None
    stops: StandingStill | StandsStill | None = None
    points_per_life: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Of two, by their place in NAMES. `pass_deadline`: as configured for both; a long one leaves it to the lease alone whether
    whoever stood still goes on. `fails_over`: their database's server is lost; None: it is not."""

    sides: tuple[Side, Side]
    pass_deadline: timedelta = timedelta(minutes=5)
    fails_over: FailsOver | None = None

    def words(self) -> str:
        of_each = (
            f"{name}: a pass has {self.pass_deadline}, {side.clock}, {side.disk}, {side.stops}, a life of {side.points_per_life or 'endless'} points, "
            f"{[str(trouble) for trouble in side.troubles]}"
            for name, side in zip(NAMES, self.sides, strict=True)
        )
        return "\n".join((*of_each, *([str(self.fails_over)] if self.fails_over else [])))

    def but(self, number: int, **changed: object) -> Pair:
        sides = list(self.sides)
        sides[number] = replace(sides[number], **changed)  # type: ignore[arg-type]
        return replace(self, sides=(sides[0], sides[1]))


def a_pair(seed: int, start: datetime, troubled: timedelta) -> Pair:
    first, second = (
        _suspended(
            Random(f"{seed}/two/{name}/suspended"),
            start,
            troubled,
            _side(Random(f"{seed}/two/{name}"), start, troubled),
        )
        for name in NAMES
    )
    deadline = Random(f"{seed}/two/pass").choice((timedelta(seconds=45), timedelta(minutes=5)))
    return Pair((first, second), deadline, a_failover(seed, start, troubled))


def _side(draw: Random, start: datetime, troubled: timedelta) -> Side:
    ends = start + troubled
    found = sorted(_troubles(draw, start, troubled), key=lambda trouble: trouble.at)
    sick = draw.random() < 0.4  # most machines are well, so that there is somebody to raise something
    return Side(
        troubles=tuple(trouble for trouble in found if trouble.at + trouble.lasts < ends),
        clock=a_wrong_clock(draw, troubled) if sick else None,
        disk=a_failing_disk(draw) if sick else None,
        stops=a_machine_that_stops(draw) if sick else None,
        points_per_life=draw.choice((0, 0, 0, 0, 1000, 3000)),
    )


def _suspended(draw: Random, start: datetime, troubled: timedelta, side: Side) -> Side:
    """In a few stories its machine is also suspended over acts it has decided on, until another one holds what they were for."""
    if draw.random() >= _OFTEN_SUSPENDED:
        return side
    times = sorted(start + some_hours(draw, troubled) for _ in range(draw.choice((1, 2, 4))))
    spans = [LEASE * draw.choice((1.5, 2.0, 3.0, 20.0)) for _ in times]
    found = (
        Trouble(at, Blow.SUSPENDED, span, Aim.DECIDED)
        for at, span in zip(times, spans, strict=True)
        if at + span < start + troubled
    )
    return replace(side, troubles=(*side.troubles, *found))


def _troubles(draw: Random, start: datetime, troubled: timedelta) -> Iterator[Trouble]:
    for blow, often in _OFTEN.items():
        for _ in range(draw.choice(often)):
            at = start + some_hours(draw, troubled) + timedelta(seconds=draw.randrange(60))
            aim = Aim.NOTHING if blow is Blow.LEAVES else draw.choice(tuple(Aim))
            line = draw.choice((Line.REFUSED, Line.HANGS, Line.ONE_WAY)) if blow in CUTS else Line.WHOLE
            yield Trouble(at, blow, _lasts(draw, blow), aim, line)


_OFTEN = {
    Blow.KILLED: (0, 0, 0, 1),
    Blow.FREEZES: (0, 0, 1),
    Blow.LEAVES: (0, 0, 0, 0, 1),
    Blow.LOSES_DATABASE: (0, 0, 1),
    Blow.LOSES_STORES: (0, 0, 0, 0, 0, 1),
    Blow.LOSES_SIGNALS: (0, 0, 0, 0, 0, 1),
    Blow.LOSES_SLACK: (0, 0, 0, 0, 0, 1),
}
"""How often in a story, for each of the two."""

_OFTEN_SUSPENDED = 0.06


def _lasts(draw: Random, blow: Blow) -> timedelta:
    if blow in (Blow.KILLED, Blow.LEAVES):
        return timedelta(seconds=draw.choice((5, 5, 30, 300, 3 * 3600)))
    if blow is Blow.FREEZES or draw.random() < 0.5:
        return LEASE * draw.choice((0.5, 1.0, 1.5, 2.0, 3.0, 20.0))
    return timedelta(minutes=draw.choice((2, 10, 45)))
