"""How a rollout came to where it is: rates, ratio and evidence at a few points in time, its stages and decisions.

The evidence at a point is what the counts of all hours up to then say, as they are known now; late corrections have
entered. Each interval takes time in proportion to the hours before it, so there are at most POINTS_MAX of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.evidence import ratio
from stagedrollout.core.evidence.course import Fold, Row
from stagedrollout.core.evidence.ratio import NOTHING_KNOWN, Interval
from stagedrollout.core.evidence.terms import SignalId
from stagedrollout.core.evidence.weighing import Weighing, weigh
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Ledger, Measure, Place, Tally
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.telling import title
from stagedrollout.explaining.evidence import main_fold
from stagedrollout.explaining.finding import Kept, Told

POINTS_MAX = 60

CRASHES_MIN = 4
BLOCKS_MIN = 16
"""Hours are shown together until so many crashes are to be expected in them, but never in fewer blocks than that."""


class MarkKind(StrEnum):
    RAISE = "raise"
    HOLD = "hold"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class Mark:
    """A decision that was acted upon, or a hold."""

    at: datetime
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class StageSpan:
    """From `at` to `until` the release was offered to `ppm` of all people."""

    at: datetime
    until: datetime
    ppm: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Crash-free sessions (0..1) between two points, with the 90 % Jeffreys band: descriptive."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Both arms from `since` to `until`; None where an arm had no sessions then."""

    since: datetime
    until: datetime
    candidate: Rate | None
    baseline: Rate | None


@dataclass(frozen=True, slots=True)
class Point:
    """Ratio, its confidence sequence and the evidence of everything up to `at`; `ratio` None: not known yet."""

    at: datetime
    ratio: float | None
    interval: Interval
    ln_e: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that a picture shows. `rho0`: what is tolerated; None while the run has no terms."""

    title: str
    phase: Phase
    exposure_ppm: int
    reason: str
    since: datetime
    until: datetime
    rho0: float | None
    rates: tuple[Rates, ...]
    points: tuple[Point, ...]
    stages: tuple[StageSpan, ...]
    marks: tuple[Mark, ...]


def timeline(kept: Kept) -> Timeline:
    """The present monitoring run, from the first users to the newest look or decision."""
    rollout, weighed_now = kept.rollout, kept.weighing()
    marks = tuple(_marks(kept.told, rollout.run_since))
    folded = main_fold(weighed_now) if weighed_now else None
    points = tuple(_points(weighed_now, kept.ledger, kept.seen_at)) if weighed_now else ()
    until = max((kept.seen_at, *(mark.at for mark in marks)))
    return Timeline(
        title=title(rollout),
        phase=rollout.phase,
        exposure_ppm=rollout.exposure_ppm,
        reason=rollout.reason,
        since=folded.rows[0].start if folded and folded.rows else rollout.run_since,
        until=until,
        rho0=weighed_now.run.terms.rho0 if weighed_now else None,
        rates=tuple(_rates(folded, weighed_now.run.terms.s, kept.seen_at)) if weighed_now and folded else (),
        points=points,
        stages=_stages(kept, until),
        marks=marks,
    )


def _stages(kept: Kept, until: datetime) -> tuple[StageSpan, ...]:
    begun = kept.rollout.stages
    ends = [*(stage.at for stage in begun[1:]), until]
    return tuple(StageSpan(stage.at, end, stage.ppm) for stage, end in zip(begun, ends, strict=False))


def _marks(told: tuple[Told, ...], since: datetime) -> Iterator[Mark]:
    """One for each change that was sent, and one where a hold begins."""
    holding = False
    for fact, at in told:
        if not isinstance(fact, facts.Decided) or at < since:
            continue
        halts = fact.decision is DecisionKind.HALT and bool(fact.intent)
        holds = fact.decision is DecisionKind.HOLD and not any(r.code == "halted" for r in fact.reasons)
        if halts:
            yield Mark(at, MarkKind.HALT)
        elif fact.intent and fact.decision in (DecisionKind.ADVANCE, DecisionKind.COMPLETE):
            yield Mark(at, MarkKind.RAISE)
        elif holds and not holding:
            yield Mark(at, MarkKind.HOLD)
        holding = holds


def _points(weighed_now: Weighing, ledger: Ledger, seen_at: datetime) -> Iterator[Point]:
    folded = main_fold(weighed_now)
    if folded is None:
        return
    near, before = NOTHING_KNOWN, None
    for count in _chosen(len(folded.rows)):
        at, last = folded.rows[count - 1].start + HOUR, count == len(folded.rows)
        before = weighed_now if last else weigh(weighed_now.run, _until(ledger, at), before)
        sessions = before.folds.get(SignalId.CRASHED_SESSIONS)
        point, near = _ratio(sessions, weighed_now.run.terms.s, near)
        yield Point(_end(folded.rows[count - 1], seen_at), point, near, before.ln_e)


def _end(row: Row, seen_at: datetime) -> datetime:
    """The newest hour goes on: it ends when it was looked at."""
    return max(min(row.start + HOUR, seen_at), row.start)


def _chosen(count: int) -> list[int]:
    """After how many rows to look: evenly, and after the last one."""
    looks = min(count, POINTS_MAX)
    return sorted({round((number + 1) * count / looks) for number in range(looks)})


def _until(ledger: Ledger, at: datetime) -> Ledger:
    """What was counted in the hours and days that had ended by then."""
    buckets: dict[Measure, dict[Place, Tally]] = {}
    for measure, each in ledger.buckets.items():
        buckets[measure] = {
            place: tally for place, tally in each.items() if place.start + measure.width <= at
        }
    return replace(ledger, head=f"{ledger.head} until {at.isoformat()}", buckets=buckets)


def _ratio(sessions: Fold | None, s: float, near: Interval) -> tuple[float | None, Interval]:
    if sessions is None:
        return None, NOTHING_KNOWN
    buckets = ratio.weighed(sessions)
    return ratio.point(buckets), ratio.sequence(buckets, s, near)


def _rates(folded: Fold, s: float, seen_at: datetime) -> Iterator[Rates]:
    """Hour by hour where there are sessions enough; else several hours together, never across stages."""
    rows = folded.rows
    crashes = folded.now.counted.k_b / folded.now.counted.n_b if folded.now.counted.n_b else 0.0
    hours_max = max((rows[-1].start - rows[0].start) / BLOCKS_MIN, HOUR) if rows else HOUR
    block: list[Row] = []
    for place, row in enumerate(rows):
        block.append(row)
        following = rows[place + 1] if place + 1 < len(rows) else None
        enough = sum(each.total.n_c for each in block) * crashes >= CRASHES_MIN
        long = row.start + HOUR - block[0].start >= hours_max
        if following is None or following.stage or enough or long:
            yield _block(block, s, seen_at)
            block = []


def _block(rows: list[Row], s: float, seen_at: datetime) -> Rates:
    first, *others = (row.total for row in rows)
    total = sum(others, first)
    candidate, baseline = _rate(total.n_c, total.k_c, s), _rate(total.n_b, total.k_b, s)
    return Rates(rows[0].start, _end(rows[-1], seen_at), candidate, baseline)


def _rate(n: int, k: int, s: float) -> Rate | None:
    if n <= 0:
        return None
    band = ratio.band(k, n, s)
    return Rate((n - k) / n, 1 - band.high, 1 - band.low)
