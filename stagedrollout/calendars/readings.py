"""What every iCalendar said when it was last read well, and since when that is too old to stand on.

A calendar is read when the daemon starts, and again when a pass finds that it is time, always beside the passes: none
waits for it, and what was not read yet is a freeze. A reading that fails leaves the last good one standing, for 24 hours at most; then nobody knows any more
whether there is a freeze, and raises stop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stagedrollout.core.calendar import Calendar
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.freezing import Entry, Frozen, unread
from stagedrollout.core.plain import one_line
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clock, EntrySource
from stagedrollout.core.schedule import frozen_by

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
OLDEST = timedelta(hours=24)
"""How old a good reading may be."""

Spawn = Callable[[Callable[[], None]], None]
"""Have something done, by somebody else."""


def on_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="calendar", daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Reading:
    """`at` by the clock that passes live by, `elapsed` in seconds by one that nobody can set."""

    entries: tuple[Entry, ...]
    at: datetime
    elapsed: float


class Remembered:
    """Good readings by where they come from, so that those who take the place of others (a reload) begin with them. May
    be shared by threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._good: dict[str, _Reading] = {}

    def of(self, place: str) -> _Reading | None:
        with self._guard:
            return self._good.get(place)

    def keep(self, place: str, reading: _Reading) -> None:
        with self._guard:
            self._good[place] = reading


@dataclass(frozen=True, slots=True)
class Placed:
    """A source, and where it reads: two with the same `place` read the same. It may be a secret, and is never told.
    `remembered`: where its good readings are kept."""

    source: EntrySource
    place: str = field(repr=False)
    remembered: Remembered = field(default_factory=Remembered, repr=False)


class Readings:
    """May be shared by threads. `steady`: seconds that only pass, so that a clock set back makes nothing young again.
    `tell`: what becomes of a calendar that cannot be read, once until that changes."""

    def __init__(
        self,
        sources: Mapping[str, Placed],
        clock: Clock,
        steady: Callable[[], float],
        *,
        spawn: Spawn = on_a_thread,
        tell: Callable[[str], None] = log.warning,
    ) -> None:
        self._sources, self._clock, self._steady, self._spawn = dict(sources), clock, steady, spawn
        self._tell = tell
        self._guard = threading.Lock()
        self._ended = threading.Event()
        held = {name: placed.remembered.of(placed.place) for name, placed in self._sources.items()}
        self._good: dict[str, _Reading] = {name: reading for name, reading in held.items() if reading}
        self._trouble: dict[str, str] = {}
        self._tried: _Reading | None = None
        self._under_way = False

    def read(self) -> None:
        """Read every calendar now. Raises nothing: what cannot be read is told by `frozen`."""
        begun = _Reading((), self._clock.now(), self._steady())
        try:
            for name, placed in self._sources.items():
                self._read(name, placed, begun)
        finally:
            self._over(begun)

    def read_beside(self) -> None:
        """Have them read by somebody else, where it is time; returns at once. Raises nothing: a halt asks here too."""
        now = _Reading((), self._clock.now(), self._steady())
        with self._guard:
            due = self._tried is None or _age(self._tried, now) >= EVERY
            if not due or self._under_way or not self._sources:
                return
            self._under_way = True
        try:
            self._spawn(self.read)
        except RuntimeError as error:  # no thread to be had; again when it is asked next
            self._over(self._tried)
            log.error("the calendars cannot be read now: %s", error)  # noqa: TRY400

    def wait(self, seconds: float) -> None:
        """Until they have been read once, or for so long."""
        self._ended.wait(seconds)

    def _read(self, name: str, placed: Placed, begun: _Reading) -> None:
        try:
            found = placed.source.read(begun.at)
        except EdgeError as error:
            self._failed(name, str(error))
        except Exception as mistake:  # the verdict: this one is not read, the others are
            log.exception("calendar %s could not be read", name)
            self._failed(name, f"calendar {name}: internal error: {type(mistake).__name__}")
        else:
            reading = replace(begun, entries=found)
            placed.remembered.keep(placed.place, reading)
            self._succeeded(name, reading)

    def _over(self, tried: _Reading | None) -> None:
        with self._guard:
            self._tried, self._under_way = tried, False
        self._ended.set()

    def frozen(self, calendar: Calendar) -> tuple[Frozen, ...]:
        """What the calendar's iCalendars freeze, and what of them nobody knows."""
        return tuple(found for name in calendar.icalendars for found in self._frozen(calendar, name))

    def _frozen(self, calendar: Calendar, name: str) -> Iterator[Frozen]:
        now = _Reading((), self._clock.now(), self._steady())
        with self._guard:
            good, trouble = self._good.get(name), self._trouble.get(name, "")
        if name not in self._sources:
            yield unread(
                f"the configuration has no calendar {name}, so nobody knows whether there is a freeze"
            )
        elif good is None:
            yield unread(
                f"{trouble or f'calendar {name}: not read yet'}; nobody knows whether there is a freeze"
            )
        elif _age(good, now) > OLDEST:
            since = f"last read at {good.at:%Y-%m-%d %H:%M} UTC"
            yield unread(f"{trouble or f'calendar {name}: not read again'} ({since}, too long ago)")
        else:
            yield from (frozen_by(entry, calendar, name) for entry in good.entries)

    def _failed(self, name: str, words: str) -> None:
        with self._guard:
            news = self._trouble.get(name) != words
            self._trouble[name] = words
        if news:
            self._tell(one_line(words))

    def _succeeded(self, name: str, reading: _Reading) -> None:
        with self._guard:
            news = self._trouble.pop(name, "")
            self._good[name] = reading
        if news:
            self._tell(f"calendar {name} can be read again")


def _age(reading: _Reading, now: _Reading) -> timedelta:
    """By the clock that says more."""
    return max(now.at - reading.at, timedelta(seconds=now.elapsed - reading.elapsed))


class PoliciesNow(Mapping[str, Policy]):
    """The policies, each with what its iCalendars say at the moment it is asked for."""

    def __init__(self, policies: Mapping[str, Policy], readings: Readings) -> None:
        self._policies, self._readings = policies, readings

    def __getitem__(self, name: str) -> Policy:
        policy = self._policies[name]
        if not policy.calendar.icalendars:
            return policy
        self._readings.read_beside()
        entries = self._readings.frozen(policy.calendar)
        return replace(policy, calendar=policy.calendar.with_entries(entries))

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __contains__(self, name: object) -> bool:
        return name in self._policies
