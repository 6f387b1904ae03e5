"""When the evidence neither clears a release nor speaks against it: waiting, and whose choice it is in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core.assessment import Assessment, Verdict
from stagedrollout.core.case import Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.gates import EvidenceGate, OnInconclusive
from stagedrollout.core.judgement import Heard
from stagedrollout.core.ledger import Measure, Tally
from stagedrollout.core.model import CommandVerb
from stagedrollout.core.policy import Policy
from tests.core.builders import DAY, HOUR, NOON, case, code, order, ppm, rolling
from tests.core.weighed import assessed, failed, heard, run, with_evidence

LITTLE = [Tally(50, 0, 450, 2)] * 3
"""Too little to know anything at 10 %."""

GOOD = Tally(1_000, 4, 9_000, 36)
BAD = Tally(1_000, 40, 9_000, 36)


def choosing(choice: OnInconclusive, **terms: object) -> Policy:
    return with_evidence(1, 10, 50, 100, evidence=EvidenceGate(on_inconclusive=choice), **terms)


def at_ten_percent(since: timedelta, what: Heard, policy: Policy, **terms: object) -> Decision:
    """The release has been at 10 % for so long, and this is what is known."""
    found: Assessment = assessed(what, policy, live_since=NOON - since, exposure_ppm=ppm(10))
    return decide(case(rolling(since=NOON - since), assessment=found, policy=policy, **terms))


def little(since: timedelta) -> Heard:
    return heard(*LITTLE, of=run(NOON - since, 10))


@pytest.mark.parametrize("choice", list(OnInconclusive))
def test_between_the_bake_and_its_longest_it_waits_whoever_is_to_choose(choice: OnInconclusive):
    decision = at_ten_percent(47 * HOUR, little(47 * HOUR), choosing(choice))
    assert (decision.kind, code(decision)) == (DecisionKind.WAIT, "inconclusive")


def test_after_the_longest_bake_the_policy_advances_and_that_is_written_down_as_its_choice():
    decision = at_ten_percent(48 * HOUR, little(48 * HOUR), choosing(OnInconclusive.ADVANCE))
    assert (decision.kind, decision.change.exposure_ppm) == (DecisionKind.ADVANCE, ppm(50))
    assert code(decision) == "inconclusive_by_policy"
    assert "evidence" in {reason.gate for reason in decision.reasons}, (
        "what each gate said is cited all the same"
    )


@pytest.mark.parametrize(
    ("choice", "word"), [(OnInconclusive.ASK, "inconclusive_ask"), (OnInconclusive.HOLD, "inconclusive_hold")]
)
def test_or_it_is_held_in_the_words_of_the_policy(choice: OnInconclusive, word: str):
    decision = at_ten_percent(48 * HOUR, little(48 * HOUR), choosing(choice))
    assert decision.kind is DecisionKind.HOLD
    assert word in {reason.code for reason in decision.reasons}
    assert decision.change is None


@pytest.mark.parametrize("choice", list(OnInconclusive))
def test_nobody_chooses_while_it_is_another_gate_that_has_too_little(choice: OnInconclusive):
    held = case(rolling(since=NOON - 48 * HOUR), Verdict.INSUFFICIENT, policy=choosing(choice))
    assert decide(held).kind is DecisionKind.WAIT


def test_a_person_who_is_asked_may_advance_it():
    decision = at_ten_percent(
        48 * HOUR, little(48 * HOUR), choosing(OnInconclusive.ASK), command=order(CommandVerb.ADVANCE)
    )
    assert decision.change.exposure_ppm == ppm(50)


def test_the_policys_choice_needs_the_query_of_this_very_pass():
    unread = heard(*LITTLE, of=run(NOON - 48 * HOUR, 10), read=(failed(Measure.CRASHED),))
    decision = at_ten_percent(48 * HOUR, unread, choosing(OnInconclusive.ADVANCE))
    assert (decision.kind, decision.change) == (DecisionKind.HOLD, None)


def test_the_policys_choice_needs_every_other_signal():
    unread = heard(*LITTLE, of=run(NOON - 48 * HOUR, 10), read=(failed(Measure.USERS),))
    decision = at_ten_percent(48 * HOUR, unread, choosing(OnInconclusive.ADVANCE))
    assert (decision.kind, decision.change) == (DecisionKind.HOLD, None)


def test_the_policys_choice_is_none_against_evidence():
    suspected = heard(*[GOOD] * 47, Tally(1_000, 24, 9_000, 36), of=run(NOON - 48 * HOUR, 10))
    decision = at_ten_percent(48 * HOUR, suspected, choosing(OnInconclusive.ADVANCE))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "suspected")


def test_a_failing_release_is_halted_whatever_the_bake():
    decision = at_ten_percent(
        HOUR, heard(*[GOOD] * 47, BAD, of=run(NOON - 48 * HOUR, 10)), choosing(OnInconclusive.ASK)
    )
    assert decision.kind is DecisionKind.HALT


def test_without_its_sample_no_policy_advances():
    """The choice is for evidence that says neither; a stage that hardly anybody has seen says nothing at all."""
    policy = choosing(OnInconclusive.ADVANCE, min_sample=10_000)
    found = at_ten_percent(5 * DAY, little(5 * DAY), policy)
    assert (code(found), found.kind) == ("stage_sample", DecisionKind.WAIT)


@pytest.mark.parametrize(("needed", "got", "advances"), [(1_350, 1_350, True), (0, 1, True), (0, 0, False)])
def test_the_policys_choice_needs_its_sample_and_no_session_more(needed: int, got: int, *, advances: bool):
    policy = choosing(OnInconclusive.ADVANCE, min_sample=needed)
    since = NOON - 48 * HOUR
    found = assessed(little(48 * HOUR), policy, live_since=since, exposure_ppm=ppm(10))
    told = replace(found, stage_sample=got)
    decision = decide(case(rolling(since=since), assessment=told, policy=policy))
    assert (decision.kind is DecisionKind.ADVANCE) is advances


def test_without_a_single_session_no_policy_advances_whatever_it_asks_for():
    nobody = heard(Tally(0, 0, 500, 2), of=run(NOON - 11 * HOUR, 10))
    policy = choosing(OnInconclusive.ADVANCE, bake=4 * HOUR)
    assert at_ten_percent(11 * HOUR, nobody, policy).change is None


def test_where_a_person_is_asked_a_missing_sample_is_held_up_to_them():
    found = at_ten_percent(48 * HOUR, little(48 * HOUR), choosing(OnInconclusive.ASK, min_sample=10_000))
    assert found.kind is DecisionKind.HOLD
    assert [reason.code for reason in found.reasons] == ["stage_sample", "inconclusive_ask"]


def test_evidence_of_safety_needs_no_choice():
    decision = at_ten_percent(
        48 * HOUR, heard(*[GOOD] * 48, of=run(NOON - 48 * HOUR, 10)), choosing(OnInconclusive.ASK)
    )
    assert decision.kind is DecisionKind.ADVANCE
    assert code(decision) == "pass"


def test_a_longer_wait_can_be_asked_for():
    policy = choosing(OnInconclusive.ADVANCE)
    patient = Policy(
        name=policy.name,
        stages=tuple(
            type(stage)(percent=stage.percent, bake=stage.bake, max_bake=5 * DAY if stage.bake else None)
            for stage in policy.stages
        ),
        gates=policy.gates,
        evidence=policy.evidence,
        completion=policy.completion,
    )
    assert at_ten_percent(4 * DAY, little(4 * DAY), patient).kind is DecisionKind.WAIT
    assert at_ten_percent(5 * DAY, little(5 * DAY), patient).kind is DecisionKind.ADVANCE
