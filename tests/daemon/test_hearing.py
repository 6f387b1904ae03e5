"""Whatever becomes of the evidence, a pass goes on: it may halt, and the floors judge without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from stagedrollout.core import facts
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import StorageError
from stagedrollout.core.evidence.terms import LN_HALT
from stagedrollout.core.gates import RatingGate
from stagedrollout.core.ledger import Ledger, LedgerQuery, Measure, Tallied, Tally, Untallied
from stagedrollout.core.model import Mode, OnNewRelease, Store, StoreApp
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap, Measured, Unheard
from stagedrollout.daemon.hearing import Hearer, Hearing
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.retrying import ATTEMPTS
from tests.core.builders import HOUR, NOON, OLDER, POLL, only, rolling, shown, sick, store
from tests.core.weighed import sessions, with_evidence
from tests.daemon.test_asking_signals import Source as Asked
from tests.daemon.test_weighing import DOWN, GOOD, Source

BAD = Tally(1_000, 200, 9_000, 36)


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


class Books:
    """A recorder whose ledger is as told."""

    def __init__(self, ledger: Ledger | StorageError) -> None:
        self._ledger = ledger

    def ledger(self, key: Any) -> Ledger:
        if isinstance(self._ledger, StorageError):
            raise self._ledger
        return self._ledger

    def halted(self, app: Any) -> frozenset[str]:
        return frozenset()


def hear(
    source: Source, ledger: Ledger | StorageError | None = None, *, counts: tuple[Any, ...] = (), **terms: Any
) -> Hearing:
    policy = with_evidence(1, 10, 100, **terms)
    unlooked: Any = None
    books: Any = Books(ledger or Ledger("shop"))
    listing = Listing(
        id=StoreApp("shop", Store.GOOGLE_PLAY),
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={"standard": policy},
        store=unlooked,
        signals=(Asked("sentry", sick()),),
        poll=POLL,
        opinions=(REVIEWS,),
        tallies=source,
        counts=counts,
    )
    REVIEWS.asked.clear()
    return Hearer(books).hear(listing, rolling(since=NOON - 3 * HOUR), policy, store(shown()), NOON)


REVIEWS = Asked("play_reviews", sick())


class Till:
    """A team's own counts: a checkout that fails twenty times as often."""

    name = "checkout_errors"
    declared = Declaration(unit="checkouts", lag=0 * HOUR, can_halt=True, no_data="nothing")

    def read(self, query: LedgerQuery) -> Tallied:
        failing = [Tally(1_000, 200, 9_000, 90)] * 3
        return sessions(*failing, until=query.until, measure=Measure.called(self.name))

    def unread(self, why: str) -> Untallied:
        return Untallied(self.name, Measure.called(self.name), Gap.FAILED, why)


def test_a_ledger_that_cannot_be_read_halts_all_the_same_and_keeps_nothing():
    found = hear(Source(counts=(GOOD, GOOD, BAD)), StorageError("the ledger is damaged at seq 4")).found
    assert found.heard.weighing.ln_e >= LN_HALT
    assert "damaged at seq 4" in found.heard.problem
    assert found.taken.added == ()


def test_counts_that_cannot_be_weighed_leave_the_floors_their_word(caplog: pytest.LogCaptureFixture):
    impossible = Tally(1_000, 4, 0, 36)

    class Broken(Source):
        def past(self, *args: Any) -> Any:
            raise ZeroDivisionError("no baseline at all")

    heard = hear(Broken(counts=(impossible,)))
    assert "no baseline at all" in heard.found.heard.problem
    assert any(isinstance(reading, Measured) for reading in heard.readings), (
        "the floors were asked for themselves"
    )
    assert "could not be weighed" in caplog.text


def test_once_the_evidence_has_failed_no_opinion_is_waited_for():
    failing = hear(Source(counts=(GOOD, GOOD, BAD)), ratings=RatingGate())
    assert REVIEWS.asked == []
    assert any(isinstance(reading, Unheard) for reading in failing.readings)
    hear(Source(), ratings=RatingGate())
    assert len(REVIEWS.asked) == 1


def test_a_halt_by_a_teams_own_counts_waits_for_no_opinion_either():
    gates = (NamedGate(signal=Till.name),)
    failing = hear(Source(), counts=(Till(),), signals=gates, ratings=RatingGate())
    assert failing.found.heard.weighing.ln_e >= LN_HALT
    assert REVIEWS.asked == []


def test_what_a_teams_own_counts_were_compared_with_is_written_down_where_nobody_else_answers():
    """What people run is told later: without this the counts would then be of a baseline that has shrunk."""
    silent = hear(
        Source(runs=DOWN, counts=DOWN), counts=(Till(),), signals=(NamedGate(signal=Till.name),)
    ).found
    assert silent.taken.added
    assert only(facts.Compared, silent.learned).baseline == silent.rollout.comparisons[0].releases == (OLDER,)
