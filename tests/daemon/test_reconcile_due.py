"""When a rollout is looked at again: soon after a raise, because only a look tells whether review holds it up."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from stagedrollout.core.model import ReviewState
from stagedrollout.daemon.reconcile import RETRY_SOON, _due
from tests.core.builders import NOON, POLL, STAGED, decided, intent, rolling, seen, settled, with_facts

LISTING: Any = SimpleNamespace(poll=POLL)


def due_in(review: ReviewState) -> timedelta:
    rollout = with_facts(rolling(), seen(STAGED, 50, review))
    return _due(LISTING, rollout, decided(rollout), NOON) - NOON


def test_a_raise_that_was_read_back_is_looked_at_again_in_half_a_minute_for_its_review() -> None:
    assert due_in(ReviewState.UNREAD) == RETRY_SOON


def test_a_review_that_cannot_be_read_for_hours_is_not_asked_for_every_half_minute() -> None:
    """A key that may see the track and not its reviews: only a person mends that."""
    rollout = with_facts(rolling(), intent(), seen(STAGED, 50, ReviewState.UNREAD), settled())
    assert rollout.landing
    later = rollout.landing.at + timedelta(hours=5)
    assert _due(LISTING, rollout, decided(rollout), later) - later == POLL


def test_a_raise_in_review_is_looked_at_at_the_usual_pace() -> None:
    assert due_in(ReviewState.IN_REVIEW) == POLL
