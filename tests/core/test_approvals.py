"""Approvals: who may allow a step, what that is bound to, and when it is void."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.approval import ApprovalTerms
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Actor, ActorKind, CommandVerb, Mode, Verb
from stagedrollout.core.news import of_approvals
from stagedrollout.core.people import People, Person
from stagedrollout.core.phasing import next_share
from stagedrollout.core.policy import Completion, Policy, TwoPersons
from stagedrollout.core.rules import agreement
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    DAY,
    DRAFT,
    HOUR,
    NOON,
    answer,
    asks_for_approval,
    case,
    code,
    decided,
    judged,
    only,
    order,
    policy,
    rolling,
    shown,
    waiting,
    with_facts,
)

APPROVE, ADVANCE, COMPLETE = CommandVerb.APPROVE, CommandVerb.ADVANCE, CommandVerb.COMPLETE
BEN = Actor(ActorKind.HUMAN, "ben")
CARO = Actor(ActorKind.HUMAN, "caro")
DAN = Actor(ActorKind.HUMAN, "dan")

pytestmark = pytest.mark.promise("R1", "R11")


def asking(**terms: Any) -> Policy:
    """The next step from `rolling()`, which is at 10 %, needs somebody's word."""
    return asks_for_approval(policy(), at=50, **terms)


def given(
    rollout: Rollout | None = None, by: Actor = BEN, groups: tuple[str, ...] = (), **terms: Any
) -> Rollout:
    standard = {"target_ppm": 500_000, "verdict": "PASS", "until": NOON + DAY, "reason": "tested"}
    return with_facts(rollout or rolling(), facts.Approved(by, groups, **{**standard, **terms}))


BY_TWO = policy(completion=Completion.BY_HAND, two_persons=(TwoPersons.COMPLETE,))


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
    assert "still asked for" not in answer(decision).text
    assert decision.change is None, "an approval raises nothing by itself"


def test_who_approves_as_the_first_of_two_is_told_that_one_more_is_asked_for() -> None:
    said = answer(decided(command=order(APPROVE), policy=asking(count=2))).text
    assert said.endswith("; still asked for: 1 of 2 approvals")


def test_a_stage_that_waits_names_who_has_agreed() -> None:
    waits = decided(given(), policy=asking(count=2)).reasons[0].text
    assert "; agreed: ben until 2026-03-03 12:00 UTC" in waits
    assert "agreed" not in decided(policy=asking()).reasons[0].text


