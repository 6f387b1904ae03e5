"""What can be said before anything runs: the clock's schedule, the planning formulas, and the bound of theory.

The clock is core/plan.py on Google Play: each share at the earliest, where evidence never keeps anybody waiting; a step
that a person must take is taken as soon as it may be. Along it the formulas of decision-engine.md section 7 say how long
a regression takes to be seen, and how soon anything could see it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf

from stagedrollout.core.evidence import planning
from stagedrollout.core.evidence.grid import LOOPS_MIN
from stagedrollout.core.evidence.planning import Hour, Seen
from stagedrollout.core.evidence.restarts import AT_STAGE, FIRST, late_share
from stagedrollout.core.evidence.terms import LN_HALT, SignalId, Terms
from stagedrollout.core.ledger import Past
from stagedrollout.core.model import Store
from stagedrollout.core.plan import plan
from stagedrollout.core.policy import Completion, Policy
from stagedrollout.core.run_terms import terms_of
from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.books import LIVE, POLL
from stagedrollout.rehearsal.forecast import Forecast
from stagedrollout.rehearsal.traffic import Offer, Uptake
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World

_PAST_SESSIONS = 10**9
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """The schedule in polls since the release went live. `watched`: the last poll at which it is still looked at."""

    offers: tuple[Offer, ...]
    watched: int

    @property
    def completes(self) -> int | None:
        """When everyone is offered it; None where the policy ends below 100 %."""
        last = self.offers[-1]
        return last.poll if last.ppm == PPM_ALL else None

    def reaches(self, ppm: int) -> int | None:
        """When at least this share is offered it; None: never."""
        return next((offer.poll for offer in self.offers if offer.ppm >= ppm), None)


def clock(policy: Policy) -> Clock:
    """The schedule of a policy for a release that goes live on a Monday at 09:00 UTC."""
    everyone = policy.stages[-1].exposure_ppm == PPM_ALL
    made = plan(
        replace(policy, completion=Completion.AUTOMATIC) if everyone else policy, Store.GOOGLE_PLAY, LIVE
    )
    offers = tuple(Offer(-((LIVE - s.begins) // POLL), s.exposure_ppm) for s in made.steps if s.begins)
    return Clock(offers, offers[-1].poll + -(-policy.watch // POLL))


def traffic(schedule: Clock, world: World) -> tuple[Hour, ...]:
    """By poll: sessions of both arms in the quarter of an hour that begins there, for as long as it is watched."""
    found: list[Hour] = []
    offers = {offer.poll: offer for offer in schedule.offers}
    uptake = Uptake(Offer(0, 0))
    for poll in range(schedule.watched):
        if poll in offers:
            uptake = uptake.offered(offers[poll])
        found.append(uptake.quarter(poll, world))
    return tuple(found)


def usual_terms(policy: Policy, world: World) -> Terms | None:
    """The terms of a run whose past is exactly what it should be; None where the policy weighs no evidence."""
    if policy.evidence is None:
        return None
    crashed = round(_PAST_SESSIONS * world.crash_rate)
    return terms_of(
        policy.evidence,
        Past(_PAST_SESSIONS, crashed, round(crashed / max(LOOPS_MIN, world.loops))),
        reviewed=policy.ratings is not None,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """Hours from the onset until the regression is seen: half of the time, and nine times of ten; infinite: not while
    it is watched. `bound`: None where not even theory allows it."""

    seen: Seen
    bound: Bound | None


@dataclass(frozen=True, slots=True)
class Bound:
    """The first poll (from the onset) at which anything could have seen it, and the candidate's sessions from the
    onset until then; `plus_one`: until the poll after it."""

    polls: int
    sessions: float
    plus_one: float


def planned(policy: Policy, world: World, given: Clock | None = None) -> Planned | None:
    """By the formulas, along the schedule that is given, or the one that a release this bad gets (forecast.py); the
    bound along the clock. None where the policy weighs no evidence, or the schedule never gets to the onset."""
    terms, schedule = usual_terms(policy, world), given or clock(policy)
    onset = schedule.reaches(world.onset_ppm)
    if terms is None or onset is None:
        return None
    by_poll = traffic(schedule, world)[onset:]
    model, weight = planning_world(terms, world), terms.weight(SignalId.CRASHED_SESSIONS)
    spent = FIRST if onset == 0 else reserve_at(schedule, onset) * AT_STAGE
    if given is not None:
        seen = planning.along(_hourly(by_poll), model, weight, spent)
    else:
        seen = _forecast(Forecast(policy, world, model, weight, spent))
    return Planned(seen, bound(by_poll, model))


def _forecast(made: Forecast) -> Seen:
    """Along the schedule that so bad a release gets: the middle by the middle one, nine of ten by the slow one."""
    slow, middle = _since_onset(made, planning.Z90), _since_onset(made, 0.0)
    p90 = planning.along(slow, made.model, made.weight, made.spent)
    b = planning.hurdle(p90.g, made.weight, made.spent)
    return Seen(planning.crossing(middle, made.model, p90.g, b, 0.0), p90.p90, p90.g)


def _since_onset(made: Forecast, z: float) -> tuple[Hour, ...]:
    hours, offers = made.hours(z)
    onset = next((o.poll for o in offers if o.ppm >= made.world.onset_ppm), None)
    return hours[onset // POLLS_PER_HOUR :] if onset is not None else ()


def _hourly(by_poll: tuple[Hour, ...]) -> tuple[Hour, ...]:
    return tuple(
        _together(by_poll[n : n + POLLS_PER_HOUR])
        for n in range(0, len(by_poll) - POLLS_PER_HOUR + 1, POLLS_PER_HOUR)
    )


def planning_world(terms: Terms, world: World) -> planning.World:
    """The world as the formulas know it."""
    return planning.World(world.crash_rate, world.regression, terms.rho0, max(LOOPS_MIN, world.loops))


def _together(quarters: tuple[Hour, ...]) -> Hour:
    return Hour(sum(each.candidate for each in quarters), sum(each.baseline for each in quarters))


def bound(by_poll: tuple[Hour, ...], model: planning.World) -> Bound | None:
    """The noise-aware bound of section 7 along this traffic; None if it is not reached."""
    nats = sessions = 0.0
    for number, quarter in enumerate(by_poll, start=1):
        hour = Hour(quarter.candidate * POLLS_PER_HOUR, quarter.baseline * POLLS_PER_HOUR)
        nats += planning.noisy_information(hour, model) / POLLS_PER_HOUR
        sessions += quarter.candidate
        if nats >= LN_HALT:
            after = by_poll[number].candidate if number < len(by_poll) else quarter.candidate
            return Bound(number, sessions, sessions + after)
    return None


def reserve_at(schedule: Clock, onset: int) -> float:
    """What is left for regressions that begin at the onset, a stage of the clock."""
    stages = {offer.poll // POLLS_PER_HOUR for offer in schedule.offers}
    left = 1 - FIRST
    for hour in range(1, onset // POLLS_PER_HOUR):
        left *= 1 - (AT_STAGE if hour in stages else late_share())
    return left


def needed(policy: Policy, world: World) -> float:
    """The candidate's sessions that seeing the regression takes half of the time at the last stage's traffic; infinite
    if it is never seen there."""
    terms, schedule = usual_terms(policy, world), clock(policy)
    staged = [offer.ppm for offer in schedule.offers if offer.ppm < PPM_ALL]
    if terms is None or not staged:
        return inf
    share = staged[-1] / PPM_ALL
    hour = Hour(world.sessions_per_hour * share, world.sessions_per_hour * (1 - share))
    model, weight = planning_world(terms, world), terms.weight(SignalId.CRASHED_SESSIONS)
    best = planning.best(hour, model, weight)
    if best is None:
        return inf
    return planning.hours_to_see(best, planning.hurdle(best.g, weight), 0.0) * hour.candidate
