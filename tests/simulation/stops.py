"""A process that stands still: SIGSTOP, a debugger, a virtual machine that is moved. The world goes on meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tests.simulation.kernel import Kernel, Process


@dataclass(frozen=True, slots=True)
class StandingStill:
    """After so many points on average, each time for up to `longest`."""

    points: int
    longest: timedelta


@dataclass(frozen=True, slots=True)
class StandsStill:
    """Once, for `span`, over the first thing it does with its database from `at` on. (An answer over which it stands
    still comes too late to be used.)"""

    at: datetime
    span: timedelta


class Stops:
    """`froze` is told until when it stands still. `marks` counts how often it stood still, `spans` are the times from when until when."""

    def __init__(
        self, kernel: Kernel, draw: Random, standing: StandingStill | StandsStill | None, marks: Counter[str]
    ) -> None:
        self._kernel = kernel
        self._draw = draw
        self._standing = standing
        self.calm = False
        self.froze: Callable[[datetime], None] = lambda until: None
        self.spans: list[tuple[datetime, datetime]] = []
        self._marks = marks
        self._left = self._until_the_next()

    def point(self) -> None:
        """Maybe here."""
        if not isinstance(self._standing, StandingStill) or self.calm:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = self._until_the_next()
            self.stand_still(self._standing.longest * self._draw.random())

    def statement(self) -> None:
        """Maybe here, over the database."""
        self.point()
        once = self._standing if isinstance(self._standing, StandsStill) else None
        if once and not self.spans and self._kernel.now >= once.at:
            self.stand_still(once.span)

    def stand_still(self, span: timedelta, process: Process | None = None) -> None:
        """By default: the process that works."""
        self._marks["stood still"] += 1
        until = self._kernel.now + span
        self.spans.append((self._kernel.now, until))
        self._kernel.freeze(span, process)
        self.froze(until)

    def _until_the_next(self) -> int:
        if not isinstance(self._standing, StandingStill):
            return 0
        return 1 + int(self._draw.expovariate(1 / self._standing.points))
