"""What a pass learns for the evidence: what people run beside the release, what is normal, and the counts.

Raises fail closed: what could not be read in this pass is an error of its own, and nothing is raised by it. Halts
fail open: what is known already goes on counting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.baseline import chosen
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.evidence.increments import clamped
from stagedrollout.core.evidence.weighing import Weighing, weigh
from stagedrollout.core.fold import extend
from stagedrollout.core.gates import EvidenceGate
from stagedrollout.core.hours import DAY, HOUR, day_floor, hour_floor
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.ledger import (
    Comparison,
    Counted,
    Ledger,
    LedgerQuery,
    Measure,
    Place,
    Taken,
    Tallied,
    Tally,
    Untallied,
    take,
)
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Release, RolloutKey, StoreState, Unread
from stagedrollout.core.observation import (
    Arm,
    Bucket,
    Counts,
    Gap,
    Measured,
    Metric,
    Reading,
    Reviews,
    Stars,
    Unmeasured,
)
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Tallies
from stagedrollout.core.run_terms import run_of, terms_of
from stagedrollout.daemon.retrying import ATTEMPTS, ONCE, persistently

LATE = timedelta(days=5)
"""How long after its start a session may still change (sentry.md section 4)."""

USERS_EVERY = HOUR

SURELY_QUIET = timedelta(hours=6)
"""A baseline without any session is taken for a source that fails for so long; then for one that has none."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the evidence of one rollout is read with, at one instant."""

    tallies: Tallies | None
    policy: Policy
    store: StoreState | Unread
    now: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted in this pass: facts learned, the rollout with them, and what the source said."""

    learned: tuple[facts.Fact, ...]
    rollout: Rollout
    tallies: tuple[Tallied | Untallied, ...]
    taken: Taken


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass learned, the rollout with it, the ledger with what was added, and what the judges may know."""

    learned: tuple[facts.Fact, ...]
    rollout: Rollout
    taken: Taken
    heard: Heard


@dataclass(slots=True)
class Weigher:
    """Remembers between passes what need not be asked or computed again; after a restart it is."""

    _asked: dict[RolloutKey, datetime] = field(default_factory=dict)
    _users: dict[RolloutKey, tuple[datetime, Tallied | Untallied]] = field(default_factory=dict)
    _weighed: dict[RolloutKey, Weighing] = field(default_factory=dict)

    def count(self, rollout: Rollout, ledger: Ledger, look: Look) -> Count | None:
        """Ask for the counts of both arms. None where the policy asks for no evidence. Raises nothing: what fails is
        among the tallies."""
        if look.policy.evidence is None or look.tallies is None:
            return None
        compared = self._compared(rollout, look.tallies, look)
        rollout = extend(rollout, compared, look.now)
        tallies = self._read(rollout, ledger, look.tallies, look.now)
        return Count(compared, rollout, tallies, _taken(Taken(ledger), tallies, look.now))

    def weigh(self, count: Count, readings: tuple[Reading, ...], look: Look) -> Found:
        """Fold the counts and the reviews of this pass into evidence. Raises nothing."""
        gate, rollout = look.policy.evidence, count.rollout
        if gate is None or look.tallies is None:
            return Found(count.learned, rollout, count.taken, NOTHING_HEARD)
        set_, problem = _terms(rollout, gate, look, _baseline_stars(readings))
        rollout = extend(rollout, set_, look.now)
        taken = _taken(count.taken, _stars(rollout, count.taken.ledger, readings), look.now)
        weighing = self._weighing(rollout, taken.ledger)
        heard = Heard(weighing, count.tallies, taken.refused, problem, _note(rollout, gate))
        return Found((*count.learned, *set_), rollout, taken, heard)

    def forget(self, key: RolloutKey) -> None:
        """The rollout is over."""
        self._asked.pop(key, None)
        self._users.pop(key, None)
        self._weighed.pop(key, None)

    def _compared(self, rollout: Rollout, tallies: Tallies, look: Look) -> tuple[facts.Fact, ...]:
        """Once a day: which releases people run now. Unknown, yesterday's go on, and the next pass asks again."""
        asked = self._asked.get(rollout.key)
        if asked is not None and look.now - asked < DAY:
            return ()
        try:
            running = persistently(lambda: tallies.running(rollout.release, look.now), ONCE)
        except EdgeError:
            return ()
        self._asked[rollout.key] = look.now
        releases = chosen(rollout.release, running, look.store) or rollout.baseline
        if rollout.comparisons and _same(releases, rollout.comparisons[-1].releases):
            return ()
        since = hour_floor(look.now) if rollout.comparisons else min(rollout.run_since, hour_floor(look.now))
        return (facts.Compared(releases, since),)

    def _read(
        self, rollout: Rollout, ledger: Ledger, tallies: Tallies, now: datetime
    ) -> tuple[Tallied | Untallied, ...]:
        """Sessions in every pass, users once an hour; between, the last reading of users stands."""
        remembered = self._users.get(rollout.key)
        users = remembered is None or now - remembered[0] >= USERS_EVERY
        query = _query(rollout, ledger, now, users=users)
        attempts = ONCE if rollout.blind_since else ATTEMPTS
        try:
            read = persistently(lambda: tallies.read(query), attempts)
        except EdgeError as error:
            read = tallies.unread(str(error), users=users)
        for each in read:
            if each.measure is Measure.USERS and isinstance(each, Tallied):
                self._users[rollout.key] = (now, each)
        return read if users or remembered is None else (*read, remembered[1])

    def _weighing(self, rollout: Rollout, ledger: Ledger) -> Weighing | None:
        run = run_of(rollout)
        if run is None:
            return None
        found = weigh(run, ledger, self._weighed.get(rollout.key))
        self._weighed[rollout.key] = found
        return found


