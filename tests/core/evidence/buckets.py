"""Buckets as a test writes them, (n_c, k_c, n_b, k_b), hour by hour from MONDAY on, and their folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from stagedrollout.core.evidence import course
from stagedrollout.core.evidence.course import Fold, Row, Yardstick
from stagedrollout.core.evidence.noise import Noise
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Counted, Measure, Place, Tallied, Tally

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RHO0, LOOPS, TAU2 = 1.2, 1.1, 0.0225
"""What the reference values of decision-engine.md section 11 are computed with."""

Written = tuple[int, int, int, int]


def hour(place: int) -> datetime:
    return MONDAY + place * HOUR


def row(place: int, *strata: Written, stage: bool = False, rho: float | None = None) -> Row:
    return Row(hour(place), tuple(Tally(*each) for each in strata), stage, rho)


def in_order(
    written: Iterable[Written], stages: Sequence[int] = (), rho: float | None = None
) -> tuple[Row, ...]:
    """One row an hour; a stage starts in the buckets that `stages` counts from 0."""
    return tuple(row(place, each, stage=place in stages, rho=rho) for place, each in enumerate(written))


def by_ratio(s: float = LOOPS, tau2: float | None = TAU2, rho0: float = RHO0) -> Yardstick:
    """`tau2` None: learned as it goes."""
    return Yardstick(course.ratio_increments(rho0, s), 1.0, s, Noise(fixed=tau2))


def by_floor(floor: float, s: float = LOOPS, tau2: float | None = TAU2) -> Yardstick:
    return Yardstick(course.floor_increments(floor, s), 1.0, s, Noise(fixed=tau2))


def ln_es(folded: Fold) -> list[float]:
    """The evidence at the close of each bucket."""
    return [state.ln_e for state in folded.states[1:]]


def reading(
    buckets: dict[tuple[int, str], Written], measure: Measure = Measure.CRASHED, width: timedelta = HOUR
) -> Tallied:
    """What a source says: buckets by their number and stratum."""
    counted = tuple(
        Counted(Place(MONDAY + place * width, stratum), Tally(*written))
        for (place, stratum), written in buckets.items()
    )
    newest = max((each.place.start for each in counted), default=MONDAY)
    return Tallied("sentry", measure, counted, newest + width)
