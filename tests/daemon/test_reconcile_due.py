"""When a rollout is looked at again: soon after a raise, because only a look tells whether review holds it up, and when
a lost pause of ours can land no more, because only such a look tells it from a person's."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.apple_drift import pause_settled_at
from stagedrollout.core.fold import extend
from stagedrollout.core.model import DAEMON, ReviewState, Settlement, Verb
from stagedrollout.daemon.reconcile import RETRY_SOON, _due
from tests.core.builders import NOON, POLL, STAGED, decided, intent, rolling, seen, settled, with_facts
from tests.core.test_phased_drift import about_to_pause

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


def test_a_lost_pause_that_is_not_wanted_any_more_is_looked_for_once_it_can_land_no_more() -> None:
    """We died over it, the next look shows the release active and finds nothing wrong: whoever pauses it in the console
    from then on is heard."""
    lost = facts.Settled("i0", Verb.PAUSE, Settlement.NOT_APPLIED, "as before")
    waits = facts.Decided(facts.DecisionKind.WAIT, (), DAEMON)
    rollout = extend(about_to_pause(), (lost, waits), NOON)
    goes_on = decided(rolling())
    due = _due(LISTING, rollout, goes_on, NOON + RETRY_SOON)
    assert due == pause_settled_at(rollout)
    assert due < NOON + POLL
    assert _due(LISTING, rollout, goes_on, due) == due + POLL
