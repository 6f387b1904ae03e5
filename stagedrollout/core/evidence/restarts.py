"""Late regressions: the evidence may begin at any bucket (decision-engine.md section 4).

A mixture over start times, Shiryaev-Roberts with a spending prior (Shin, Ramdas & Rinaldo 2024). What is not yet
spent is the reserve; opening a bucket spends some of it on starting there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, log
from operator import add

from stagedrollout.core.evidence.grid import HARMFUL, LN_WEIGHTS
from stagedrollout.core.evidence.logs import NOTHING, log_add, log_sum

FIRST = 0.5
AT_STAGE = 0.2
HOURS = 96
"""What is spent on the first bucket, on one in which a stage started, and the time constant of all others."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """`reserve` > 0; `log_a`: per alternative, the evidence of all starts so far."""

    reserve: float = 1.0
    log_a: tuple[float, ...] = (NOTHING,) * len(HARMFUL)

    def opened(self, spent: float) -> Mixture:
        """After a bucket was opened with the share `spent` of the reserve. The last of it is never spent."""
        mass = self.reserve * spent
        if not mass:
            return self
        ln_mass = log(mass)
        log_a = [log_add(a, w + ln_mass) for a, w in zip(self.log_a, LN_WEIGHTS, strict=True)]
        return Mixture(self.reserve - mass, tuple(log_a))

    def closed(self, increments: Sequence[float]) -> Mixture:
        """After the bucket that was opened last was counted."""
        return Mixture(self.reserve, tuple(map(add, self.log_a, increments)))

    @property
    def ln_e(self) -> float:
        return log_sum((*self.log_a, log(self.reserve)))


def share_spent(hours: float, *, first: bool, stage: bool) -> float:
    """Which share of the reserve a bucket that is `hours` wide spends when it is opened."""
    if first:
        return FIRST
    return AT_STAGE if stage else -expm1(-hours / HOURS)


def late_share() -> float:
    """What an ordinary hour spends."""
    return 1 - exp(-1 / HOURS)
