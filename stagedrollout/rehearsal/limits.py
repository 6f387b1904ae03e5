"""Quantiles and confidence limits of what was rehearsed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, inf, lgamma, log, log1p

CONFIDENCE = 0.95
_BISECTIONS = 60


def quantile(values: Sequence[float], q: float) -> float | None:
    """The smallest value that a share `q` (0..1) of all does not exceed; None without any, or if that is infinite."""
    if not values:
        return None
    found = sorted(values)[max(0, ceil(q * len(values)) - 1)]
    return None if found == inf else found


def at_most(hits: int, tries: int) -> float:
    """What the chance of a hit is at most (0..1), one-sided 95 %, exact (Clopper & Pearson 1934)."""
    if hits >= tries:
        return 1.0
    low, high = hits / tries, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _no_more_than(hits, tries, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _no_more_than(hits: int, tries: int, p: float) -> float:
    """The chance of so many hits or fewer, each of chance 0 < p < 1."""
    if p >= 1:
        return 0.0
    ways = lgamma(tries + 1)
    return sum(
        exp(ways - lgamma(k + 1) - lgamma(tries - k + 1) + k * log(p) + (tries - k) * log1p(-p))
        for k in range(hits + 1)
    )