def _same(releases: tuple[Release, ...], others: tuple[Release, ...]) -> bool:
    return {release.id for release in releases} == {release.id for release in others}


def _terms(
    rollout: Rollout, gate: EvidenceGate, look: Look, stars: Stars | None
) -> tuple[tuple[facts.Fact, ...], str]:
    """The terms of the run, once; or why there are none yet."""
    tallies = look.tallies
    if rollout.terms is not None or tallies is None:
        return (), ""
    releases = rollout.comparisons[-1].releases if rollout.comparisons else rollout.baseline
    try:
        past = persistently(lambda: tallies.past(releases, rollout.run_since)) if releases else None
    except EdgeError as error:
        return (), f"what is normal could not be read: {error}"
    if past is not None and not past.sessions and look.now - rollout.run_since < SURELY_QUIET:
        names = ", ".join(release.label for release in releases)
        return (), f"what is normal is not known: {names} had no sessions in the week before"
    floor = next((1 - gate.floor_ppm / 1_000_000 for gate in look.policy.gates if gate.counts_sessions), None)
    terms = terms_of(gate, past, stars, floor=floor)
    return (facts.TermsSet(terms, gate.settings),), ""


def _baseline_stars(readings: tuple[Reading, ...]) -> Stars | None:
    return next((r.baseline for r in readings if isinstance(r, Reviews) and r.baseline), None)


def _query(rollout: Rollout, ledger: Ledger, now: datetime, *, users: bool) -> LedgerQuery:
    """The whole run at first; later only what may still change."""
    comparisons = rollout.comparisons or (Comparison(rollout.run_since, rollout.baseline),)
    since = rollout.run_since
    if ledger.of(Measure.CRASHED):
        since = max(since, hour_floor(now - LATE))
    return LedgerQuery(rollout.release, comparisons, min(since, hour_floor(now)), now, users)


def _taken(before: Taken, read: tuple[Tallied | Untallied, ...], now: datetime) -> Taken:
    """`before` with what these readings add."""
    for reading in read:
        if isinstance(reading, Tallied):
            more = take(before.ledger, reading, now)
            before = Taken(more.ledger, (*before.added, *more.added), (*before.refused, *more.refused))
    return before


def _stars(rollout: Rollout, ledger: Ledger, readings: tuple[Reading, ...]) -> tuple[Tallied, ...]:
    """The candidate's reviews of this run by day: whole days, and the one in which the run began."""
    reviews = next((r for r in readings if isinstance(r, Reviews)), None)
    if reviews is None:
        return ()
    began = day_floor(rollout.run_since)
    whole = [
        day
        for day in reviews.days
        if day.start >= reviews.since or (day.start == began and reviews.since <= rollout.run_since)
    ]
    counts = {
        Place(day.start, str(stars)): count
        for day in whole
        for stars, count in enumerate(day.stars.counts, start=1)
    }
    known = ledger.of(Measure.RATINGS)
    buckets = tuple(
        Counted(place, Tally(count, 0, 0, 0)) for place, count in counts.items() if count or place in known
    )
    return (Tallied(reviews.signal, Measure.RATINGS, buckets, reviews.as_of),)


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


def _note(rollout: Rollout, gate: EvidenceGate) -> str:
    """What the policy now says otherwise than when this run began: that would void what the evidence promises."""
    changed = [now for now in gate.settings if now not in rollout.settings]
    if rollout.terms is None or not changed:
        return ""
    return f"the policy now says {', '.join(changed)}: that holds from the next run on, this one is judged as it began"
