"""A turn towards people who have to be woken: halts that nobody answers, or answers late, or that the store does not show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from stagedrollout.core.model import CommandVerb
from stagedrollout.emulator.faults import Fault, kinds_of
from stagedrollout.emulator.scenario import GOOGLE_PLAY, Onset
from tests.simulation.plan import Plan, is_month
from tests.simulation.turning import HOUR, Turn, as_long_as, ordered, waiting, well

_BAD = 900_000
_PLACES = ("pagerduty", "webhook", "slack")
_ANSWERS = (None, None, CommandVerb.RESUME, CommandVerb.HALT)


def _somebody_is_woken(draw: Random, plan: Plan) -> Plan:
    """The places that are told fail now and then; in some stories it is halted by nobody, and only a day goes by."""
    app = plan.scenario.apps[0]
    hours = draw.choice((3, 4))
    plan = well(as_long_as((hours + 8) * HOUR, plan), app.store, "quick") if draw.random() < 0.8 else plan
    first, *others = plan.scenario.apps
    if draw.random() < 0.8:
        bad = replace(first.releases[1], onset=Onset(hours * HOUR, _BAD))
        first = replace(first, releases=(first.releases[0], bad, *first.releases[2:]))
        plan = replace(plan, scenario=replace(plan.scenario, apps=(first, *others)))
    for place in draw.sample(_PLACES, draw.choice((0, 1, 2))):
        fault = Fault(
            place, draw.choice(sorted(kinds_of(place))), count=draw.choice((1, 3)), detail="fatal_error"
        )
        plan = waiting(plan, (hours * HOUR + timedelta(minutes=draw.randrange(300)), fault))
    answer = draw.choice(_ANSWERS)
    if answer:
        late = 3 * plan.scenario.poll + timedelta(minutes=draw.randrange(200))
        plan = ordered(plan, hours * HOUR + late, answer, first)
    if app.store == GOOGLE_PLAY and draw.random() < 0.3:
        refused = Fault(GOOGLE_PLAY, "401", "edits.commit", count=30)
        plan = waiting(plan, (hours * HOUR, refused))
    return replace(plan, alarms=True)


ALARMS = (Turn("somebody is woken", 0.06, lambda plan: not is_month(plan.seed), _somebody_is_woken),)