@pytest.mark.parametrize(
    ("terms", "said"), [({"count": 0}, "1 or more"), ({"valid": timedelta(0)}, "how long an approval holds")]
)
def test_terms_under_which_nobody_could_approve_are_refused(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ApprovalTerms(**terms)


def test_two_words_of_one_person_are_one() -> None:
    twice = given(given(), reason="once more")
    assert not raised(decided(twice, policy=asking(count=2)))
    assert raised(decided(given(given(), by=CARO), policy=asking(count=2)))


def test_whoever_agrees_hears_how_many_words_are_left_to_get() -> None:
    three = asking(count=3, groups=("qa",))
    first = answer(decided(command=order(APPROVE, groups=("qa",)), policy=three))
    assert first.text.endswith("; still asked for: 2 of 3 approvals from qa")
    second = answer(
        decided(given(groups=("qa",), by=CARO), command=order(APPROVE, groups=("qa",)), policy=three)
    )
    assert second.text.endswith("; still asked for: 1 of 3 approvals from qa")
    last = given(given(groups=("qa",), by=CARO), groups=("qa",), by=DAN)
    assert "still" not in answer(decided(last, command=order(APPROVE, groups=("qa",)), policy=three)).text


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
        ({"verdict": "MISSING"}, True),
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
        ("MISSING", Verdict.CONTRADICTORY, True),
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
    said = answer(decided(command=order(verb, to_ppm=200_000), policy=asking()))
    assert not said.accepted
    assert "the next step is to 50 %, not to 20 %" in said.text
    assert answer(decided(command=order(verb, to_ppm=500_000), policy=asking())).accepted


def test_where_nobody_is_asked_an_approval_is_refused_in_words() -> None:
    said = answer(decided(command=order(APPROVE)))
    assert (said.accepted, said.text) == (False, "the step to 50 % asks for no approval")


def test_a_rejection_holds_the_release_and_takes_back_what_others_allowed() -> None:
    decision = decided(given(), command=order(CommandVerb.REJECT), policy=asking())
    assert answer(decision).text == "rejected, and held until somebody resumes it"
    assert answer(decided(command=order(CommandVerb.HOLD))).text == "held until somebody resumes it"
    after = with_facts(given(), *decision.also)
    assert after.hold is not None
    assert after.approvals == ()
    assert decision.change is None


def test_completing_takes_two_persons_where_the_policy_says_so() -> None:
    first = decided(command=order(COMPLETE), policy=BY_TWO)
    assert (code(first), first.kind, raised(first)) == ("second_person", DecisionKind.WAIT, False)
    waiting = with_facts(rolling(), *first.also)
    assert not raised(decided(waiting, command=order(COMPLETE, id="c2"), policy=BY_TWO)), "the same person"
    second = decided(waiting, command=order(COMPLETE, id="c2", actor=BEN), policy=BY_TWO)
    assert second.change is not None
    assert second.change.verb is Verb.COMPLETE


def test_two_persons_are_for_completing_by_hand() -> None:
    with pytest.raises(ValueError, match="by_hand"):
        policy(two_persons=(TwoPersons.COMPLETE,))


def test_everyone_can_be_approved_from_any_stage_where_somebody_is_asked() -> None:
    """Or nobody could ever complete a release past a stage that two must agree to."""
    two = replace(BY_TWO, stages=asking(count=2).stages)
    for who, number in ((BEN, "c1"), (CARO, "c2")):
        said = decided(command=order(APPROVE, to_ppm=1_000_000, actor=who, id=number), policy=two)
        assert answer(said).accepted
    agreed = given(given(target_ppm=1_000_000), by=CARO, target_ppm=1_000_000)
    assert raised(decided(agreed, command=order(COMPLETE), policy=two))


def test_only_the_step_to_everyone_is_approved_where_no_stage_asks_and_completing_takes_two() -> None:
    half = rolling(shown(percent=50))
    assert answer(decided(half, command=order(APPROVE), policy=BY_TWO)).accepted
    assert code(decided(command=order(APPROVE), policy=BY_TWO)) == "no_approval"


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


LISTED = People(
    (Person(name="ben", os_user="ben", groups=("qa",)), Person(name="caro", os_user="c", groups=("qa",)))
)


def test_the_word_of_somebody_who_is_listed_no_more_counts_no_more() -> None:
    terms = asking(groups=("qa",))
    with_ben = given(groups=("qa",))
    assert raised(decided(with_ben, policy=terms, people=LISTED))
    assert not raised(decided(with_ben, policy=terms, people=People(LISTED.listed[1:])))
    renamed = People((replace(LISTED.listed[0], name="Ben B"), LISTED.listed[1]))
    assert not raised(decided(with_ben, policy=terms, people=renamed))
    moved = People((replace(LISTED.listed[0], groups=("dev",)), LISTED.listed[1]))
    assert not raised(decided(with_ben, policy=terms, people=moved))


def test_who_may_raise_and_not_approve_does_not_agree_by_raising() -> None:
    assert not raised(decided(command=order(ADVANCE, approves=False), policy=asking()))


def test_the_first_stage_may_ask_as_well() -> None:
    terms = asks_for_approval(policy(), at=1)
    draft = waiting(found=shown(DRAFT))
    refused = decided(draft, command=order(CommandVerb.START, approves=False), policy=terms)
    assert (code(refused), refused.change) == ("approval", None)
    approved = decided(draft, command=order(APPROVE, actor=BEN), policy=terms)
    assert answer(approved).accepted
    begun = with_facts(draft, *approved.also)
    assert raised(decided(begun, command=order(CommandVerb.START, approves=False), policy=terms))


@pytest.mark.parametrize("terms", [asking(), BY_TWO])
def test_nobody_steps_around_the_others_by_choosing_another_policy(terms: Policy) -> None:
    alone = order(CommandVerb.SET_POLICY, policy="lax", approves=False)
    assert code(decided(command=alone, policy=terms)) == "asks_others"


def test_under_another_policy_a_raise_still_needs_whom_the_apps_own_policy_asks() -> None:
    """Whoever lets it be ignored, and starts it by a policy that asks nobody, is alone no more than before."""
    lax, own = policy(), asking(groups=("qa",))
    assert raised(decided(policy=lax)), "its own policy asks nobody"
    waits = decided(policy=lax, own=own)
    assert (waits.kind, code(waits)) == (DecisionKind.HOLD, "approval")
    assert code(decided(command=order(ADVANCE), policy=lax, own=own)) == "approval"
    approved = decided(command=order(APPROVE, groups=("qa",)), policy=lax, own=own)
    assert answer(approved).accepted
    assert raised(decided(with_facts(rolling(), *approved.also), policy=lax, own=own))


def test_what_another_policy_steps_over_in_one_is_asked_of_the_apps_own() -> None:
    lax, own = policy(1, 100, completion=Completion.AUTOMATIC), asking()
    low = rolling(shown(percent=1))
    assert raised(decided(low, policy=lax))
    assert code(decided(low, policy=lax, own=own)) == "approval"


def test_a_start_by_another_policy_needs_whom_the_apps_own_asks_at_that_share() -> None:
    lax, own = policy(10, 50), asks_for_approval(policy(), at=1)
    draft, start = waiting(found=shown(DRAFT)), order(CommandVerb.START, approves=False)
    assert raised(decided(draft, command=start, policy=lax))
    assert code(decided(draft, command=start, policy=lax, own=own)) == "approval"


def test_two_persons_complete_also_what_another_policy_would_complete_by_itself() -> None:
    lax, half = policy(completion=Completion.AUTOMATIC), rolling(shown(percent=50))
    assert raised(decided(half, policy=lax))
    assert code(decided(half, policy=lax, own=BY_TWO)) == "approval"
    first = decided(half, command=order(COMPLETE), policy=lax, own=BY_TWO)
    assert (code(first), raised(first)) == ("second_person", False)
    one = with_facts(half, *first.also)
    assert not raised(decided(one, policy=lax, own=BY_TWO))
    both = given(one, by=BEN, target_ppm=1_000_000)
    assert raised(decided(both, policy=lax, own=BY_TWO))
    assert raised(decided(one, command=order(COMPLETE, id="c2", actor=BEN), policy=lax, own=BY_TWO))


def test_an_open_window_closes_when_what_was_allowed_is_so_no_more() -> None:
    inside = APPLE_SITUATIONS["guarded, window open"](Verdict.PASS, None, Mode.ACT)
    to = inside.rollout.window.target_ppm / 10_000  # type: ignore[union-attr]
    stages = asks_for_approval(policy(0.5, to, 100), at=to).stages
    decision = decide(replace(inside, policy=replace(inside.policy, stages=stages)))
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE


def test_where_apple_follows_its_own_clock_a_hold_that_ran_out_lets_nothing_past_a_stage_that_asks() -> None:
    active = APPLE_SITUATIONS["follow, active"](Verdict.PASS, None, Mode.ACT)
    asked = next_share(active.rollout.exposure_ppm) / 10_000
    stages = asks_for_approval(policy(0.5, asked, 100), at=asked).stages
    over = with_facts(active.rollout, facts.Held(BEN, "lunch", NOON - HOUR))
    decision = decide(replace(active, rollout=over, policy=replace(active.policy, stages=stages)))
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE


def test_who_lets_apple_step_past_a_stage_that_asks_has_agreed_for_the_passes_that_follow() -> None:
    paused = APPLE_SITUATIONS["follow, paused"](Verdict.PASS, order(ADVANCE, actor=BEN), Mode.ACT)
    asked = next_share(paused.rollout.exposure_ppm) / 10_000
    stages = asks_for_approval(policy(0.5, asked, 100), at=asked).stages
    decision = decide(replace(paused, policy=replace(paused.policy, stages=stages)))
    assert only(facts.Approved, decision.also).actor == BEN


def removal(verdict: Verdict = Verdict.PASS, place: str = "guarded, halted") -> Decision:
    return decide(APPLE_SITUATIONS[place](verdict, order(APPROVE, to_ppm=0), Mode.ACT))


@pytest.mark.parametrize(
    "place",
    ["guarded, halted", "completed, watched", "completed, and a halt is wanted", "guarded, not halted"],
)
@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_a_person_agrees_to_a_removal_whatever_else_is_going_on(place: str, verdict: Verdict) -> None:
    """It is asked for where all else has failed; and what must be halted is halted in that very pass."""
    decision, without = removal(verdict, place), decide(APPLE_SITUATIONS[place](verdict, None, Mode.ACT))
    assert only(facts.Approved, decision.also).target_ppm == 0
    assert answer(decision).accepted
    assert (decision.kind, decision.change) == (without.kind, without.change)


def test_that_evidence_or_share_have_changed_takes_no_consent_to_a_removal_back() -> None:
    consent = given(target_ppm=0)
    assert of_approvals(consent, judged(Verdict.FAIL), NOON) == ()
    for happened in (facts.WentLive(500_000), facts.TakenUp(BEN, "again"), facts.ApprovalsLapsed("worse")):
        assert with_facts(consent, happened).approvals == consent.approvals
    rejected = decided(consent, command=order(CommandVerb.REJECT))
    assert with_facts(consent, *rejected.also).approvals == ()


def test_who_may_not_approve_agrees_to_no_removal() -> None:
    barred = order(APPROVE, to_ppm=0, barred="eve is not listed under people")
    decision = decide(APPLE_SITUATIONS["guarded, active"](Verdict.PASS, barred, Mode.ACT))
    assert code(decision) == "no_right"
    assert not [fact for fact in decision.also if isinstance(fact, facts.Approved)]


def test_nothing_is_taken_off_sale_on_google_play() -> None:
    assert not answer(decided(command=order(APPROVE, to_ppm=0), policy=asking())).accepted


def test_where_one_word_was_given_on_better_evidence_another_that_was_not_allows_nothing_either() -> None:
    """The journal says in the same pass that all of them are void."""
    on_few_data = given(by=BEN, verdict="INSUFFICIENT")
    both = given(on_few_data, by=CARO, verdict="PASS")
    counted = [
        len(agreement.given(case(rollout, verdict, policy=asking()), 500_000))
        for rollout, verdict in (
            (on_few_data, Verdict.INSUFFICIENT),
            (both, Verdict.PASS),
            (both, Verdict.INSUFFICIENT),
        )
    ]
    assert counted == [1, 2, 0]
