"""What becomes of a person's order: carried out, or refused in words. Every combination is in the decision table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar, Freeze, Hours
from stagedrollout.core.case import Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Hold, Rollout
from stagedrollout.core.model import (
    Change,
    CommandVerb,
    Mode,
    ReleaseStatus,
    Settlement,
    Supersede,
    Verb,
)
from stagedrollout.core.rules import raises
from stagedrollout.core.rules.beginning import prepare
from stagedrollout.core.units import PPM_ALL
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    ANNA,
    DAY,
    DRAFT,
    HALTED,
    HOUR,
    NEWER,
    NOON,
    RELEASE,
    STAGED,
    answer,
    case,
    code,
    decided,
    discovered,
    halted,
    intent,
    not_halted,
    only,
    order,
    policy,
    ppm,
    rolling,
    seen,
    settled,
    shown,
    store,
    told,
    unread,
    waiting,
    with_facts,
)

ADVANCE, COMPLETE, RESUME, START, HOLD, HALT = (
    CommandVerb.ADVANCE,
    CommandVerb.COMPLETE,
    CommandVerb.RESUME,
    CommandVerb.START,
    CommandVerb.HOLD,
    CommandVerb.HALT,
)
CHRISTMAS = Calendar(freezes=(Freeze(first=date(2026, 3, 1), last=date(2026, 3, 3), reason="fair"),))


def raised_to(decision: Decision) -> int | None:
    return decision.change.exposure_ppm if decision.change and decision.change.verb is not Verb.HALT else None


@pytest.mark.parametrize("verb", [START, RESUME, ADVANCE, COMPLETE])
def test_in_a_freeze_nothing_is_raised_not_by_hand_either(verb: CommandVerb) -> None:
    rollout = {START: waiting(found=shown(DRAFT)), RESUME: halted(rolling())}.get(verb, rolling())
    decision = decided(rollout, command=order(verb, without_evidence=True), policy=policy(calendar=CHRISTMAS))
    assert decision.change is None
    assert not answer(decision).accepted
    assert "2026-03-03 (fair)" in answer(decision).text


def test_in_a_freeze_the_schedule_holds_and_says_until_when() -> None:
    decision = decided(rolling(), policy=policy(calendar=CHRISTMAS))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "freeze")
    assert decision.due == NOON + 1.5 * DAY


@pytest.mark.parametrize("verb", [ADVANCE, COMPLETE])
def test_a_person_may_override_waiting_but_not_a_fail(verb: CommandVerb) -> None:
    baking = rolling(since=NOON - HOUR)
    assert decided(baking, Verdict.INSUFFICIENT, command=order(verb)).change
    sure = order(verb, without_evidence=True)
    assert raised_to(decided(baking, Verdict.FAIL, command=sure)) is None
    lowered = with_facts(baking, seen(HALTED), facts.Drifted(facts.Drift.HALTED, seen(), seen(HALTED)))
    assert decided(lowered, Verdict.FAIL, command=sure).change is None


def test_the_rule_of_raises_refuses_a_fail_even_if_nothing_before_it_had_halted() -> None:
    sure = order(ADVANCE, without_evidence=True)
    refused = raises.advance_order(case(rolling(), Verdict.FAIL, sure))
    assert refused
    assert refused.change is None
    assert not answer(refused).accepted


def test_an_advance_is_one_stage_and_never_the_last_one() -> None:
    assert raised_to(decided(rolling(shown(STAGED, 1)), command=order(ADVANCE))) == ppm(10)
    refused = decided(rolling(shown(STAGED, 50)), command=order(ADVANCE))
    assert refused.change is None
    assert "complete" in answer(refused).text


def test_a_refusal_in_doubt_says_how_to_insist() -> None:
    refused = decided(rolling(), Verdict.MISSING, command=order(ADVANCE))
    assert "--without-evidence" in answer(refused).text
    insisted = decided(rolling(), Verdict.MISSING, command=order(ADVANCE, without_evidence=True))
    assert raised_to(insisted) == ppm(50)
    assert answer(insisted).without_evidence


def test_an_advance_may_happen_outside_the_hours() -> None:
    evenings = policy(calendar=Calendar(hours=Hours(start=time(18), end=time(20))))
    assert decided(rolling(), command=order(ADVANCE), policy=evenings).change


def test_starting_a_draft_rolls_it_out_at_the_first_stage() -> None:
    decision = decided(waiting(found=shown(DRAFT)), command=order(START, policy="careful"))
    assert decision.change == Change(Verb.START, RELEASE.id, ppm(1))
    assert only(facts.Started, decision.also).policy == "careful"


def test_starting_what_is_rolled_out_already_only_begins_to_steer_it() -> None:
    decision = decided(waiting(), command=order(START))
    assert decision.change is None
    assert only(facts.Started, decision.also).actor == ANNA


def test_a_start_is_refused_while_a_person_holds_the_release() -> None:
    held = with_facts(waiting(found=shown(DRAFT)), facts.Held(ANNA, "not before Monday", None))
    decision = decided(held, command=order(START))
    assert decision.change is None
    assert "not before Monday" in answer(decision).text


def test_a_start_that_the_store_did_not_take_can_be_ordered_again() -> None:
    draft = waiting(found=shown(DRAFT))
    started = decided(draft, command=order(START))
    recorded = news.of_decision(draft, started, "f1")
    key = only(facts.Decided, recorded).intent
    refused = with_facts(draft, *recorded, settled(Settlement.REFUSED, Verb.START, key))
    again = decided(refused, command=order(START, id="c2"))
    assert again.change == Change(Verb.START, RELEASE.id, ppm(1))


def test_a_start_is_refused_once_it_is_started() -> None:
    assert "already" in answer(decided(rolling(), command=order(START))).text


@pytest.mark.promise("R4")
def test_a_halt_that_is_ordered_again_is_sent_again_though_the_release_reads_as_a_draft_by_now() -> None:
    """Somebody pulled it and put it there anew while our halt was still refused: that is not nothing to halt."""
    draft_again = with_facts(not_halted(rolling()), seen(DRAFT))
    decision = decided(draft_again, command=order(HALT))
    assert (decision.kind, answer(decision).accepted) == (DecisionKind.HALT, True)
    assert decision.change
    assert decision.change.verb is Verb.HALT


def test_a_release_that_no_look_has_shown_yet_is_with_nobody_and_neither_final_nor_a_draft() -> None:
    unseen = told(discovered(), start=NOON)
    assert (unseen.exposure_ppm, unseen.final, unseen.never_out) == (0, False, False)
    assert with_facts(unseen, seen(HALTED), at=NOON).exposure_ppm == seen(HALTED).exposure_ppm
    complete = replace(shown(ReleaseStatus.COMPLETED), exposure_ppm=PPM_ALL)
    assert rolling(complete).final is False, "Google Play can still halt it"


@pytest.mark.promise("R4")
def test_who_halts_what_was_just_being_started_holds_it_once_it_cannot_go_out_any_more() -> None:
    """The store took neither the start nor the halt: nobody has the release, and no store shows a halt of it."""
    refused = not_halted(waiting(found=shown(DRAFT)))
    soon, later = (decided(refused, now=NOON - HOUR + timedelta(minutes=minutes)) for minutes in (9, 10))
    assert (soon.kind, later.kind, code(later)) == (DecisionKind.HALT, DecisionKind.HOLD, "human_hold")
    held = with_facts(refused, *later.also, at=NOON)
    assert (held.halt, held.hold) == (None, Hold(ANNA, "it was so", None))
    assert code(decided(held)) == "human_hold"
    out = with_facts(refused, seen(), facts.WentLive(ppm(10)), seen(DRAFT))
    assert decided(out).kind is DecisionKind.HALT, "people had it"
    open_still = with_facts(refused, intent(Verb.HALT, 0, "h2"))
    assert decided(open_still).kind is DecisionKind.HALT, "the last halt may have taken effect"
    assert decided(refused, look=unread()).kind is DecisionKind.HALT, "nobody knows"


def test_a_draft_cannot_be_started_without_a_stage_below_everyone() -> None:
    decision = decided(waiting(found=shown(DRAFT)), command=order(START), policy=policy(100))
    assert decision.change is None
    assert "complete" in answer(decision).text


def test_a_resume_goes_back_to_the_share_it_was_halted_at() -> None:
    assert decided(halted(rolling()), command=order(RESUME)).change == Change(
        Verb.RESUME, RELEASE.id, ppm(10)
    )


def test_a_resume_of_a_release_whose_share_nobody_knows_is_refused() -> None:
    found = shown(HALTED)
    unknown = with_facts(waiting(found=found), facts.Drifted(facts.Drift.HALTED, seen(HALTED), seen(HALTED)))
    decision = decided(unknown, command=order(RESUME))
    assert decision.change is None
    assert not answer(decision).accepted


def test_a_resume_of_a_hold_raises_nothing_by_itself() -> None:
    held = with_facts(rolling(), facts.Held(ANNA, "weekend", None))
    decision = decided(held, command=order(RESUME))
    assert decision.change is None
    assert only(facts.HoldEnded, decision.also)


def test_a_resume_gets_a_halted_release_out_of_a_state_nobody_understands() -> None:
    lost = with_facts(halted(rolling()), facts.Drifted(facts.Drift.UNKNOWN, seen(HALTED), facts.NOWHERE))
    assert decided(lost, command=order(RESUME)).change == Change(Verb.RESUME, RELEASE.id, ppm(10))


def test_a_hold_says_until_when() -> None:
    decision = decided(rolling(), command=order(HOLD, hold_for=6 * HOUR))
    assert only(facts.Held, decision.also).until == decision.due == NOON + 6 * HOUR
    assert "18:00" in answer(decision).text


# -- in which words --------------------------------------------------------------------------------


def test_who_lifts_a_hold_is_told_so_and_that_nothing_is_raised_by_that() -> None:
    told = answer(decided(held_until(HOUR), command=order(RESUME))).text
    assert told == "the hold is lifted; the next raise still needs its evidence"


def test_who_lifts_a_halt_is_told_whether_it_stays_paused_and_until_when() -> None:
    def told(situation: str) -> str:
        build = APPLE_SITUATIONS[situation]
        return answer(decide(build(Verdict.PASS, order(RESUME), Mode.ACT))).text

    lifted = "the halt is lifted at 5 %; it stays paused until"
    assert told("guarded, halted") == f"{lifted} the evidence for Apple's next step is there"
    assert told("guarded, paused by a person, nobody has started it") == f"{lifted} somebody starts it"
    assert told("completed, and a halt is wanted") == "the halt is lifted at 100 %"


def test_whoever_waits_for_the_hours_or_for_a_pause_to_last_is_told_the_hour() -> None:
    evenings = decided(rolling(), policy=policy(calendar=Calendar(hours=Hours(start=time(18), end=time(20)))))
    assert "begin Mon 2026-03-02 18:00 UTC" in evenings.reasons[0].text
    rests = decide(APPLE_SITUATIONS["guarded, paused ten minutes ago, baked"](Verdict.PASS, None, Mode.ACT))
    assert (code(rests), rests.due) == ("rest", NOON + timedelta(minutes=50))


def test_who_has_to_decide_between_two_releases_is_told_both_commands() -> None:
    held = decided(rolling(), look=store(shown(), shown(DRAFT, release=NEWER)), supersede=Supersede.HOLD)
    assert (
        "stagedrollout resume shop --release 5020, or stagedrollout start shop --release 5030"
        in held.reasons[0].text
    )


# -- the end of a hold -----------------------------------------------------------------------------


def held_until(until: timedelta) -> Rollout:
    return with_facts(rolling(), facts.Held(ANNA, "weekend", NOON + until))


def test_a_hold_in_force_holds_to_the_second() -> None:
    assert code(decided(held_until(timedelta(seconds=1)))) == "human_hold"


def test_when_a_hold_runs_out_nothing_is_raised_by_that() -> None:
    decision = decided(held_until(timedelta(0)))
    assert decision.change is None
    assert only(facts.HoldEnded, decision.also)
    after = with_facts(held_until(timedelta(0)), *decision.also)
    assert decided(after, Verdict.MISSING).change is None
    assert decided(after).kind is DecisionKind.ADVANCE


def test_an_order_that_comes_when_the_hold_has_run_out_is_carried_out() -> None:
    assert raised_to(decided(held_until(timedelta(0)), command=order(ADVANCE))) == ppm(50)


def test_what_was_halted_at_the_smallest_share_there_is_can_be_resumed() -> None:
    resumed = decided(halted(rolling(shown(percent=0.0001))), command=order(CommandVerb.RESUME))
    assert resumed.change is not None
    assert resumed.change.exposure_ppm == 1


def test_no_phased_release_is_made_of_what_is_gone_or_out_already() -> None:
    built = APPLE_SITUATIONS["pending release, to be adopted, without a phased release"](
        Verdict.PASS, None, Mode.ACT
    )
    assert prepare(built)
    out = replace(shown(STAGED), phased=False)
    for look in (store(), store(out)):
        assert prepare(replace(built, observation=replace(built.observation, store=look))) is None
