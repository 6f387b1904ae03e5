"""How a drawn story is turned towards something: what all turns have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    PlannedAct,
    RolledOut,
    Submitted,
)
from tests.simulation.ambush import Ambush
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan, is_month

HOUR = timedelta(hours=1)
GOOD = 998_000
_MANY = 2_000_000
_A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """`chance`: of the stories that `fits` takes, how many are turned."""

    name: str
    chance: float
    fits: Callable[[Plan], bool]
    turned: Callable[[Random, Plan], Plan]


def on(store: str) -> Callable[[Plan], bool]:
    return lambda plan: not is_month(plan.seed) and any(app.store == store for app in plan.scenario.apps)


def on_app_store(plan: Plan) -> AppStory:
    return next(app for app in plan.scenario.apps if app.store == APP_STORE)


def troubled(plan: Plan) -> timedelta:
    return plan.calm_from - plan.scenario.start


def early(draw: Random, plan: Plan) -> timedelta:
    """Some minute of the first half, not before there is something to act on."""
    return timedelta(minutes=draw.randrange(60, max(61, int(troubled(plan) / timedelta(minutes=2)))))


def waiting(plan: Plan, *more: tuple[timedelta, Fault]) -> Plan:
    laid = (*plan.ambushes, *(Ambush(plan.scenario.start + at, fault) for at, fault in more))
    return replace(plan, ambushes=tuple(sorted(laid, key=lambda ambush: ambush.at)))


def told(plan: Plan, *acts: PlannedAct) -> Plan:
    people = tuple(sorted((*plan.scenario.people, *acts), key=lambda planned: planned.at))
    return replace(plan, scenario=replace(plan.scenario, people=people))


def ordered(plan: Plan, at: timedelta, verb: CommandVerb, app: AppStory, release: str = "") -> Plan:
    when = plan.scenario.start + min(at, troubled(plan) - _A_MINUTE)
    command = Command(
        id=f"{plan.seed}-{verb.value}-seldom",
        verb=verb,
        app=app.name,
        store=Store(app.store),
        actor=Actor(ActorKind.HUMAN, "lee"),
        reason="decided",
        created_at=when,
        expires_at=None,
        release=release,
    )
    orders = (*plan.orders, PlannedOrder(when, command))
    return replace(plan, orders=tuple(sorted(orders, key=lambda order: order.at)))


def as_long_as(least: timedelta, plan: Plan) -> Plan:
    """At least: what follows the troubled time comes so much later."""
    more = max(least - troubled(plan), timedelta(0))
    scenario = replace(plan.scenario, until=plan.scenario.until + more)
    rest_from = plan.rest_from + more if plan.rest_from else None
    return replace(plan, scenario=scenario, calm_from=plan.calm_from + more, rest_from=rest_from)


def well(plan: Plan, store: str, policy: str) -> Plan:
    """The release is a good one, out early, and steered: so that there is something to send to the store. Nothing else
    befalls those requests, since of two faults in waiting the older one strikes."""
    apps = tuple(with_a_good_release(app) if app.store == store else app for app in plan.scenario.apps)
    outages = tuple(outage for outage in plan.scenario.outages if outage.service != store)
    scenario = replace(
        plan.scenario, apps=apps, policy=policy, mode="act", on_new_release="adopt", outages=outages
    )
    faults = {service: kinds for service, kinds in plan.weather.faults.items() if service != store}
    ambushes = tuple(ambush for ambush in plan.ambushes if ambush.fault.service != store)
    return replace(plan, scenario=scenario, weather=replace(plan.weather, faults=faults), ambushes=ambushes)


def with_a_good_release(app: AppStory) -> AppStory:
    first, candidate, *later = app.releases
    at = timedelta(minutes=30)
    good = replace(
        candidate,
        crash_free_ppm=GOOD,
        onset=None,
        stars_onset=None,
        rolled_out=RolledOut(at, 10_000, HOUR) if app.store == GOOGLE_PLAY else None,
        submitted=Submitted(at, HOUR) if app.store == APP_STORE else None,
    )
    reviews = app.reviews_per_million_sessions * app.population / _MANY
    return replace(
        app, population=_MANY, reviews_per_million_sessions=reviews, releases=(first, good, *later)
    )
