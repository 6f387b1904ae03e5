"""The evidence of a rehearsed rollout, gathered by the core's own steps, with a quick look between them.

`Gathering` keeps what is closed and computes what is open only where it can matter. A likelihood ratio is largest at
the rate that was observed, so for a bucket with k_c of k crashes in an arm that has the share th of what is tolerated

    increment(g) <= max over all g = k * KL(k_c / k || th)      (0 when k_c / k <= th)

and tempering only makes it smaller: by the largest eta at most, since 1/eta_g + tau2 V >= 1/max eta. Opening a bucket
moves mass and changes no sum. So ln E cannot be above ln E of the closed buckets plus that bound, and an evidence that
cannot have reached 10 : 1 need not be computed: nothing is decided below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf, log

from stagedrollout.core.evidence import course
from stagedrollout.core.evidence.course import Fold, Row, State, Yardstick
from stagedrollout.core.evidence.grid import tempers
from stagedrollout.core.evidence.terms import LN_HOLD, SignalId, Terms
from stagedrollout.core.evidence.weighing import yardstick
from stagedrollout.core.ledger import Tally

ROUNDING = 1e-6
"""Far more than what a few thousand roundings add up to."""


Most = Callable[[Tally], float]
"""What no alternative can gather more of from a bucket."""


@dataclass(slots=True)
class Gathering:
    """One signal: its closed rows, and the state before each and after all."""

    by: Yardstick
    most: Most
    rows: list[Row] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    def close(self, row: Row) -> None:
        """The bucket changes no more."""
        self.states.append(self._after(row))
        self.rows.append(row)

    def fold(self, opened: Row | None) -> Fold:
        """What core.evidence.course.fold gives for the closed rows and the open one."""
        if opened is None:
            return Fold(tuple(self.rows), tuple(self.states))
        return Fold((*self.rows, opened), (*self.states, self._after(opened)))

    def may_suspect(self, tally: Tally | None) -> bool:
        """Whether the evidence could be 10 : 1 or more with this in the open bucket. Quick, and never wrongly no."""
        closed = self.states[-1].ln_e
        return closed + (self.most(tally) if tally else 0.0) >= LN_HOLD - ROUNDING

    def ln_e(self, opened: Row | None) -> float:
        """The evidence with this open bucket."""
        return (self._after(opened) if opened else self.states[-1]).ln_e

    def _after(self, row: Row) -> State:
        return course.counted(self.states[-1], row, self.by, first=not self.rows)


def gathering(terms: Terms, signal: SignalId) -> Gathering | None:
    """None for a signal that is not computed from buckets, or not by these terms."""
    by = yardstick(terms, signal)
    if by is None:
        return None
    power = 1 / min(tempers(by.s))
    if signal is SignalId.FLOOR:
        most: Most = partial(_most_by_floor, terms.floor or 0.0, power)
    else:
        most = partial(_most_by_ratio, terms.rho0, power)
    return Gathering(by, most, [], [course.beginning(by)])


def _most_by_ratio(rho0: float, power: float, tally: Tally) -> float:
    """`power` is the largest eta."""
    tolerated = tally.n_c * rho0
    if tally.k_c * tally.n_b <= tally.k_b * tolerated or not tally.n_b:
        return 0.0
    return power * _apart(tally.k_c, tally.k_c + tally.k_b, tolerated / (tolerated + tally.n_b))


def _most_by_floor(floor: float, power: float, tally: Tally) -> float:
    return power * _above(tally.k_c, tally.n_c * floor)


def _apart(bad: int, total: int, share: float) -> float:
    """`total` times the divergence of bad / total from `share`; 0 where it is not above it."""
    if bad <= total * share:
        return 0.0
    rest = total - bad
    found = bad * log(bad / (total * share))
    return found + rest * log(rest / (total * (1 - share))) if rest else found


def _above(bad: int, tolerated: float) -> float:
    """The same of a count against what is tolerated."""
    if bad <= tolerated:
        return 0.0
    return bad * log(bad / tolerated) - bad + tolerated if tolerated > 0 else inf
