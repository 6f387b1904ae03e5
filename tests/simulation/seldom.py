"""What comes together so seldom that a thousand stories may miss it: a few stories are turned towards it.

Each turn draws from a generator of its own, so that all the other draws of a seed stay as they are, and what else goes
wrong in the story goes on going wrong. Whether it is met is still the daemon's doing; what a campaign must have met
stands in blind.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store, Supersede
from stagedrollout.emulator.faults import Fault, kinds_of
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    Act,
    AppStory,
    LinkStory,
    Outage,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Submitted,
)
from tests.simulation.ambush import Ambush
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import MONTH_EVERY, Plan, SecondThoughts, is_month, plain
from tests.simulation.weather import services

HOUR = timedelta(hours=1)
_GOOD = 998_000
_MANY = 2_000_000
_KINDS_A_STORY = 8
_A_MINUTE = timedelta(minutes=1)
_NOBODY_COMES_BACK = timedelta(days=2)
_SLACK_IS_DOWN = timedelta(days=20)
_A_MONTH_OF_PAUSES = timedelta(days=34)
_LOST_AT_COMMIT = ("500", "500_after", "drop_after")


@dataclass(frozen=True, slots=True)
class Turn:
    """`chance`: of the stories that `fits` takes, how many are turned."""

    name: str
    chance: float
    fits: Callable[[Plan], bool]
    turned: Callable[[Random, Plan], Plan]


def drawn(seed: int) -> Plan:
    """The story that a seed tells."""
    return turned(plain(seed))


def turned(plan: Plan) -> Plan:
    """The story with everything seldom that was drawn for it."""
    for turn in TURNS:
        draw = Random(f"{plan.seed}/{turn.name}")
        if draw.random() < turn.chance and turn.fits(plan):
            plan = turn.turned(draw, plan)
    return plan


def _on(store: str) -> Callable[[Plan], bool]:
    return lambda plan: not is_month(plan.seed) and any(app.store == store for app in plan.scenario.apps)


def _on_app_store(plan: Plan) -> AppStory:
    return next(app for app in plan.scenario.apps if app.store == APP_STORE)


def _troubled(plan: Plan) -> timedelta:
    return plan.calm_from - plan.scenario.start


def _early(draw: Random, plan: Plan) -> timedelta:
    """Some minute of the first half, not before there is something to act on."""
    return timedelta(minutes=draw.randrange(60, max(61, int(_troubled(plan) / timedelta(minutes=2)))))


def _waiting(plan: Plan, *more: tuple[timedelta, Fault]) -> Plan:
    laid = (*plan.ambushes, *(Ambush(plan.scenario.start + at, fault) for at, fault in more))
    return replace(plan, ambushes=tuple(sorted(laid, key=lambda ambush: ambush.at)))


def _told(plan: Plan, *acts: PlannedAct) -> Plan:
    people = tuple(sorted((*plan.scenario.people, *acts), key=lambda planned: planned.at))
    return replace(plan, scenario=replace(plan.scenario, people=people))


def _ordered(plan: Plan, at: timedelta, verb: CommandVerb, app: AppStory, release: str = "") -> Plan:
    when = plan.scenario.start + min(at, _troubled(plan) - _A_MINUTE)
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


def _as_long_as(troubled: timedelta, plan: Plan) -> Plan:
    """At least: what follows the troubled time comes so much later."""
    more = max(troubled - _troubled(plan), timedelta(0))
    scenario = replace(plan.scenario, until=plan.scenario.until + more)
    rest_from = plan.rest_from + more if plan.rest_from else None
    return replace(plan, scenario=scenario, calm_from=plan.calm_from + more, rest_from=rest_from)


def _well(plan: Plan, store: str, policy: str) -> Plan:
    """The release is a good one, out early, and steered: so that there is something to send to the store. Nothing else
    befalls those requests, since of two faults in waiting the older one strikes."""
    apps = tuple(_with_a_good_release(app) if app.store == store else app for app in plan.scenario.apps)
    outages = tuple(outage for outage in plan.scenario.outages if outage.service != store)
    scenario = replace(
        plan.scenario, apps=apps, policy=policy, mode="act", on_new_release="adopt", outages=outages
    )
    faults = {service: kinds for service, kinds in plan.weather.faults.items() if service != store}
    ambushes = tuple(ambush for ambush in plan.ambushes if ambush.fault.service != store)
    return replace(plan, scenario=scenario, weather=replace(plan.weather, faults=faults), ambushes=ambushes)


def _with_a_good_release(app: AppStory) -> AppStory:
    first, candidate, *later = app.releases
    at = timedelta(minutes=30)
    good = replace(
        candidate,
        crash_free_ppm=_GOOD,
        onset=None,
        stars_onset=None,
        rolled_out=RolledOut(at, 10_000, HOUR) if app.store == GOOGLE_PLAY else None,
        submitted=Submitted(at, HOUR) if app.store == APP_STORE else None,
    )
    reviews = app.reviews_per_million_sessions * app.population / _MANY
    return replace(
        app, population=_MANY, reviews_per_million_sessions=reviews, releases=(first, good, *later)
    )


def _kinds_in_turn(draw: Random, plan: Plan) -> Plan:
    """Faults of whatever kind, each once, at whatever its service is asked for."""
    told = [
        draw.choice(services(tuple(app.store for app in plan.scenario.apps))) for _ in range(_KINDS_A_STORY)
    ]
    faults = (
        Fault(service, draw.choice(sorted(kinds_of(service))), detail="fatal_error") for service in told
    )
    return _waiting(plan, *((_early(draw, plan), fault) for fault in faults))


def _an_answer_lost_at_the_commit(draw: Random, plan: Plan) -> Plan:
    fault = Fault(GOOGLE_PLAY, draw.choice(_LOST_AT_COMMIT), "edits.commit", count=draw.choice((1, 1, 2)))
    return _waiting(_well(plan, GOOGLE_PLAY, "quick"), (HOUR, fault))


def _an_answer_lost_at_the_patch(draw: Random, plan: Plan) -> Plan:
    fault = Fault(APP_STORE, "drop_after", "phased.update", count=draw.choice((1, 1, 2)))
    return _waiting(_well(plan, APP_STORE, "quick"), (HOUR, fault))


def _somebody_acts_meanwhile(_: Random, plan: Plan) -> Plan:
    return replace(_well(plan, APP_STORE, "quick"), second_thoughts=SecondThoughts.MEANWHILE)


def _a_person_starts_a_draft(draw: Random, plan: Plan) -> Plan:
    """The team leaves it to the daemon's command line to bring it out."""
    well = _well(plan, GOOGLE_PLAY, "quick")
    app = next(app for app in well.scenario.apps if app.store == GOOGLE_PLAY)
    draft = replace(app, releases=(app.releases[0], replace(app.releases[1], rolled_out=None)))
    apps = tuple(draft if each is app else each for each in well.scenario.apps)
    drafted = replace(well, scenario=replace(well.scenario, apps=apps))
    return _ordered(drafted, _early(draw, plan), CommandVerb.START, app, "5.2.0")


