"""What becomes of a change of ours: what the store answered, and what is made of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Outcome,
    Settlement,
    StoreRelease,
    StoreState,
    Unread,
    Verb,
)
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, completed, phased
from tests.core.builders import (
    ANNA,
    HALTED,
    HOUR,
    IN_REVIEW,
    NOON,
    STAGED,
    discovered,
    intent,
    only,
    ppm,
    rolling,
    shown,
    store,
    unread,
    with_facts,
)

MINUTE = timedelta(minutes=1)


def look(rollout: Rollout, *found: StoreRelease, at: datetime = NOON) -> tuple[Rollout, tuple[Fact, ...]]:
    """One look at the store; the rollout after it, and what was new."""
    learned = learn(rollout, store(*found, at=at), at)
    return extend(rollout, learned, at), learned


def meaning(learned: tuple[Fact, ...]) -> Drift | None:
    drifts = [fact.meaning for fact in learned if isinstance(fact, facts.Drifted)]
    assert len(drifts) <= 1
    return drifts[0] if drifts else None


def raising(percent: float = 50, opened: datetime = NOON - HOUR) -> Rollout:
    """A raise from 10 % was recorded; what became of it is not known."""
    return with_facts(rolling(), intent(percent=percent), at=opened)


def outcome(
    settlement: Settlement, state: StoreState | Unread, rollout: Rollout | None = None
) -> tuple[Fact, ...]:
    return news.of_outcome(rollout or raising(opened=NOON), "i1", Outcome(settlement, "so it went", state))


def test_a_raise_that_was_read_back_is_confirmed_and_its_bake_begins() -> None:
    found = outcome(Settlement.CONFIRMED, store(shown(STAGED, 50)))
    assert [type(fact) for fact in found] == [facts.Seen, facts.Settled, facts.WentLive]


def test_a_raise_that_waits_for_review_is_confirmed_and_does_not_bake_yet() -> None:
    found = outcome(Settlement.CONFIRMED, store(shown(STAGED, 50, IN_REVIEW)))
    assert [type(fact) for fact in found] == [facts.Seen, facts.Settled]


def test_what_the_store_shows_counts_more_than_what_was_claimed() -> None:
    found = outcome(Settlement.IN_DOUBT, store(shown(STAGED, 50)))
    assert only(facts.Settled, found).settlement is Settlement.CONFIRMED


def test_a_success_that_nobody_has_seen_stays_in_doubt_and_is_settled_by_the_next_look() -> None:
    """Else the next look would take our own change for somebody's in the console."""
    found = outcome(Settlement.CONFIRMED, unread())
    assert only(facts.Settled, found).settlement is Settlement.IN_DOUBT
    rollout, learned = look(with_facts(raising(), *found), shown(STAGED, 50))
    assert meaning(learned) is None
    assert rollout.exposure_ppm == ppm(50)


def test_an_outcome_in_doubt_stays_open() -> None:
    found = outcome(Settlement.IN_DOUBT, unread())
    assert with_facts(raising(), *found).intent


@pytest.mark.parametrize("settlement", [Settlement.REFUSED, Settlement.PREEMPTED, Settlement.NOT_APPLIED])
def test_what_was_not_applied_is_over(settlement: Settlement) -> None:
    found = outcome(settlement, unread())
    assert with_facts(raising(), *found).intent is None


def test_a_store_that_moved_meanwhile_is_learned_from_at_once() -> None:
    found = outcome(Settlement.MOVED, store(shown(HALTED, 10)))
    assert meaning(found) is Drift.HALTED


def test_the_outcome_of_a_raise_that_a_halt_has_overtaken_counts_for_nothing() -> None:
    overtaken = with_facts(raising(opened=NOON), intent(Verb.HALT, 10, "h1"), at=NOON)
    assert outcome(Settlement.CONFIRMED, store(shown(STAGED, 50)), overtaken) == ()


@pytest.mark.promise("R10")
@pytest.mark.parametrize(
    ("answer", "told"), [(Settlement.REFUSED, [Drift.RAISED]), (Settlement.CONFIRMED, [])]
)
def test_who_completed_it_while_our_resume_was_on_its_way_is_told(
    answer: Settlement, told: list[Drift]
) -> None:
    """Apple refuses ours then: seed 1085. What it takes, and goes through all days with, is what we asked for."""
    before, after = Seen.of(phased(ACTIVE, 1)), Seen.of(phased(PAUSED, 1))
    running = fold(APPLE_KEY, ((discovered(found=phased(ACTIVE, 1)), NOON - HOUR), (before, NOON - HOUR)))
    assert running is not None
    halted = extend(running, (facts.Drifted(Drift.HALTED, before, after), after), NOON - HOUR)
    resume = facts.Decided(facts.DecisionKind.RESUME, (), ANNA, "c1", "i1", Verb.RESUME, 10_000, "f")
    state = StoreState((completed("COMPLETE on day 1"),), "f", NOON)
    found = news.of_outcome(extend(halted, (resume,), NOON), "i1", Outcome(answer, "as it is", state))
    assert [fact.meaning for fact in found if isinstance(fact, facts.Drifted)] == told
    assert [fact.settlement for fact in found if isinstance(fact, facts.Settled)] == [answer]
