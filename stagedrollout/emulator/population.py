"""The people who have the app: who updates, how often they open it, and how often it crashes.

Everything is drawn from the seed and the place (app, release, quarter of an hour), never from a running
generator, so that asking in another order, or twice, gives the same people.

- Users whom the store offers a release update with an exponential time constant. Cohorts are nested: a
  raise keeps earlier users, a newer release takes over the users of the one before. After a halt nobody
  new updates, and those who have it keep it (google-play.md 5.3).
- Crashes become visible late: a part at once, the rest at the user's next launch, hours later, in the
  bucket in which the session started (sentry.md section 4). So young data look too healthy. Sessions that
  end abnormally (frozen, killed by the system) are told at the next launch as well.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from stagedrollout.emulator.draws import binomial, poisson, source
from stagedrollout.emulator.scenario import ABNORMAL_PPM, PPM, AppStory

HOUR = 3_600
DAY = 86_400
SLOT = 900
"""Seconds. Sessions are drawn per quarter of an hour."""

LAGS = ((0, 0.60), (1 * HOUR, 0.15), (3 * HOUR, 0.10), (6 * HOUR, 0.10), (12 * HOUR, 0.05))
"""Seconds after the slot's end at which this share of its crashes is reported."""

_LAG_SECONDS = tuple(lag for lag, _ in LAGS)
SETTLED_AFTER = LAGS[-1][0]
_NONE_KNOWN = (0,) * len(LAGS)
_NOBODY = source()

CRASHES_PER_CRASHED_USER = 2.5
"""Crashes gather on few users; without this, crash-free users would look far worse than in the field."""

DAY_SWING = 0.5
BUSIEST_SECOND = 15 * HOUR


