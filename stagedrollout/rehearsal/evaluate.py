"""A ledger weighed hour by hour: what would have been decided at the close of each bucket, and why.

The session signal alone decides, or with a floor the two of them at weights 0.8 and 0.2 (decision-engine.md
sections 2 to 5). Every row is treated as settled. Bake times, minimum samples, freshness and calendars are a
policy's; here only the counts speak. The guard of section 5 is not applied: a ledger does not tell the baseline's past.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagedrollout.core.evidence import course, ratio
from stagedrollout.core.evidence.course import Fold, Increments, Row, StageStart, Yardstick
from stagedrollout.core.evidence.noise import Noise
from stagedrollout.core.evidence.ratio import NOTHING_KNOWN, Interval
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, LN_HOLD, SignalId, Terms, shared_out
from stagedrollout.core.evidence.weighing import merged
from stagedrollout.core.ledger import Measure, Place
from stagedrollout.rehearsal.csv_ledger import Entry


class Verdict(StrEnum):
    """HALT is latched: a release that was halted stays so, whatever the rows after say."""

    HALT = "HALT"
    HOLD = "HOLD"
    ADVANCE = "ADVANCE"
    WAIT = "WAIT"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """At the close of one bucket. `ln_e`: evidence of harm; `reserve` (0..1): what is left for regressions that
    begin later; `ln_e_advance`: evidence that the stage is safe to leave, None where no stage is known; `ratio`:
    of all rows so far, None while undefined."""

    row: Row
    ln_e: float
    reserve: float
    ln_e_advance: float | None
    ratio: float | None
    decision: Verdict

    @property
    def clamped(self) -> bool:
        """More crashes than sessions of the candidate: counted as crashed whole for a halt, never for a raise."""
        return self.row.strata[0].clamped


@dataclass(frozen=True, slots=True)
class Worse:
    """Since when the counts are best explained by a regression, and the ratio from then on."""

    since: datetime
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Row by row, with the session signal that the ratio is told from."""

    rows: tuple[Evaluated, ...]
    sessions: Fold
    by: Yardstick

    @property
    def weighed(self) -> ratio.Weighed:
        return ratio.weighed(self.sessions)

    @property
    def halted_at(self) -> int | None:
        """The first row that says HALT."""
        return next((i for i, row in enumerate(self.rows) if row.decision is Verdict.HALT), None)

    def worse(self, place: int) -> Worse:
        """What is wrong, as far as it was known after the row at `place`."""
        upto = Fold(self.sessions.rows[: place + 1], self.sessions.states[: place + 2])
        found = course.best(upto, self.by)
        since = found[1] if found else upto.rows[-1].start
        first = next(i for i, row in enumerate(upto.rows) if row.start == since)
        return Worse(since, ratio.point(ratio.weighed(upto)[first:]))


def terms(rho0: float, s: float, tau2: float | None, floor: float | None) -> Terms:
    """`rho0` >= 1: the tolerated ratio; `s` >= 1: crashed sessions per crashed user; `tau2` >= 0: squared hourly noise
    of the ratio, None to learn it; `floor`: a tolerated crash rate (0..1), None for the session signal alone."""
    signals = (SignalId.CRASHED_SESSIONS, *((SignalId.FLOOR,) if floor else ()))
    return Terms(rho0, s, None, floor, shared_out(signals), tau2=tau2)


def evaluate(entries: Sequence[Entry], by: Terms) -> Evaluation:
    """Every row at its close. The entries rise in time."""
    buckets = {Place(entry.start): entry.tally for entry in entries}
    rows = course.rows_of(buckets, Measure.CRASHED, course.Marks(_stages(entries), None, by.s))
    yardsticks = _yardsticks(by)
    folds = {signal: course.fold(rows, yardstick) for signal, yardstick in yardsticks.items()}
    sessions = folds[SignalId.CRASHED_SESSIONS]
    ratios = ratio.points(ratio.weighed(sessions))
    return Evaluation(tuple(_evaluated(folds, by, ratios)), sessions, yardsticks[SignalId.CRASHED_SESSIONS])


def _stages(entries: Iterable[Entry]) -> tuple[StageStart, ...]:
    found: list[StageStart] = []
    for entry in entries:
        if entry.stage_ppm is not None and (not found or found[-1].ppm != entry.stage_ppm):
            found.append(StageStart(entry.start, entry.stage_ppm))
    return tuple(found)


def _yardsticks(by: Terms) -> dict[SignalId, Yardstick]:
    noise = Noise(fixed=by.tau2, tau0=by.tau0)
    increments: dict[SignalId, Increments] = {
        SignalId.CRASHED_SESSIONS: course.ratio_increments(by.rho0, by.s)
    }
    if by.floor:
        increments[SignalId.FLOOR] = course.floor_increments(by.floor, by.s)
    return {signal: Yardstick(each, 1.0, by.s, noise) for signal, each in increments.items()}


def _evaluated(folds: dict[SignalId, Fold], by: Terms, ratios: Iterable[float | None]) -> Iterator[Evaluated]:
    sessions = folds[SignalId.CRASHED_SESSIONS]
    decision = Verdict.WAIT
    for number, (row, point) in enumerate(zip(sessions.rows, ratios, strict=True), start=1):
        state = sessions.states[number]
        ln_e = merged(by, {signal: folded.states[number].ln_e for signal, folded in folds.items()})
        safe = state.ln_e_advance if row.rho_advance is not None else None
        decision = Verdict.HALT if decision is Verdict.HALT else _decided(ln_e, safe)
        yield Evaluated(row, ln_e, state.mixture.reserve, safe, point, decision)


def _decided(ln_e: float, ln_e_advance: float | None) -> Verdict:
    if ln_e >= LN_HALT:
        return Verdict.HALT
    if ln_e >= LN_HOLD:
        return Verdict.HOLD
    return Verdict.ADVANCE if ln_e_advance is not None and ln_e_advance >= LN_ADVANCE else Verdict.WAIT


def intervals(evaluation: Evaluation, places: Iterable[int]) -> Iterator[Interval]:
    """The 90 % confidence sequence of the ratio after each of these rows, counted from 0.

    Each takes time in proportion to the rows before it.
    """
    near, weighed = NOTHING_KNOWN, evaluation.weighed
    for place in places:
        near = ratio.sequence(weighed[: place + 1], evaluation.by.s, near)
        yield near
