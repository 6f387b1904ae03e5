"""The one virtual clock, and what happens by itself when it moves.

The clock stands still until somebody moves it. Events on the way are played in order, each while the
clock shows its own instant; an event may add further ones.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

Event = Callable[[], None]


def iso(instant: datetime) -> str:
    """An instant as the ledger writes it: UTC with Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """Read an ISO-8601 instant; one without an offset is UTC. Raises ValueError."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


class Timeline:
    """Virtual time and its events."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._order = itertools.count()
        self._events: list[tuple[datetime, int, Event]] = []

    @property
    def now(self) -> datetime:
        return self._now

    @property
    def next_event(self) -> datetime | None:
        """When something happens by itself again."""
        return self._events[0][0] if self._events else None

    def at(self, when: datetime, event: Event) -> None:
        """Play `event` at `when`; at once with the next move where that is past."""
        heapq.heappush(self._events, (when, next(self._order), event))

    def advance(self, to: datetime) -> None:
        """Move to `to`, never backwards, playing everything due on the way."""
        while self._events and self._events[0][0] <= to:
            when, _, event = heapq.heappop(self._events)
            self._now = max(self._now, when)
            event()
        self._now = max(self._now, to)
