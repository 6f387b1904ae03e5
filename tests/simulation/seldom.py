"""What comes together so seldom that a thousand stories may miss it: a few stories are turned towards it.

Each turn draws from a generator of its own, so that all the other draws of a seed stay as they are, and what else goes
wrong in the story goes on going wrong. Whether it is met is still the daemon's doing; what a campaign must have met
stands in blind.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import CommandVerb, Supersede
from stagedrollout.emulator.faults import Fault, kinds_of
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    Act,
    LinkStory,
    Outage,
    PlannedAct,
    ReleaseStory,
    Submitted,
)
from tests.simulation.alarming import ALARMS
from tests.simulation.braking import BRAKES
from tests.simulation.overriding import OVERRIDES
from tests.simulation.plan import MONTH_EVERY, Plan, SecondThoughts, is_month, plain
from tests.simulation.pressing import PRESSES
from tests.simulation.turning import (
    GOOD,
    HOUR,
    Turn,
    as_long_as,
    early,
    on,
    on_app_store,
    ordered,
    told,
    troubled,
    waiting,
    well,
    with_a_good_release,
)
from tests.simulation.weather import services

_KINDS_A_STORY = 8
_NOBODY_COMES_BACK = timedelta(days=2)
_SLACK_IS_DOWN = timedelta(days=20)
_A_MONTH_OF_PAUSES = timedelta(days=34)
_LOST_AT_COMMIT = ("500", "500_after", "drop_after")


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


def _kinds_in_turn(draw: Random, plan: Plan) -> Plan:
    """Faults of whatever kind, each once, at whatever its service is asked for."""
    told = [
        draw.choice(services(tuple(app.store for app in plan.scenario.apps))) for _ in range(_KINDS_A_STORY)
    ]
    faults = (
        Fault(service, draw.choice(sorted(kinds_of(service))), detail="fatal_error") for service in told
    )
    return waiting(plan, *((early(draw, plan), fault) for fault in faults))


def _an_answer_lost_at_the_commit(draw: Random, plan: Plan) -> Plan:
    fault = Fault(GOOGLE_PLAY, draw.choice(_LOST_AT_COMMIT), "edits.commit", count=draw.choice((1, 1, 2)))
    return waiting(well(plan, GOOGLE_PLAY, "quick"), (HOUR, fault))


def _an_answer_lost_at_the_patch(draw: Random, plan: Plan) -> Plan:
    fault = Fault(APP_STORE, "drop_after", "phased.update", count=draw.choice((1, 1, 2)))
    return waiting(well(plan, APP_STORE, "quick"), (HOUR, fault))


def _somebody_acts_meanwhile(_: Random, plan: Plan) -> Plan:
    return replace(well(plan, APP_STORE, "quick"), second_thoughts=SecondThoughts.MEANWHILE)


def _a_person_starts_a_draft(draw: Random, plan: Plan) -> Plan:
    """The team leaves it to the daemon's command line to bring it out."""
    good = well(plan, GOOGLE_PLAY, "quick")
    app = next(app for app in good.scenario.apps if app.store == GOOGLE_PLAY)
    draft = replace(app, releases=(app.releases[0], replace(app.releases[1], rolled_out=None)))
    apps = tuple(draft if each is app else each for each in good.scenario.apps)
    drafted = replace(good, scenario=replace(good.scenario, apps=apps))
    return ordered(drafted, early(draw, plan), CommandVerb.START, app, "5.2.0")


def _two_days_at_once(draw: Random, plan: Plan) -> Plan:
    """Under Apple's own clock: it strikes at a look, whether Apple may step then or not."""
    jumps = Fault(APP_STORE, "day_jumps", count=draw.choice((1, 2, 3)))
    return waiting(well(plan, APP_STORE, "apples-clock"), (max(early(draw, plan), 4 * HOUR), jumps))


def _apple_goes_through_all_days(draw: Random, plan: Plan) -> Plan:
    """Nobody brakes it, because the daemon only observes: one step after the other, and then a whole day."""
    steps = [
        ((4 + hours) * HOUR, Fault(APP_STORE, "steps_now", count=draw.choice((2, 3)))) for hours in range(4)
    ]
    long = as_long_as(timedelta(hours=40), well(plan, APP_STORE, "apples-clock"))
    return waiting(replace(long, scenario=replace(long.scenario, mode="observe")), *steps)


def _an_order_that_comes_late(draw: Random, plan: Plan) -> Plan:
    return replace(well(plan, APP_STORE, "quick"), second_thoughts=SecondThoughts.HALT)


def _a_halt_of_what_everybody_has(draw: Random, plan: Plan) -> Plan:
    app = on_app_store(plan)
    at = max(early(draw, plan), 6 * HOUR)
    at = min(at, troubled(plan) - 2 * plan.scenario.poll)
    complete = PlannedAct(at, Act(app.name, "complete", store=APP_STORE))
    after = at + draw.choice((1, 2, 3)) * plan.scenario.poll + timedelta(minutes=5)
    return ordered(told(plan, complete), after, CommandVerb.HALT, app, "5.2.0")


def _a_person_decides_for_the_older(draw: Random, plan: Plan) -> Plan:
    """The newer one is approved and waits; somebody has the older one go on."""
    app = with_a_good_release(on_app_store(plan))
    newer = Submitted(timedelta(hours=draw.randrange(4, 8)) + app.processing, HOUR, "manual")
    releases = (*app.releases[:2], ReleaseStory("5.3.0", 5030, GOOD, submitted=newer))
    old = on_app_store(plan)
    apps = tuple(replace(app, releases=releases) if each is old else each for each in plan.scenario.apps)
    at = newer.at + newer.review + draw.choice((2, 3)) * plan.scenario.poll
    waits = replace(plan, scenario=replace(plan.scenario, apps=apps), supersede=Supersede.HOLD)
    return ordered(waits, at, CommandVerb.RESUME, app, "5.2.0")


def _on_both(plan: Plan) -> bool:
    return on(GOOGLE_PLAY)(plan) and on(APP_STORE)(plan)


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
    month = as_long_as(_A_MONTH_OF_PAUSES, well(plan, APP_STORE, plan.scenario.policy))
    app = on_app_store(month)
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
    Turn("an answer lost at the commit", 0.1, on(GOOGLE_PLAY), _an_answer_lost_at_the_commit),
    Turn("an answer lost at the patch", 0.02, on(APP_STORE), _an_answer_lost_at_the_patch),
    Turn("somebody acts meanwhile", 0.03, on(APP_STORE), _somebody_acts_meanwhile),
    Turn("a person starts a draft", 0.025, on(GOOGLE_PLAY), _a_person_starts_a_draft),
    Turn("two days at once", 0.03, on(APP_STORE), _two_days_at_once),
    Turn("Apple goes through all days", 0.025, on(APP_STORE), _apple_goes_through_all_days),
    Turn("an order that comes late", 0.04, on(APP_STORE), _an_order_that_comes_late),
    Turn("a halt of what everybody has", 0.015, on(APP_STORE), _a_halt_of_what_everybody_has),
    Turn("a person decides for the older", 0.02, on(APP_STORE), _a_person_decides_for_the_older),
    Turn("both stores as one", 0.4, _on_both, _as_one),
    Turn("nobody comes back", 1.0, _every_second_month, _nobody_comes_back),
    *OVERRIDES,
    *PRESSES,
    *BRAKES,
    *ALARMS,
)
