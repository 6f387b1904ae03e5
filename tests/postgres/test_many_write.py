"""Many write at once: the journal's numbers have no gap, and each chain is whole."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from stagedrollout.core.errors import LostLease, StaleJournal, StorageError
from stagedrollout.storage import journal as journal_module
from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.verifying import verify
from tests.storage.holding import hold
from tests.storage.rows import CHAT, NOW, SHOP, batch, entry, intent, notice, revision

pytestmark = pytest.mark.promise("R16")


def _together(*tasks) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(task) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - shown by the caller
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_two_daemons_processes_write_without_a_gap_also_where_some_is_undone(server_url):
    """Two engines are as far apart as two processes. Every third batch is refused in its middle."""
    engines = [open_existing(server_url) for _ in range(2)]
    refused: list[str] = []

    def writes(engine, name: int):
        def run() -> None:
            rollout = replace(CHAT, release_id=str(name))
            for n in range(12):
                given = batch(
                    rollout,
                    entries=(entry("seen", n=n), entry("seen", n=-n)),
                    notices=(notice(f"{name}/{n}"),),
                )
                if n % 3 == 2:
                    given = replace(given, opened=intent("the same one"))
                try:
                    Journal(engine).record(given)
                except StaleJournal:
                    refused.append(rollout.release_id)

        return run

    assert _together(*(writes(engines[n % 2], n) for n in range(6))) == []
    journal = Journal(engines[0])
    seqs = [each.seq for each in journal.tail(0, 1000)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(refused) == 6 * 4 - 1
    assert len(seqs) == 2 * (6 * 12 - len(refused))
    assert verify(engines[1]).sound
    for engine in engines:
        engine.dispose()


def test_one_rollout_is_written_by_one_at_a_time(engine):
    journal = Journal(engine)

    def record() -> None:
        journal.record(batch(entries=(entry("seen"),), expected_seq=0, revisions=(revision(),)))

    failures = _together(*[record] * 8)
    assert len(failures) == 7
    assert {type(each) for each in failures} == {StaleJournal}
    assert len(journal.history(SHOP)) == 1
    assert verify(engine).sound


@pytest.mark.promise("R14")
def test_whoever_lost_the_epoch_records_no_intent_whatever_the_order(server_url):
    """A claim waits for whoever is recording, and nobody records after it under the old epoch."""
    engines = [open_existing(server_url) for _ in range(2)]
    old = hold(engines[0])
    taken, lost = threading.Event(), []

    def records() -> None:
        for n in range(200):
            try:
                Journal(engines[0]).record(
                    batch(entries=(entry("decided", n=n),), opened=intent(f"k{n}", epoch=old), epoch=old)
                )
            except LostLease:
                lost.append(n)
                assert taken.is_set()
                return
            if n == 20:
                started.set()

    def claims() -> None:
        started.wait(20)
        taken.set()
        hold(engines[1])

    started = threading.Event()
    assert _together(records, claims) == []
    assert len(lost) == 1
    assert verify(engines[0]).sound
    for engine in engines:
        engine.dispose()


@pytest.mark.promise("R14")
def test_nobody_claims_the_epoch_while_an_intent_is_being_recorded_under_it(monkeypatch, server_url):
    engines = [open_existing(server_url) for _ in range(2)]
    epoch = hold(engines[0])
    inside, claimed, meanwhile = threading.Event(), threading.Event(), []

    def waits_in_the_middle(*_) -> None:
        inside.set()
        meanwhile.append(claimed.wait(0.5))

    monkeypatch.setattr(journal_module, "note", waits_in_the_middle)

    def records() -> None:
        Journal(engines[0]).record(batch(opened=intent("k", epoch=epoch), epoch=epoch))

    def claims() -> None:
        inside.wait(20)
        hold(engines[1])
        claimed.set()

    assert _together(records, claims) == []
    assert meanwhile == [False]
    for engine in engines:
        engine.dispose()


def test_a_head_that_is_gone_is_our_error(engine, server, server_database):
    server.runs("delete from head", database=server_database)
    with pytest.raises(StorageError, match="numbers the journal"):
        Journal(engine).record(batch(entries=(entry(),)))


def test_two_that_tell_of_themselves_at_once_lose_nothing(engine):
    presence = Presence(engine)
    epoch = presence.claim("one", NOW, {})
    assert _together(*(lambda n=n: presence.tell(epoch, {f"k{n}": n}) for n in range(8))) == []
    row = presence.current()
    assert row is not None
    assert row.info == {f"k{n}": n for n in range(8)}
