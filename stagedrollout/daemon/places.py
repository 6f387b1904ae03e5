"""A bound on how much runs at once that nobody who hangs can turn into a wait for the others (promises R3, R22).

Eight passes that wait for a store which does not answer would otherwise keep the ninth app's pass, and with it that
app's halt, waiting for their time-outs. So whoever finds no place free waits for one only for a while, and then
goes ahead without.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0
"""About as long as a pass over services that are well takes, and far shorter than one time-out of one that hangs."""


class Places:
    """`count` at least 1. Safe to use from many threads."""

    def __init__(self, count: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._patience_seconds = patience_seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Run inside with a place, or, where none came free in time, without one."""
        held = self._free.acquire(timeout=self._patience_seconds)
        try:
            yield
        finally:
            if held:
                self._free.release()
