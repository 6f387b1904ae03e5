"""Raises that the store does not take: told once, shown in status, and never sent again at every pass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import CommandVerb, Settlement, Verb
from stagedrollout.core.wording import notices
from tests.core.builders import HOUR, NOON, code, decided, intent, order, rolling, with_facts

MINUTE = timedelta(minutes=1)
NO = "The caller does not have permission (the service account lacks a permission)"


def refused(at=NOON - 30 * MINUTE) -> Rollout:
    return with_facts(rolling(), intent(), facts.Settled("i1", Verb.RAISE, Settlement.REFUSED, NO), at=at)


def sent_in_vain(times: int) -> Rollout:
    rollout = rolling()
    for turn in range(times):
        at = NOON - (times - turn) * 20 * MINUTE
        rollout = with_facts(
            rollout,
            intent(key=f"i{turn}"),
            facts.Settled(f"i{turn}", Verb.RAISE, Settlement.IN_DOUBT, "Internal error encountered."),
            facts.Settled(f"i{turn}", Verb.RAISE, Settlement.NOT_APPLIED, "as it was before"),
            at=at,
        )
    return rollout


def test_a_refused_raise_shows_the_stores_words_in_status_at_once():
    assert refused().reason == f"the store refused our raise: {NO}"


def test_a_refused_raise_is_not_sent_again_for_an_hour_and_then_it_is():
    decision = decided(refused())
    assert (decision.kind, decision.change, code(decision)) == (DecisionKind.HOLD, None, "refused")
    assert NO in decision.reasons[0].text
    assert decision.due == NOON + 30 * MINUTE
    assert decided(refused(), now=NOON + 30 * MINUTE).kind is DecisionKind.ADVANCE


def test_a_hold_after_a_refusal_is_not_told_a_second_time():
    rollout = refused()
    held = facts.Decided(DecisionKind.HOLD, decided(rollout).reasons, intent().actor, "", "", None, 0, "f1")
    after = with_facts(rollout, held)
    assert notices(after, (held,), NOON) == ()
    assert (after.phase, NO in after.reason) == (Phase.HELD, True)


def test_what_went_unanswered_once_is_sent_again_and_twice_is_a_persons_matter():
    assert decided(sent_in_vain(1)).kind is DecisionKind.ADVANCE
    twice = sent_in_vain(2)
    decision = decided(twice)
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "sent_in_vain")
    assert "Internal error encountered." in decision.reasons[0].text
    held = facts.Decided(DecisionKind.HOLD, decision.reasons, intent().actor, "", "", None, 0, "f1")
    (told,) = notices(with_facts(twice, held), (held,), NOON)
    assert told.broadcast


def test_a_person_may_try_a_refused_raise_at_once():
    decision = decided(refused(), command=order(CommandVerb.ADVANCE))
    assert decision.change is not None


def test_a_failing_gate_halts_whatever_was_refused_before():
    assert decided(refused(), Verdict.FAIL).kind is DecisionKind.HALT


@pytest.mark.parametrize("settlement", [Settlement.PREEMPTED, Settlement.MOVED, Settlement.NOT_APPLIED])
def test_what_was_never_sent_is_no_setback(settlement):
    settled = facts.Settled("i1", Verb.RAISE, settlement, "a halt took over")
    assert with_facts(rolling(), intent(), settled).setback is None


def test_a_raise_that_goes_through_ends_the_count():
    done = facts.Settled("i2", Verb.RAISE, Settlement.CONFIRMED, "read back")
    assert with_facts(refused(at=NOON - 2 * HOUR), intent(key="i2"), done).setback is None


def test_a_refused_start_says_why_it_still_waits():
    no = "The first release on a track cannot be staged."
    started = with_facts(
        rolling(), intent(Verb.START, 1), facts.Settled("i1", Verb.START, Settlement.REFUSED, no)
    )
    assert not started.steered
    assert no in decided(started).reasons[0].text
