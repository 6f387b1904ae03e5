"""Turns towards what people order beside stopping it and letting it go on: approvals, two persons, rights, other policies.

Who orders something mostly looks first, and some of them take their time after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store, Via
from stagedrollout.core.people import Person, Right
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, AppStory
from tests.simulation.drawing import some_hours
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan, is_month
from tests.simulation.turning import HOUR, Turn, as_long_as, on, troubled, well

LISTED = (
    Person(name="Kim Ito", os_user="kim", groups=("qa", "release")),
    Person(name="Lee Park", os_user="lee", slack="U0LEE", groups=("qa",)),
    Person(name="Ana Lima", os_user="ana", slack="U0ANA", groups=("release",)),
    Person(name="Bo", os_user="bo", groups=("qa",), rights=(Right.APPROVE,)),
)
"""Whom the configuration names. Kim and Lee order what other stories draw; Bo may only approve."""

_CLI = tuple((person.os_user, Via.CLI) for person in LISTED)
_SLACK = tuple((person.slack, Via.SLACK) for person in LISTED if person.slack)
_STRANGER = ("eve", Via.CLI)
_POLICIES = (
    "quick",
    "by-hand",
    "office",
    "anxious",
    "apples-clock",
    "two-persons",
    "agreed",
    "no-such-policy",
)
_NEW = (
    CommandVerb.APPROVE, CommandVerb.REJECT, CommandVerb.SKIP_BAKE, CommandVerb.SKIP_BAKE, CommandVerb.IGNORE,
    CommandVerb.SET_POLICY, CommandVerb.SET_POLICY, CommandVerb.ADVANCE, CommandVerb.ADVANCE, CommandVerb.START,
    CommandVerb.RESUME,
)  # fmt: skip
_SHARES = (10_000, 20_000, 50_000, 100_000, 200_000, 1_000_000)
_LOOKED_BEFORE = (timedelta(0), timedelta(0), timedelta(minutes=3), timedelta(minutes=40), 3 * HOUR)

Account = tuple[str, Via]


def _not_a_month(plan: Plan) -> bool:
    return not is_month(plan.seed)


def _order(
    draw: Random, plan: Plan, at: timedelta, verb: CommandVerb, app: AppStory, by: Account, **terms: object
) -> PlannedOrder:
    """`looked`: how long before that its person looked, where the terms say it; else drawn, and some saw nothing."""
    at = min(max(at, HOUR), troubled(plan) - timedelta(minutes=1))
    when = plan.scenario.start + at
    before = terms.pop("looked", None) or (draw.choice(_LOOKED_BEFORE) if draw.random() < 0.8 else None)
    command = Command(
        id=f"{plan.seed}-{verb.value}-{draw.randrange(10**9)}",
        verb=verb,
        app=app.name,
        store=Store(app.store),
        actor=Actor(ActorKind.HUMAN, by[0]),
        reason="agreed upon",
        created_at=when,
        expires_at=None,
        via=by[1],
    )
    seen_at = max(when - before, plan.scenario.start) if isinstance(before, timedelta) else None
    return PlannedOrder(when, replace(command, **terms), seen_at)  # type: ignore[arg-type]


def _whatever(draw: Random, plan: Plan, verb: CommandVerb, by: Account) -> PlannedOrder:
    """Some order of that verb, at any time, of whatever goes on then."""
    terms: dict[str, object] = {}
    if verb is CommandVerb.SET_POLICY:
        terms["policy"] = draw.choice(_POLICIES)
    if verb in (CommandVerb.ADVANCE, CommandVerb.APPROVE) and draw.random() < 0.6:
        terms["to_ppm"] = draw.choice(_SHARES)
    if verb is CommandVerb.REJECT and draw.random() < 0.8:
        terms["hold_for"] = timedelta(hours=draw.randrange(1, 5))
    at = some_hours(draw, troubled(plan))
    return _order(draw, plan, at, verb, draw.choice(plan.scenario.apps), by, **terms)


def _with(plan: Plan, orders: Iterable[PlannedOrder]) -> Plan:
    return replace(plan, orders=tuple(sorted((*plan.orders, *orders), key=lambda order: order.at)))


def _app(plan: Plan) -> AppStory:
    return plan.scenario.apps[0]


def _people_override(draw: Random, plan: Plan) -> Plan:
    """Whatever the story is; in half of them rights are managed."""
    listed = draw.choice((LISTED, ()))
    orders = [
        _whatever(draw, plan, draw.choice(_NEW), draw.choice(_CLI)) for _ in range(draw.choice((1, 2, 4)))
    ]
    return replace(_with(plan, orders), listed=listed)


def _people_allow_a_stage(draw: Random, plan: Plan) -> Plan:
    """Each time some of those who must agree do, and now and then somebody says no, or does not wait for the others."""
    app = _app(plan)
    policy = "agreed-follow" if app.store == APP_STORE and draw.random() < 0.4 else "agreed"
    plan = _steered_by(draw, plan, app, policy)
    orders, every = [], max(2 * plan.scenario.poll, HOUR)
    for turn in range(1, int(troubled(plan) / every)):
        allowing = draw.sample((*_CLI, *_SLACK), draw.choice((0, 1, 2, 3)))
        at = [turn * every + timedelta(minutes=draw.randrange(30)) for _ in allowing]
        orders += [
            _order(draw, plan, when, CommandVerb.APPROVE, app, by)
            for when, by in zip(at, allowing, strict=True)
        ]
    others = draw.choice(((), (), (CommandVerb.ADVANCE,), (CommandVerb.REJECT, CommandVerb.RESUME)))
    orders += [_whatever(draw, plan, verb, draw.choice(_CLI)) for verb in others]
    return replace(_with(plan, orders), listed=LISTED)


def _steered_by(draw: Random, plan: Plan, app: AppStory, policy: str) -> Plan:
    """In most of them the release is a good one, so that there is a stage to be allowed."""
    if draw.random() < 0.7:
        return well(as_long_as(9 * HOUR if app.store == GOOGLE_PLAY else 40 * HOUR, plan), app.store, policy)
    return replace(plan, scenario=replace(plan.scenario, policy=policy))


def _two_complete(draw: Random, plan: Plan) -> Plan:
    """The first one's order is their word, and another one's acts; or the same person says it twice."""
    app = _app(plan)
    plan = _steered_by(draw, plan, app, "two-persons")
    at = max(6 * HOUR, troubled(plan) - 5 * plan.scenario.poll)
    second = draw.choice((("lee", Via.CLI), ("lee", Via.CLI), ("kim", Via.CLI), ("U0ANA", Via.SLACK)))
    gap = draw.choice((timedelta(0), plan.scenario.poll, 3 * plan.scenario.poll))
    orders = [
        _order(
            draw,
            plan,
            when,
            CommandVerb.COMPLETE,
            app,
            by,
            without_evidence=True,
            looked=timedelta(minutes=1),
        )
        for when, by in ((at, ("kim", Via.CLI)), (at + gap + timedelta(minutes=5), second))
    ]
    return replace(_with(plan, orders), listed=LISTED)


def _one_order(verb: CommandVerb, **terms: object) -> Callable[[Random, Plan], Plan]:
    """Of a good release that is out, some time after it went live."""

    def turned(draw: Random, plan: Plan) -> Plan:
        app = _app(plan)
        plan = well(plan, app.store, "quick")
        at = 2 * HOUR + timedelta(minutes=draw.randrange(5, 50))
        return _with(
            plan, [_order(draw, plan, at, verb, app, ("lee", Via.CLI), looked=timedelta(minutes=1), **terms)]
        )

    return turned


def _another_policy(draw: Random, plan: Plan) -> Plan:
    return _one_order(CommandVerb.SET_POLICY, policy=draw.choice(_POLICIES[1:-1]))(draw, plan)


def _left_alone(draw: Random, plan: Plan) -> Plan:
    """And in some stories taken up again."""
    plan = _one_order(CommandVerb.IGNORE)(draw, plan)
    again = draw.choice(((), (CommandVerb.START,), (CommandVerb.HALT, CommandVerb.RESUME)))
    app, poll = _app(plan), plan.scenario.poll
    later = [
        _order(
            draw,
            plan,
            5 * HOUR + (2 * number + 2) * poll,
            verb,
            app,
            ("kim", Via.CLI),
            looked=timedelta(minutes=1),
        )
        for number, verb in enumerate(again)
    ]
    return _with(plan, later)


def _two_at_once(draw: Random, plan: Plan) -> Plan:
    """Both look, both say advance within a second or some minutes."""
    app = _app(plan)
    plan = well(plan, app.store, draw.choice(("quick", "agreed")))
    at = 3 * HOUR + timedelta(minutes=draw.randrange(90))
    late = draw.choice((timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=10)))
    share = draw.choice((None, None, 20_000, 50_000))
    orders = [
        _order(
            draw,
            plan,
            at + after,
            CommandVerb.ADVANCE,
            app,
            by,
            looked=after + timedelta(seconds=1),
            to_ppm=share,
        )
        for after, by in ((timedelta(0), ("kim", Via.CLI)), (late, ("lee", Via.CLI)))
    ]
    return _with(plan, orders)


def _a_stranger_orders(draw: Random, plan: Plan) -> Plan:
    """Who is not listed, who has not the right, and who writes from an account that is nobody's there."""
    tries = (_STRANGER, _STRANGER, ("bo", Via.CLI), ("U0LEE", Via.CLI), ("lee", Via.SLACK))
    verbs = (*CommandVerb, CommandVerb.ADVANCE, CommandVerb.COMPLETE, CommandVerb.RESUME)
    orders = [
        _whatever(draw, plan, draw.choice(verbs), draw.choice(tries)) for _ in range(draw.choice((2, 3, 5)))
    ]
    return replace(_with(plan, orders), listed=LISTED)


OVERRIDES = (
    Turn("people override", 0.08, _not_a_month, _people_override),
    Turn("people allow a stage", 0.05, _not_a_month, _people_allow_a_stage),
    Turn("two complete it", 0.03, _not_a_month, _two_complete),
    Turn("a bake is skipped", 0.02, _not_a_month, _one_order(CommandVerb.SKIP_BAKE)),
    Turn("another policy", 0.03, _not_a_month, _another_policy),
    Turn("left alone", 0.03, _not_a_month, _left_alone),
    Turn("two people at once", 0.03, on(GOOGLE_PLAY), _two_at_once),
    Turn("a stranger orders", 0.05, _not_a_month, _a_stranger_orders),
)
