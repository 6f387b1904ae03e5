"""The database of two daemons is put back to what it was a while ago: nobody raises on it unnoticed (promise R17)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

import pytest

from stagedrollout.daemon.peers import Peers
from stagedrollout.storage.highwater import HighWater
from tests.simulation import failover
from tests.simulation.failover import FailsOver
from tests.simulation.outcome import Outcome, outcome_of, plan_for
from tests.simulation.pair import Pair, Side
from tests.simulation.plan import Plan, of_two
from tests.simulation.seldom import drawn
from tests.simulation.shrink import fine

pytestmark = pytest.mark.promise("R17")

SEEDS, CHUNK = 24, 4
WITH_RAISES = 7
"""A story in which something is raised, and halted."""


def _failing_over(seed: int) -> Plan:
    """The seed's story of two, whether it has a failover in it or not."""
    plan = of_two(drawn(seed))
    assert plan.pair is not None
    troubled = plan.calm_from - plan.scenario.start
    draw = Random(f"{seed}/fails over")
    return replace(plan, pair=replace(plan.pair, fails_over=failover.drawn(draw, plan.scenario.start, troubled)))


@cache
def _put_back(hour: float, lag: timedelta | None, accepted_after: timedelta | None, seed: int = WITH_RAISES) -> Plan:
    """Nothing else befalls either of them."""
    plan = drawn(seed)
    at = plan.scenario.start + timedelta(hours=hour)
    planned = FailsOver(at, lag, timedelta(minutes=1), accepted_after)
    return replace(plan, pair=Pair((Side(), Side()), fails_over=planned))


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_else_befalls_them_a_database_that_was_put_back_is_noticed(first: int) -> None:
    failed = [told for told in map(outcome_of, map(_failing_over, range(first, first + CHUNK))) if told.faults]
    assert not failed, "\n\n".join(told.words() for told in failed)


def test_some_stories_of_two_have_a_failover_in_them_and_it_can_be_left_out() -> None:
    pairs = [plan.pair for seed in range(30) if (plan := plan_for(seed, 2))]
    put_back = [pair for pair in pairs if pair and pair.fails_over]
    assert 5 <= len(put_back) <= 15
    assert "the database fails over" in [part.name for part in fine(_put_back(4, timedelta(hours=2), None))]


def _play(plan: Plan) -> Outcome:
    told = outcome_of(plan)
    assert not told.faults, told.words()
    return told