@dataclass(frozen=True, slots=True)
class Tally:
    """`crashed` of `sessions` are known to have crashed, `abnormal` others to have ended abnormally."""

    sessions: int
    crashed: int
    abnormal: int = 0

    def __add__(self, other: Tally) -> Tally:
        return together((self, other))


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum: of one sum of three numbers, there may be very many."""
    sessions = crashed = abnormal = 0
    for tally in tallies:
        sessions += tally.sessions
        crashed += tally.crashed
        abnormal += tally.abnormal
    return Tally(sessions, crashed, abnormal)


@dataclass(frozen=True, slots=True)
class _Slot:
    """`known`, `abnormal`: crashes and abnormal ends known once 1, 2 ... of the LAGS have passed."""

    sessions: int
    known: tuple[int, ...]
    abnormal: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Stands:
    """What is counted of an hour, asked at any instant from `since` up to `until`."""

    tally: Tally
    since: float
    until: float


def _more_known(start: int, end: int, seen: float) -> float:
    """When, after `seen`, more of the bad ends of these quarters of an hour is reported."""
    if end + SETTLED_AFTER <= seen:
        return math.inf
    closed = range(start + SLOT, end + SLOT, SLOT)
    return min(close + lag for close in closed for lag in _LAG_SECONDS if close + lag > seen)


@dataclass(slots=True)
class _Uptake:
    """The share of all users who updated: pieces of exponential approach, each from its start on."""

    seconds: float
    starts: list[float] = field(default_factory=list)
    pieces: list[tuple[float, float | None]] = field(default_factory=list)

    def share(self, at: float) -> float:
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return 0.0
        share, target = self.pieces[place]
        if target is None or target <= share:
            return share
        return target - (target - share) * math.exp(-(at - self.starts[place]) / self.seconds)

    def offer(self, at: float, target: float | None) -> None:
        """From `at` on this share of users is offered the release; None: nobody new."""
        self.pieces.append((self.share(at), target))
        self.starts.append(at)


@dataclass(slots=True)
class _Release:
    version: str
    uptake: _Uptake
    crash_free_ppm: int
    onset: tuple[float, int] | None
    abnormal_ppm: int

    def crash_free_at(self, at: float) -> int:
        if self.onset and at >= self.onset[0]:
            return self.onset[1]
        return self.crash_free_ppm


class Crowd:
    """The users of one app on one store. Instants are seconds since 1970."""

    def __init__(self, story: AppStory, seed: int) -> None:
        self.population = story.population
        self._seed = seed
        self._name = f"{story.name}/{story.store}"
        self._uptake_seconds = story.uptake.total_seconds()
        self._sessions_per_slot = story.population * story.sessions_per_user * SLOT / DAY
        self._releases: dict[int, _Release] = {}
        self._slots: dict[tuple[int, int], _Slot] = {}
        self._open: dict[tuple[int, int], tuple[float, _Slot]] = {}
        self._counted: dict[tuple[int, int], _Stands] = {}

    def know(
        self,
        code: int,
        version: str,
        crash_free_ppm: int,
        *,
        onset: tuple[float, int] | None = None,
        abnormal_ppm: int = ABNORMAL_PPM,
    ) -> None:
        """A release exists; nobody has it yet. `onset`: instant and crash-free ppm from then on.

        `abnormal_ppm`: how many of the sessions that do not crash end abnormally.
        """
        uptake = _Uptake(self._uptake_seconds)
        self._releases[code] = _Release(version, uptake, crash_free_ppm, onset, abnormal_ppm)

    def everyone_has(self, code: int) -> None:
        """All users have had this release for ever."""
        uptake = self._releases[code].uptake
        uptake.starts.append(-math.inf)
        uptake.pieces.append((1.0, None))

    def offer(self, code: int, at: float, exposure_ppm: int | None) -> None:
        """The store offers the release to this share of users from now on; None: to nobody new."""
        target = None if exposure_ppm is None else exposure_ppm / PPM
        self._releases[code].uptake.offer(at, target)

    @property
    def codes(self) -> tuple[int, ...]:
        return tuple(sorted(self._releases))

    def version(self, code: int) -> str:
        return self._releases[code].version

    def crash_free_ppm(self, code: int, at: float) -> int:
        """The true chance, in ppm, that a session of this release does not crash."""
        return self._releases[code].crash_free_at(at)

    def share(self, code: int, at: float) -> float:
        """The share of users who run this release: those who took it and nothing newer."""
        taken, newer = self._releases[code].uptake.share(at), 0.0
        for other, release in self._releases.items():
            if other > code and taken > 0:
                newer = max(newer, release.uptake.share(at))
        return max(0.0, taken - newer)

    def tally(self, code: int, start: int, end: int, *, seen: float) -> Tally:
        """Sessions that started in [start, end), with what was known of them at `seen`."""
        end = min(end, int(seen))
        edges = [start, *range((start // HOUR + 1) * HOUR, end, HOUR), end]
        return together(
            self._within_hour(code, first, last, seen) for first, last in pairwise(edges) if first < last
        )

    def sessions(self, code: int, number: int) -> int:
        """How many sessions started in this quarter of an hour since 1970, which is over; how they ended is not asked."""
        slot = self._slots.get((code, number))
        if slot is not None:
            return slot.sessions
        return self._begun(code, number, self.share(code, _middle(number)))[0]

    def users(self, code: int, start: int, end: int, tally: Tally) -> Tally:
        """Distinct users behind a tally over [start, end): all, and those with at least one bad end of each kind.

        Unlike sessions, people can be among both.
        """
        if not tally.sessions:
            return Tally(0, 0)
        share = max(self.share(code, start), self.share(code, end))
        if end - start > HOUR:
            share = max(share, self.share(code, (start + end) / 2))
        people = max(1.0, self.population * share)
        distinct = people * -math.expm1(-tally.sessions / people)
        users = max(1, min(tally.sessions, round(distinct)))
        return Tally(users, _hit(users, tally.crashed), _hit(users, tally.abnormal))

    def _within_hour(self, code: int, start: int, end: int, seen: float) -> Tally:
        """A whole hour is counted again only when more is known of one of its quarters."""
        if end - start != HOUR:
            return together(self._parts(code, start, end, seen))
        stands = self._counted.get((code, start))
        if stands is None or not stands.since <= seen < stands.until:
            tally = together(self._parts(code, start, end, seen))
            stands = self._counted[code, start] = _Stands(tally, seen, _more_known(start, end, seen))
        return stands.tally

    def _parts(self, code: int, start: int, end: int, seen: float) -> Iterator[Tally]:
        for number in range(start // SLOT, -(-end // SLOT)):
            opens = number * SLOT
            slot = self._slot(code, number, closed=opens + SLOT <= seen)
            lags = max(0, bisect_right(_LAG_SECONDS, seen - opens - SLOT) - 1)
            whole = Tally(slot.sessions, slot.known[lags], slot.abnormal[lags])
            first, last = max(start, opens) - opens, min(end, opens + SLOT) - opens
            yield whole if last - first == SLOT else _cut(whole, first, last)

    def _slot(self, code: int, number: int, *, closed: bool) -> _Slot:
        """Only closed slots are kept for good: an open one may still see its release raised or halted."""
        key = (code, number)
        if key in self._slots:
            return self._slots[key]
        share = self.share(code, _middle(number))
        drawn = self._open.get(key)
        if drawn is None or drawn[0] != share:
            drawn = self._open[key] = share, self._draw(code, number, share)
        if closed:
            self._slots[key] = self._open.pop(key)[1]
        return drawn[1]

    def _draw(self, code: int, number: int, share: float) -> _Slot:
        sessions, draw = self._begun(code, number, share)
        if not sessions:
            return _Slot(0, _NONE_KNOWN, _NONE_KNOWN)
        release = self._releases[code]
        crashed = binomial(draw, sessions, 1 - release.crash_free_at(_middle(number)) / PPM)
        known = _reported(draw, crashed)
        # drawn apart: who ends abnormally changes nobody else's fate
        draw = source(self._seed, self._name, code, number, "abnormal")
        abnormal = binomial(draw, sessions - crashed, release.abnormal_ppm / PPM)
        return _Slot(sessions, known, _reported(draw, abnormal))

    def _begun(self, code: int, number: int, share: float) -> tuple[int, random.Random]:
        """The sessions of a quarter of an hour in which this share of users runs the release, and whom to ask how they
        ended."""
        if share <= 0:
            return 0, _NOBODY
        draw = source(self._seed, self._name, code, number)
        return poisson(draw, self._sessions_per_slot * share * _busy(_middle(number))), draw


def _middle(number: int) -> float:
    return number * SLOT + SLOT / 2


def _reported(draw: random.Random, left: int) -> tuple[int, ...]:
    """How many of these are known once 1, 2 ... of the LAGS have passed."""
    if not left:
        return _NONE_KNOWN
    reports, weight_left = [], 1.0
    for _, weight in LAGS[:-1]:
        reported = binomial(draw, left, weight / weight_left)
        reports.append(reported)
        left -= reported
        weight_left -= weight
    return tuple(accumulate([*reports, left]))


def _hit(users: int, bad: int) -> int:
    """How many of these users had at least one of so many bad sessions."""
    if not bad:
        return 0
    hit = users * -math.expm1(-bad / (CRASHES_PER_CRASHED_USER * users))
    return max(1, min(users, bad, round(hit)))


def _cut(whole: Tally, first: int, last: int) -> Tally:
    """The part of a slot that falls into these seconds of it."""
    sessions = _part(whole.sessions, first, last)
    crashed = min(sessions, _part(whole.crashed, first, last))
    return Tally(sessions, crashed, min(sessions - crashed, _part(whole.abnormal, first, last)))


def _part(count: int, first: int, last: int) -> int:
    """The part of a slot's count that falls into these seconds of it; parts add up to the whole."""
    return count * last // SLOT - count * first // SLOT


def _busy(at: float) -> float:
    """A mild day and night, 1 on average."""
    return 1 + DAY_SWING * math.cos(2 * math.pi * (at - BUSIEST_SECOND) / DAY)
