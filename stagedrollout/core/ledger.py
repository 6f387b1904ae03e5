"""The ledger: what was counted of a release and of what people ran beside it, bucket by bucket.

Sessions are counted by the UTC hour in which they began, users by the UTC day. Counts arrive late and change
(sentry.md section 4), so every revision of a bucket is kept: each decision can be made again from what was known
then. The revisions of a rollout form a hash chain, like its journal.

Refused rows (decision-engine.md section 6): negative counts, a baseline with more crashes than sessions, and
buckets in which either arm's total shrinks by more than a fifth: a release that few people have yet is the first that
an answer which is too long leaves out (sentry.md section 2), and beside the others its sessions are not missed. The
last good revision of such a bucket stays. A candidate with more crashes than sessions is kept as it was read, and
counts as crashed whole: for a halt, never for a raise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from stagedrollout.core.events import CHAIN_START, canonical
from stagedrollout.core.hours import DAY, HOUR
from stagedrollout.core.model import Release
from stagedrollout.core.named import Named
from stagedrollout.core.observation import Gap

SHRUNK_PERCENT_MAX = 20
"""Buckets that were seen may lose so much of an arm's total; more is bad data."""


class Measure(Named):
    """What is counted: sessions that crashed, users who had a crash, sessions that ended abnormally; and reviews of the
    candidate, one stratum for each number of stars, `n_c` of them. A team's own signals (named.py) are counted by the
    hour."""

    CRASHED = "crashed_sessions"
    USERS = "crashed_users"
    ABNORMAL = "abnormal_sessions"
    RATINGS = "ratings"

    @property
    def width(self) -> timedelta:
        """How long a bucket is."""
        return DAY if self in (Measure.USERS, Measure.RATINGS) else HOUR

    @property
    def unit(self) -> str:
        if self.given:
            return "events"
        return {Measure.USERS: "users", Measure.RATINGS: "reviews"}.get(self, "sessions")

    @property
    def words(self) -> str:
        """As people say it: "crashed sessions"."""
        return (self.given or self.value).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Tally:
    """One bucket in both arms: `n_c` of the candidate, `k_c` of them bad; `n_b` and `k_b` of the baseline.

    As read: `k_c` may be above `n_c` (see the module). The names are those of decision-engine.md section 1.
    """

    n_c: int
    k_c: int
    n_b: int
    k_b: int

    @property
    def clamped(self) -> bool:
        """More crashes than sessions were told of the candidate."""
        return self.k_c > self.n_c

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.n_c + other.n_c, self.k_c + other.k_c, self.n_b + other.n_b, self.k_b + other.k_b)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Which bucket: ordered by time. `stratum` divides a bucket further (country, OS); "" where nothing does."""

    start: datetime
    stratum: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a source says of a bucket."""

    place: Place
    tally: Tally


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be right, with its raw numbers in words. Nothing of it enters the ledger."""

    start: datetime
    why: str
    measure: Measure = Measure.CRASHED


@dataclass(frozen=True, slots=True)
class Tallied:
    """A reading of buckets. `as_of`: the end of the newest bucket in which either arm has data, at most the
    moment of asking. `refused`: rows that were no numbers. `lag`: how old a team's own signal says it usually is."""

    signal: str
    measure: Measure
    buckets: tuple[Counted, ...]
    as_of: datetime
    refused: tuple[Refused, ...] = ()
    lag: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Untallied:
    """Buckets that could not be read, and why. Never taken for health."""

    signal: str
    measure: Measure
    gap: Gap
    why: str
    lag: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """From `since` on the candidate is compared with these releases, until the next comparison begins."""

    since: datetime
    releases: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """What to ask: buckets from `since` (a full hour) to `until`.

    `comparisons`: oldest first; a bucket is compared with those of the last one that begins at its start or
    before, or of the first. `users`: whether daily users are asked for as well.
    """

    candidate: Release
    comparisons: tuple[Comparison, ...]
    since: datetime
    until: datetime
    users: bool

    def compared_at(self, start: datetime) -> tuple[Release, ...]:
        """The releases that a bucket is compared with."""
        begun = [each for each in self.comparisons if each.since <= start] or list(self.comparisons[:1])
        return begun[-1].releases if begun else ()


@dataclass(frozen=True, slots=True)
class Running:
    """A release that people use, and how many sessions it had in the day before."""

    release: Release
    sessions: int


@dataclass(frozen=True, slots=True)
class Past:
    """The baseline over the seven days before a run: what is normal, and how crashes gather on few users.

    `crashed_users`: distinct users with a crash in those days; None where the source knows no users.
    """

    sessions: int
    crashed: int
    crashed_users: int | None


@dataclass(frozen=True, slots=True)
class Revision:
    """What was known of a bucket from `read_at` on."""

    measure: Measure
    place: Place
    tally: Tally
    read_at: datetime


def chained(prev: str, rollout: str, revision: Revision) -> str:
    """SHA-256 over the hash before and everything this revision says."""
    tally = revision.tally
    body = {
        "measure": revision.measure.value,
        "start": revision.place.start.isoformat(),
        "stratum": revision.place.stratum,
        "tally": [tally.n_c, tally.k_c, tally.n_b, tally.k_b],
        "read_at": revision.read_at.isoformat(),
    }
    return hashlib.sha256("\n".join((prev, rollout, canonical(body))).encode()).hexdigest()


