"""What a pass remembers of a rollout is the same when the next pass takes it, and gone when it is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stagedrollout.core.ledger import Ledger, Measure, Place, Revision, Tally, added
from stagedrollout.daemon.shelf import Shelf

START = datetime(2026, 3, 2, tzinfo=UTC)


def ledger(*measures: Measure) -> Ledger:
    rows = (
        Revision(measure, Place(START + timedelta(hours=hour)), Tally(10**12 + hour, 3, 7, 1), START)
        for measure in measures
        for hour in range(48)
    )
    return added(Ledger("shop/google_play/412"), tuple(rows))


def test_what_was_counted_is_taken_as_it_was_put() -> None:
    shelf, kept = Shelf[str, Ledger](), ledger(Measure.CRASHED, Measure.USERS)
    shelf.put("shop", kept)
    found = shelf.get("shop")
    assert found == kept
    assert found is not kept
    assert found is not None
    assert found.of(Measure.USERS) == kept.of(Measure.USERS)


def test_a_signal_of_the_teams_own_is_the_same_signal_afterwards() -> None:
    own = Measure.called("checkout_errors")
    shelf, kept = Shelf[str, Ledger](), ledger(own)
    shelf.put("shop", kept)
    found = shelf.get("shop")
    assert found is not None
    assert [measure is own for measure in found.buckets] == [True]


def test_what_is_forgotten_or_was_never_there_is_none() -> None:
    shelf = Shelf[str, Ledger]()
    shelf.forget("shop")
    shelf.put("shop", ledger(Measure.CRASHED))
    shelf.forget("shop")
    assert shelf.get("shop") is None
