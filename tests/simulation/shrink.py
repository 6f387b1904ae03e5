"""What of a plan a failure needs: parts are taken away one after the other, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from stagedrollout.emulator.scenario import AppStory, Scenario
from tests.simulation.outcome import Outcome, outcome_of
from tests.simulation.pair import NAMES, Pair
from tests.simulation.plan import Plan, SecondThoughts

REPLAYS_MOST = 80

Judge = Callable[[Plan], Outcome]


@dataclass(frozen=True, slots=True)
class Part:
    """Something in a plan that it could do without: its name, and the plan without it."""

    name: str
    without: Plan


@dataclass(frozen=True, slots=True)
class Shrunk:
    """`needed`: the parts that are left, without any of which the seed does not fail so; `done`: all were tried."""

    plan: Plan
    check: str
    needed: tuple[str, ...]
    replays: int
    done: bool

    def words(self) -> str:
        left = "".join(f"\n  {name}" for name in self.needed) or " nothing: the story alone"
        more = "" if self.done else " (more could be taken away: this is as far as it was tried)"
        return f"{self.check} needs{more}:{left}"


def check_of(fault: str) -> str:
    """The word by which two failures are the same."""
    return fault.split(":", 1)[0]


def shrunk(plan: Plan, check: str, judge: Judge = outcome_of, most: int = REPLAYS_MOST) -> Shrunk:
    """Greedy, the big parts first, round after round until none can be spared; deterministic."""
    replays = 0
    spared = True
    while spared:
        spared, tried = False, set[str]()
        while (part := next((p for p in parts(plan) if p.name not in tried), None)) is not None:
            if replays >= most:
                return Shrunk(plan, check, tuple(p.name for p in fine(plan)), replays, done=False)
            replays += 1
            tried.add(part.name)
            if any(check_of(fault) == check for fault in judge(part.without).faults):
                plan, spared = part.without, True
    return Shrunk(plan, check, tuple(p.name for p in fine(plan)), replays, done=True)


def parts(plan: Plan) -> Iterator[Part]:
    """Everything that can be left out: whole groups of two or more first, then one by one."""
    yield from _groups(plan)
    yield from fine(plan)


def _groups(plan: Plan) -> Iterator[Part]:
    for number, side in enumerate(plan.pair.sides if plan.pair else ()):
        if plan.pair and len(side.troubles) > 1:
            without = plan.pair.but(number, troubles=())
            yield Part(f"{NAMES[number]}: all that befalls it", replace(plan, pair=without))
    weather, story = plan.weather, plan.scenario
    if sum(map(len, weather.faults.values())) > 1:
        yield Part("all faults now and then", replace(plan, weather=replace(weather, faults={}, chances={})))
    if len(plan.ambushes) > 1:
        half = len(plan.ambushes) // 2
        yield Part("all ambushes", replace(plan, ambushes=()))
        yield Part(f"the first {half} ambushes", replace(plan, ambushes=plan.ambushes[half:]))
        yield Part(f"all but {half} ambushes", replace(plan, ambushes=plan.ambushes[:half]))
    if len(plan.orders) > 1:
        yield Part("all orders", replace(plan, orders=()))
    for name, empty in (("outages", ()), ("people", ()), ("switches", {})):
        if len(getattr(story, name)) > 1:
            yield Part(f"all {name}", _told(plan, **{name: empty}))


def fine(plan: Plan) -> Iterator[Part]:
    yield from _of_the_machine(plan)
    yield from _of_the_weather(plan)
    yield from _of_the_people(plan)
    yield from _of_the_story(plan)


def _of_the_machine(plan: Plan) -> Iterator[Part]:
    if plan.pair:
        yield from _of_the_pair(plan, plan.pair)
    elif plan.points_per_life:
        yield Part(f"crashes, a life of {plan.points_per_life} points", replace(plan, points_per_life=0))
    for name in () if plan.pair else ("clock", "disk", "stops"):
        if wrong := getattr(plan, name):
            yield Part(f"{name} {wrong}", replace(plan, **{name: None}))
    if plan.weather.latency:
        still = replace(plan.weather, latency=timedelta(0))
        yield Part(f"latency of up to {plan.weather.latency}", replace(plan, weather=still))


def _of_the_pair(plan: Plan, pair: Pair) -> Iterator[Part]:
    if pair.fails_over:
        yield Part("the database fails over", replace(plan, pair=replace(pair, fails_over=None)))
    for number, (called, side) in enumerate(zip(NAMES, pair.sides, strict=True)):
        if side.points_per_life:
            without = pair.but(number, points_per_life=0)
            yield Part(
                f"{called}: crashes, a life of {side.points_per_life} points", replace(plan, pair=without)
            )
        for name in ("clock", "disk", "stops"):
            if wrong := getattr(side, name):
                without = pair.but(number, **{name: None})
                yield Part(f"{called}: {name} {wrong}", replace(plan, pair=without))
        for trouble in side.troubles:
            left = tuple(other for other in side.troubles if other is not trouble)
            yield Part(f"{called}: {trouble}", replace(plan, pair=pair.but(number, troubles=left)))


def _of_the_weather(plan: Plan) -> Iterator[Part]:
    weather = plan.weather
    for service, kinds in weather.faults.items():
        for kind in kinds:
            left = tuple(other for other in kinds if other != kind)
            faults = {**weather.faults, service: left} if left else _but(weather.faults, service)
            chances = weather.chances if left else _but(weather.chances, service)
            without = replace(weather, faults=faults, chances=chances)
            yield Part(f"fault {service} {' '.join(kind).strip()}", replace(plan, weather=without))
    for ambush in plan.ambushes:
        left_ = tuple(other for other in plan.ambushes if other is not ambush)
        yield Part(f"ambush {ambush}", replace(plan, ambushes=left_))
    for outage in plan.scenario.outages:
        name = f"outage {outage.service} {outage.kind} {outage.begins} to {outage.ends}"
        yield Part(name, _told(plan, outages=tuple(o for o in plan.scenario.outages if o is not outage)))
    for switch, position in plan.scenario.switches.items():
        yield Part(
            f"switch {switch} at {position}", _told(plan, switches=_but(plan.scenario.switches, switch))
        )


def _of_the_people(plan: Plan) -> Iterator[Part]:
    for planned in plan.scenario.people:
        name = f"console {planned.at} {planned.act.app} {planned.act.store} {planned.act.act}"
        yield Part(name, _told(plan, people=tuple(p for p in plan.scenario.people if p is not planned)))
    for order in plan.orders:
        name = f"order {order.at:%m-%d %H:%M} {order.command.verb} {order.command.app} {order.command.id}"
        yield Part(name, replace(plan, orders=tuple(o for o in plan.orders if o is not order)))
    if plan.second_thoughts is not SecondThoughts.NONE:
        name = f"second thoughts: {plan.second_thoughts}"
        yield Part(name, replace(plan, second_thoughts=SecondThoughts.NONE))


def _of_the_story(plan: Plan) -> Iterator[Part]:
    apps = plan.scenario.apps
    for app in apps[1:]:
        yield Part(f"the app {app.name} on {app.store}", _without_app(plan, app))
    for app in apps:
        for release in app.releases[1:]:
            bare = replace(release, onset=None, stars_onset=None)
            if bare != release:
                told = replace(app, releases=tuple(bare if r is release else r for r in app.releases))
                yield Part(f"{app.name} on {app.store} {release.version} turns bad", _with(plan, app, told))
        for release in app.releases[2:]:
            told = replace(app, releases=tuple(r for r in app.releases if r is not release))
            yield Part(f"{app.name} on {app.store} brings out {release.version}", _with(plan, app, told))


def _without_app(plan: Plan, app: AppStory) -> Plan:
    def ours(name: str, store: str) -> bool:
        return (name, store) == (app.name, app.store)

    without = _told(
        plan,
        apps=tuple(a for a in plan.scenario.apps if a is not app),
        people=tuple(p for p in plan.scenario.people if not ours(p.act.app, p.act.store)),
    )
    orders = tuple(o for o in plan.orders if not ours(o.command.app, o.command.store.value))
    return replace(without, orders=orders)


def _with(plan: Plan, app: AppStory, told: AppStory) -> Plan:
    return _told(plan, apps=tuple(told if a is app else a for a in plan.scenario.apps))


def _told(plan: Plan, **changed: object) -> Plan:
    scenario: Scenario = replace(plan.scenario, **changed)  # type: ignore[arg-type]
    return replace(plan, scenario=scenario)


def _but(those: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in those.items() if other != name}
