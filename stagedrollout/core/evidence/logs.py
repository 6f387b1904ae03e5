"""Sums of numbers that are only known by their logarithms. `-inf` is the logarithm of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, log1p

NOTHING = -inf


def log_add(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == NOTHING else a + log1p(exp(b - a))


def log_sum(terms: Sequence[float]) -> float:
    """ln of the sum of e^term. Needs at least one term."""
    top = max(terms)
    if top == NOTHING:
        return NOTHING
    total = 0.0
    for term in terms:
        total += exp(term - top)
    return top + log(total)
