"""Spoiled answers of every signal: readings, or one of our errors; and readings that the core can judge by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.ledger import Ledger, Tallied, take
from stagedrollout.core.model import Store
from stagedrollout.core.observation import Measured, Reviews, Valued
from stagedrollout.core.policy import Policy
from tests.core.builders import NOON, policy
from tests.core.world import World as Core
from tests.fuzz.sound import sound
from tests.fuzz.spoiling import SPOILS
from tests.fuzz.target import fuzz
from tests.fuzz.world import KINDS, Fuzzed, opened

STORES = st.sampled_from(list(Store))
LINES = st.lists(st.none() | SPOILS | SPOILS | SPOILS, min_size=1, max_size=5)
DRAWN = st.tuples(LINES, STORES)
POLICY: Policy = policy(1, 10, 50, 100)


def told(ask: Callable[[], Any]) -> Any:
    """What is asked for, sound; None where it was refused in our words."""
    try:
        found = ask()
    except EdgeError as error:
        refusal = str(error)
    else:
        sound(found)
        return found
    sound(refusal)
    assert "the source itself failed" not in refusal, "a mistake of ours, told as the source's"
    return None


def _counted(readings: Any) -> None:
    for reading in readings or ():
        if isinstance(reading, Tallied):
            ledger = take(Ledger("x"), reading, NOON).ledger
            take(ledger, reading, NOON)
            for bucket in reading.buckets:
                assert bucket.place.start.minute == 0
        if isinstance(reading, Measured):
            for arm in filter(None, (reading.candidate, reading.baseline)):
                assert 0 <= arm.window.bad <= arm.window.total


@fuzz("sentry-sessions", DRAWN, examples=30)
def test_any_answer_about_sessions_is_readings_or_our_error(drawn):
    spoils, store = drawn
    world = opened(spoils, recorded=True)
    for signal in world.listing(store).signals:
        readings = told(lambda signal=signal: signal.read(world.asks(store)))
        _counted(readings)
        if readings:
            core = Core(POLICY)
            sound(core.assess(core.rollout, readings))


@fuzz("sentry-tallies", DRAWN, examples=30)
def test_any_answer_about_counts_is_readings_or_our_error(drawn):
    spoils, store = drawn
    world = opened(spoils, recorded=True)
    asked, tallies = world.counts(store), world.listing(store).tallies
    assert tallies is not None
    _counted(told(lambda: tallies.read(asked)))
    told(lambda: tallies.running(asked.candidate, asked.until))
    told(lambda: tallies.past(world.asks(store).baseline, asked.since))


@fuzz("sentry-issues", DRAWN, examples=40)
def test_any_answer_about_issues_is_issues_or_our_error(drawn):
    spoils, store = drawn
    world = opened(spoils, recorded=True)
    issues = world.listing(store).issues
    assert issues is not None
    told(lambda: issues.read(world.asks(store).candidate))


@fuzz("opinions", DRAWN, examples=30)
def test_any_answer_about_reviews_and_averages_is_readings_or_our_error(drawn):
    spoils, store = drawn
    world = opened(spoils, recorded=True)
    for signal in world.listing(store).opinions:
        for reading in told(lambda signal=signal: signal.read(world.asks(store))) or ():
            assert not isinstance(reading, Reviews) or all(
                review.text.isprintable() for review in reading.lowest
            )


def _own(world: Fuzzed, prefix: str) -> None:
    listing = world.listing(Store.GOOGLE_PLAY)
    counts = [each for each in listing.counts if each.name.startswith(prefix)]
    values = [each for each in listing.values if each.name.startswith(prefix)]
    assert counts or values
    for count in counts:
        reading = told(lambda count=count: count.read(world.counts(Store.GOOGLE_PLAY)))
        _counted([reading])
    for value in values:
        reading = told(lambda value=value: value.read(world.asks(Store.GOOGLE_PLAY)))
        assert not isinstance(reading, Valued) or reading.as_of <= world.now


@fuzz("own-sources", st.tuples(LINES, st.sampled_from(KINDS)), examples=25)
def test_any_answer_to_a_query_is_a_reading_or_our_error(drawn):
    spoils, kind = drawn
    _own(opened(spoils, recorded=True), kind)


@fuzz("vitals", st.tuples(LINES, st.sampled_from(["crashes", "anrs"])), examples=30)
def test_any_answer_about_vitals_is_a_reading_or_our_error(drawn):
    spoils, kind = drawn
    _own(opened(spoils, recorded=True), kind)


@fuzz("ratings-bucket", LINES, examples=25)
def test_any_answer_of_the_bucket_is_a_reading_or_our_error(spoils):
    _own(opened(spoils, recorded=True), "stars")
