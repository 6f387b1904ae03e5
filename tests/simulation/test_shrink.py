"""A failing seed's plan is brought down to what the failure needs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.simulation.outcome import Outcome
from tests.simulation.plan import Plan, SecondThoughts
from tests.simulation.seldom import drawn
from tests.simulation.shrink import fine, parts, shrunk


def _rich() -> Plan:
    """The first plan with a bit of everything."""
    return next(
        plan
        for plan in map(drawn, range(1, 2_000))
        if len(plan.ambushes) > 3
        and plan.orders
        and plan.points_per_life
        and len(plan.scenario.apps) > 1
        and plan.scenario.outages
        and plan.scenario.people
        and plan.scenario.switches
        and plan.weather.latency
        and plan.second_thoughts is not SecondThoughts.NONE
    )


def _fails_with(plan: Plan, *, crashes: bool, ambush: str) -> Outcome:
    """A planted failure, of two causes that are needed together."""
    dies = bool(plan.points_per_life) or not crashes
    waits = any(str(waiting) == ambush for waiting in plan.ambushes)
    wrong = ("halts_lost: planted",) if dies and waits else ("bakes_cut: another failure",)
    return Outcome(plan.seed, wrong, {}, "", "")


def test_a_planted_failure_shrinks_to_its_causes() -> None:
    plan = _rich()
    cause = str(plan.ambushes[1])
    found = shrunk(plan, "halts_lost", lambda tried: _fails_with(tried, crashes=True, ambush=cause))
    assert found.done
    assert found.needed == (f"crashes, a life of {plan.points_per_life} points", f"ambush {cause}")
    assert found == shrunk(plan, "halts_lost", lambda tried: _fails_with(tried, crashes=True, ambush=cause))


def test_another_failure_is_not_the_same_failure() -> None:
    plan = _rich()
    found = shrunk(plan, "halts_lost", lambda tried: Outcome(tried.seed, ("bakes_cut: x",), {}, "", ""))
    assert found.plan == plan
    assert set(found.needed) == {part.name for part in fine(plan)}


def test_shrinking_is_bounded_and_says_where_it_stopped() -> None:
    found = shrunk(_rich(), "halts_lost", lambda tried: Outcome(tried.seed, ("x: y",), {}, "", ""), most=3)
    assert (found.replays, found.done) == (3, False)
    assert "as far as it was tried" in found.words()


def test_a_story_alone_can_be_the_cause() -> None:
    found = shrunk(_rich(), "halts_lost", lambda tried: Outcome(tried.seed, ("halts_lost: x",), {}, "", ""))
    assert found.needed == ()
    assert (found.plan.points_per_life, found.plan.weather.latency) == (0, timedelta(0))
    assert len(found.plan.scenario.apps) == 1


@pytest.mark.parametrize("seed", range(1, 40))
def test_every_part_is_something_that_can_be_left_out(seed: int) -> None:
    plan = drawn(seed)
    for part in parts(plan):
        assert part.without != plan, part.name
