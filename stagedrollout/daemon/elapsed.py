"""Time that has passed, whatever the machine's clock is set to and however long the machine slept.

Python's monotonic clock stands still while a machine is suspended: a raise decided before the lid was closed would
still have its forty seconds when it is opened again. CLOCK_BOOTTIME goes on (promise R15).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from stagedrollout.core.ports import Clock

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)

Elapsed = Callable[[], float]

A_STEP = timedelta(seconds=5)
"""Less is a clock that is slewed, or a thread that had to wait between two looks at two clocks."""


def elapsed() -> float:
    """Seconds since some instant. Where a system has no such clock, its monotonic one has to do."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class WallWatch:
    """Notices when the machine's clock is set back. For one thread."""

    def __init__(self, wall: Clock, seconds: Elapsed = elapsed) -> None:
        self._wall, self._seconds = wall, seconds
        self._should_be = self._begun()

    def set_back(self) -> timedelta:
        """By how much since the last call; zero if it was not."""
        now, should_be = self._wall.now(), self._should_be + timedelta(seconds=self._seconds())
        if now < should_be - A_STEP:
            self._should_be = self._begun()
            return should_be - now
        if now > should_be + A_STEP:
            self._should_be = self._begun()
        return timedelta(0)

    def _begun(self) -> datetime:
        """What the clock said when the other one began to count, if both go on alike."""
        return self._wall.now() - timedelta(seconds=self._seconds())
