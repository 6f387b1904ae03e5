"""What was counted stays as it was known at each time; a decision on an old ledger is void, a halt is not."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.errors import LostLease, StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.ledger import Ledger, Measure, Place, Revision, Tally, chained, replayed
from stagedrollout.core.model import RolloutKey
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import COUNT_MAX, LedgerTable
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from tests.storage.holding import hold
from tests.storage.rows import CHAT, NOW, SHOP, STANDING, after, batch, entry, intent, notice, revision

ELSEWHERE = "e" * 64


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine)


@pytest.fixture
def ledger(engine: Engine) -> LedgerTable:
    return LedgerTable(engine)


@pytest.fixture
def epoch(engine: Engine) -> int:
    return hold(engine)


def everything(engine: Engine) -> tuple[object, ...]:
    """All that a batch with a ledger can change."""
    journal, ledger = Journal(engine), LedgerTable(engine)
    told = (journal.tail(0, 1000), journal.open_intents(SHOP), OutboxTable(engine).due(after(days=1)))
    return (*told, Presence(engine).statuses().rollouts, ledger.revisions(SHOP), ledger.standing(SHOP))


def full(**more: Any) -> Batch:
    """A raise with all that belongs to it."""
    given = {"revisions": (revision(0), revision(1)), "standing": {"looks": "well"}, **more}
    return batch(
        entries=(entry("decided"),), opened=intent(), notices=(notice("n"),), summary=STANDING, **given
    )


def halt(**more: Any) -> Batch:
    """It leaves its guards out."""
    return batch(entries=(entry("decided", decision="HALT"),), notices=(notice("halt"),), **more)


def kept(journal: Journal, ledger: LedgerTable, *revisions: Revision) -> str:
    """The ledger's head after these were added."""
    journal.record(batch(revisions=revisions, ledger_prev=ledger.head(SHOP)))
    return ledger.head(SHOP)


def test_what_was_counted_is_found_again_after_a_restart(
    journal: Journal, ledger: LedgerTable, url: str
) -> None:
    given = (
        revision(0),
        revision(1, 5, 7, 0, 0, stratum="DE"),
        revision(0, 10**12, 10**12, 10**12, 0, measure=Measure.USERS),
        revision(2, 0, 0, COUNT_MAX, COUNT_MAX, measure=Measure.ABNORMAL),
    )
    kept(journal, ledger, *given)
    reopened = open_engine(url)
    again = LedgerTable(reopened)
    assert again.revisions(SHOP) == given
    assert again.load(SHOP) == replayed(str(SHOP), given)
    assert again.head(SHOP) == again.load(SHOP).head
    assert again.verify(SHOP) is None
    reopened.dispose()


def test_a_rollout_that_nothing_was_counted_of_has_an_empty_ledger(ledger: LedgerTable) -> None:
    assert ledger.load(SHOP) == Ledger(str(SHOP))
    assert (ledger.revisions(SHOP), ledger.head(SHOP), ledger.verify(SHOP)) == ((), CHAIN_START, None)
    assert ledger.standing(SHOP) is None


def test_what_arrives_late_is_added_and_what_was_known_before_stays(
    journal: Journal, ledger: LedgerTable
) -> None:
    first = (revision(0, 100, 1, 900, 9), revision(1, 50, 0, 400, 2))
    late = replace(revision(0, 140, 2, 990, 9), read_at=after(minutes=10))
    before = kept(journal, ledger, *first)
    kept(journal, ledger, late)
    assert ledger.revisions(SHOP) == (*first, late)
    assert ledger.revisions(SHOP, before) == first
    assert ledger.load(SHOP).of(Measure.CRASHED)[late.place] == late.tally


def test_every_decision_is_made_again_from_what_was_known_then(journal: Journal, ledger: LedgerTable) -> None:
    given = tuple(revision(hour) for hour in range(4))
    heads = [CHAIN_START, *(kept(journal, ledger, each) for each in given)]
    for count, head in enumerate(heads):
        assert ledger.revisions(SHOP, head) == given[:count]
        assert replayed(str(SHOP), given[:count]).head == head


def test_a_ledger_head_that_is_not_there_is_said(journal: Journal, ledger: LedgerTable) -> None:
    head = kept(journal, ledger, revision())
    with pytest.raises(StorageError, match=f"no revision '{ELSEWHERE}'"):
        ledger.revisions(SHOP, ELSEWHERE)
    with pytest.raises(StorageError, match="chat/google_play/77 has no revision"):
        ledger.revisions(CHAT, head)


