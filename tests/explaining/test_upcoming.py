"""What a person is told that happens next, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from stagedrollout.core import facts, link_facts
from stagedrollout.core.calendar import EVERY_DAY, Calendar, Hours
from stagedrollout.core.gates import EvidenceGate, OnInconclusive
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Store
from stagedrollout.core.policy import Completion, Policy
from stagedrollout.explaining.upcoming import upcoming
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HOUR,
    NOON,
    PPM_ALL,
    asks_for_approval,
    halted,
    not_halted,
    policy,
    rolling,
    seen,
    shown,
    waiting,
    with_facts,
)
from tests.core.weighed import with_evidence


def told(rollout: Rollout, by: Policy | None, now: datetime = NOON) -> list[tuple[datetime | None, str]]:
    return [(each.at, each.what) for each in upcoming(rollout, by, now)]


def test_while_it_bakes_the_end_of_the_bake_comes_first_and_then_the_raise():
    rollout = rolling(since=NOON - HOUR)
    assert told(rollout, policy()) == [
        (NOON + 23 * HOUR, "the bake at 10 % ends"),
        (NOON + 23 * HOUR, "raised to 50 % at the earliest, if every required gate says PASS by then"),
    ]


def test_whom_the_apps_own_policy_asks_is_named_also_where_another_one_steers():
    own = asks_for_approval(policy(), at=50)
    found = [each.what for each in upcoming(rolling(), policy(), NOON, own)]
    assert any(what.startswith("1 approval for the step to 50 %") for what in found)
    assert not any("approval" in each.what for each in upcoming(rolling(), policy(), NOON))


@pytest.mark.parametrize("until", [None, NOON + 5 * HOUR])
def test_while_the_line_is_stopped_nothing_else_comes_next(until):
    rollout = with_facts(rolling(since=NOON - HOUR), facts.LineStopped("l1", ANNA, "fire", NOON, until))
    ((at, what),) = told(rollout, policy())
    assert at == until
    assert ("somebody lets the line go on: stagedrollout thaw" in what) == (until is None)
    assert "stopped by anna" in what


def test_a_raise_waits_for_the_hours_in_which_raises_are_allowed():
    morning = Calendar(weekdays=EVERY_DAY, hours=Hours(start=time(8), end=time(11)))
    found = told(rolling(), policy(calendar=morning))
    opens = NOON + 20 * HOUR
    assert found[0] == (opens, "the hours for raises begin")
    assert found[1][0] == opens


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (OnInconclusive.ASK, "a person is asked"),
        (OnInconclusive.ADVANCE, "the policy raises it all the same"),
    ],
)
def test_when_the_evidence_stays_inconclusive_the_policy_has_the_word(choice, words):
    by = with_evidence(evidence=EvidenceGate(on_inconclusive=choice))
    found = told(rolling(since=NOON - 36 * HOUR), by)
    assert found[-1] == (NOON + 12 * HOUR, f"if the evidence is still inconclusive: {words}")


def test_what_only_a_person_can_do_is_said_to_be_theirs():
    by_hand = policy(10, 100, completion=Completion.BY_HAND)
    cases = {
        "stagedrollout start shop": waiting(),
        "stagedrollout resume shop": halted(rolling()),
        "until the store shows it": not_halted(rolling()),
        "lifts the hold": with_facts(rolling(), facts.Held(ANNA, "a holiday", None)),
        "stagedrollout complete shop": rolling(),
    }
    for words, rollout in cases.items():
        at, what = told(rollout, by_hand)[0]
        assert (at, words in what) == (None, True), (words, what)


def test_a_hold_for_some_time_and_the_watch_have_an_end():
    until = NOON + 3 * HOUR
    assert told(with_facts(rolling(), facts.Held(ANNA, "a holiday", until)), policy())[0][0] == until
    done = with_facts(rolling(), seen(COMPLETED), facts.WentLive(PPM_ALL))
    assert told(done, policy(watch=timedelta(hours=72))) == [
        (NOON - HOUR + 3 * DAY, "the watch after 100 % is over")
    ]


def test_who_steers_by_a_policy_that_is_gone_is_told_so():
    assert told(rolling(), None) == [
        (None, "nobody knows: the configuration has no policy 'standard' that can be read")
    ]


def test_as_far_as_the_policy_goes_nothing_comes():
    assert "as far as the policy goes" in told(rolling(shown(percent=50)), policy(10, 50))[0][1]


def test_a_follower_waits_for_the_store_that_leads_and_says_how_far_that_is():
    behind = link_facts.Linked(Store.APP_STORE, 200_000, "5.2.0", steered=True, earned_ppm=100_000)
    ((at, what),) = told(with_facts(rolling(), behind), policy())
    assert at is None
    assert what == "it waits until App Store is at 50 %: evidence has raised App Store 5.2.0 to 10 %"


def test_a_start_that_waits_for_its_turn_says_so_and_then_waits_for_the_store():
    behind = link_facts.Linked(Store.APP_STORE, 200_000, "5.2.0", steered=True, earned_ppm=100_000)
    started = facts.Started(ANNA, "go", "standard", "c1")
    turn = with_facts(waiting(found=shown(DRAFT)), started, behind)
    ((_, what),) = told(turn, policy())
    assert what.startswith("it waits until App Store is at 20 %")
    ((_, what),) = told(with_facts(turn, replace(behind, earned_ppm=200_000)), policy())
    assert what == "the store publishes it"


def test_what_a_halt_on_the_other_store_holds_waits_for_a_person():
    held = link_facts.LinkHeld("shop/app_store/5.2.0", Store.APP_STORE, "5.2.0", ANNA, "it eats photos", NOON)
    ((at, what),) = told(with_facts(rolling(), held), policy())
    assert at is None
    assert "stagedrollout resume shop --store google_play" in what
