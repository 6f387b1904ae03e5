"""When a rollout is looked at again: soon after a raise, because only a look tells whether review holds it up."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from stagedrollout.core.model import ReviewState
from stagedrollout.daemon.reconcile import RETRY_SOON, _due
from tests.core.builders import NOON, POLL, STAGED, decided, rolling, seen, with_facts

LISTING: Any = SimpleNamespace(poll=POLL)


def due_in(review: ReviewState) -> timedelta:
    rollout = with_facts(rolling(), seen(STAGED, 50, review))
    return _due(LISTING, rollout, decided(rollout), NOON) - NOON


def test_a_raise_that_was_read_back_is_looked_at_again_in_half_a_minute_for_its_review() -> None:
    assert due_in(ReviewState.UNREAD) == RETRY_SOON


def test_a_raise_in_review_is_looked_at_at_the_usual_pace() -> None:
    assert due_in(ReviewState.IN_REVIEW) == POLL
