"""Holds the machine's clock against the dates in the answers of stores and Sentry, and against time that only passes.

An answer's date is kept as its distance to the steady clock (which no one can set), not to the machine's: so a
machine's clock that is set is noticed at once and without another request, and so is its being put right.

A machine that is suspended as a whole, or runs slow, loses time by its steady clock too, and everything that was heard
before then seems to be behind a clock that has been put right. Which of the two is wrong, a store's next answer tells.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import inf

from stagedrollout.core.clocks import ClockReading
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.elapsed import Elapsed

LISTENED_TO = ("google_play", "app_store", "sentry")
"""Whose dates count: what is raised on comes from them. Others may be caches, which repeat an old date."""

STORES = ("google_play", "app_store")
"""Whose clocks nobody here sets, as somebody may that of a Sentry of their own."""

FORGOTTEN_AFTER_SECONDS = 2 * 3_600.0
"""A service that was not asked for so long has no say any more."""

SLACK = timedelta(seconds=1)
"""Two clocks that both only tick may differ by this much in what they say has passed."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A service's time minus the steady clock's, in seconds: between these two. `offset`: the machine's, right then."""

    source: str
    least: float
    most: float
    at: float
    offset: float

    def beside(self, offset: float) -> ClockReading:
        """Held against a machine's clock that is so far from the steady one."""
        return ClockReading(self.source, _seconds(self.least - offset), _seconds(self.most - offset))


@dataclass(frozen=True, slots=True)
class _Anchor:
    """When a bake was first looked at: what the wall clock said had passed of it, and the steady clock then."""

    since: datetime
    passed: timedelta
    steady: float


class ClockWatch:
    """Safe from many threads; nothing here raises."""

    def __init__(self, clock: Clock, steady: Elapsed) -> None:
        self._clock = clock
        self._steady = steady
        self._guard = threading.Lock()
        self._heard: dict[str, _Heard] = {}
        self._anchors: dict[RolloutKey, _Anchor] = {}

    def asked(self) -> float:
        """To be called before a request is sent; the answer is told with it."""
        return self._steady()

    def answered(self, service: str, asked: float, date: str | None) -> None:
        """`date`: the Date header; what cannot be read tells nothing."""
        instant = _instant(date)
        if instant is None or service not in LISTENED_TO:
            return
        now, told = self._steady(), instant.timestamp()
        offset = self._clock.now().timestamp() - now
        with self._guard:
            self._heard[service] = _Heard(service, told - now, told + 1.0 - asked, now, offset)

    def readings(self, newest_entry: datetime | None) -> tuple[ClockReading, ...]:
        """Every other clock as of now; `newest_entry`: the newest instant that the journal says it was written at."""
        wall = self._clock.now()
        found = [reading for reading, _ in self._services(wall)]
        if (
            newest_entry is not None and newest_entry > wall
        ):  # the journal is older than now, or a clock was set back
            ahead = newest_entry - wall
            found.append(ClockReading("the newest entry of the journal", ahead, ahead))
        return tuple(found)

    def of_a_store(self) -> ClockReading | None:
        """The clock of the store that was heard last, as of now; None while none is known."""
        heard = [
            (at, reading) for reading, at in self._services(self._clock.now()) if reading.source in STORES
        ]
        return max(heard, key=lambda each: each[0])[1] if heard else None

    def _services(self, wall: datetime) -> list[tuple[ClockReading, float]]:
        """The clock of each service that was heard not long ago, and when that was by the steady clock."""
        steady = self._steady()
        offset = wall.timestamp() - steady
        with self._guard:
            heard = [each for each in self._heard.values() if steady - each.at < FORGOTTEN_AFTER_SECONDS]
        proven = max((each.at for each in heard if _proves(each, offset)), default=-inf)
        return [(each.beside(offset), each.at) for each in heard if each.at >= proven or not _agreed(each)]

    def passed(self, rollout: RolloutKey, since: datetime | None, now: datetime) -> timedelta | None:
        """What has passed since an instant at most, by both clocks: as far as this process has lived through it, a
        machine's clock that is set forward makes nothing older. None where there is no such instant."""
        if since is None:
            return None
        steady, by_wall = self._steady(), now - since
        with self._guard:
            anchor = self._anchors.get(rollout)
            if anchor is None or anchor.since != since:
                anchor = self._anchors[rollout] = _Anchor(since, by_wall, steady)
        by_steady = anchor.passed + _seconds(steady - anchor.steady)
        return by_wall if by_wall - by_steady < SLACK else by_steady


def _proves(heard: _Heard, offset: float) -> bool:
    """A store's clock agrees with the machine's: what agreed before that and seems to differ by now has only been carried
    along by a steady clock that has lost time since."""
    return heard.source in STORES and heard.beside(offset).agrees


def _agreed(heard: _Heard) -> bool:
    """Whether it did when it was heard; a service whose own clock is wrong keeps its say."""
    return heard.beside(heard.offset).agrees


def _instant(date: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _seconds(span: float) -> timedelta:
    return timedelta(seconds=span)
