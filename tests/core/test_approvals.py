"""Approvals: who may allow a step, what that is bound to, and when it is void."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Actor, ActorKind, CommandVerb, Mode, Verb
from stagedrollout.core.news import of_approvals
from stagedrollout.core.phasing import next_share
from stagedrollout.core.policy import Policy, TwoPersons
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    DAY,
    HOUR,
    NOON,
    answer,
    asks_for_approval,
    code,
    decided,
    judged,
    only,
    order,
    policy,
    rolling,
    with_facts,
)

APPROVE, ADVANCE, COMPLETE = CommandVerb.APPROVE, CommandVerb.ADVANCE, CommandVerb.COMPLETE
BEN = Actor(ActorKind.HUMAN, "ben")
CARO = Actor(ActorKind.HUMAN, "caro")

pytestmark = pytest.mark.promise("R1", "R11")


def asking(**terms: Any) -> Policy:
    """The next step from `rolling()`, which is at 10 %, needs somebody's word."""
    return asks_for_approval(policy(), at=50, **terms)


def given(
    rollout: Rollout | None = None, by: Actor = BEN, groups: tuple[str, ...] = (), **terms: Any
) -> Rollout:
    standard = {"target_ppm": 500_000, "verdict": "PASS", "until": NOON + DAY, "reason": "tested"}
    return with_facts(rollout or rolling(), facts.Approved(by, groups, **{**standard, **terms}))


def raised(decision: Decision) -> bool:
    return decision.change is not None and not decision.change.verb.brakes


def test_a_stage_that_asks_for_approval_waits_for_it_and_says_how_to_give_it() -> None:
    decision = decided(policy=asking(count=2, groups=("qa", "release")))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "approval")
    assert "2 approvals from qa or release" in decision.reasons[0].text
    assert "stagedrollout approve shop" in decision.reasons[0].text


def test_with_it_the_step_is_taken_on_the_evidence_of_that_very_pass() -> None:
    assert raised(decided(given(), policy=asking()))
    for verdict in Verdict:
        if verdict is not Verdict.PASS:
            assert not raised(decided(given(), verdict, policy=asking())), verdict


def test_an_order_to_approve_is_answered_with_until_when_it_holds() -> None:
    decision = decided(command=order(APPROVE), policy=asking(valid=6 * HOUR))
    approved = only(facts.Approved, decision.also)
    assert (approved.target_ppm, approved.verdict, approved.until) == (500_000, "PASS", NOON + 6 * HOUR)
    assert answer(decision).accepted
    assert decision.change is None, "an approval raises nothing by itself"


def test_two_words_of_one_person_are_one() -> None:
    twice = given(given(), reason="once more")
    assert not raised(decided(twice, policy=asking(count=2)))
    assert raised(decided(given(given(), by=CARO), policy=asking(count=2)))


def test_only_those_of_the_groups_that_are_named_count() -> None:
    terms = asking(groups=("qa",))
    assert not raised(decided(given(groups=("release",)), policy=terms))
    assert raised(decided(given(groups=("release", "qa")), policy=terms))
    refused = answer(decided(command=order(APPROVE, groups=("release",)), policy=terms))
    assert not refused.accepted
    assert "is in none of these" in refused.text


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"until": NOON}, False),
        ({"target_ppm": 1_000_000}, False),
        ({"verdict": "INSUFFICIENT"}, True),
        ({"verdict": "FAIL"}, True),
        ({"verdict": "a word of tomorrow"}, True),
    ],
)
def test_an_approval_is_for_its_step_and_its_time(changed: dict[str, Any], counts: bool) -> None:
    assert raised(decided(given(**changed), policy=asking())) is counts


@pytest.mark.parametrize(
    ("then", "now", "void"),
    [
        ("PASS", Verdict.PASS, False),
        ("PASS", Verdict.INSUFFICIENT, True),
        ("INSUFFICIENT", Verdict.PASS, False),
        ("INSUFFICIENT", Verdict.CONTRADICTORY, True),
        ("CONTRADICTORY", Verdict.FAIL, True),
        ("PASS", Verdict.ERROR, False),
        ("PASS", Verdict.STALE, False),
    ],
)
def test_an_approval_is_void_once_the_evidence_says_worse_and_a_silent_source_says_nothing(
    then: str, now: Verdict, void: bool
) -> None:
    told = of_approvals(given(verdict=then), judged(now), NOON)
    assert bool(told) is void


def test_an_approval_that_has_run_out_is_void_and_that_is_told_once() -> None:
    rollout = given()
    (lapsed,) = of_approvals(rollout, judged(), NOON + 2 * DAY)
    after = with_facts(rollout, lapsed)
    assert after.approvals == ()
    assert of_approvals(after, judged(), NOON + 2 * DAY) == ()


