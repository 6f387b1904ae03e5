"""Which signals a pass asks, over what time, and that the trouble of one costs no other its reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import stamina

from stagedrollout.core.errors import Denied, EdgeError, Unreachable
from stagedrollout.core.gates import RatingGate, Role
from stagedrollout.core.judgement import Suspicion
from stagedrollout.core.model import Mode, OnNewRelease, Store, StoreApp
from stagedrollout.core.observation import Gap, Metric, Opinion, Reading, SignalQuery, Unheard
from stagedrollout.core.policy import Policy
from stagedrollout.daemon.listening import listened
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.retrying import ATTEMPTS
from tests.core.builders import DAY, HOUR, NOON, POLL, gate, healthy, policy, rolling, sick


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


def readings(
    *signals: Source, opinions: tuple[Source, ...] = (), by: Policy | None = None, **terms: Any
) -> Any:
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
    rollout = replace(rolling(since=NOON - 4 * DAY), suspicions=terms.pop("suspicions", ()))
    return listened(listing, rollout, by or policy(), NOON, **terms)


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


def test_an_opinion_is_tried_once_because_a_pass_waits_for_it(crashes: Source, reviews: Source) -> None:
    reviews.says = Unreachable("play", "reading reviews", "no answer")
    (_, unheard) = readings(crashes, opinions=(reviews,), by=RATED)
    assert (len(reviews.asked), unheard.gap) == (1, Gap.FAILED)


def test_slow_opinions_leave_a_pass_the_time_to_halt(crashes: Source, reviews: Source) -> None:
    """The first one takes its ten seconds; the others say that they were not asked."""
    seconds = iter([0.0, 0.0, 10.0, 10.0])
    others = (Source("averages", reviews.says), Source("more", reviews.says))
    found = readings(crashes, opinions=(reviews, *others), by=RATED, seconds=lambda: next(seconds))
    assert found[:2] == (healthy(), reviews.says)
    assert [one.why for one in found[2:]] == ["not asked: no time was left"] * 2
    assert [len(source.asked) for source in (reviews, *others)] == [1, 0, 0]


def test_nobody_is_asked_for_an_opinion_once_the_crashes_have_failed(
    crashes: Source, reviews: Source
) -> None:
    crashes.says = sick()
    once = (Suspicion("crash_free_sessions", 1, NOON - POLL),)
    found = readings(crashes, opinions=(reviews,), by=RATED, suspicions=once)
    assert (found[0], found[1].why) == (sick(), "not asked: what was read already has failed")
    assert reviews.asked == []


def test_crashes_that_are_only_suspected_or_only_advise_keep_nobody_from_being_asked(
    crashes: Source, reviews: Source
) -> None:
    crashes.says = sick()
    assert readings(crashes, opinions=(reviews,), by=RATED) == (sick(), reviews.says)
    advising = replace(
        RATED, gates=(gate(role=Role.ADVISORY, confirm=1), gate(metric=Metric.CRASH_FREE_USERS))
    )
    assert readings(crashes, opinions=(reviews,), by=advising)[1] == reviews.says
