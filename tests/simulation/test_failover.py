"""The database of two daemons is put back to what it was a while ago: nobody raises on it unnoticed (promise R17)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

import pytest

from stagedrollout.daemon import reconcile
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
    return replace(
        plan, pair=replace(plan.pair, fails_over=failover.drawn(draw, plan.scenario.start, troubled))
    )


@cache
def _put_back(
    hour: float, lag: timedelta | None, accepted_after: timedelta | None, seed: int = WITH_RAISES
) -> Plan:
    """Nothing else befalls either of them."""
    plan = drawn(seed)
    at = plan.scenario.start + timedelta(hours=hour)
    planned = FailsOver(at, lag, timedelta(minutes=1), accepted_after)
    return replace(plan, pair=Pair((Side(), Side()), fails_over=planned))


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_else_befalls_them_a_database_that_was_put_back_is_noticed(first: int) -> None:
    failed = [
        told for told in map(outcome_of, map(_failing_over, range(first, first + CHUNK))) if told.faults
    ]
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


HOURS = timedelta(hours=1)


def test_with_what_a_person_took_as_it_is_two_daemons_go_on_and_raise_again() -> None:
    told = _play(_put_back(4, 2 * HOURS, 3 * HOURS))
    assert told.marks["database: put back, known to both"]
    assert told.marks["database: taken as it is"] == 2
    assert told.marks["put back: raised again"]
    assert told.marks["put back: the channel is told"] == 1, "by one of them, for both and for all apps"
    assert told.marks["put back: told that it is settled"] == 1


def test_what_only_one_of_them_has_marked_keeps_the_other_one_from_raising_too() -> None:
    told = _play(_put_back(4, None, 3 * HOURS, seed=8))
    assert told.marks["database: put back, known to one"]
    assert told.marks["put back: the channel is told"] == 1


def test_a_bad_release_is_halted_while_the_journal_lacks_its_end() -> None:
    told = _play(_put_back(2, 2 * HOURS, 3 * HOURS, seed=4))
    assert told.marks["put back: halted meanwhile"]


def test_daemons_that_do_not_look_at_the_mark_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HighWater, "doubt", lambda self: None)
    told = outcome_of(_put_back(6, 2 * HOURS, 3 * HOURS, seed=8))
    assert "raises_on_a_lost_journal" in {fault.split(":")[0] for fault in told.faults}


def test_a_daemon_that_does_not_believe_what_the_other_one_knows_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Peers, "reasons", lambda self: ())
    told = outcome_of(_put_back(2, None, 6 * HOURS))
    assert "raises_on_a_lost_journal" in {fault.split(":")[0] for fault in told.faults}


def test_our_own_raise_called_a_persons_doing_in_the_console_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "told_by_whom", lambda rollout, news, footing: news)
    told = outcome_of(_put_back(8, 2 * HOURS, 3 * HOURS, seed=8))
    assert "lost_journals_mistaken" in {fault.split(":")[0] for fault in told.faults}
