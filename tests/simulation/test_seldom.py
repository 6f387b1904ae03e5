"""What is seldom is met where a story is turned towards it, and all other stories stay as they were drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from tests.simulation.outcome import outcome_of
from tests.simulation.plan import MONTH_EVERY, Plan, SecondThoughts, plain
from tests.simulation.seldom import TURNS, Turn, drawn
from tests.simulation.weather import Weather

LEADS_TO = {
    "by the diary": "because: freeze",
    "kinds in turn": "fault: ",
    "an answer lost at the commit": "at commit",
    "an answer lost at the patch": "fault: app_store drop_after at patch",
    "somebody acts meanwhile": "app_store console: in the middle of a pass",
    "a person starts a draft": "sent: start for START",
    "two days at once": "apple: two days at once",
    "Apple goes through all days": "apple: ACTIVE to COMPLETE",
    "an order that comes late": "app_store fact: overtaken",
    "a halt of what everybody has": "order: halt refused on COMPLETE",
    "a person decides for the older": "app_store fact: set_aside",
    "both stores as one": "fact: linked",
    "nobody comes back": "apple: PAUSED to COMPLETE",
    "people override": "order: ",
    "people allow a stage": "order: approve accepted",
    "two complete it": "order: waits for a second person",
    "a bake is skipped": "fact: bake_skipped",
    "another policy": "fact: policy_set",
    "left alone": "fact: left_alone",
    "two people at once": "order: refused as stale",
    "a stranger orders": "order: refused, nobody listed",
    "the line is stopped": "because: line_stopped",
    "halt --all": "order: halt accepted",
    "halt --direct": "crash: daemon: killed",
    "somebody is woken": "told: digest",
    "people press buttons": "press: ",
    "each button twice": "pressed: resume accepted",
    "two press at once": "pressed: ",
    "approved by button": "pressed: approve accepted",
    "halted and answered by button": "fact: acknowledged",
}


def _fair(plan: Plan) -> Plan:
    """Nothing is wrong with it, nobody does anything, and requests take a moment."""
    releases = {app.name: app.releases[:2] for app in plan.scenario.apps}
    scenario = replace(
        plan.scenario,
        mode="act",
        on_new_release="adopt",
        apps=tuple(replace(app, releases=releases[app.name]) for app in plan.scenario.apps),
        people=(),
        outages=(),
        switches={},
    )
    return replace(
        plan,
        scenario=scenario,
        weather=Weather({}, {}, timedelta(seconds=0.3)),
        points_per_life=0,
        orders=(),
        second_thoughts=SecondThoughts.NONE,
        ambushes=(),
        clock=None,
        disk=None,
        stops=None,
    )


def _story_for(turn: Turn) -> Plan:
    """On one store where that will do."""
    seeds = (MONTH_EVERY, *range(1, MONTH_EVERY))
    fitting = [plan for plan in map(plain, seeds) if turn.fits(plan)]
    alone = (plan for plan in fitting if len({app.store for app in plan.scenario.apps}) == 1)
    return next(alone, fitting[0])


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
def test_a_story_that_is_turned_meets_what_it_is_turned_towards(turn: Turn) -> None:
    told = outcome_of(turn.turned(Random(f"{turn.name}"), _fair(_story_for(turn))))
    assert told.faults == ()
    assert any(LEADS_TO[turn.name] in mark for mark in told.marks)


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
def test_a_thousand_seeds_hold_some_stories_of_each_kind(turn: Turn) -> None:
    drawn_for = (seed for seed in range(1_000) if Random(f"{seed}/{turn.name}").random() < turn.chance)
    assert sum(turn.fits(plain(seed)) for seed in drawn_for) >= 5


def test_a_story_that_is_turned_towards_nothing_stays_as_it_was() -> None:
    seed = next(
        seed
        for seed in range(1, MONTH_EVERY)
        if not any(
            Random(f"{seed}/{turn.name}").random() < turn.chance and turn.fits(plain(seed)) for turn in TURNS
        )
    )
    assert drawn(seed) == plain(seed)