def _two_days_at_once(draw: Random, plan: Plan) -> Plan:
    """Under Apple's own clock: it strikes at a look, whether Apple may step then or not."""
    jumps = Fault(APP_STORE, "day_jumps", count=draw.choice((1, 2, 3)))
    return _waiting(_well(plan, APP_STORE, "apples-clock"), (max(_early(draw, plan), 4 * HOUR), jumps))


def _apple_goes_through_all_days(draw: Random, plan: Plan) -> Plan:
    """Nobody brakes it, because the daemon only observes: one step after the other, and then a whole day."""
    steps = [
        ((4 + hours) * HOUR, Fault(APP_STORE, "steps_now", count=draw.choice((2, 3)))) for hours in range(4)
    ]
    long = _as_long_as(timedelta(hours=40), _well(plan, APP_STORE, "apples-clock"))
    return _waiting(replace(long, scenario=replace(long.scenario, mode="observe")), *steps)


def _an_order_that_comes_late(draw: Random, plan: Plan) -> Plan:
    return replace(_well(plan, APP_STORE, "quick"), second_thoughts=SecondThoughts.HALT)


def _a_halt_of_what_everybody_has(draw: Random, plan: Plan) -> Plan:
    app = _on_app_store(plan)
    at = max(_early(draw, plan), 6 * HOUR)
    at = min(at, _troubled(plan) - 2 * plan.scenario.poll)
    complete = PlannedAct(at, Act(app.name, "complete", store=APP_STORE))
    after = at + draw.choice((1, 2, 3)) * plan.scenario.poll + timedelta(minutes=5)
    return _ordered(_told(plan, complete), after, CommandVerb.HALT, app, "5.2.0")


