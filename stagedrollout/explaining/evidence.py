"""What the counts say, in numbers and in the words that Slack has for them (decision-engine.md section 8).

Odds, signals and the reserve are those that the newest pass wrote down; ratio, rates and the largest evidence so
far are computed again from the same counts, which gives the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import exp, isfinite

from stagedrollout.core import facts
from stagedrollout.core.evidence import course, ratio, weighing
from stagedrollout.core.evidence.course import Fold
from stagedrollout.core.evidence.terms import LN_HALT, SignalId, Terms
from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.harm import blame, odds_text
from stagedrollout.core.judgement import Reason
from stagedrollout.core.units import PPM_ALL, percent_text
from stagedrollout.explaining.finding import Kept


@dataclass(frozen=True, slots=True)
class SignalTold:
    """`part`: which share (0..1) of the merged evidence comes from this signal; `weight` 0: shown, decides nothing."""

    signal: SignalId
    weight: float
    ln_e: float
    part: float


@dataclass(frozen=True, slots=True)
class RatioTold:
    """The ratio of the crash rates since the run began, and its 90 % confidence sequence; None: not known yet.

    `rho0`: what is tolerated; `rules_out`: what the present stage must rule out to be left, None without a stage.
    """

    point: float | None
    low: float | None
    high: float | None
    rho0: float
    rules_out: float | None


@dataclass(frozen=True, slots=True)
class RateTold:
    """Crash-free sessions of one arm since the run began, in ppm, with the 90 % Jeffreys band: descriptive."""

    crash_free_ppm: int
    low_ppm: int
    high_ppm: int
    sessions: int
    crashed: int


@dataclass(frozen=True, slots=True)
class Blamed:
    """What a halt by evidence rests on: the signal that said so loudest, how bad, since when; `words` as in Slack."""

    signal: SignalId
    times_tolerated: float
    since: datetime
    words: str


@dataclass(frozen=True, slots=True)
class EvidenceTold:
    """`ln_e`, `safety`: natural logarithms. `p_value` (0..1): valid however often one looks."""

    weighed: facts.Weighed
    terms: Terms
    peak: float
    signals: tuple[SignalTold, ...]
    ratio: RatioTold | None
    candidate: RateTold | None
    baseline: RateTold | None
    blamed: Blamed | None

    @property
    def line(self) -> str:
        return f"evidence of harm {odds_text(self.weighed.ln_e)} (halt at {odds_text(LN_HALT)})"

    @property
    def p_value(self) -> float:
        return min(1.0, exp(-self.peak))


def told(kept: Kept, weighed_now: Weighing | None) -> EvidenceTold | None:
    """The evidence as of the newest standing; None while nothing was weighed. Raises StorageError."""
    weighed = kept.standing.weighed if kept.standing else None
    if weighed is None or weighed_now is None:
        return None
    terms = weighed_now.run.terms
    sessions = main_fold(weighed_now)
    halted = kept.rollout.halt is not None and max(weighed.ln_e, weighed_now.ln_e) >= LN_HALT
    return EvidenceTold(
        weighed=weighed,
        terms=terms,
        peak=_peak(kept, weighed, weighed_now),
        signals=_signals(terms, weighed),
        ratio=_ratio(weighed_now, kept.rollout.exposure_ppm),
        candidate=_rate(sessions, terms.s, candidate=True),
        baseline=_rate(sessions, terms.s, candidate=False),
        blamed=_blamed(weighed_now) if halted else None,
    )


def main_fold(weighed_now: Weighing) -> Fold | None:
    """The hours of sessions: of the first signal, or without a baseline of the floor."""
    folds = weighed_now.folds
    return folds.get(SignalId.CRASHED_SESSIONS) or folds.get(SignalId.FLOOR)


def _peak(kept: Kept, weighed: facts.Weighed, weighed_now: Weighing) -> float:
    """The largest evidence of this run. What corrections took away later was evidence all the same."""
    since = kept.rollout.run_since
    recorded = (
        fact.weighed.ln_e
        for fact, at in kept.told
        if isinstance(fact, facts.Decided) and fact.weighed and at >= since
    )
    return max(weighed_now.peak, weighed.ln_e, *recorded)


def _signals(terms: Terms, weighed: facts.Weighed) -> tuple[SignalTold, ...]:
    return tuple(
        SignalTold(
            each.signal,
            terms.weight(each.signal),
            each.ln_e,
            min(1.0, terms.weight(each.signal) * exp(min(each.ln_e - weighed.ln_e, 700.0))),
        )
        for each in weighed.signals
    )


def _ratio(weighed_now: Weighing, exposure_ppm: int) -> RatioTold | None:
    folded, terms = weighed_now.folds.get(SignalId.CRASHED_SESSIONS), weighed_now.run.terms
    if folded is None:
        return None
    buckets = ratio.weighed(folded)
    interval = ratio.sequence(buckets, terms.s)
    staged = bool(weighed_now.run.stages) and exposure_ppm < PPM_ALL
    return RatioTold(
        ratio.point(buckets),
        interval.low if interval.low > 0 else None,
        interval.high if isfinite(interval.high) else None,
        terms.rho0,
        course.rho_advance(exposure_ppm) if staged else None,
    )


def _rate(folded: Fold | None, s: float, *, candidate: bool) -> RateTold | None:
    if folded is None:
        return None
    total = folded.now.counted
    n, k = (total.n_c, total.k_c) if candidate else (total.n_b, total.k_b)
    if n <= 0:
        return None
    band = ratio.band(k, n, s)
    low, high = (int((1 - edge) * PPM_ALL) for edge in (band.high, band.low))
    return RateTold((n - k) * PPM_ALL // n, low, high, n, k)


def _blamed(weighed_now: Weighing) -> Blamed | None:
    signal = weighing.strongest(weighed_now)
    folded = weighed_now.folds.get(signal) if signal else None
    by = weighing.yardstick(weighed_now.run.terms, signal) if signal else None
    found = course.best(folded, by) if folded and by else None
    if signal is None or found is None:
        return None
    return Blamed(signal, found[0], found[1], blame(weighed_now))


def reason_numbers(reason: Reason) -> tuple[str, str]:
    """A gate's value and what it needs, as people read them; "" where it has none."""
    if reason.ln_e is not None and reason.ln_e_needed is not None:
        return odds_text(reason.ln_e), odds_text(reason.ln_e_needed)
    value = percent_text(reason.value_ppm // 100 * 100) if reason.value_ppm is not None else ""
    return value, percent_text(reason.threshold_ppm) if reason.threshold_ppm is not None else ""


def counts(gate: str, weighed_now: Weighing | None) -> tuple[int | None, datetime | None]:
    """How many of the candidate's sessions (users, reviews) a signal's gate rests on, and when the newest hour (day) of
    them ends; None where the gate is no signal, or nothing was counted."""
    folds = weighed_now.folds if weighed_now else {}
    if weighed_now and weighed_now.stars and gate == SignalId.RATINGS.value:
        return weighed_now.stars.total, None
    signal, folded = next(((s, f) for s, f in folds.items() if s.value == gate), (None, None))
    if signal is None or folded is None or signal.measure is None or not folded.rows:
        return None, None
    return folded.now.counted.n_c, folded.rows[-1].start + signal.measure.width
