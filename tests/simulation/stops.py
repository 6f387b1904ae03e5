"""A process that stands still: SIGSTOP, a debugger, a virtual machine that is moved. The world goes on meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tests.simulation.kernel import Kernel


@dataclass(frozen=True, slots=True)
class StandingStill:
    """After so many points on average, each time for up to `longest`."""

    points: int
    longest: timedelta


class Stops:
    """`marks` counts how often it stood still, `spans` are the times from when until when."""

    def __init__(
        self, kernel: Kernel, draw: Random, standing: StandingStill | None, marks: Counter[str]
    ) -> None:
        self._kernel = kernel
        self._draw = draw
        self._standing = standing
        self.calm = False
        self.spans: list[tuple[datetime, datetime]] = []
        self._marks = marks
        self._left = self._until_the_next()

    def point(self) -> None:
        """Maybe here."""
        if self._standing is None or self.calm:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = self._until_the_next()
            self._marks["stood still"] += 1
            span = self._standing.longest * self._draw.random()
            self.spans.append((self._kernel.now, self._kernel.now + span))
            self._kernel.freeze(span)

    def _until_the_next(self) -> int:
        return 1 + int(self._draw.expovariate(1 / self._standing.points)) if self._standing else 0
