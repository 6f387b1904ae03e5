"""The ratio of the crash rates for people: a point, a confidence sequence that holds at all times, and bands.

decision-engine.md section 8. The sequence narrows only with data, and it is no posterior.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p

from stagedrollout.core.evidence import increments
from stagedrollout.core.evidence.course import Fold
from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, LN_QUARTER, LN_WEIGHTS, inflation
from stagedrollout.core.evidence.logs import log_sum
from stagedrollout.core.ledger import Tally

LN_TWENTY = log(20)
"""Each side of the 90 % sequence errs in at most one of twenty releases, whenever one looks."""

_LN_RATIO_MAX = 12.0
_PRECISION = 1e-9
_STRAIGHT = 0.1

Weighed = Sequence[tuple[Tally, float]]
"""Buckets (strata one by one) with the tau2 each was weighed with."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` (0 where nothing is known) to `high` (infinity where nothing is known)."""

    low: float
    high: float


NOTHING_KNOWN = Interval(0.0, inf)


def weighed(folded: Fold, upto: int | None = None) -> Weighed:
    """The buckets of a fold (the first `upto`) with their noise."""
    pairs = zip(folded.rows[:upto], folded.states, strict=False)
    return [(increments.clamped(tally), state.noise.tau2) for row, state in pairs for tally in row.strata]


def points(buckets: Weighed) -> Iterator[float | None]:
    """The Mantel-Haenszel ratio after each bucket; None while nothing has crashed in the baseline."""
    above = below = 0.0
    for tally, _ in buckets:
        total = tally.n_c + tally.n_b
        if total:
            above += tally.k_c * tally.n_b / total
            below += tally.k_b * tally.n_c / total
        yield above / below if below else None


def point(buckets: Weighed) -> float | None:
    """The Mantel-Haenszel ratio; None while nothing crashes in the baseline."""
    found = None
    for found in points(buckets):  # noqa: B007 - the last one
        pass
    return found


def sequence(buckets: Weighed, s: float, near: Interval = NOTHING_KNOWN) -> Interval:
    """The 90 % confidence sequence. `near`: the interval a bucket ago, which makes the search shorter."""
    told = [(tally, tau2) for tally, tau2 in buckets if tally.n_c and tally.n_b]
    if not told:
        return NOTHING_KNOWN
    low = _edge(lambda ln_rho: _harm(told, exp(ln_rho), s) - LN_TWENTY, near.low)
    high = _edge(lambda ln_rho: LN_TWENTY - _safety(told, exp(ln_rho), s), near.high)
    return Interval(exp(low) if low > -_LN_RATIO_MAX else 0.0, exp(high) if high < _LN_RATIO_MAX else inf)


def _harm(buckets: Weighed, rho: float, s: float) -> float:
    gathered = [0.0] * len(HARMFUL)
    for tally, tau2 in buckets:
        more = increments.of_ratio(tally, rho, s, tau2)
        gathered = [a + b for a, b in zip(gathered, more, strict=True)]
    return log_sum([w + a for w, a in zip(LN_WEIGHTS, gathered, strict=True)])


def _safety(buckets: Weighed, rho: float, s: float) -> float:
    gathered = [0.0] * len(HARMLESS)
    for tally, tau2 in buckets:
        more = increments.of_safety(tally, rho, s, tau2)
        gathered = [a + b for a, b in zip(gathered, more, strict=True)]
    return log_sum([LN_QUARTER + a for a in gathered])


def _edge(above: Callable[[float], float], near: float) -> float:
    """Where `above`, which falls, crosses 0, in ln(rho)."""
    low, high = -_LN_RATIO_MAX, _LN_RATIO_MAX
    if 0 < near < inf:
        low, high = _bracket(above, log(near))
    at_low, at_high = above(low), above(high)
    if at_low < 0:
        return -_LN_RATIO_MAX
    if at_high >= 0:
        return _LN_RATIO_MAX
    return _crossing(above, (low, at_low), (high, at_high))


def _crossing(
    above: Callable[[float], float], left: tuple[float, float], right: tuple[float, float]
) -> float:
    """Bisection, and where it is nearly straight the Illinois method (Dowell & Jarratt 1971): each look costs as much
    as there are buckets. `left` and `right`: where, and the value there, at least 0 and below 0."""
    (low, at_low), (high, at_high) = left, right
    was_low: bool | None = None
    while high - low > _PRECISION:
        straight = high - low < _STRAIGHT
        middle = low + (high - low) * at_low / (at_low - at_high) if straight else (low + high) / 2
        value = above(middle)
        if abs(value) < _PRECISION / 10:
            return middle
        is_low = value >= 0
        if is_low:
            low, at_low = middle, value
            at_high /= 2 if straight and was_low is is_low else 1
        else:
            high, at_high = middle, value
            at_low /= 2 if straight and was_low is is_low else 1
        was_low = is_low
    return (low + high) / 2


def _bracket(above: Callable[[float], float], guess: float) -> tuple[float, float]:
    step = 0.02
    while True:
        low, high = max(guess - step, -_LN_RATIO_MAX), min(guess + step, _LN_RATIO_MAX)
        if (above(low) >= 0 > above(high)) or high - low >= 2 * _LN_RATIO_MAX - 1e-12 or step > _LN_RATIO_MAX:
            return (low, high) if step <= _LN_RATIO_MAX else (-_LN_RATIO_MAX, _LN_RATIO_MAX)
        step *= 4


def band(bad: int, total: int, s: float) -> Interval:
    """The 90 % Jeffreys band of a crash rate, widened for crash loops. Descriptive: it promises nothing."""
    spread = inflation(s)
    bad = min(bad, total)
    a, b = 0.5 + bad / spread, 0.5 + (total - bad) / spread
    return Interval(
        0.0 if bad == 0 else beta_quantile(0.05, a, b), 1.0 if bad == total else beta_quantile(0.95, a, b)
    )


def beta_quantile(q: float, a: float, b: float) -> float:
    """The `q` quantile (0..1) of a Beta(a, b)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_cdf(middle, a, b) < q:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_cdf(x: float, a: float, b: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8), by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        for up in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 + up * d, 1 + up / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return result
