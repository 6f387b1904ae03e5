"""The schedule that a release gets which is this bad: it lags the clock, because evidence keeps it waiting.

Two things keep it. Suspicion: from 10 : 1 on nothing is raised any more. And lack of proof: a stage is left when what it
must rule out is ruled out at 10 : 1, or after its longest bake by the policy's choice (a person who is asked advances it),
and not before its sample was seen.
Both are followed hour by hour by the formulas of decision-engine.md section 7; `z` is how slowly evidence gathers: 0 for
the middle of all rollouts, 1.2816 for the tenth that takes longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import sqrt

from stagedrollout.core.evidence import planning
from stagedrollout.core.evidence.course import rho_advance
from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, LN_QUARTER
from stagedrollout.core.evidence.planning import Hour
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, LN_HOLD
from stagedrollout.core.model import Store
from stagedrollout.core.policy import Policy
from stagedrollout.core.schedule import window
from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.books import LIVE
from stagedrollout.rehearsal.traffic import Offer, Uptake
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World

HOUR = timedelta(hours=1)
HOURS_MAX = 60 * 24
"""A rollout is followed no longer, as in the simulation."""


@dataclass(slots=True)
class _Sums:
    """Mean and variance of the evidence gathered so far, for each alternative."""

    mu: list[float] = field(default_factory=lambda: [0.0] * len(HARMFUL))
    var: list[float] = field(default_factory=lambda: [0.0] * len(HARMFUL))

    def add(self, hour: Hour, model: planning.World) -> None:
        for place, g in enumerate(HARMFUL):
            each = planning.drift(hour, model, g)
            self.mu[place] += each.mu
            self.var[place] += each.var

    def suspects(self, weight: float, spent: float, z: float) -> bool:
        """Whether evidence of 10 : 1 is there by now."""
        return any(
            planning.hurdle(g, weight, spent) - (LN_HALT - LN_HOLD) + z * sqrt(var) <= mu
            for g, mu, var in zip(HARMFUL, self.mu, self.var, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """A policy and a world as the formulas know them; `weight` of the first signal; what the start of the regression
    `spent` of its reserve."""

    policy: Policy
    world: World
    model: planning.World
    weight: float
    spent: float

    def hours(self, z: float) -> tuple[tuple[Hour, ...], tuple[Offer, ...]]:
        """Traffic by the hour since the release went live, and the raises, in polls."""
        offers = [Offer(0, self.policy.stages[0].exposure_ppm)]
        told = tuple(self._walk(z, offers))  # which adds the raises to the offers
        return told, tuple(offers)

    def _walk(self, z: float, offers: list[Offer]) -> Iterator[Hour]:
        harm, safety, uptake = _Sums(), _Safety(), Uptake(offers[0])
        suspected, watched, sample = False, HOURS_MAX, 0.0
        for number in range(HOURS_MAX):
            if number > watched:
                return
            upcoming = None if suspected else self._raised(number, offers[-1], safety, sample)
            if upcoming is not None:
                offers.append(Offer(number * POLLS_PER_HOUR, upcoming))
                uptake, safety, sample = uptake.offered(offers[-1]), _Safety(), 0.0
                watched = number + self.policy.watch // HOUR if upcoming == PPM_ALL else watched
            hour = uptake.hour(number, self.world)
            sample += hour.candidate
            worse = offers[-1].ppm >= self.world.onset_ppm
            if worse:
                harm.add(hour, self.model)
                suspected = suspected or harm.suspects(self.weight, self.spent, z)
            safety.add(hour, self.model, rho_advance(offers[-1].ppm), self.model.ratio if worse else 1.0)
            yield hour

    def _raised(self, number: int, last: Offer, safety: _Safety, sample: float) -> int | None:
        """To what it is raised in this hour; None while it stays. `sample`: sessions seen at this stage."""
        upcoming = self.policy.next_share(Store.GOOGLE_PLAY, last.ppm)
        stay = self.policy.stay_at(Store.GOOGLE_PLAY, last.ppm)
        lasted = (number - last.poll // POLLS_PER_HOUR) * HOUR
        if upcoming is None or last.ppm == PPM_ALL or lasted < stay.bake or sample < stay.min_sample:
            return None
        if not safety.clears and lasted < stay.max_bake:
            return None
        return (
            upcoming if window(self.policy.calendar.for_share(upcoming), LIVE + number * HOUR).open else None
        )


@dataclass(slots=True)
class _Safety:
    """The middle of the evidence that the stage is safe, for each alternative; the youngest hour has not settled."""

    mu: list[float] = field(default_factory=lambda: [LN_QUARTER] * len(HARMLESS))
    youngest: list[float] = field(default_factory=lambda: [0.0] * len(HARMLESS))

    def add(self, hour: Hour, model: planning.World, rho: float, ratio: float) -> None:
        self.mu = [a + b for a, b in zip(self.mu, self.youngest, strict=True)]
        self.youngest = [planning.safety(hour, model, rho, ratio, g) for g in HARMLESS]

    @property
    def clears(self) -> bool:
        return max(self.mu) >= LN_ADVANCE