def _a_person_decides_for_the_older(draw: Random, plan: Plan) -> Plan:
    """The newer one is approved and waits; somebody has the older one go on."""
    app = _with_a_good_release(_on_app_store(plan))
    newer = Submitted(timedelta(hours=draw.randrange(4, 8)) + app.processing, HOUR, "manual")
    releases = (*app.releases[:2], ReleaseStory("5.3.0", 5030, _GOOD, submitted=newer))
    old = _on_app_store(plan)
    apps = tuple(replace(app, releases=releases) if each is old else each for each in plan.scenario.apps)
    at = newer.at + newer.review + draw.choice((2, 3)) * plan.scenario.poll
    waits = replace(plan, scenario=replace(plan.scenario, apps=apps), supersede=Supersede.HOLD)
    return _ordered(waits, at, CommandVerb.RESUME, app, "5.2.0")


def _on_both(plan: Plan) -> bool:
    return _on(GOOGLE_PLAY)(plan) and _on(APP_STORE)(plan)


def _as_one(draw: Random, plan: Plan) -> Plan:
    """What is out on both stores is linked, so that the one waits for the other and halts with it."""
    link = LinkStory(draw.choice((GOOGLE_PLAY, APP_STORE)), draw.choice((20_000, 100_000, 200_000, 500_000)))
    apps = plan.scenario.apps
    stores = {name: {app.store for app in apps if app.name == name} for name in {app.name for app in apps}}
    linked = tuple(replace(app, link=link) if len(stores[app.name]) > 1 else app for app in apps)
    return replace(plan, scenario=replace(plan.scenario, apps=linked))


def _every_second_month(plan: Plan) -> bool:
    return is_month(plan.seed) and plan.seed // MONTH_EVERY % 2 == 1


def _nobody_comes_back(_: Random, plan: Plan) -> Plan:
    """Apple's days of pauses run out, and then it gives the release to everyone. For three of them Slack is down."""
    month = _as_long_as(_A_MONTH_OF_PAUSES, _well(plan, APP_STORE, plan.scenario.policy))
    app = _on_app_store(month)
    paused = PlannedAct(_NOBODY_COMES_BACK, Act(app.name, "pause", store=APP_STORE))
    others = {name: at for name, at in month.scenario.switches.items() if name != "pause_days_used_up"}
    heard = (outage for outage in month.scenario.outages if outage.service != "slack")
    outages = (*heard, Outage("slack", _SLACK_IS_DOWN, _SLACK_IS_DOWN + timedelta(days=3, hours=4), "down"))
    story = replace(month.scenario, people=(paused,), switches=others, outages=outages)
    return replace(month, scenario=story)


def _by_the_diary(_: Random, plan: Plan) -> Plan:
    """Holidays, an iCalendar, and other hours for larger shares."""
    return replace(plan, scenario=replace(plan.scenario, policy="diary"))


TURNS = (
    Turn("by the diary", 0.05, lambda plan: not is_month(plan.seed), _by_the_diary),
    Turn("kinds in turn", 0.05, lambda plan: not is_month(plan.seed), _kinds_in_turn),
    Turn("an answer lost at the commit", 0.1, _on(GOOGLE_PLAY), _an_answer_lost_at_the_commit),
    Turn("an answer lost at the patch", 0.02, _on(APP_STORE), _an_answer_lost_at_the_patch),
    Turn("somebody acts meanwhile", 0.03, _on(APP_STORE), _somebody_acts_meanwhile),
    Turn("a person starts a draft", 0.025, _on(GOOGLE_PLAY), _a_person_starts_a_draft),
    Turn("two days at once", 0.03, _on(APP_STORE), _two_days_at_once),
    Turn("Apple goes through all days", 0.025, _on(APP_STORE), _apple_goes_through_all_days),
    Turn("an order that comes late", 0.04, _on(APP_STORE), _an_order_that_comes_late),
    Turn("a halt of what everybody has", 0.015, _on(APP_STORE), _a_halt_of_what_everybody_has),
    Turn("a person decides for the older", 0.02, _on(APP_STORE), _a_person_decides_for_the_older),
    Turn("both stores as one", 0.4, _on_both, _as_one),
    Turn("nobody comes back", 1.0, _every_second_month, _nobody_comes_back),
)
