"""All signals of a rollout, folded and merged: what is known of it now, in numbers.

The merge is a weighted mean, the only admissible one where signals depend on each other in unknown ways (Vovk & Wang
2021): the signals are never multiplied. A signal without data keeps E = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from math import log

from stagedrollout.core.evidence import course, increments, ratings
from stagedrollout.core.evidence.course import Fold, StageStart, Yardstick
from stagedrollout.core.evidence.logs import log_sum
from stagedrollout.core.evidence.noise import Noise
from stagedrollout.core.evidence.terms import SignalId, Terms
from stagedrollout.core.hours import HOUR, day_floor
from stagedrollout.core.ledger import Ledger, Measure, Place, Tally
from stagedrollout.core.observation import Stars

INCIDENT_TOLD_AFTER = timedelta(hours=3)
"""When an outside incident that goes on is told."""


@dataclass(frozen=True, slots=True)
class Run:
    """A monitoring run: its terms, since when, and the stages of it. `first`: the release had no run before."""

    terms: Terms
    since: datetime
    stages: tuple[StageStart, ...]
    first: bool = True

    def counts(self, measure: Measure, place: Place) -> bool:
        """Whether a bucket belongs to this run. The first day is only half a day where a run begins in it; after a
        resume that day would count again what was counted before."""
        began = day_floor(self.since) if measure.width > HOUR and self.first else self.since
        return place.start >= began


@dataclass(frozen=True, slots=True)
class Weighing:
    """`folds`: per signal that is computed from buckets. `stars`: the reviews that take part, None without."""

    run: Run
    head: str
    folds: Mapping[SignalId, Fold]
    stars: Stars | None = None

    @property
    def ln_e(self) -> float:
        """The merged evidence of harm; a halt at ln(100)."""
        return merged(self.run.terms, {w.signal: self.ln_e_of(w.signal) for w in self.run.terms.weights})

    def ln_e_of(self, signal: SignalId) -> float:
        """One signal's evidence; 0 (E = 1) while it has no data."""
        if signal is SignalId.RATINGS:
            return _of_stars(self.run.terms, self.stars)
        folded = self.folds.get(signal)
        return folded.now.ln_e if folded else 0.0

    def ln_e_advance(self, settled_until: datetime) -> float | None:
        """Evidence that the present stage is safe to leave; None where no stage is known or there is no baseline.

        From the hours that ended by `settled_until` only.
        """
        if not self.run.stages or self.run.terms.p_ref is None:
            return None
        folded = self.folds.get(SignalId.CRASHED_SESSIONS)
        return course.ln_e_advance(folded, self.run.stages[-1].at, settled_until) if folded else 0.0

    def sessions(self, since: datetime, until: datetime) -> int:
        """The candidate's sessions in the hours that began at `since` or later and ended by `until`."""
        folded = self.folds.get(SignalId.CRASHED_SESSIONS) or self.folds.get(SignalId.FLOOR)
        rows = folded.rows if folded else ()
        return sum(row.total.n_c for row in rows if row.start >= since and row.start + HOUR <= until)

    @property
    def peak(self) -> float:
        """The largest merged evidence of the run, as far as closed buckets and this look tell: never below now."""
        peaks = {s: f.now.peak for s, f in self.folds.items()}
        leading = max(peaks, key=lambda s: peaks[s], default=None)
        if leading is None:
            return self.ln_e
        alone = (
            log(self.run.terms.weight(leading)) + peaks[leading] if self.run.terms.weight(leading) else 0.0
        )
        return max(self.ln_e, alone)

    @property
    def reserve(self) -> float:
        """What is left of the first signal for regressions that begin later (0..1)."""
        folded = self.folds.get(SignalId.CRASHED_SESSIONS) or self.folds.get(SignalId.FLOOR)
        return folded.now.mixture.reserve if folded else 1.0

    @property
    def tau2(self) -> float:
        """The squared hourly noise that the newest bucket was weighed with or the next one will be."""
        folded = self.folds.get(SignalId.CRASHED_SESSIONS)
        return folded.now.noise.tau2 if folded else _noise(self.run.terms).tau2


def merged(terms: Terms, ln_e: Mapping[SignalId, float]) -> float:
    """ln of the weighted mean of the signals' E; 0 where no signal takes part."""
    parts = [log(w.weight) + ln_e.get(w.signal, 0.0) for w in terms.weights if w.weight > 0]
    return log_sum(parts) if parts else 0.0


