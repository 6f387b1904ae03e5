"""What one bucket says for each alternative (decision-engine.md sections 3, 3.1 and 5).

The increments are logarithms. `tau2` is the squared relative noise of the ratio from hour to hour, `s` the mean
length of a crash loop. A bucket in which either arm is empty says nothing about the ratio.
"""

from __future__ import annotations

from functools import lru_cache
from math import log, log1p, sqrt

from stagedrollout.core.evidence.grid import (
    HARMFUL,
    HARMLESS,
    LN_HARMFUL,
    LN_HARMLESS,
    harmless_tempers,
    inflation,
    tempers,
)
from stagedrollout.core.ledger import Tally

SILENT = (0.0,) * len(HARMFUL)

_LESS_ONE = tuple(g - 1 for g in HARMFUL)
_SAFER = tuple((-ln_g, 1 / g - 1) for g, ln_g in zip(HARMLESS, LN_HARMLESS, strict=True))

_Alternatives = tuple[tuple[float, float, float], ...]
"""ln g, g - 1 and the temper of each."""

INCIDENT_FACTOR = 1.25
"""A baseline this much above its own past is on the way to an incident."""


def clamped(tally: Tally) -> Tally:
    """A candidate cannot have more crashed sessions than sessions: it counts as crashed whole."""
    return Tally(tally.n_c, tally.n_c, tally.n_b, tally.k_b) if tally.k_c > tally.n_c else tally


def two_sample(tally: Tally, rho0: float, g: float) -> float:
    """Untempered: the ratio is `g` times `rho0`, against it being `rho0`, given all crashes of the bucket.

    Lindon & Malek 2022; Turner, Ly & Grunwald 2024. The proof of validity stands in decision-engine.md section 3.
    """
    if not tally.n_c or not tally.n_b:
        return 0.0
    boundary = tally.n_c * rho0
    share = boundary / (boundary + tally.n_b)
    return tally.k_c * log(g) - (tally.k_c + tally.k_b) * log1p(share * (g - 1))


def one_sample(tally: Tally, floor: float, g: float) -> float:
    """Untempered: the candidate crashes in `g` times `floor` of its sessions, against `floor` (0..1)."""
    return tally.k_c * log(g) - tally.n_c * floor * (g - 1)


@lru_cache(maxsize=64)
def _alternatives(s: float) -> tuple[tuple[float, float, float], ...]:
    """ln g, g - 1 and 1 / eta for each of HARMFUL."""
    return tuple(zip(LN_HARMFUL, _LESS_ONE, tempers(s), strict=True))


@lru_cache(maxsize=64)
def _safer(s: float) -> tuple[tuple[float, float, float], ...]:
    """The same for each of HARMLESS, with 1 / g instead of g."""
    return tuple(
        (ln_g, less, temper) for (ln_g, less), temper in zip(_SAFER, harmless_tempers(s), strict=True)
    )


def of_ratio(tally: Tally, rho0: float, s: float, tau2: float) -> tuple[float, ...]:
    """Tempered two-sample increments, one for each of HARMFUL."""
    return _of_pair(tally, rho0, tau2, _alternatives(s))


def of_safety(tally: Tally, rho: float, s: float, tau2: float) -> tuple[float, ...]:
    """Tempered increments that the ratio is below `rho`, one for each of HARMLESS (section 5)."""
    return _of_pair(tally, rho, tau2, _safer(s))


def _of_pair(tally: Tally, rho: float, tau2: float, each: _Alternatives) -> tuple[float, ...]:
    """Both arms against the boundary `rho`; a bucket in which either is empty says nothing."""
    if not tally.n_c or not tally.n_b:
        return (0.0,) * len(each)
    boundary = tally.n_c * rho
    share = boundary / (boundary + tally.n_b)
    bad, total = tally.k_c, tally.k_c + tally.k_b
    noise = tau2 * total * share * (1 - share)
    return tuple(
        [(bad * ln_g - total * log1p(share * less_one)) / (temper + noise) for ln_g, less_one, temper in each]
    )


def of_floor(tally: Tally, floor: float, s: float, tau2: float) -> tuple[float, ...]:
    """Tempered one-sample increments, one for each of HARMFUL."""
    bad, tolerated = tally.k_c, tally.n_c * floor
    noise = tau2 * tolerated
    each = [
        (bad * ln_g - tolerated * less_one) / (temper + noise) for ln_g, less_one, temper in _alternatives(s)
    ]
    return tuple(each)


def off(baseline_total: int, baseline_bad: int, p_ref: float, s: float) -> bool:
    """Whether the baseline itself is off: an incident, not the release (the guard of section 5)."""
    usual = INCIDENT_FACTOR * p_ref * baseline_total
    return usual > 3 and baseline_bad > usual + 2 * sqrt(inflation(s) * usual)
