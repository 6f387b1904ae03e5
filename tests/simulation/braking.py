"""Turns towards what people pull for all apps at once, past every single rollout, and past the daemon itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.scenario import GOOGLE_PLAY
from tests.simulation.line import Does, LineAct
from tests.simulation.people import PlannedDirect, PlannedOrder
from tests.simulation.plan import Plan, is_month
from tests.simulation.turning import HOUR, Turn, as_long_as, troubled, well

_A_MINUTE = timedelta(minutes=1)
_RAISES = (CommandVerb.ADVANCE, CommandVerb.RESUME, CommandVerb.START, CommandVerb.COMPLETE)


def _not_a_month(plan: Plan) -> bool:
    return not is_month(plan.seed)


def _in_time(plan: Plan, at: timedelta) -> timedelta:
    return min(max(at, HOUR), troubled(plan) - _A_MINUTE)


def _for_every_app(plan: Plan, verb: CommandVerb, at: timedelta, by: str) -> list[PlannedOrder]:
    when = plan.scenario.start + _in_time(plan, at)
    return [
        PlannedOrder(
            when,
            Command(
                id=f"{plan.seed}-{verb.value}-all-{number}-{when:%H%M}",
                verb=verb,
                app=app.name,
                store=Store(app.store),
                actor=Actor(ActorKind.HUMAN, by),
                reason="stop everything",
                created_at=when,
                expires_at=None,
            ),
        )
        for number, app in enumerate(plan.scenario.apps)
    ]


def _with(plan: Plan, orders: list[PlannedOrder], *line: LineAct) -> Plan:
    ordered = tuple(sorted((*plan.orders, *orders), key=lambda order: order.at))
    return replace(plan, orders=ordered, line=tuple(sorted(line, key=lambda act: act.at)))


def _the_line_is_stopped(draw: Random, plan: Plan) -> Plan:
    """For some hours, or for good; people try to raise something all the same, or halt everything."""
    if draw.random() < 0.7:
        store = plan.scenario.apps[0].store
        plan = well(as_long_as(9 * HOUR if store == GOOGLE_PLAY else 30 * HOUR, plan), store, "quick")
    start, poll = plan.scenario.start, plan.scenario.poll
    at = _in_time(plan, timedelta(minutes=draw.randrange(60, int(troubled(plan) / _A_MINUTE))))
    lasts = draw.choice((HOUR / 2, 2 * poll, 5 * poll))
    over = start + _in_time(plan, at + lasts)
    how = draw.choice(("thawed", "thawed", "by itself", "for good", "torn", "twice"))
    line = [LineAct(start + at, Does.STOP, over if how == "by itself" else None)]
    if how in ("thawed", "twice"):
        line.append(LineAct(over, Does.THAW))
    if how == "twice":
        line.append(LineAct(over + _A_MINUTE, Does.STOP, over + HOUR))
    if how == "torn":
        line += [LineAct(start + at + lasts / 2, Does.SPOIL), LineAct(over, Does.TAKE_AWAY)]
    orders: list[PlannedOrder] = []
    if draw.random() < 0.4:
        orders += _for_every_app(plan, CommandVerb.HALT, at + lasts / 3, "ana")
    for _ in range(draw.choice((0, 1, 2))):
        orders += _for_every_app(plan, draw.choice(_RAISES), at + lasts * draw.random(), "kim")
    return _with(plan, orders, *line)


def _all_halted(draw: Random, plan: Plan) -> Plan:
    """halt --all, and later some of it goes on."""
    at = timedelta(minutes=draw.randrange(60, int(troubled(plan) / _A_MINUTE)))
    later = at + draw.choice((1, 3)) * plan.scenario.poll + 5 * _A_MINUTE
    resumed = _for_every_app(plan, CommandVerb.RESUME, later, "kim")[: draw.choice((0, 1))]
    return _with(plan, [*_for_every_app(plan, CommandVerb.HALT, at, "ana"), *resumed], *plan.line)


def _halted_directly(draw: Random, plan: Plan) -> Plan:
    """Nothing else answers: the daemon is dead, and in some stories its database as well. Later somebody resumes it, or
    nobody does."""
    app = plan.scenario.apps[0]
    if draw.random() < 0.7:
        plan = well(as_long_as(9 * HOUR if app.store == GOOGLE_PLAY else 30 * HOUR, plan), app.store, "quick")
    at = timedelta(minutes=draw.randrange(90, int(troubled(plan) / _A_MINUTE)))
    when = plan.scenario.start + _in_time(plan, at)
    every = plan.scenario.apps if draw.random() < 0.5 else (app,)
    direct = tuple(
        PlannedDirect(when, each.name, Store(each.store), ordered=draw.random() < 0.5) for each in every
    )
    later = at + draw.choice((1, 3)) * plan.scenario.poll + 5 * _A_MINUTE
    verbs = draw.choice(((), (CommandVerb.RESUME,), (CommandVerb.ADVANCE,), (CommandVerb.START,)))
    orders = [order for verb in verbs for order in _for_every_app(plan, verb, later, "ana")[:1]]
    return replace(_with(plan, orders, *plan.line), direct=(*plan.direct, *direct))


BRAKES = (
    Turn("the line is stopped", 0.05, _not_a_month, _the_line_is_stopped),
    Turn("halt --all", 0.02, _not_a_month, _all_halted),
    Turn("halt --direct", 0.05, _not_a_month, _halted_directly),
)
