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
from stagedrollout.core.evidence.weighing import Run, Weighing, weigh
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
    Refused,
    Revision,
    Taken,
    Tallied,
    Tally,
    Untallied,
    take,
)
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Release, RolloutKey, StoreState, Unread
from stagedrollout.core.observation import Reading, Reviews, Stars
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Tallies
from stagedrollout.core.run_terms import terms_of
from stagedrollout.daemon.retrying import ATTEMPTS, ONCE, persistently

LATE = timedelta(days=5)
"""How long after its start a session may still change (sentry.md section 4)."""

USERS_EVERY = HOUR


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass learned, the rollout with it, the ledger with what was added, and what the judges may know."""

    learned: tuple[facts.Fact, ...]
    rollout: Rollout
    taken: Taken
    heard: Heard


@dataclass(frozen=True, slots=True)
class Look:
    """What the evidence of one rollout is read with, at one instant."""

    tallies: Tallies | None
    policy: Policy
    store: StoreState | Unread
    readings: tuple[Reading, ...]
    now: datetime


@dataclass(slots=True)
class Weigher:
    """Remembers between passes what need not be asked or computed again; after a restart it is."""

    _asked: dict[RolloutKey, datetime] = field(default_factory=dict)
    _users: dict[RolloutKey, tuple[datetime, Tallied | Untallied]] = field(default_factory=dict)
    _weighed: dict[RolloutKey, Weighing] = field(default_factory=dict)

    def weigh(self, rollout: Rollout, ledger: Ledger, look: Look) -> Found:
        """Everything that the evidence needs of this pass. Raises nothing: what fails is told in `heard`."""
        gate = look.policy.evidence
        if gate is None or look.tallies is None:
            return Found((), rollout, Taken(ledger), NOTHING_HEARD)
        compared = self._compared(rollout, look.tallies, look)
        rollout = extend(rollout, compared, look.now)
        set_, problem = _terms(rollout, gate, look.tallies, look)
        rollout = extend(rollout, set_, look.now)
        tallies = self._read(rollout, ledger, look.tallies, look.now)
        taken = _taken(ledger, (*tallies, *_stars(rollout, ledger, look)), look.now)
        weighing = self._weighing(rollout, taken.ledger)
        heard = Heard(weighing, tallies, taken.refused, problem, _note(rollout, gate))
        return Found((*compared, *set_), rollout, taken, heard)

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


def run_of(rollout: Rollout) -> Run | None:
    """The monitoring run that the journal tells of; None while it has no terms."""
    if rollout.terms is None:
        return None
    return Run(rollout.terms, rollout.run_since, rollout.stages, first=rollout.runs == 1)


def _same(releases: tuple[Release, ...], others: tuple[Release, ...]) -> bool:
    return {release.id for release in releases} == {release.id for release in others}


def _terms(
    rollout: Rollout, gate: EvidenceGate, tallies: Tallies, look: Look
) -> tuple[tuple[facts.Fact, ...], str]:
    """The terms of the run, once; or why there are none yet."""
    if rollout.terms is not None:
        return (), ""
    releases = rollout.comparisons[-1].releases if rollout.comparisons else rollout.baseline
    try:
        past = persistently(lambda: tallies.past(releases, rollout.run_since)) if releases else None
    except EdgeError as error:
        return (), f"what is normal could not be read: {error}"
    floor = next((1 - gate.floor_ppm / 1_000_000 for gate in look.policy.gates if gate.counts_sessions), None)
    terms = terms_of(gate, past, _baseline_stars(look.readings), floor=floor)
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


def _taken(ledger: Ledger, read: tuple[Tallied | Untallied, ...], now: datetime) -> Taken:
    added: list[Revision] = []
    refused: list[Refused] = []
    for reading in read:
        if isinstance(reading, Tallied):
            taken = take(ledger, reading, now)
            ledger = taken.ledger
            added += taken.added
            refused += taken.refused
    return Taken(ledger, tuple(added), tuple(refused))


def _stars(rollout: Rollout, ledger: Ledger, look: Look) -> tuple[Tallied, ...]:
    """The candidate's reviews of this run by day: whole days, and the one in which the run began."""
    reviews = next((r for r in look.readings if isinstance(r, Reviews)), None)
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


def _note(rollout: Rollout, gate: EvidenceGate) -> str:
    """What the policy now says otherwise than when this run began: that would void what the evidence promises."""
    changed = [now for now in gate.settings if now not in rollout.settings]
    if rollout.terms is None or not changed:
        return ""
    return f"the policy now says {', '.join(changed)}: that holds from the next run on, this one is judged as it began"
