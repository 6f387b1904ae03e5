"""What a pass asks the source of the counts: what people run, and sessions and users of both arms, bucket by bucket.

Sessions are asked for in every pass, daily users once an hour and whenever a raise may be due. What is old enough to
change seldom is read once an hour as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.baseline import chosen
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.evidence.increments import clamped
from stagedrollout.core.evidence.terms import SignalId
from stagedrollout.core.fold import extend
from stagedrollout.core.gates import Part
from stagedrollout.core.hours import DAY, HOUR, hour_floor
from stagedrollout.core.ledger import (
    Comparison,
    Ledger,
    LedgerQuery,
    Measure,
    Taken,
    Tallied,
    Untallied,
    take,
)
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Release, RolloutKey, StoreState, Unread
from stagedrollout.core.observation import Arm, Bucket, Counts, Gap, Measured, Metric, Unmeasured
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Tallies
from stagedrollout.core.schedule import window
from stagedrollout.core.units import PPM_ALL
from stagedrollout.daemon.retrying import ATTEMPTS, ONCE, persistently

LATE = timedelta(days=5)
"""How long after its start a session may still change (sentry.md section 4)."""

YOUNG = timedelta(hours=6)
"""Most of what changes belongs to the newest hours; these are read in every pass."""

HOURLY = HOUR


@dataclass(frozen=True, slots=True)
class Look:
    """What the evidence of one rollout is read with, at one instant. `halted`: asks for the ids of this app's releases
    that are halted by their journals, or whose journals cannot be read. `named`: what the app's own signals that bring
    counts declare, by name."""

    tallies: Tallies | None
    policy: Policy
    store: StoreState | Unread
    now: datetime
    halted: Callable[[], frozenset[str]] = frozenset
    named: Mapping[str, Declaration] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted in this pass: facts learned, the rollout with them, and what the source said.

    `trouble`: why none of it can be kept ("" if it can): it may halt, and it raises nothing.
    """

    learned: tuple[facts.Fact, ...]
    rollout: Rollout
    tallies: tuple[Tallied | Untallied, ...]
    taken: Taken
    trouble: str = ""


@dataclass(slots=True)
class Counter:
    """Remembers between passes what need not be asked again; after a restart it is."""

    _asked: dict[RolloutKey, datetime] = field(default_factory=dict)
    _whole: dict[RolloutKey, datetime] = field(default_factory=dict)
    _users: dict[RolloutKey, Tallied | Untallied] = field(default_factory=dict)

    def count(self, rollout: Rollout, ledger: Ledger, look: Look, trouble: str = "") -> Count | None:
        """Ask for the counts of both arms. None where the policy asks for no evidence. What fails at the source is
        among the tallies."""
        if look.policy.evidence is None or look.tallies is None:
            return None
        compared = self._compared(rollout, ledger, look.tallies, look)
        rollout = extend(rollout, compared, look.now)
        beside = meanwhile(rollout, look)
        asked = extend(rollout, beside, look.now)
        tallies = self._read(asked, ledger, look.tallies, look)
        taken = with_readings(Taken(ledger), tallies, look.now)
        if taken.added:
            compared, rollout = (*compared, *beside), asked
        return Count(compared, rollout, tallies, taken, trouble)

    def forget(self, key: RolloutKey) -> None:
        """The rollout is over, or what was heard for it could not be written down."""
        self._asked.pop(key, None)
        self._whole.pop(key, None)
        self._users.pop(key, None)

    def _compared(
        self, rollout: Rollout, ledger: Ledger, tallies: Tallies, look: Look
    ) -> tuple[facts.Fact, ...]:
        """Once a day: which releases people run now. Unknown, yesterday's go on, and the next pass asks again. What was
        read stays compared with what it was.

        While the store cannot be read nobody knows which of them are halted there, so nothing is chosen.
        """
        asked = self._asked.get(rollout.key)
        known = rollout.comparisons and asked is not None and _lately(asked, look.now, DAY)
        if known or isinstance(look.store, Unread):
            return ()
        try:
            running = persistently(lambda: tallies.running(rollout.release, look.now), ONCE)
        except EdgeError:
            return ()
        self._asked[rollout.key] = look.now
        releases = chosen(rollout.release, running, look.store, look.halted()) or rollout.baseline
        if rollout.comparisons and _same(releases, rollout.comparisons[-1].releases):
            return ()
        hour = hour_floor(look.now)
        since = ledger.not_compared_from(hour) if rollout.comparisons else min(rollout.run_since, hour)
        return (facts.Compared(releases, since),)

    def _read(
        self, rollout: Rollout, ledger: Ledger, tallies: Tallies, look: Look
    ) -> tuple[Tallied | Untallied, ...]:
        """Between two readings of users the last one stands, but not for a raise."""
        key, now = rollout.key, look.now
        hourly = key not in self._whole or not _lately(self._whole[key], now, HOURLY)
        users = _counts_users(look.policy) and (
            hourly or key not in self._users or _may_raise(rollout, look.policy, now)
        )
        query = query_of(rollout, ledger, now, users=users, whole=hourly)
        attempts = ONCE if rollout.blind_since else ATTEMPTS
        try:
            read = persistently(lambda: tallies.read(query), attempts)
        except EdgeError as error:
            return tallies.unread(str(error), users=_counts_users(look.policy))
        if hourly:
            self._whole[key] = now
        for each in read:
            if each.measure is Measure.USERS:
                self._remember_users(key, each)
        stands = key in self._users and not users and _counts_users(look.policy)
        return (*read, self._users[key]) if stands else read

    def _remember_users(self, key: RolloutKey, read: Tallied | Untallied) -> None:
        """That there are none is an answer too; what failed is asked for again in the next pass."""
        if isinstance(read, Tallied) or read.gap is Gap.ABSENT:
            self._users[key] = read
        else:
            self._users.pop(key, None)


