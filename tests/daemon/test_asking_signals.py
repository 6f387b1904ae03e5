"""Which signals a pass asks, over what time, and that the trouble of one costs no other its reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import stamina

from stagedrollout.core.errors import Denied, EdgeError, Unreachable
from stagedrollout.core.gates import RatingGate
from stagedrollout.core.model import Mode, OnNewRelease, Store, StoreApp
from stagedrollout.core.observation import Gap, Opinion, Reading, SignalQuery, Unheard
from stagedrollout.core.policy import Policy
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import _readings
from stagedrollout.daemon.retrying import ATTEMPTS
from tests.core.builders import DAY, HOUR, NOON, POLL, healthy, policy, rolling


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


@dataclass
class Source:
    """A signal that says one thing, or fails, and remembers what it was asked."""

    name: str
    says: Reading | EdgeError
    asked: list[SignalQuery] = field(default_factory=list)

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        self.asked.append(query)
        if isinstance(self.says, EdgeError):
            raise self.says
        return (self.says,)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return (Unheard(self.name, Opinion.REVIEWS, Gap.FAILED, why),)


def readings(*signals: Source, opinions: tuple[Source, ...] = (), by: Policy | None = None) -> Any:
    store: Any = None  # looking at the store is not what this is about
    listing = Listing(
        id=StoreApp("shop", Store.GOOGLE_PLAY),
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={"standard": policy()},
        store=store,
        signals=signals,
        poll=POLL,
        opinions=opinions,
    )
    return _readings(listing, rolling(since=NOON - 4 * DAY), by or policy(), NOON)


@pytest.fixture
def crashes() -> Source:
    return Source("sentry", healthy())


@pytest.fixture
def reviews() -> Source:
    return Source("play", Unheard("play", Opinion.REVIEWS, Gap.ABSENT, "nothing"))


RATED = policy(ratings=RatingGate(window=timedelta(days=3)))


def test_opinions_are_asked_only_where_the_policy_has_a_gate_for_them(
    crashes: Source, reviews: Source
) -> None:
    assert readings(crashes, opinions=(reviews,)) == (healthy(),)
    assert reviews.asked == []
    assert readings(crashes, opinions=(reviews,), by=RATED) == (healthy(), reviews.says)


def test_each_gate_is_read_over_its_own_window(crashes: Source, reviews: Source) -> None:
    """Users are counted over the whole window of the question: reviews of days must not widen it."""
    readings(crashes, opinions=(reviews,), by=RATED)
    assert [query.since for query in crashes.asked] == [NOON - 12 * HOUR]
    assert [query.since for query in reviews.asked] == [NOON - 3 * DAY]


def test_nothing_from_before_the_run_is_asked_for(reviews: Source) -> None:
    readings(opinions=(reviews,), by=policy(ratings=RatingGate()))
    assert [query.since for query in reviews.asked] == [NOON - 4 * DAY]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_signal_that_fails_costs_no_other_its_reading(failing: int, reviews: Source) -> None:
    sources = [Source("a", healthy()), Source("b", healthy()), reviews]
    expected = [source.says for source in sources]
    sources[failing].says = Denied("play", "reading reviews", "no permission", status=403)
    found = list(readings(*sources[:2], opinions=(sources[2],), by=RATED))
    why = "play: reading reviews: no permission"
    assert found[failing] == Unheard(sources[failing].name, Opinion.REVIEWS, Gap.FAILED, why)
    del found[failing], expected[failing]
    assert found == expected


def test_a_failure_that_may_pass_is_tried_again_and_a_refusal_is_not(crashes: Source) -> None:
    crashes.says = Unreachable("sentry", "read sessions", "no answer")
    readings(crashes)
    assert len(crashes.asked) == ATTEMPTS
    crashes.says = Denied("sentry", "read sessions", "no permission", status=403)
    readings(crashes)
    assert len(crashes.asked) == ATTEMPTS + 1
