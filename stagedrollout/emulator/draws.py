"""Random numbers that depend on nothing but their name: the same name always draws the same.

No state is carried from draw to draw, so that asking in another order changes nothing.
"""

from __future__ import annotations

import math
import random

_FEW = 30.0


def source(*name: object) -> random.Random:
    """A generator for one place in the world, for example ("7", "acme", 5020, hour)."""
    return random.Random("/".join(str(part) for part in name))  # noqa: S311 - a simulation, no secret


def poisson(draw: random.Random, mean: float) -> int:
    """How many of many rare things happened."""
    if mean <= 0:
        return 0
    if mean >= _FEW:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


def binomial(draw: random.Random, trials: int, chance: float) -> int:
    """How many of `trials` came true; 0..trials."""
    if trials <= 0 or chance <= 0:
        return 0
    if chance >= 1:
        return trials
    if trials <= 64:
        drawn = draw.random
        return sum([drawn() < chance for _ in range(trials)])
    if trials * min(chance, 1 - chance) < _FEW:
        rare = min(trials, poisson(draw, trials * min(chance, 1 - chance)))
        return rare if chance <= 0.5 else trials - rare
    spread = math.sqrt(trials * chance * (1 - chance))
    return min(trials, max(0, round(draw.gauss(trials * chance, spread))))
