"""Each review state has words of its own; where only a person goes on, that is told aloud, once, halts included."""

from __future__ import annotations

import pytest

from stagedrollout.core import facts
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import DAEMON, ReviewState, Settlement, Verb
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.reviewing import FOR_A_PERSON, REVIEW_WORDS, halt_words
from stagedrollout.core.wording import notices
from tests.core.builders import (
    ANNA,
    HALTED,
    HOUR,
    NOON,
    STAGED,
    decided,
    discovered,
    rolling,
    seen,
    told,
    with_facts,
)

HELD_BACK = sorted({*ReviewState} - {ReviewState.PUBLISHED, ReviewState.NOT_LISTED})


def pending(review: ReviewState) -> Rollout:
    return with_facts(rolling(), seen(STAGED, 10, review))


def halted_in(review: ReviewState) -> tuple[Rollout, facts.Seen]:
    wanted = facts.Decided(facts.DecisionKind.HALT, (), DAEMON, "", "i1", Verb.HALT, 100_000, "f1")
    shown = seen(HALTED, 10, review)
    return with_facts(rolling(), wanted, shown), shown


def test_every_review_state_has_words_of_its_own():
    assert set(REVIEW_WORDS) == set(ReviewState)
    assert len(set(REVIEW_WORDS.values())) == len(REVIEW_WORDS)
    assert len({halt_words(review) for review in HELD_BACK}) == len(HELD_BACK)


@pytest.mark.parametrize("review", [r for r in HELD_BACK if r is not ReviewState.UNKNOWN])
def test_status_says_where_a_release_that_is_not_out_stands_in_review(review: ReviewState):
    assert decided(pending(review)).reasons[0].text == REVIEW_WORDS[review]


@pytest.mark.parametrize("review", ReviewState)
def test_a_person_is_called_aloud_once_where_only_a_person_goes_on(review: ReviewState):
    rollout = pending(review)
    found = notices(rollout, (rollout.seen,) if rollout.seen else (), NOON)
    assert [n.broadcast for n in found] == ([True] if review in FOR_A_PERSON else [])
    assert all(REVIEW_WORDS[review] in n.headline for n in found)


def test_a_release_that_waits_for_a_person_when_it_is_taken_up_is_told_then():
    rollout = told(discovered(), seen(STAGED, 10, ReviewState.NOT_APPROVED), start=NOON - HOUR)
    begun = facts.Started(ANNA, "go", "standard", "c0")
    found = notices(with_facts(rollout, begun), (begun,), NOON)
    assert [notice.kind for notice in found] == [NoticeKind.STARTED, NoticeKind.REVIEW]


@pytest.mark.parametrize("review", HELD_BACK)
def test_a_halt_that_review_keeps_back_is_not_halted_and_status_says_what_it_waits_for(review: ReviewState):
    rollout, _ = halted_in(review)
    assert rollout.reason.startswith("NOT HALTED yet")
    assert rollout.reason.endswith(halt_words(review))


@pytest.mark.parametrize("review", ReviewState)
def test_a_halt_that_only_a_person_can_bring_about_is_told_aloud_once(review: ReviewState):
    rollout, shown = halted_in(review)
    found = [n for n in notices(rollout, (shown,), NOON) if n.kind is NoticeKind.REVIEW]
    again = [n for n in notices(rollout, (shown,), NOON + HOUR) if n.kind is NoticeKind.REVIEW]
    assert [n.key for n in found] == [n.key for n in again]
    assert [n.broadcast for n in found] == ([True] if review in FOR_A_PERSON else [])
    assert all("NOT HALTED" in n.headline for n in found)


def test_a_raise_that_review_does_not_hold_up_is_told_once_and_one_that_it_does_is_told_when_it_is_out():
    raised = facts.Decided(facts.DecisionKind.ADVANCE, (), DAEMON, "", "i1", Verb.RAISE, 500_000, "f1")
    landed = seen(STAGED, 50, ReviewState.UNREAD)
    confirmed = facts.Settled("i1", Verb.RAISE, Settlement.CONFIRMED, "read back in the store")
    live = facts.WentLive(500_000)
    rollout = with_facts(rolling(), raised, landed, confirmed, at=NOON)
    soon = with_facts(rollout, seen(STAGED, 50), live, at=NOON + HOUR / 100)
    assert notices(soon, (live,), NOON + HOUR / 100) == ()
    late = with_facts(rollout, seen(STAGED, 50), live, at=NOON + 3 * HOUR)
    assert [n.kind for n in notices(late, (live,), NOON + 3 * HOUR)] == [NoticeKind.REVIEW]