def _lately(at: datetime, now: datetime, span: timedelta) -> bool:
    """What is still to come was noted by a clock that was ahead: nobody knows how long ago."""
    return timedelta(0) <= now - at < span


def _counts_users(policy: Policy) -> bool:
    gate = policy.evidence
    return gate is not None and gate.signals.of(SignalId.CRASHED_USERS) is not Part.OFF


def _may_raise(rollout: Rollout, policy: Policy, now: datetime) -> bool:
    """Whether a raise may be due in this pass, if the evidence is there: then every signal is read in it (R1)."""
    since, shown = rollout.live_since, rollout.exposure_ppm
    if since is None or not rollout.steered or rollout.halt or shown >= PPM_ALL:
        return False
    baked = now >= since + policy.stay_at(rollout.key.store, shown).bake
    upcoming = policy.next_share(rollout.key.store, shown)
    return baked and window(policy.calendar.for_share(upcoming or shown), now).open


def meanwhile(rollout: Rollout, look: Look) -> tuple[facts.Fact, ...]:
    """What it is compared with until the source tells for the first time what people run: what the store shows, and
    nobody has halted. It is to be written down as soon as anything is read by it."""
    if rollout.comparisons:
        return ()
    halted = look.halted()
    beside = tuple(r for r in rollout.baseline if r.id not in halted) or rollout.baseline
    since = min(rollout.run_since, hour_floor(look.now))
    return (facts.Compared(beside, since),) if beside else ()


def _same(releases: tuple[Release, ...], others: tuple[Release, ...]) -> bool:
    return {release.id for release in releases} == {release.id for release in others}


def query_of(  # noqa: PLR0913 - what is known, and what is asked for
    rollout: Rollout,
    ledger: Ledger,
    now: datetime,
    *,
    users: bool,
    whole: bool,
    measure: Measure = Measure.CRASHED,
) -> LedgerQuery:
    """The whole run at first; later what may still change, and between the hours what mostly does."""
    comparisons = rollout.comparisons or (Comparison(rollout.run_since, rollout.baseline),)
    since = rollout.run_since
    if ledger.of(measure):
        since = max(since, hour_floor(now - (LATE if whole else YOUNG)))
    return LedgerQuery(rollout.release, comparisons, min(since, hour_floor(now)), now, users)


def with_readings(before: Taken, read: tuple[Tallied | Untallied, ...], now: datetime) -> Taken:
    """`before` with what these readings add."""
    for reading in read:
        if isinstance(reading, Tallied):
            more = take(before.ledger, reading, now)
            before = Taken(more.ledger, (*before.added, *more.added), (*before.refused, *more.refused))
    return before


def sessions_of(count: Count, since: datetime) -> Measured | Unmeasured:
    """The sessions of this pass as the floors judge them: what was counted since `since`, of both arms."""
    metric = Metric.CRASH_FREE_SESSIONS
    read = next(t for t in count.tallies if t.measure is Measure.CRASHED)
    if isinstance(read, Untallied):
        return Unmeasured(read.signal, metric, read.gap, read.why)
    rows = [
        (place.start, clamped(tally))
        for place, tally in sorted(count.taken.ledger.of(Measure.CRASHED).items(), key=lambda item: item[0])
        if place.start >= since
    ]
    release, baseline = count.rollout.release, count.rollout.baseline
    candidate = _arm(release.label, [(start, Counts(t.n_c, t.k_c)) for start, t in rows])
    beside = _arm(", ".join(r.label for r in baseline), [(start, Counts(t.n_b, t.k_b)) for start, t in rows])
    if not candidate.window.total:
        why = f"no sessions of {release.label} since {since:%Y-%m-%d %H:%M} UTC"
        return Unmeasured(read.signal, metric, Gap.ABSENT, why)
    return Measured(
        read.signal, metric, candidate, beside if beside.window.total else None, since, read.as_of
    )


def _arm(name: str, rows: list[tuple[datetime, Counts]]) -> Arm:
    by_hour: dict[datetime, Counts] = {}
    for start, counts in rows:
        before = by_hour.get(start, Counts(0, 0))
        by_hour[start] = Counts(before.total + counts.total, before.bad + counts.bad)
    buckets = tuple(Bucket(start, counts) for start, counts in by_hour.items() if counts.total)
    whole = Counts(sum(b.counts.total for b in buckets), sum(b.counts.bad for b in buckets))
    return Arm(name, whole, buckets)