def test_a_ledger_of_two_weeks_loads_as_if_it_were_replayed(journal: Journal, ledger: LedgerTable) -> None:
    """336 hours of each measure, corrected ten times, and each time not all of them."""
    places = [revision(hour, measure=measure) for hour in range(336) for measure in Measure]
    for again in range(10):
        corrected = [
            replace(each, tally=Tally(1_000 + again, again, 20_000, 41), read_at=after(minutes=again))
            for number, each in enumerate(places)
            if number % 7 >= again % 3
        ]
        kept(journal, ledger, *corrected)
    whole = replayed(str(SHOP), ledger.revisions(SHOP))
    loaded = ledger.load(SHOP)
    assert loaded == whole
    assert [list(loaded.of(measure)) for measure in loaded.buckets] == [
        list(whole.of(measure)) for measure in whole.buckets
    ]
    assert ledger.verify(SHOP) is None


def test_rollouts_keep_their_ledgers_apart(journal: Journal, ledger: LedgerTable) -> None:
    kept(journal, ledger, revision(0))
    journal.record(batch(CHAT, revisions=(revision(1),), standing={"of": "chat"}))
    assert (ledger.revisions(SHOP), ledger.revisions(CHAT)) == ((revision(0),), (revision(1),))
    assert (ledger.standing(SHOP), ledger.standing(CHAT)) == (None, (NOW, {"of": "chat"}))


def test_the_chain_is_over_what_will_be_read_again(journal: Journal, ledger: LedgerTable) -> None:
    west = timezone(timedelta(hours=-7))
    odd = replace(revision(stratum="a\ud800b\0c"), read_at=NOW.astimezone(west))
    local = replace(odd, place=replace(odd.place, start=odd.place.start.astimezone(west)))
    head = kept(journal, ledger, local)
    (read,) = ledger.revisions(SHOP)
    assert read.place == Place(odd.place.start, "a?b\N{REPLACEMENT CHARACTER}c")
    assert (read.place.start.isoformat(), read.read_at.isoformat()) == (
        "2026-03-02T00:00:00+00:00",
        NOW.isoformat(),
    )
    assert head == chained(CHAIN_START, str(SHOP), read)
    assert ledger.verify(SHOP) is None


def test_a_pass_that_finds_nothing_to_tell_leaves_only_its_ledger_and_standing(
    engine: Engine, journal: Journal, epoch: int
) -> None:
    journal.record(batch(entries=(entry(),), summary=STANDING))
    before = everything(engine)
    head = journal.head(SHOP)
    given = batch(expected_seq=head, epoch=epoch, revisions=(revision(),), standing={"looks": "well"})
    assert journal.record(given) == ()
    assert everything(engine) == (*before[:-2], (revision(),), (NOW, {"looks": "well"}))


def test_the_standing_is_that_of_the_newest_pass(journal: Journal, ledger: LedgerTable) -> None:
    journal.record(batch(standing={"share": 0.1, "why": "\N{SNOWMAN}", "gates": [{"ok": True}]}))
    assert ledger.standing(SHOP) == (NOW, {"share": 0.1, "why": "\N{SNOWMAN}", "gates": [{"ok": True}]})
    journal.record(replace(batch(standing={"share": 1e-07}), at=after(minutes=10)))
    journal.record(batch(entries=(entry(),)))
    assert ledger.standing(SHOP) == (after(minutes=10), {"share": 1e-07})


def test_a_raise_on_an_old_ledger_writes_nothing(
    engine: Engine, journal: Journal, ledger: LedgerTable, epoch: int
) -> None:
    kept(journal, ledger, revision(0, 1, 0, 1, 0))
    before = everything(engine)
    for prev in (CHAIN_START, ELSEWHERE):
        with pytest.raises(StaleJournal, match="ledger"):
            journal.record(full(expected_seq=0, epoch=epoch, ledger_prev=prev))
    assert everything(engine) == before
    journal.record(full(expected_seq=0, epoch=epoch, ledger_prev=ledger.head(SHOP)))
    assert len(ledger.revisions(SHOP)) == 3


def test_counts_of_a_pass_that_was_overtaken_are_not_kept(
    engine: Engine, journal: Journal, epoch: int
) -> None:
    journal.record(batch(entries=(entry(),)))
    hold(engine)
    before = everything(engine)
    counted: dict[str, Any] = {"revisions": (revision(),), "standing": {"looks": "well"}}
    with pytest.raises(StaleJournal):
        journal.record(batch(expected_seq=0, **counted))
    with pytest.raises(LostLease):
        journal.record(batch(epoch=epoch, **counted))
    assert everything(engine) == before