@pytest.mark.parametrize(
    "happened",
    [
        facts.WentLive(500_000),
        facts.ApprovalsLapsed("rejected"),
        facts.PolicySet(BEN, "slower", "cautious"),
        facts.LeftAlone(BEN, "enough"),
        facts.TakenUp(BEN, "again"),
    ],
)
def test_nothing_that_was_allowed_is_allowed_of_what_has_changed_since(happened: facts.Fact) -> None:
    assert with_facts(given(), happened).approvals == ()


def test_whoever_advances_by_hand_needs_the_others_too_and_counts_as_one() -> None:
    two = asking(count=2)
    alone = answer(decided(command=order(ADVANCE), policy=two))
    assert (alone.accepted, "asks for 2 approvals" in alone.text) == (False, True)
    assert raised(decided(given(), command=order(ADVANCE), policy=two))


def test_who_has_no_place_in_the_groups_does_not_count_as_one_by_advancing() -> None:
    terms = asking(groups=("qa",))
    assert not raised(decided(command=order(ADVANCE, groups=("release",)), policy=terms))
    assert raised(decided(command=order(ADVANCE, groups=("qa",)), policy=terms))


def test_completing_passes_every_stage_that_asks_on_the_way() -> None:
    assert not raised(decided(command=order(COMPLETE, groups=("dev",)), policy=asking(groups=("qa",))))


@pytest.mark.parametrize("verb", [APPROVE, ADVANCE])
def test_who_names_another_step_than_the_next_one_is_refused(verb: CommandVerb) -> None:
    said = answer(decided(command=order(verb, to_ppm=1_000_000), policy=asking()))
    assert not said.accepted
    assert "the next step is to 50 %, not to 100 %" in said.text
    assert answer(decided(command=order(verb, to_ppm=500_000), policy=asking())).accepted


def test_where_nobody_is_asked_an_approval_is_refused_in_words() -> None:
    said = answer(decided(command=order(APPROVE)))
    assert (said.accepted, said.text) == (False, "the step to 50 % asks for no approval")


def test_a_rejection_holds_the_release_and_takes_back_what_others_allowed() -> None:
    decision = decided(given(), command=order(CommandVerb.REJECT), policy=asking())
    after = with_facts(given(), *decision.also)
    assert after.hold is not None
    assert after.approvals == ()
    assert decision.change is None


def test_completing_takes_two_persons_where_the_policy_says_so() -> None:
    by_two = policy(two_persons=(TwoPersons.COMPLETE,))
    first = decided(command=order(COMPLETE), policy=by_two)
    assert not raised(first)
    assert "needs two persons" in answer(first).text
    waiting = with_facts(rolling(), *first.also)
    assert not raised(decided(waiting, command=order(COMPLETE, id="c2"), policy=by_two)), "the same person"
    second = decided(waiting, command=order(COMPLETE, id="c2", actor=BEN), policy=by_two)
    assert second.change is not None
    assert second.change.verb is Verb.COMPLETE


def test_where_apple_follows_its_own_clock_it_is_paused_until_people_agree() -> None:
    """Before the first of Apple's shares that is as large as the stage that asks."""
    active = APPLE_SITUATIONS["follow, active"](Verdict.PASS, None, Mode.ACT)
    asked = next_share(active.rollout.exposure_ppm) / 10_000
    stages = asks_for_approval(policy(0.5, asked, 100), at=asked).stages
    decision = decide(replace(active, policy=replace(active.policy, stages=stages)))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "approval")
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE
    assert decide(active).change is None


def test_an_approval_outlasts_no_longer_than_the_strictest_stage_on_the_way() -> None:
    both = asks_for_approval(asks_for_approval(policy(), at=50, valid=HOUR), at=100, valid=5 * HOUR)
    approved = only(facts.Approved, decided(command=order(APPROVE), policy=both).also)
    assert approved.until - NOON == timedelta(hours=1)


def removal(verdict: Verdict = Verdict.PASS, *, by_two: bool = True) -> Decision:
    active = APPLE_SITUATIONS["guarded, halted"](verdict, order(APPROVE, to_ppm=0), Mode.ACT)
    two = (TwoPersons.REMOVE_FROM_SALE,) if by_two else ()
    return decide(replace(active, policy=replace(active.policy, two_persons=two)))


def test_a_person_agrees_that_another_one_takes_a_halted_app_off_sale() -> None:
    approved = only(facts.Approved, removal().also)
    assert (approved.target_ppm, removal().change) == (0, None)


def test_where_no_second_person_is_wanted_for_that_it_is_refused() -> None:
    assert code(removal(by_two=False)) == "no_approval"
    assert code(decided(command=order(APPROVE, to_ppm=0), policy=asking())) == "no_approval"
