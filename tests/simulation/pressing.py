"""Turns towards what people press in Slack: who may and who may not, once and again, too late, and two at the same moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from stagedrollout.emulator.scenario import GOOGLE_PLAY, Onset
from tests.simulation.buttons import Forged, PlannedPress, Typed
from tests.simulation.drawing import some_hours
from tests.simulation.overriding import LISTED
from tests.simulation.plan import Plan, is_month
from tests.simulation.turning import HOUR, Turn, as_long_as, troubled, well

_MAY, _STRANGER = ("U0LEE", "U0ANA"), "U0EVE"
_LABELS = ("Halt", "Halt", "Hold", "Resume", "Resume", "Approve", "Acknowledge")
_TIMES = (1, 1, 1, 1, 2, 10)
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)
_LOOKED_BEFORE = (None, None, 2 * _SECOND, 20 * _MINUTE, 3 * HOUR, 6 * HOUR)
_AGES = (*(timedelta(0),) * 5, 4 * _MINUTE, 7 * _MINUTE, 70 * _MINUTE)
_BAD = 940_000
_IN_WORDS = ("Resume", "Approve")
_TYPED = (*(Typed.AT_ONCE,) * 6, *Typed)
_THINKS = (2 * _SECOND, 40 * _SECOND, 4 * _MINUTE, 13 * _MINUTE, 17 * _MINUTE)


def _not_a_month(plan: Plan) -> bool:
    return not is_month(plan.seed)


def _press(
    plan: Plan, at: timedelta, user: str, label: str, before: timedelta | None = None, **how: object
) -> PlannedPress:
    """`before`: how long before that its person looked at the channel."""
    start, last = plan.scenario.start, troubled(plan) - _MINUTE
    when = start + min(max(at, HOUR), last)
    seen_at = None if before is None else max(when - before, start)
    return replace(PlannedPress(when, user, label, seen_at), **how)  # type: ignore[arg-type]


def _with(plan: Plan, *presses: PlannedPress) -> Plan:
    draw = Random(f"{plan.seed}/typed/{len(plan.presses)}")
    every = (*plan.presses, *(_typed(draw, press) for press in presses))
    pressed = tuple(sorted(every, key=lambda press: press.at))
    return replace(plan, presses=pressed, listed=LISTED)


def _typed(draw: Random, press: PlannedPress) -> PlannedPress:
    """Drawn apart: what else happens in a story is the same whatever somebody types."""
    if press.label not in _IN_WORDS:
        return press
    return replace(press, typed=draw.choice(_TYPED), thinks=draw.choice(_THINKS))


def _whatever(draw: Random, plan: Plan) -> PlannedPress:
    return _press(
        plan,
        some_hours(draw, troubled(plan)),
        draw.choice((*_MAY, *_MAY, _STRANGER)),
        draw.choice(_LABELS),
        draw.choice(_LOOKED_BEFORE),
        times=draw.choice(_TIMES),
        age=draw.choice(_AGES),
        forged=draw.choice((*(Forged.NO,) * 12, *Forged)),
    )


def _people_press(draw: Random, plan: Plan) -> Plan:
    """Whatever the story is."""
    return _with(plan, *(_whatever(draw, plan) for _ in range(draw.choice((2, 4, 8)))))


def _good(plan: Plan, policy: str) -> Plan:
    store = plan.scenario.apps[0].store
    return well(as_long_as(9 * HOUR if store == GOOGLE_PLAY else 30 * HOUR, plan), store, policy)


def _clicks(draw: Random, plan: Plan) -> Plan:
    """Each button twice, by the same hand, and what that halted or held is let go on by one more."""
    plan = _good(plan, draw.choice(("quick", "by-hand")))
    first = draw.choice(("Halt", "Hold"))
    at, presses = 4 * HOUR + timedelta(minutes=draw.randrange(60)), []
    for label in (first, "Resume", first):
        user, late = draw.choice(_MAY), draw.choice((_SECOND / 2, _SECOND, 9 * _SECOND, 15 * _SECOND))
        presses += [
            _press(plan, at, user, label, _SECOND),
            _press(plan, at + late, user, label, _SECOND + late),
        ]
        at += plan.scenario.poll + timedelta(minutes=draw.randrange(5, 30))
    return _with(plan, *presses)


def _two_at_once(draw: Random, plan: Plan) -> Plan:
    """Two people look at the same message, and each presses another button within a second or a minute."""
    plan = _good(plan, draw.choice(("quick", "agreed", "by-hand")))
    at = 4 * HOUR + timedelta(minutes=draw.randrange(90))
    late = draw.choice((_SECOND / 4, _SECOND, 30 * _SECOND, 5 * _MINUTE))
    labels = draw.choice(
        (("Hold", "Halt"), ("Halt", "Hold"), ("Hold", "Hold"), ("Approve", "Hold"), ("Approve", "Approve"))
    )
    lets_go = draw.random() < 0.5
    more = [_press(plan, at + 2 * plan.scenario.poll, user, "Resume", _MINUTE) for user in _MAY if lets_go]
    both = [
        _press(plan, at + after, user, label, _SECOND + after)
        for user, label, after in zip(_MAY, labels, (timedelta(0), late), strict=True)
    ]
    return _with(plan, *both, *more)


def _approved_by_button(draw: Random, plan: Plan) -> Plan:
    plan = _good(plan, "agreed")
    every = max(plan.scenario.poll, HOUR)
    presses = [
        _press(plan, turn * every + timedelta(minutes=draw.randrange(40)), user, "Approve")
        for turn in range(2, int(troubled(plan) / every))
        for user in draw.sample((*_MAY, _STRANGER), draw.choice((1, 2, 3)))
    ]
    return _with(plan, *presses)


def _halted_and_answered(draw: Random, plan: Plan) -> Plan:
    """It turns bad, the daemon halts it, and people say that they have seen it, or let it go on all the same."""
    plan = _good(plan, draw.choice(("quick", "anxious")))
    at = 4 * HOUR
    app, *others = plan.scenario.apps
    first, candidate, *later = app.releases
    bad = replace(app, releases=(first, replace(candidate, onset=Onset(at, _BAD)), *later))
    plan = replace(plan, scenario=replace(plan.scenario, apps=(bad, *others)))
    steps = draw.choice((1, 2)) * plan.scenario.poll + 3 * HOUR
    labels = draw.choice(
        (("Acknowledge",), ("Acknowledge", "Acknowledge"), ("Acknowledge", "Resume"), ("Resume", "Halt"))
    )
    presses = [
        _press(
            plan,
            at + steps * number + timedelta(minutes=draw.randrange(40)),
            draw.choice(_MAY),
            label,
            _MINUTE,
        )
        for number, label in enumerate(labels, 1)
    ]
    return _with(plan, *presses)


PRESSES = (
    Turn("people press buttons", 0.05, _not_a_month, _people_press),
    Turn("each button twice", 0.02, _not_a_month, _clicks),
    Turn("two press at once", 0.03, _not_a_month, _two_at_once),
    Turn("approved by button", 0.02, _not_a_month, _approved_by_button),
    Turn("halted and answered by button", 0.05, _not_a_month, _halted_and_answered),
)