def weigh(run: Run, ledger: Ledger, before: Weighing | None = None) -> Weighing:
    """Fold every signal that the terms name. `before`: an earlier weighing of the same run, for what is unchanged."""
    if before is not None and before.run.terms != run.terms:
        before = None
    if before is not None and before.head == ledger.head and before.run == run:
        folds = before.folds
    else:
        folds = _folds(run, ledger, before)
    return Weighing(run, ledger.head, folds, _stars(run, ledger))


def _stars(run: Run, ledger: Ledger) -> Stars | None:
    """The reviews of this run, each number of stars a stratum of its own; None while there are none."""
    counts = [0] * 5
    for place, tally in ledger.of(Measure.RATINGS).items():
        if run.counts(Measure.RATINGS, place):
            counts[int(place.stratum) - 1] += tally.n_c
    return Stars(tuple(counts)) if any(counts) else None


def _of_stars(terms: Terms, stars: Stars | None) -> float:
    return 0.0 if stars is None or terms.mu_base is None else ratings.ln_e(stars, terms.mu_base)


def _folds(run: Run, ledger: Ledger, before: Weighing | None) -> Mapping[SignalId, Fold]:
    found: dict[SignalId, Fold] = {}
    rows: dict[Measure, tuple[course.Row, ...]] = {}
    for signal in run.terms.computed:
        by, measure = yardstick(run.terms, signal), signal.measure
        if by is None or measure is None:
            continue
        if measure not in rows:
            rows[measure] = _rows(run, ledger, measure, _known(run, before, signal))
        if rows[measure]:
            found[signal] = course.fold(rows[measure], by, before.folds.get(signal) if before else None)
    return found


def _known(run: Run, before: Weighing | None, signal: SignalId) -> tuple[course.Row, ...]:
    """The rows of an earlier weighing, where run and stages are the same; weigh() has seen to the terms."""
    if before is None or replace(before.run, terms=run.terms) != run or signal not in before.folds:
        return ()
    return before.folds[signal].rows


def _rows(
    run: Run, ledger: Ledger, measure: Measure, known: tuple[course.Row, ...]
) -> tuple[course.Row, ...]:
    own = {place: tally for place, tally in ledger.of(measure).items() if run.counts(measure, place)}
    return course.rows_of(own, measure, run.stages, run.terms.p_ref, run.terms.s, known)


@lru_cache(maxsize=256)
def yardstick(terms: Terms, signal: SignalId) -> Yardstick | None:
    """How a signal's buckets are measured; None where the terms do not allow it (no floor, no baseline, ratings)."""
    s, noise, measure = terms.loops_of(signal), _noise(terms), signal.measure
    if measure is None:
        return None
    hours = measure.width / HOUR
    if signal is SignalId.FLOOR:
        by_floor = course.floor_increments(terms.floor, s) if terms.floor else None
        return Yardstick(by_floor, hours, s, noise) if by_floor else None
    if terms.p_ref is None:
        return None
    by_ratio = course.users_increments if signal is SignalId.CRASHED_USERS else course.ratio_increments
    return Yardstick(by_ratio(terms.rho0, s), hours, s, noise)


def _noise(terms: Terms) -> Noise:
    return Noise(fixed=terms.tau2, tau0=terms.tau0)


def outside_incident(weighing: Weighing) -> bool:
    """Both arms are worse than the baseline's past in the newest hours: that is not the release (section 5)."""
    terms = weighing.run.terms
    folded = weighing.folds.get(SignalId.CRASHED_SESSIONS) or weighing.folds.get(SignalId.FLOOR)
    if folded is None or not folded.rows or terms.p_ref is None or not folded.rows[-1].incident:
        return False
    total = _over_incident(folded)
    return total.k_c > increments.INCIDENT_FACTOR * terms.p_ref * total.n_c


def _over_incident(folded: Fold) -> Tally:
    """The counts of the hours by which the baseline is found to be off."""
    return course.guarded(list(folded.rows[:-1]), folded.rows[-1])[0]


def incident_since(weighing: Weighing) -> datetime | None:
    """The first of the newest unbroken run of hours in which the baseline is off; None if it is not."""
    folded = weighing.folds.get(SignalId.CRASHED_SESSIONS) or weighing.folds.get(SignalId.FLOOR)
    since: datetime | None = None
    for row in reversed(folded.rows if folded else ()):
        if not row.incident:
            break
        since = row.start
    return since


def strongest(weighing: Weighing) -> SignalId | None:
    """The signal that contributes most to the merged evidence; None where none takes part."""
    taking_part = [w for w in weighing.run.terms.weights if w.weight > 0]
    loudest = max(taking_part, key=lambda w: log(w.weight) + weighing.ln_e_of(w.signal), default=None)
    return loudest.signal if loudest else None
