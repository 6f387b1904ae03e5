"""What stars say, as a bet against "no worse than before" (decision-engine.md section 3.2).

Waudby-Smith & Ramdas 2024. The bets depend on no review, so the order of the reviews does not matter and counts
are enough. No restarts: one review per account.
"""

from __future__ import annotations

from math import log, log1p, sqrt

from stagedrollout.core.evidence.logs import log_sum
from stagedrollout.core.observation import Stars

BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
DROP = 0.3
"""Stars that the mean may lose."""

BASELINE_MIN = 30
"""From so many baseline reviews on there is something to compare with."""

BASELINE_PLENTY = 200
_Z = 1.6449
"""One-sided 95 %: with fewer baseline reviews than plenty their mean is taken for what it is at least."""


def mu_base(baseline: Stars) -> float | None:
    """The mean to compare with, in stars (1..5); its lower confidence limit while reviews are few. None: too few."""
    if baseline.total < BASELINE_MIN:
        return None
    mean = baseline.given / baseline.total
    if baseline.total >= BASELINE_PLENTY:
        return mean
    squares = sum(stars * stars * count for stars, count in enumerate(baseline.counts, start=1))
    variance = max(squares / baseline.total - mean * mean, 0.0)
    return max(1.0, mean - _Z * sqrt(variance / baseline.total))


def boundary(base: float, drop: float = DROP) -> float:
    """`x0`: the largest mean of (5 - stars) / 4 that is tolerated, above 0 and at most 1."""
    return min(1.0, (5 - (base - drop)) / 4)


def ln_e(stars: Stars, base: float, drop: float = DROP) -> float:
    """Evidence that the mean is more than `drop` stars below `base`, a mean in stars (1..5)."""
    x0 = boundary(base, drop)
    wealth = [
        sum(
            count * log1p(bet / x0 * ((5 - given) / 4 - x0))
            for given, count in enumerate(stars.counts, start=1)
        )
        for bet in BETS
    ]
    return log_sum(wealth) - log(len(BETS))
