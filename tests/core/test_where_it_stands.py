"""In which words a rollout says why it is where it is, and when it wants to be shown what crashed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import OLD_NEWS, Rollout
from stagedrollout.core.model import DAEMON, Settlement, Verb
from stagedrollout.core.reviewing import halt_words
from tests.core.builders import (
    HALTED,
    HOUR,
    IN_REVIEW,
    NOON,
    STAGED,
    halted,
    intent,
    not_halted,
    rolling,
    seen,
    settled,
    with_facts,
)
from tests.core.world import CRASHES

SECOND = timedelta(seconds=1)
SUSPECTED = facts.Suspected("crash_free_sessions", 1, NOON, Reason("suspected", "it crashes"))


def halted_by_itself(at: datetime, rollout: Rollout | None = None) -> Rollout:
    ours = replace(intent(Verb.HALT, 10, "h1"), actor=DAEMON)
    return with_facts(rollout or rolling(), ours, seen(HALTED), settled(verb=Verb.HALT, key="h1"), at=at)


# -- what crashed ----------------------------------------------------------------------------------


def test_what_crashed_is_shown_after_a_halt_of_ours_until_that_is_old_news() -> None:
    assert halted_by_itself(NOON - OLD_NEWS + SECOND).issues_wanted(NOON)
    assert not halted_by_itself(NOON - OLD_NEWS).issues_wanted(NOON)


@pytest.mark.parametrize(("read", "wanted"), [(NOON - 2 * HOUR, True), (NOON - HOUR, False), (NOON, False)])
def test_what_was_read_before_the_halt_is_read_again_and_after_it_once(read: datetime, wanted: bool) -> None:
    before = with_facts(rolling(), CRASHES, at=read) if wanted else rolling()
    rollout = halted_by_itself(NOON - HOUR, before)
    rollout = rollout if wanted else with_facts(rollout, CRASHES, at=read)
    assert rollout.issues_wanted(NOON) is wanted


def test_a_suspicion_is_looked_into_once_and_a_persons_halt_asks_for_nothing() -> None:
    suspected = with_facts(rolling(), SUSPECTED)
    assert suspected.issues_wanted(NOON)
    assert not with_facts(suspected, CRASHES).issues_wanted(NOON)
    assert not halted(suspected).issues_wanted(NOON)
    assert not halted(rolling()).issues_wanted(NOON)
    assert not rolling().issues_wanted(NOON)


# -- in words --------------------------------------------------------------------------------------


def test_a_halt_that_waits_for_review_says_so_until_it_is_true() -> None:
    waits = halt_words(IN_REVIEW)
    assert waits
    in_review = with_facts(not_halted(rolling()), seen(HALTED, 10, IN_REVIEW))
    assert in_review.reason.startswith("NOT HALTED yet: ")
    assert in_review.reason.endswith(f"; {waits}")
    assert waits not in with_facts(not_halted(rolling()), seen(STAGED, 10, IN_REVIEW)).reason
    assert in_review.halt is not None
    assert waits not in replace(in_review, halt=replace(in_review.halt, confirmed=True)).reason


def test_after_a_raise_it_says_why_it_was_raised_and_after_a_refusal_what_the_store_said() -> None:
    raised = with_facts(rolling(), intent(), seen(STAGED, 50), settled())
    assert raised.reason == "it was so"
    refused = with_facts(rolling(), intent(), settled(Settlement.REFUSED))
    assert "so it went" in refused.reason
    waits = facts.Decided(facts.DecisionKind.WAIT, (Reason("bake", "it bakes"),), DAEMON)
    assert with_facts(refused, waits).reason == "it bakes"
