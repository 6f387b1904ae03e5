"""Two daemons in one story: whatever befalls one of them, no promise is broken, and what one draws for one daemon stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.daemon.lease import HeldLeases
from stagedrollout.daemon.peers import Peers
from stagedrollout.storage import journal
from tests.simulation.again import Again
from tests.simulation.blind import OF_TWO, blind
from tests.simulation.lines import Line
from tests.simulation.outcome import Outcome, outcome_of, outcome_of_two, plan_for
from tests.simulation.pair import LEASE, Aim, Blow, Pair, Side, Trouble
from tests.simulation.pinned import OPEN_OF_TWO, Pinned
from tests.simulation.plan import Plan
from tests.simulation.seldom import drawn
from tests.simulation.shrink import fine

SEEDS, CHUNK = 24, 4
_OPEN = frozenset(pinned.seed for pinned in OPEN_OF_TWO)
WITH_RAISES = 7
"""A story in which something is raised, and halted."""
QUIET = 3
"""One in which nobody kills a daemon."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_of_two_daemons_no_promise_is_broken_and_everything_comes_to_rest(first: int) -> None:
    seeds = [seed for seed in range(first + 1, first + CHUNK + 1) if seed not in _OPEN]
    failed = [told for told in map(outcome_of_two, seeds) if told.faults]
    assert not failed, "\n\n".join(told.words() for told in failed)


@pytest.mark.xfail(strict=True, reason="open: see tests/simulation/pinned.py")
@pytest.mark.parametrize("pinned", OPEN_OF_TWO, ids=lambda pinned: str(pinned.seed))
def test_what_is_open_of_two_still_fails_or_is_taken_off_the_list(pinned: Pinned) -> None:
    assert not outcome_of_two(pinned.seed).faults


def test_two_daemons_tell_the_same_story_in_another_process_with_other_hashes() -> None:
    with Again(instances=2) as again:
        for seed in (2, 8):
            again.play(seed, outcome_of_two(seed).trace)
        assert again.told() == (2, [])


def test_what_is_drawn_for_two_leaves_the_story_of_one_as_it_is() -> None:
    for seed in range(20):
        assert replace(plan_for(seed, 2), pair=None) == drawn(seed) == plan_for(seed, 1)


def _with(*troubles: Trouble, seed: int = WITH_RAISES) -> Plan:
    """The first of two well machines is struck, and nothing else of the pair."""
    return replace(drawn(seed), pair=Pair((Side(troubles), Side())))


def _struck(blow: Blow, lasts: timedelta, aim: Aim, line: Line = Line.WHOLE) -> Outcome:
    plan = drawn(WITH_RAISES)
    every = tuple(
        Trouble(plan.scenario.start + timedelta(hours=hour), blow, lasts, aim, line) for hour in range(1, 9)
    )
    both = Pair((Side(every), Side(every)))
    return outcome_of(replace(plan, pair=both))


@pytest.fixture
def by_leases_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stood still has also not heard of the others for a lease, and raises nothing for that (peers.py)."""
    monkeypatch.setattr(Peers, "unheard", lambda self: ())


@pytest.mark.usefixtures("by_leases_alone")
def test_whoever_stands_still_over_a_raise_does_not_send_it_once_another_has_taken_over() -> None:
    told = _struck(Blow.FREEZES, 2 * LEASE, Aim.DECIDED)
    assert not told.faults, told.words()
    assert told.marks["raise refused: another holds it"]
    assert told.marks["lease: taken over after a freeze"]


def test_whoever_is_suspended_over_a_raise_asks_the_database_for_no_clock_of_its_own_can_tell() -> None:
    told = _struck(Blow.SUSPENDED, 1.5 * LEASE, Aim.DECIDED)
    assert not told.faults, told.words()
    assert told.marks["raise refused: another holds it"]


def test_whoever_dies_over_a_raise_is_followed_by_the_other() -> None:
    told = _struck(Blow.KILLED, 20 * LEASE, Aim.SENDS)
    assert not told.faults, told.words()
    assert told.marks["lease: taken over after a death"]


def test_whoever_loses_the_database_over_a_raise_sends_nothing() -> None:
    told = _struck(Blow.LOSES_DATABASE, 2 * LEASE, Aim.DECIDED, Line.HANGS)
    assert not told.faults, told.words()
    assert told.marks["settlement: preempted"], "the journal is asked first whether it is the newest one"


@pytest.mark.usefixtures("by_leases_alone")
def test_a_daemon_that_asks_nobody_whose_the_lease_is_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldLeases, "clearance", lambda self, app: lambda: None)
    monkeypatch.setattr(journal, "guard", lambda *_: None)
    told = _struck(Blow.FREEZES, 2 * LEASE, Aim.DECIDED)
    assert {"raises_lapsed"} <= {fault.split(":")[0] for fault in told.faults}


def test_nothing_befalls_two_daemons_on_a_good_day() -> None:
    told = outcome_of(_with(seed=QUIET))
    assert not told.faults, told.words()
    assert not [mark for mark in told.marks if mark.startswith("lease: taken over")]


def test_what_befalls_each_of_two_can_be_left_out() -> None:
    trouble = Trouble(drawn(WITH_RAISES).scenario.start, Blow.KILLED)
    names = [part.name for part in fine(_with(trouble))]
    assert f"first: {trouble}" in names


def test_a_campaign_of_two_is_blind_where_it_has_not_met_what_only_two_can_meet() -> None:
    met = Counter(dict.fromkeys(OF_TWO, 1))
    assert blind(met, 1_000, 2) == []
    del met["lease: taken over after a freeze"]
    assert blind(met, 1_000, 2) == ["lease: taken over after a freeze"]