def chain_of(rollout: str, revisions: Iterable[Revision]) -> Iterator[str]:
    """The head of the ledger after each revision, oldest first."""
    head = CHAIN_START
    for revision in revisions:
        head = chained(head, rollout, revision)
        yield head


Buckets = Mapping[Place, Tally]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The newest revision of every bucket of one rollout; `head` is the hash of the last revision taken."""

    rollout: str
    head: str = CHAIN_START
    buckets: Mapping[Measure, Buckets] = field(default_factory=dict)

    def of(self, measure: Measure) -> Buckets:
        return self.buckets.get(measure, {})

    def not_compared_from(self, hour: datetime) -> datetime:
        """The first hour from `hour` on of which nothing is known of a baseline. Whoever is compared with others from
        there on changes no bucket that was read: a baseline of fewer people would read as one that was cut short."""
        begun = [
            place.start
            for buckets in self.buckets.values()
            for place, tally in buckets.items()
            if place.start >= hour and tally.n_b
        ]
        return max(begun) + HOUR if begun else hour


@dataclass(frozen=True, slots=True)
class Taken:
    """A ledger with what was added to it, in order, and what was refused."""

    ledger: Ledger
    added: tuple[Revision, ...] = ()
    refused: tuple[Refused, ...] = ()


def replayed(rollout: str, revisions: Iterable[Revision]) -> Ledger:
    """The ledger after these revisions, oldest first."""
    return added(Ledger(rollout), tuple(revisions))


def take(ledger: Ledger, reading: Tallied, read_at: datetime) -> Taken:
    """What a reading adds. Buckets that are as they were add nothing; those that cannot be right are refused."""
    seen = ledger.of(reading.measure)
    refused = [replace(row, measure=reading.measure) for row in reading.refused]
    sound: list[Counted] = []
    for counted in reading.buckets:
        problem = _problem(counted.tally)
        if problem:
            refused.append(Refused(counted.place.start, problem, reading.measure))
        else:
            sound.append(counted)
    shrunk = () if reading.measure is Measure.RATINGS else _shrunk(seen, sound)
    if shrunk:
        refused.append(_cut(seen, sound, reading.measure))
        sound = [c for c in sound if _is_whole(c.tally, seen.get(c.place), shrunk)]
    more = tuple(
        Revision(reading.measure, c.place, c.tally, read_at)
        for c in sorted(sound, key=lambda c: c.place)
        if seen.get(c.place) != c.tally
    )
    return Taken(added(ledger, more), more, tuple(refused))


def added(ledger: Ledger, more: tuple[Revision, ...]) -> Ledger:
    """The ledger after these revisions, oldest first."""
    if not more:
        return ledger
    head, buckets = ledger.head, {measure: dict(each) for measure, each in ledger.buckets.items()}
    for revision in more:
        head = chained(head, ledger.rollout, revision)
        buckets.setdefault(revision.measure, {})[revision.place] = revision.tally
    return replace(ledger, head=head, buckets=buckets)


def _problem(tally: Tally) -> str:
    """Why the numbers cannot be right; "" if they can."""
    raw = f"candidate {tally.k_c} of {tally.n_c}, baseline {tally.k_b} of {tally.n_b}"
    if min(tally.n_c, tally.k_c, tally.n_b, tally.k_b) < 0:
        return f"a count below 0: {raw}"
    if tally.k_b > tally.n_b:
        return f"more crashes than sessions in the baseline: {raw}"
    return ""


_Size = Callable[[Tally], int]

_ARMS: tuple[_Size, ...] = (attrgetter("n_c"), attrgetter("n_b"))


def _shrunk(seen: Buckets, sound: list[Counted]) -> tuple[_Size, ...]:
    """The arms of which the buckets that were seen before lost more than corrections take. Not asked of reviews: people
    take them back, and may."""
    again = [c for c in sound if c.place in seen]
    return tuple(size for size in _ARMS if _lost_too_much(*_before_and_now(seen, again, size)))


def _lost_too_much(before: int, now: int) -> bool:
    return now * 100 < before * (100 - SHRUNK_PERCENT_MAX)


def _before_and_now(seen: Buckets, again: list[Counted], size: _Size) -> tuple[int, int]:
    return sum(size(seen[c.place]) for c in again), sum(size(c.tally) for c in again)


def _is_whole(tally: Tally, before: Tally | None, shrunk: tuple[_Size, ...]) -> bool:
    """Whether nothing is missing of the arms that shrank. Nobody knows what a new bucket should have; none at all is
    what an arm has that was left out."""
    return all(size(tally) >= (size(before) if before else 1) for size in shrunk)


def _cut(seen: Buckets, sound: list[Counted], measure: Measure) -> Refused:
    again = [c for c in sound if c.place in seen]
    (own, own_now), (beside, beside_now) = (_before_and_now(seen, again, size) for size in _ARMS)
    why = (
        f"candidate {own_now} and baseline {beside_now} {measure.unit}, where it was {own} and {beside} before, "
        f"in the same {len(again)} buckets"
    )
    return Refused(min(c.place.start for c in again), why, measure)
