"""How long a regression takes to be seen, computed before anything runs (decision-engine.md section 7).

Hours are counted from the onset of the regression; sessions per hour may be fractions here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, log, log1p, sqrt

from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, WEIGHTS, eta, inflation
from stagedrollout.core.evidence.noise import TAU0
from stagedrollout.core.evidence.restarts import AT_STAGE, FIRST, late_share
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT

Z90 = 1.2816


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of traffic: candidate and baseline sessions."""

    candidate: float
    baseline: float


@dataclass(frozen=True, slots=True)
class World:
    """`p`: the baseline's crash rate; `ratio`: the candidate's to it; `s`: crashed sessions per crashed user."""

    p: float
    ratio: float
    rho0: float
    s: float
    tau0: float = TAU0


@dataclass(frozen=True, slots=True)
class Drift:
    """What an hour adds to the evidence for the alternative `g`: mean and variance."""

    g: float
    mu: float
    var: float


def drift(hour: Hour, world: World, g: float) -> Drift:
    """Per hour, for one alternative."""
    lc, lb = hour.candidate * world.p * world.ratio, hour.baseline * world.p
    boundary = hour.candidate * world.rho0
    if not hour.candidate or not hour.baseline:
        return Drift(g, 0.0, 0.0)
    th = boundary / (boundary + hour.baseline)
    d = log1p(th * (g - 1))
    power = 1 / (1 / eta(g, world.s) + world.tau0**2 * (lc + lb) * th * (1 - th))
    mu = power * (lc * log(g) - (lc + lb) * d)
    spread = power**2 * inflation(world.s) * (lc * (log(g) - d) ** 2 + lb * d**2)
    return Drift(g, mu, spread)


def safety(hour: Hour, world: World, rho: float, ratio: float, g: float) -> float:
    """What an hour adds on average to the evidence that the ratio is `rho` / `g`, and not `rho`, when it is `ratio`."""
    if not hour.candidate or not hour.baseline:
        return 0.0
    lc, lb = hour.candidate * world.p * ratio, hour.baseline * world.p
    boundary = hour.candidate * rho
    th = boundary / (boundary + hour.baseline)
    power = 1 / (1 / eta(g, world.s) + world.tau0**2 * (lc + lb) * th * (1 - th))
    return power * (-lc * log(g) - (lc + lb) * log1p(th * (1 / g - 1)))


def hurdle(g: float, weight: float, spent: float = FIRST) -> float:
    """How much evidence must gather: `weight` of the signal times what was `spent` on starting at the onset."""
    return LN_HALT - log(weight * spent * WEIGHTS[HARMFUL.index(g)])


def hurdle_late(g: float, weight: float, reserve: float, *, with_stage: bool) -> float:
    """The same for a regression that begins later, when `reserve` is left."""
    return hurdle(g, weight, reserve * (AT_STAGE if with_stage else late_share()))


def hours_to_see(each: Drift, b: float, z: float) -> float:
    """Hours of the same traffic after which it is seen with the chance that belongs to `z`; infinite if never."""
    if each.mu <= 0:
        return inf
    return ((z * sqrt(each.var) + sqrt(z * z * each.var + 4 * each.mu * b)) / (2 * each.mu)) ** 2


def best(hour: Hour, world: World, weight: float) -> Drift | None:
    """The alternative that sees it soonest (at 90 %); None where none ever does."""
    drifts = [drift(hour, world, g) for g in HARMFUL]
    able = [each for each in drifts if each.mu > 0]
    return min(able, key=lambda each: hours_to_see(each, hurdle(each.g, weight), Z90), default=None)


@dataclass(frozen=True, slots=True)
class Seen:
    """After how many hours of a schedule it is seen: half of the time, and nine times of ten. Infinite: not at all."""

    median: float
    p90: float
    g: float


def along(hours: Sequence[Hour], world: World, weight: float, spent: float = FIRST) -> Seen:
    """The same along a schedule, whose hours begin at the onset; it ends with the last of them."""
    found = Seen(inf, inf, HARMFUL[0])
    for g in HARMFUL:
        b = hurdle(g, weight, spent)
        drifts = [drift(hour, world, g) for hour in hours]
        p90 = _crossing(drifts, b, Z90)
        if p90 < found.p90 or (p90 == found.p90 == inf and _crossing(drifts, b, 0.0) < found.median):
            found = Seen(_crossing(drifts, b, 0.0), p90, g)
    return found


def crossing(hours: Sequence[Hour], world: World, g: float, b: float, z: float) -> float:
    """After how many of these hours the evidence for `g` is over the hurdle `b`; infinite if it never is."""
    return _crossing([drift(hour, world, g) for hour in hours], b, z)


def _crossing(drifts: Iterable[Drift], b: float, z: float) -> float:
    mu = var = 0.0
    for number, each in enumerate(drifts, start=1):
        mu, var = mu + each.mu, var + each.var
        if mu > 0 and b + z * sqrt(var) <= mu:
            return float(number)
    return inf


def information(hour: Hour, world: World) -> float:
    """What theory allows to be learned in an hour: nats (Wald 1945; Lorden 1971)."""
    lc, lb = hour.candidate * world.p * world.ratio, hour.baseline * world.p
    if lc <= 0 or lb <= 0:
        return 0.0
    th0 = hour.candidate * world.rho0 / (hour.candidate * world.rho0 + hour.baseline)
    th1 = lc / (lc + lb)
    return (lc + lb) * (th1 * log(th1 / th0) + (1 - th1) * log((1 - th1) / (1 - th0)))


def noisy_information(hour: Hour, world: World) -> float:
    """The same with crash loops and hourly noise: what no test can beat by much in this world."""
    lc, lb = hour.candidate * world.p * world.ratio, hour.baseline * world.p
    boundary = hour.candidate * world.rho0
    if boundary + hour.baseline <= 0:
        return 0.0
    th = boundary / (boundary + hour.baseline)
    return information(hour, world) / (inflation(world.s) + world.tau0**2 * (lc + lb) * th * (1 - th))


def sessions_at_best(hour: Hour, world: World) -> float:
    """Candidate sessions that the bound needs at this traffic; infinite where nothing can be learned."""
    nats = information(hour, world)
    return LN_HALT / nats * hour.candidate if nats > 0 else inf


def crashes_to_advance(rho: float, s: float) -> float:
    """Expected crashes at the baseline's rate that the candidate must have had to leave a stage that must rule out
    `rho`, when it is as good as the baseline (section 7)."""
    return inflation(s) * (LN_ADVANCE + log(len(HARMLESS))) / (rho - 1 - log(rho))
