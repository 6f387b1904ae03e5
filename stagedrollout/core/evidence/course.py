"""One signal's buckets, folded in order. What is closed is folded once; a changed bucket refolds from there.

`fold(rows, ..., before)` gives the same as `fold(rows, ...)`, bit for bit: the states that are taken over from
`before` were computed from equal rows by the same steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from math import exp, log
from typing import NamedTuple

from stagedrollout.core.evidence import increments
from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, LN_QUARTER
from stagedrollout.core.evidence.logs import log_sum
from stagedrollout.core.evidence.noise import Noise
from stagedrollout.core.evidence.restarts import Mixture, share_spent
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.core.ledger import Buckets, Measure, Tally

LADDER = ((1, 4.0), (2, 3.5), (5, 3.0), (10, 2.5), (20, 2.0), (50, 1.75))
"""Percent of a stage, and which ratio must be ruled out to leave it (decision-engine.md section 5)."""


class StageStart(NamedTuple):
    """People could get the release at `ppm` (parts per million) from `at` on."""

    at: datetime
    ppm: int


class Row(NamedTuple):
    """One bucket as it is folded: its strata in order, whether a stage started in it (or since the bucket before it),
    and what its stage must rule out (None: no stage is known). `incident`: the baseline itself was off in it."""

    start: datetime
    strata: tuple[Tally, ...]
    stage: bool
    rho_advance: float | None
    incident: bool = False

    @property
    def total(self) -> Tally:
        """All strata together; one with impossible counts counts as crashed whole."""
        if len(self.strata) == 1:
            return increments.clamped(self.strata[0])
        first, *others = map(increments.clamped, self.strata)
        return sum(others, first)


class State(NamedTuple):
    """After a bucket was counted. `safety`: per alternative, the stage's evidence that nothing is wrong.

    `peak`: the largest evidence so far, at the closes of buckets. `counted`: all buckets together.
    """

    mixture: Mixture
    noise: Noise
    safety: tuple[float, ...]
    ln_e: float
    peak: float
    counted: Tally

    @property
    def ln_e_advance(self) -> float:
        """Evidence that what the stage must rule out is ruled out, were all of it settled."""
        return log_sum([LN_QUARTER + gathered for gathered in self.safety])


class Fold(NamedTuple):
    """`states[i]` is the state before row i; the last one is the state after all rows."""

    rows: tuple[Row, ...]
    states: tuple[State, ...]

    @property
    def now(self) -> State:
        return self.states[-1]


Increments = Callable[[Row, float], tuple[float, ...]]
"""What a row says for each alternative, at this tau2."""


class Yardstick(NamedTuple):
    """What a signal's rows are measured with: their increments, how many hours a bucket is wide, the mean length of
    a crash loop, and what is known of the noise before the first row."""

    increments: Increments
    hours: float
    s: float
    noise: Noise


_NO_SAFETY = (0.0,) * len(HARMLESS)


def rho_advance(ppm: int) -> float:
    """What a stage at this exposure must rule out; between two steps of the ladder the next higher one."""
    percent = ppm / 10_000
    return next((rho for step, rho in LADDER if percent <= step), LADDER[-1][1])


def ratio_increments(rho0: float, s: float) -> Increments:
    """Two samples: strata add up (section 1)."""

    def of(row: Row, tau2: float) -> tuple[float, ...]:
        if len(row.strata) == 1:
            return increments.of_ratio(increments.clamped(row.strata[0]), rho0, s, tau2)
        parts = [increments.of_ratio(increments.clamped(t), rho0, s, tau2) for t in row.strata]
        return tuple(map(sum, zip(*parts, strict=True)))

    return of


def users_increments(rho0: float, s: float) -> Increments:
    """Two samples of people, counted once a day in each arm, and silent once most of them have the candidate.

    Who updates during a day is in both arms, with part of a day in each. Let the candidate's share of people go from a0
    to a1 that day: part of a day is (a1 - a0) / a1 of the candidate's people and (a1 - a0) / (1 - a0) of the others. The
    larger part makes an arm look better, for who opens an app less often crashes less often. While a1 <= 1 - a0, which
    is when the candidate counts no more people than the others, that flatters the candidate at most; beyond, it would
    accuse a healthy one.
    """
    by_ratio = ratio_increments(rho0, s)

    def of(row: Row, tau2: float) -> tuple[float, ...]:
        total = row.total
        return increments.SILENT if total.n_c > total.n_b else by_ratio(row, tau2)

    return of


def floor_increments(floor: float, s: float) -> Increments:
    """One sample, silent while the baseline itself is off (the guard of section 5)."""

    def of(row: Row, tau2: float) -> tuple[float, ...]:
        if row.incident:
            return increments.SILENT
        return increments.of_floor(row.total, floor, s, tau2)

    return of


def fold(rows: tuple[Row, ...], by: Yardstick, before: Fold | None = None) -> Fold:
    """Count the rows in order. `before`: an earlier fold by the same yardstick."""
    kept = _in_common(rows, before.rows) if before else 0
    states = list(before.states[: kept + 1]) if before else [beginning(by)]
    state = states[-1]
    for place in range(kept, len(rows)):
        state = counted(state, rows[place], by, first=place == 0)
        states.append(state)
    return Fold(rows, tuple(states))


def _in_common(rows: tuple[Row, ...], others: tuple[Row, ...]) -> int:
    """How many rows are the same from the beginning on. Mostly all, or all but the open one."""
    size = min(len(rows), len(others))
    for likely in (size, size - 1):
        if likely >= 0 and rows[:likely] == others[:likely]:
            return likely
    return next(place for place in range(size) if rows[place] != others[place])


def beginning(by: Yardstick) -> State:
    """Before any row."""
    return State(Mixture(), by.noise, _NO_SAFETY, 0.0, 0.0, Tally(0, 0, 0, 0))


def counted(state: State, row: Row, by: Yardstick, *, first: bool) -> State:
    """After one more row. `first`: it is the first one of all."""
    tau2 = state.noise.tau2
    opened = state.mixture.opened(share_spent(by.hours, first=first, stage=row.stage))
    mixture = opened.closed(by.increments(row, tau2))
    ln_e, total = mixture.ln_e, row.total
    return State(
        mixture=mixture,
        noise=state.noise.after(total, by.s),
        safety=_safer(state, row, by.s, tau2),
        ln_e=ln_e,
        peak=max(state.peak, ln_e),
        counted=state.counted + total,
    )


def _safer(state: State, row: Row, s: float, tau2: float) -> tuple[float, ...]:
    """Evidence of safety begins afresh with each stage; a bucket with impossible counts gives none."""
    so_far = _NO_SAFETY if row.stage else state.safety
    if row.rho_advance is None:
        return so_far
    for tally in row.strata:
        if not tally.clamped:
            more = increments.of_safety(tally, row.rho_advance, s, tau2)
            so_far = tuple(a + b for a, b in zip(so_far, more, strict=True))
    return so_far


def ln_e_advance(folded: Fold, stage_at: datetime, settled_until: datetime) -> float:
    """Evidence that what the stage that began at `stage_at` must rule out is ruled out, from settled hours only.

    0 (E = 1) while no hour of that stage has settled.
    """
    count = len(folded.rows)
    while count and folded.rows[count - 1].start + HOUR > settled_until:
        count -= 1
    if not count or folded.rows[count - 1].start < hour_floor(stage_at):
        return 0.0
    return folded.states[count].ln_e_advance


def rows_of(
    buckets: Buckets,
    measure: Measure,
    stages: tuple[StageStart, ...],
    p_ref: float | None,
    s: float,
    known: tuple[Row, ...] = (),
) -> tuple[Row, ...]:
    """The buckets of one measure as they are folded. Stages and incidents are marked on hourly buckets only.

    `known`: rows made before with the same stages and terms; up to the first bucket that has changed they are taken.
    """
    by_start: dict[datetime, list[tuple[str, Tally]]] = {}
    for place, tally in buckets.items():
        by_start.setdefault(place.start, []).append((place.stratum, tally))
    hourly, reached = measure.width == HOUR, 0
    begins = [hour_floor(stage.at) for stage in stages]  # the hour in which a stage begins is its own
    rows: list[Row] = []
    kept = iter(known)
    for start in sorted(by_start):
        strata = tuple(tally for _, tally in sorted(by_start[start], key=lambda pair: pair[0]))
        begun = bisect_right(begins, start) if hourly else 0
        before = next(kept, None)
        if before is not None and (before.start, before.strata) == (start, strata):
            rows.append(before)
            reached = begun
            continue
        kept = iter(())
        rho = rho_advance(stages[begun - 1].ppm) if begun else None
        row = Row(start, strata, begun > reached, rho)
        rows.append(row._replace(incident=incident(rows, row, p_ref, s)) if hourly else row)
        reached = begun
    return tuple(rows)


def incident(earlier: list[Row], row: Row, p_ref: float | None, s: float) -> bool:
    """Whether the baseline is off in this bucket, or in it and the two hours before together."""
    if p_ref is None:
        return False
    total = row.total
    if increments.off(total.n_b, total.k_b, p_ref, s):
        return True
    total, got = guarded(earlier, row)
    return got > 1 and increments.off(total.n_b, total.k_b, p_ref, s)


def guarded(earlier: list[Row], row: Row) -> tuple[Tally, int]:
    """This bucket and the two hours before together, and how many of the three there are."""
    near = [other for other in earlier[-2:] if row.start - other.start <= 2 * HOUR]
    return sum((other.total for other in near), row.total), len(near) + 1


def best(folded: Fold, by: Yardstick) -> tuple[float, datetime] | None:
    """For a report: the ratio over the boundary that explains the evidence best, and since when.

    The start that maximises the evidence gathered from there to the last row. None without rows.
    """
    found: tuple[float, float, datetime] | None = None
    gathered = [0.0] * len(HARMFUL)
    for place in range(len(folded.rows) - 1, -1, -1):
        row = folded.rows[place]
        more = by.increments(row, folded.states[place].noise.tau2)
        gathered = [a + b for a, b in zip(gathered, more, strict=True)]
        for g, value in zip(HARMFUL, gathered, strict=True):
            if found is None or value > found[0]:
                found = (value, g, row.start)
    return (found[1], found[2]) if found else None


def odds(ln_e: float) -> float:
    """The evidence as a number for display, capped at 1e300."""
    return min(exp(min(ln_e, log(1e300))), 1e300)