def test_a_halt_is_not_recorded_with_counts_that_another_has_counted_on_since(
    engine: Engine, journal: Journal, ledger: LedgerTable
) -> None:
    """By what the ledger holds now it would come out otherwise; it is recorded without them at once (recorder.py)."""
    kept(journal, ledger, revision(0))
    before = everything(engine)
    for guards in ({}, {"expected_seq": 0}):
        with pytest.raises(StaleJournal, match="the ledger of shop/google_play/412 has grown"):
            journal.record(halt(**guards, revisions=(revision(1),), standing={"looks": "bad"}))
    assert everything(engine) == before


BAD: dict[str, dict[str, Any]] = {
    "too large": {"revisions": (revision(0), revision(1, 1, 0, COUNT_MAX + 1, 0))},
    "below 0": {"revisions": (revision(0), revision(1, -1, 0, 1, 0))},
    "no time zone": {"revisions": (revision(0), replace(revision(1), read_at=NOW.replace(tzinfo=None)))},
    "no JSON": {"revisions": (), "standing": {"share": float("nan")}},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_stored_keeps_a_raise_from_being_recorded_but_no_halt(
    engine: Engine, journal: Journal, ledger: LedgerTable, epoch: int, bad: dict[str, Any]
) -> None:
    before = everything(engine)
    with pytest.raises(StorageError):
        journal.record(full(expected_seq=0, epoch=epoch, **bad))
    assert everything(engine) == before
    journal.record(halt(**bad))
    assert len(journal.history(SHOP)) == 1
    assert OutboxTable(engine).undelivered(NOW).waiting == 1
    assert (ledger.revisions(SHOP), ledger.standing(SHOP)) == ((), None)


def test_a_halt_takes_its_counts_along_where_nothing_is_in_the_way(
    journal: Journal, ledger: LedgerTable
) -> None:
    head = kept(journal, ledger, revision(0))
    journal.record(halt(revisions=(revision(1),), ledger_prev=head, standing={"looks": "bad"}))
    assert ledger.revisions(SHOP) == (revision(0), revision(1))
    assert ledger.verify(SHOP) is None


def test_a_machine_that_dies_before_the_commit_leaves_neither_decision_nor_counts(
    engine: Engine, journal: Journal, ledger: LedgerTable, url: str
) -> None:
    kept(journal, ledger, revision(0))
    before = everything(engine)
    dying = (
        "import os, sys\n"
        "from sqlalchemy import event\n"
        "from stagedrollout.storage.engine import open_engine\n"
        "from stagedrollout.storage.journal import Journal\n"
        "from stagedrollout.storage.ledger import LedgerTable\n"
        "from tests.storage.rows import SHOP\n"
        "from tests.storage.test_ledger_is_kept import full\n"
        "engine = open_engine(sys.argv[1])\n"
        "prev = LedgerTable(engine).head(SHOP)\n"
        "event.listen(engine, 'commit', lambda connection: os._exit(9))\n"
        "Journal(engine).record(full(ledger_prev=prev))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", dying, url], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert (done.returncode, done.stderr) == (9, "")
    assert everything(engine) == before
    journal.record(full(ledger_prev=ledger.head(SHOP)))
    assert len(ledger.revisions(SHOP)) == 3


def test_sixteen_threads_add_to_one_ledger_and_it_never_forks(
    engine: Engine, journal: Journal, ledger: LedgerTable, epoch: int
) -> None:
    failures: list[BaseException] = []

    def count(hour: int) -> None:
        try:
            for n in range(3):
                add_in_turn((revision(hour, n, 0, n, 0), revision(hour, n, 0, n + 1, 0)))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    def add_in_turn(revisions: tuple[Revision, ...]) -> None:
        while True:
            given = batch(expected_seq=0, epoch=epoch, revisions=revisions, ledger_prev=ledger.head(SHOP))
            try:
                journal.record(given)
            except StaleJournal:
                continue
            return

    threads = [threading.Thread(target=count, args=(hour,)) for hour in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = ledger.revisions(SHOP)
    assert len(found) == 16 * 3 * 2
    assert all(one.place == other.place for one, other in list(pairwise(found))[::2])
    assert ledger.verify(SHOP) is None


def test_a_strange_name_of_a_release_keeps_its_ledger(journal: Journal, ledger: LedgerTable) -> None:
    odd: RolloutKey = replace(SHOP, release_id="5.2/\N{SNOWMAN} (beta)")
    journal.record(batch(odd, revisions=(revision(0),)))
    journal.record(batch(odd, revisions=(revision(1),), ledger_prev=ledger.head(odd)))
    assert ledger.load(odd) == replayed(str(odd), (revision(0), revision(1)))
    assert ledger.verify(odd) is None
