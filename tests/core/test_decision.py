"""What a pass decides, rule by rule. Every combination of situation, order and verdict is in test_decision_table."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar, Freeze, Hours
from stagedrollout.core.case import Decision
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import (
    DAEMON,
    Change,
    CommandVerb,
    Mode,
    OnNewRelease,
    ReviewState,
    Settlement,
    Verb,
)
from stagedrollout.core.policy import Completion, OnUnknown, UnknownData
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HOUR,
    NOON,
    RELEASE,
    STAGED,
    answer,
    case,
    code,
    decided,
    intent,
    judged,
    not_halted,
    only,
    order,
    policy,
    ppm,
    rolling,
    seen,
    settled,
    shown,
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


# -- the schedule ----------------------------------------------------------------------------------


def test_a_stage_that_has_baked_on_good_evidence_is_raised_by_one_stage() -> None:
    decision = decided(rolling())
    assert decision.kind is DecisionKind.ADVANCE
    assert decision.change == Change(Verb.RAISE, RELEASE.id, ppm(50))
    assert decision.actor == DAEMON


def test_a_raise_cites_what_every_required_gate_said() -> None:
    assert [reason.gate for reason in decided(rolling()).reasons] == ["crash_free_sessions"]


def test_the_bake_ends_to_the_second() -> None:
    early = decided(rolling(since=NOON - DAY + timedelta(seconds=1)))
    assert (early.kind, code(early), early.due) == (DecisionKind.WAIT, "bake", NOON + timedelta(seconds=1))
    assert decided(rolling(since=NOON - DAY)).kind is DecisionKind.ADVANCE


def test_after_a_month_away_it_is_still_one_stage() -> None:
    assert raised_to(decided(rolling(shown(STAGED, 1), since=NOON - 30 * DAY))) == ppm(10)


def test_a_share_that_people_chose_in_between_is_a_new_floor() -> None:
    assert raised_to(decided(rolling(shown(STAGED, 12)))) == ppm(50)


@pytest.mark.parametrize(("sample", "kind"), [(999, DecisionKind.WAIT), (1000, DecisionKind.ADVANCE)])
def test_a_stage_waits_for_its_own_sample(sample: int, kind: DecisionKind) -> None:
    needs = policy(1, 10, 50, 100, min_sample=1000)
    assert decided(rolling(), policy=needs, assessment=judged(sample=sample)).kind is kind


def test_the_next_raise_waits_for_the_hours_and_says_when_they_begin() -> None:
    evenings = policy(calendar=Calendar(hours=Hours(start=time(18), end=time(20))))
    decision = decided(rolling(), policy=evenings)
    assert (decision.kind, code(decision), decision.due) == (DecisionKind.WAIT, "window", NOON + 6 * HOUR)


def test_everyone_is_a_decision_of_its_own() -> None:
    decision = decided(rolling(shown(STAGED, 50)))
    assert decision.kind is DecisionKind.COMPLETE
    assert decision.change == Change(Verb.COMPLETE, RELEASE.id, PPM_ALL)


def test_completing_by_hand_holds_and_asks() -> None:
    decision = decided(rolling(shown(STAGED, 50)), policy=policy(completion=Completion.BY_HAND))
    assert (decision.kind, decision.change, code(decision)) == (DecisionKind.HOLD, None, "by_hand")


def test_no_schedule_goes_beyond_its_policy() -> None:
    decision = decided(rolling(shown(STAGED, 50)), policy=policy(1, 10, 50))
    assert (decision.kind, decision.change, code(decision)) == (DecisionKind.WAIT, None, "ceiling")


@pytest.mark.parametrize("verdict", list(Verdict)[2:-1])
def test_doubt_holds_and_names_the_gates_that_doubt(verdict: Verdict) -> None:
    decision = decided(rolling(), verdict)
    assert (decision.kind, decision.change) == (DecisionKind.HOLD, None)
    assert [reason.code for reason in decision.reasons] == [verdict.name.lower()]


def test_too_little_data_is_waiting_and_not_holding() -> None:
    assert decided(rolling(), Verdict.INSUFFICIENT).kind is DecisionKind.WAIT


# -- stopping --------------------------------------------------------------------------------------


def test_a_fail_halts_in_the_same_pass_whatever_else_is_the_matter() -> None:
    hold = facts.Held(ANNA, "weekend", None)
    frozen = policy(calendar=CHRISTMAS)
    for rollout in (rolling(), with_facts(rolling(), hold), with_facts(rolling(), intent()), waiting()):
        decision = decided(rollout, Verdict.FAIL, policy=frozen)
        assert decision.kind is DecisionKind.HALT
        assert decision.change == Change(Verb.HALT, RELEASE.id, ppm(10))


def test_a_completed_release_can_still_be_halted() -> None:
    assert decided(rolling(shown(COMPLETED), since=NOON - HOUR), Verdict.FAIL).kind is DecisionKind.HALT


def test_what_nobody_has_started_is_watched_all_the_same() -> None:
    assert decided(waiting(), Verdict.FAIL).change is not None


def test_a_draft_cannot_fail() -> None:
    assert decided(waiting(found=shown(DRAFT)), Verdict.FAIL).change is None


def test_a_release_that_is_ignored_is_left_alone() -> None:
    assert decided(waiting(OnNewRelease.IGNORE), Verdict.FAIL).change is None


def test_an_order_that_comes_with_a_fail_is_turned_down_and_the_halt_goes_out() -> None:
    decision = decided(rolling(), Verdict.FAIL, command=order(ADVANCE))
    assert decision.change
    assert decision.change.verb is Verb.HALT
    assert not answer(decision).accepted
    recorded = news.of_decision(rolling(), decision, "f1")
    assert only(facts.Decided, recorded).verb is Verb.HALT
    assert only(facts.Commanded, recorded).command == "c1"


def test_an_order_while_a_halt_is_wanted_does_not_keep_it_from_being_sent_again() -> None:
    decision = decided(not_halted(rolling()), command=order(HOLD))
    assert decision.change
    assert decision.change.verb is Verb.HALT
    assert not answer(decision).accepted


def test_a_halt_the_store_does_not_show_is_sent_again_until_it_does() -> None:
    wanted = not_halted(rolling())
    assert wanted.phase is Phase.NOT_HALTED
    again = decided(wanted)
    assert again.change == Change(Verb.HALT, RELEASE.id, ppm(10))
    assert again.actor == ANNA


def test_a_halt_sent_again_and_again_is_the_same_halt_with_the_same_words() -> None:
    wanted = not_halted(rolling())
    for _ in range(50):
        recorded = news.of_decision(wanted, decided(wanted), "")
        key = only(facts.Decided, recorded).intent
        wanted = with_facts(wanted, *recorded, settled(Settlement.REFUSED, Verb.HALT, key))
    assert wanted.halt == not_halted(rolling()).halt


def test_a_person_may_take_back_a_halt_that_the_store_will_not_grant() -> None:
    decision = decided(not_halted(rolling()), command=order(RESUME))
    assert decision.change == Change(Verb.RESUME, RELEASE.id, ppm(10))


def test_a_halt_that_may_be_under_way_is_not_taken_back() -> None:
    pending = with_facts(not_halted(rolling()), intent(Verb.HALT, 10, "h2"))
    assert decided(pending, command=order(RESUME)).change == Change(Verb.HALT, RELEASE.id, ppm(10))


def test_a_person_s_halt_needs_no_look_at_the_store() -> None:
    decision = decided(rolling(), command=order(HALT), look=unread(), assessment=case().assessment)
    assert decision.change == Change(Verb.HALT, RELEASE.id, ppm(10))
    assert answer(decision).accepted


def test_a_release_lowered_in_the_console_is_still_halted_when_it_fails() -> None:
    lowered = with_facts(
        rolling(), seen(STAGED, 5), facts.Drifted(facts.Drift.LOWERED, seen(), seen(STAGED, 5))
    )
    assert decided(lowered, Verdict.FAIL).change == Change(Verb.HALT, RELEASE.id, ppm(5))


# -- no data for too long --------------------------------------------------------------------------

BLIND = policy(unknown_data=UnknownData(action=OnUnknown.HALT, after=6 * HOUR))


def blind(since: timedelta) -> Rollout:
    return with_facts(rolling(), facts.WentBlind(("crash_free_sessions",)), at=NOON - since)


def test_a_policy_may_halt_when_nobody_has_known_anything_for_long() -> None:
    assert decided(blind(6 * HOUR - timedelta(seconds=1)), Verdict.MISSING, policy=BLIND).change is None
    assert code(decided(blind(6 * HOUR), Verdict.MISSING, policy=BLIND)) == "blind"


def test_otherwise_not_knowing_holds_for_ever() -> None:
    assert decided(blind(10 * DAY), Verdict.MISSING).kind is DecisionKind.HOLD


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INSUFFICIENT, Verdict.CONTRADICTORY])
def test_data_that_come_back_in_this_very_pass_are_not_halted_for_their_absence(verdict: Verdict) -> None:
    assert decided(blind(7 * HOUR), verdict, policy=BLIND).kind is not DecisionKind.HALT


# -- precedence (promise R11) ----------------------------------------------------------------------


def test_precedence_is_human_halt_machine_halt_freeze_human_hold_human_advance_schedule() -> None:
    """Everything at once; what is strongest is taken away, one after the other."""
    everything = with_facts(rolling(), facts.Held(ANNA, "weekend", None))
    frozen = policy(calendar=CHRISTMAS)
    assert code(decided(everything, Verdict.FAIL, command=order(HALT), policy=frozen)) == "human_halt"
    assert code(decided(everything, Verdict.FAIL, command=order(ADVANCE), policy=frozen)) == "fail"
    assert code(decided(everything, command=order(ADVANCE), policy=frozen)) == "freeze"
    assert code(decided(everything, command=order(ADVANCE))) == "human_hold"
    assert code(decided(rolling(), command=order(ADVANCE))) == "human_advance"
    assert code(decided(rolling())) == "pass"


# -- mode observe ----------------------------------------------------------------------------------


def test_mode_observe_tells_what_it_would_do_and_sends_nothing() -> None:
    for verdict, kind in ((Verdict.PASS, DecisionKind.ADVANCE), (Verdict.FAIL, DecisionKind.HALT)):
        decision = decided(rolling(), verdict, mode=Mode.OBSERVE)
        assert (decision.kind, decision.change) == (kind, None)
        assert decision.reasons[-1].code == "observe"


def test_in_mode_observe_a_person_s_halt_is_sent_and_sent_again() -> None:
    assert decided(rolling(), command=order(HALT), mode=Mode.OBSERVE).change
    assert decided(not_halted(rolling()), mode=Mode.OBSERVE).change == Change(Verb.HALT, RELEASE.id, ppm(10))


@pytest.mark.parametrize("verb", [START, HOLD, RESUME, ADVANCE, COMPLETE])
def test_in_mode_observe_other_orders_are_refused_in_words(verb: CommandVerb) -> None:
    assert "mode: act" in answer(decided(rolling(), command=order(verb), mode=Mode.OBSERVE)).text


# -- review, adoption, the end ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "kind"),
    [
        (ReviewState.IN_REVIEW, DecisionKind.WAIT),
        (ReviewState.NOT_LISTED, DecisionKind.WAIT),
        (ReviewState.NOT_SENT_FOR_REVIEW, DecisionKind.HOLD),
        (ReviewState.APPROVED_NOT_PUBLISHED, DecisionKind.HOLD),
        (ReviewState.NOT_APPROVED, DecisionKind.HOLD),
        (ReviewState.UNKNOWN, DecisionKind.HOLD),
    ],
)
def test_nothing_is_raised_until_the_store_has_published_it(review: ReviewState, kind: DecisionKind) -> None:
    pending = with_facts(rolling(), seen(STAGED, 10, review))
    decision = decided(pending)
    assert (decision.kind, decision.change) == (kind, None)


def test_an_app_that_adopts_takes_up_what_is_rolled_out_and_never_a_draft() -> None:
    adopted = decided(waiting(OnNewRelease.ADOPT))
    assert only(facts.Started, adopted.also).actor == DAEMON
    draft = decided(waiting(OnNewRelease.ADOPT, shown(DRAFT)))
    assert (draft.also, code(draft)) == ((), "not_started")


def test_the_watch_after_everyone_has_an_end() -> None:
    watching = decided(rolling(shown(COMPLETED), since=NOON - HOUR))
    assert (code(watching), watching.due) == ("watch", NOON + 71 * HOUR)
    over = decided(rolling(shown(COMPLETED), since=NOON - 3 * DAY))
    assert only(facts.Closed, over.also)


# -- what is written down --------------------------------------------------------------------------


def test_the_same_decision_for_the_same_causes_is_written_once() -> None:
    rollout = rolling(since=NOON - HOUR)
    first = news.of_decision(rollout, decided(rollout), "f1")
    rollout = with_facts(rollout, *first)
    assert len(first) == 1
    assert news.of_decision(rollout, decided(rollout), "f1") == ()


def test_the_same_cause_at_another_share_is_written_anew() -> None:
    """Somebody raised it in the console: "bakes at 10 % until Monday" would be false now."""
    rollout = rolling(since=NOON - HOUR)
    rollout = with_facts(rollout, *news.of_decision(rollout, decided(rollout), "f1"))
    rollout = with_facts(rollout, seen(STAGED, 30), facts.WentLive(ppm(30)))
    assert only(facts.Decided, news.of_decision(rollout, decided(rollout), "f1")).target_ppm == ppm(30)


def test_a_refused_order_changes_nothing_but_is_written_down() -> None:
    rollout = rolling()
    recorded = news.of_decision(rollout, decided(rollout, command=order(START)), "f1")
    assert [type(fact) for fact in recorded] == [facts.Commanded]


def test_every_intent_has_a_key_of_its_own() -> None:
    rollout = rolling()
    keys = []
    for _ in range(3):
        recorded = news.of_decision(rollout, decided(rollout), "f1")
        keys.append(only(facts.Decided, recorded).intent)
        rollout = with_facts(rollout, *recorded, settled(Settlement.REFUSED, key=keys[-1]))
    assert len(set(keys)) == 3
