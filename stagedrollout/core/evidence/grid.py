"""The alternatives that evidence is gathered for, and how far crash loops temper each of them.

decision-engine.md sections 3 and 3.1. `g` is a multiple of the boundary of what is tolerated.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log

HARMFUL = (1.15, 1.35, 1.65, 2.2, 3.2, 5.0, 10.0, 30.0)
WEIGHTS = (0.16, 0.16, 0.16, 0.16, 0.12, 0.10, 0.08, 0.06)
"""How much worse than tolerated, and the prior weight of each."""

HARMLESS = (1.25, 1.7, 2.6, 6.0)
"""So many times better than what a stage must rule out; each weighs a quarter."""

LN_HARMFUL = tuple(log(g) for g in HARMFUL)
LN_WEIGHTS = tuple(log(w) for w in WEIGHTS)
LN_HARMLESS = tuple(log(g) for g in HARMLESS)
LN_QUARTER = log(0.25)

LOOPS_MIN = 1.1
LOOPS_MAX = 5.0
LOOPS_UNKNOWN = 2.0
"""Crashed sessions per crashed user: never taken for less, nor for more (then most sessions tell no user, and no loop of
the world is that long), and what is assumed where nobody knows."""

_BISECTIONS = 80


def loops(crashed: int, crashed_users: int | None) -> float:
    """Crashed sessions per crashed user, `s` in decision-engine.md section 3.1."""
    if not crashed_users or not crashed:
        return LOOPS_UNKNOWN
    return min(max(LOOPS_MIN, crashed / crashed_users), LOOPS_MAX)


def inflation(s: float) -> float:
    """By how much loops of mean `s` widen the variance of a count of crashes."""
    return 2 * s - 1


@lru_cache(maxsize=512)
def eta(g: float, s: float) -> float:
    """The largest power in [0, 1] with which evidence for `g` stays honest when crashes come in loops.

    The largest eta with E[g^(eta S)] - 1 <= eta s (g - 1) for loops of geometric length S with mean s >= 1.
    """
    low, high = 0.0, 1.0
    if _honest(1.0, g, s):
        return 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _honest(middle, g, s):
            low = middle
        else:
            high = middle
    return low


def _honest(power: float, g: float, s: float) -> bool:
    x = exp(power * log(g))
    rest = 1 - x * (1 - 1 / s)
    return rest > 0 and (x / s) / rest - 1 <= power * s * (g - 1)


@lru_cache(maxsize=64)
def tempers(s: float) -> tuple[float, ...]:
    """1 / eta for each of HARMFUL."""
    return tuple(1 / eta(g, s) for g in HARMFUL)


@lru_cache(maxsize=64)
def harmless_tempers(s: float) -> tuple[float, ...]:
    """1 / eta for each of HARMLESS."""
    return tuple(1 / eta(g, s) for g in HARMLESS)
