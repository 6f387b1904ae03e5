"""From counts to evidence: the terms of a run as it begins, the reviews, and the weighing of all.

Raises fail closed: what could not be read in this pass is an error of its own, and nothing is raised by it. Halts
fail open: what is known already goes on counting.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from stagedrollout.core import facts
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.evidence.weighing import Weighing, weigh
from stagedrollout.core.fold import extend
from stagedrollout.core.gates import EvidenceGate
from stagedrollout.core.hours import day_floor
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.ledger import Counted, Ledger, Measure, Past, Place, Taken, Tallied, Tally
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Release, RolloutKey
from stagedrollout.core.observation import Reading, Reviews, Stars
from stagedrollout.core.policy import Policy
from stagedrollout.core.run_terms import PAST_SESSIONS_MIN, NamedCounts, rated, run_of, terms_of
from stagedrollout.daemon.counting import Count, Look, with_readings
from stagedrollout.daemon.retrying import persistently
from stagedrollout.daemon.shelf import Shelf

SURELY_QUIET = timedelta(hours=6)
"""A baseline with hardly any session is taken for a source that fails for so long; then for one that has none."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass learned, the rollout with it, the ledger with what was added, and what the judges may know."""

    learned: tuple[facts.Fact, ...]
    rollout: Rollout
    taken: Taken
    heard: Heard


@dataclass(slots=True)
class Weigher:
    """Remembers the last weighing of each rollout, for what has not changed since."""

    _weighed: Shelf[RolloutKey, Weighing] = field(default_factory=Shelf)

    def weigh(self, count: Count, look: Look, readings: tuple[Reading, ...] = ()) -> Found:
        """Fold the counts, and the reviews among the readings, into evidence."""
        gate, rollout = look.policy.evidence, count.rollout
        if gate is None or look.tallies is None:
            return Found(count.learned, rollout, count.taken, NOTHING_HEARD)
        set_, problem = _terms(rollout, gate, look, _baseline_stars(readings))
        rollout = extend(rollout, set_, look.now)
        taken = with_readings(count.taken, _stars(rollout, count.taken.ledger, readings), look.now)
        weighing = self._weighing(rollout, taken.ledger)
        heard = Heard(
            weighing, count.tallies, taken.refused, count.trouble or problem, _note(rollout, look.policy)
        )
        kept = replace(taken, added=()) if count.trouble else taken
        return Found((*count.learned, *set_), rollout, kept, heard)

    def forget(self, key: RolloutKey) -> None:
        """The rollout is over, or what was heard for it could not be written down."""
        self._weighed.forget(key)

    def _weighing(self, rollout: Rollout, ledger: Ledger) -> Weighing | None:
        run = run_of(rollout)
        if run is None:
            return None
        before = self._weighed.get(rollout.key)
        found = weigh(run, ledger, before)
        if found != before:
            self._weighed.put(rollout.key, found)
        return found


def again(found: Found, count: Count) -> Count:
    """The count after it was weighed once, to be weighed again with more readings."""
    return replace(count, learned=found.learned, rollout=found.rollout, taken=found.taken)


def _terms(
    rollout: Rollout, gate: EvidenceGate, look: Look, stars: Stars | None
) -> tuple[tuple[facts.Fact, ...], str]:
    """The terms of the run, once; or why there are none yet. What stars are compared with is known later, mostly."""
    if rollout.terms is not None:
        known = rated(rollout.terms, stars)
        return ((facts.TermsSet(known, rollout.settings),) if known != rollout.terms else ()), ""
    releases = rollout.comparisons[-1].releases if rollout.comparisons else rollout.baseline
    if not releases and not rollout.comparisons:
        return (), "what people run could not be read yet"
    past, problem = _past(rollout, releases, look)
    if problem:
        return (), problem
    floor = next((1 - g.floor_ppm / 1_000_000 for g in look.policy.gates if g.counts_sessions), None)
    own = tuple(
        NamedCounts(asked.id, asked.role, look.named[asked.signal].can_halt)
        for asked in look.policy.named_counts
        if asked.signal in look.named
    )
    terms = terms_of(gate, past, reviewed=look.policy.ratings is not None, floor=floor, own=own)
    return (facts.TermsSet(rated(terms, stars), look.policy.evidence_settings),), ""


def _past(rollout: Rollout, releases: tuple[Release, ...], look: Look) -> tuple[Past | None, str]:
    """What was normal in the week before; or why that is not known."""
    tallies = look.tallies
    if not releases or tallies is None:
        return None, ""
    try:
        past = persistently(lambda: tallies.past(releases, rollout.run_since))
    except EdgeError as error:
        return None, f"what is normal could not be read: {error}"
    if past.sessions >= PAST_SESSIONS_MIN:
        return past, ""
    if look.now - rollout.run_since >= SURELY_QUIET:
        return None, ""
    names = ", ".join(release.label for release in releases)
    return None, f"what is normal is not known: {names} had {past.sessions} sessions in the week before"


def _baseline_stars(readings: tuple[Reading, ...]) -> Stars | None:
    return next((r.baseline for r in readings if isinstance(r, Reviews) and r.baseline), None)


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


def _note(rollout: Rollout, policy: Policy) -> str:
    """What the policy now says otherwise than when this run began: that would void what the evidence promises."""
    changed = [now for now in policy.evidence_settings if now not in rollout.settings]
    if rollout.terms is None or not changed:
        return ""
    return f"the policy now says {', '.join(changed)}: that holds from the next run on, this one is judged as it began"
