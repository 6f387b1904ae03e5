"""How much the ratio of the arms varies from hour to hour beyond chance, learned from closed buckets.

`tau2` of decision-engine.md section 3.1. Only earlier buckets enter, so what a bucket is weighed with never depends
on the bucket itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from stagedrollout.core.evidence.grid import inflation
from stagedrollout.core.ledger import Tally

TAU0 = 0.15
"""Relative noise that is assumed before anything is known, worth `_PRIOR` buckets."""

TAU_MIN = 0.03
CRASHES_MIN = 10
"""Buckets with fewer crashes in either arm say nothing about noise."""

_PRIOR = 12


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known so far: `excess` beyond chance, over `pairs` of buckets; the last bucket's ratio and its
    variance by chance alone. `fixed`: a tau2 that was given, and learns nothing."""

    excess: float = 0.0
    pairs: int = 0
    last: tuple[float, float] | None = None
    fixed: float | None = None
    tau0: float = TAU0

    @property
    def tau2(self) -> float:
        """Squared relative noise; at least TAU_MIN squared unless it is fixed."""
        if self.fixed is not None:
            return self.fixed
        return max(TAU_MIN**2, (_PRIOR * self.tau0**2 + self.excess) / (_PRIOR + self.pairs))

    def after(self, tally: Tally, s: float) -> Noise:
        """What is known once this bucket is closed."""
        if self.fixed is not None or tally.k_c < CRASHES_MIN or tally.k_b < CRASHES_MIN:
            return self
        ratio = log(tally.k_c / tally.n_c) - log(tally.k_b / tally.n_b)
        variance = inflation(s) * (1 / tally.k_c + 1 / tally.k_b)
        if self.last is None:
            return Noise(self.excess, self.pairs, (ratio, variance), tau0=self.tau0)
        before, before_variance = self.last
        seen = ((ratio - before) ** 2 - variance - before_variance) / 2
        floor = -0.9 * _PRIOR * self.tau0**2
        excess = max(self.excess + max(seen, -(self.tau0**2)), floor)
        return Noise(excess, self.pairs + 1, (ratio, variance), tau0=self.tau0)
