"""What is recorded stays, in order, once; what may not be recorded leaves no trace."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from stagedrollout.core.errors import LostLease, StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START, Entry
from stagedrollout.core.model import RolloutKey, Settlement, Store, StoreApp
from stagedrollout.core.notice import Board
from stagedrollout.storage.batch import Batch, SettledIntent
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import events
from tests.storage.holding import hold
from tests.storage.rows import CHAT, NOW, SHOP, STANDING, after, batch, entry, intent, notice


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine)


def everything(engine: Engine) -> tuple[object, ...]:
    """All that a batch can change."""
    outbox = OutboxTable(engine)
    journal = Journal(engine)
    return (
        journal.tail(0, 1000),
        journal.open_intents(SHOP),
        outbox.due(after(days=1)),
        outbox.thread(SHOP),
        Presence(engine).statuses().rollouts,
    )


def full(**more: object) -> Batch:
    told = (notice("n1"), notice("n2"))
    given = {"entries": (entry(), entry("decided")), "notices": told, "board": Board("at 20 %")}
    return batch(**given, opened=intent(), summary=STANDING, **more)


def test_a_batch_is_found_whole_after_a_restart(journal: Journal, url: str) -> None:
    recorded = journal.record(full(expected_seq=0))
    reopened = open_engine(url)
    again = Journal(reopened)
    assert again.history(SHOP) == recorded
    assert [r.prev for r in recorded] == [CHAIN_START, recorded[0].hash]
    assert again.head(SHOP) == recorded[-1].seq
    (standing,) = again.open_intents(SHOP)
    assert (standing.intent, standing.opened_at, standing.settlement) == (intent(), NOW, None)
    assert [row.notice for row in OutboxTable(reopened).due(NOW)] == [notice("n1")]
    (row,) = Presence(reopened).statuses().rollouts
    assert (row.rollout, row.summary, row.seq, row.updated_at) == (SHOP, STANDING, recorded[-1].seq, NOW)
    reopened.dispose()


def test_what_is_returned_is_what_will_be_read_again(journal: Journal) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=-7)))
    odd = {"tuple": (1, 2), "text": "a\ud800b\0c\N{SNOWMAN}", "none": None}
    recorded = journal.record(batch(entries=(Entry("odd", local, odd),)))
    assert journal.history(SHOP) == recorded
    assert recorded[0].entry.body == {"tuple": [1, 2], "text": "a?b\0c\N{SNOWMAN}", "none": None}
    assert recorded[0].entry.at.isoformat() == NOW.isoformat()
    assert journal.verify(SHOP) is None


@pytest.mark.promise("R13")
def test_a_decision_on_an_old_journal_writes_nothing(engine: Engine, journal: Journal) -> None:
    seq = journal.record(batch(entries=(entry(),)))[-1].seq
    journal.record(batch(entries=(entry("console_halt"),)))
    before = everything(engine)
    with pytest.raises(StaleJournal):
        journal.record(full(expected_seq=seq))
    with pytest.raises(StaleJournal):
        journal.record(full(expected_seq=0))
    assert everything(engine) == before


@pytest.mark.promise("R13")
def test_a_replaced_daemon_writes_nothing(engine: Engine, journal: Journal) -> None:
    old = hold(engine)
    journal.record(batch(entries=(entry(),), epoch=old))
    hold(engine)
    before = everything(engine)
    with pytest.raises(LostLease):
        journal.record(full(epoch=old))
    assert everything(engine) == before


def test_a_daemon_that_never_claimed_writes_nothing(engine: Engine, journal: Journal) -> None:
    with pytest.raises(LostLease):
        journal.record(full(epoch=1))
    assert journal.history(SHOP) == ()


@pytest.mark.promise("R3")
def test_a_halt_is_recorded_without_guards(engine: Engine, journal: Journal) -> None:
    hold(engine)
    journal.record(batch(entries=(entry(),)))
    assert len(journal.record(batch(entries=(entry("decided", decision="HALT"),)))) == 1


def test_an_intent_is_opened_once(engine: Engine, journal: Journal) -> None:
    journal.record(batch(opened=intent()))
    before = everything(engine)
    with pytest.raises(StaleJournal):
        journal.record(full())
    assert everything(engine) == before


@pytest.mark.promise("R13")
def test_an_intent_in_doubt_stays_open_until_the_store_was_looked_at(journal: Journal) -> None:
    journal.record(batch(opened=intent()))
    journal.record(batch(settled=SettledIntent("shop/1", Settlement.IN_DOUBT, "no reply to the commit")))
    (standing,) = journal.open_intents(SHOP.store_app)
    assert standing.settlement is Settlement.IN_DOUBT
    assert standing.detail == "no reply to the commit"
    journal.record(batch(settled=SettledIntent("shop/1", Settlement.CONFIRMED, "")))
    assert journal.open_intents(SHOP.store_app) == ()
    with pytest.raises(StaleJournal):
        journal.record(batch(settled=SettledIntent("shop/1", Settlement.REFUSED, "")))
    with pytest.raises(StaleJournal):
        journal.record(batch(settled=SettledIntent("never opened", Settlement.REFUSED, "")))


def test_open_intents_of_another_app_are_not_ours(journal: Journal) -> None:
    journal.record(batch(opened=intent("shop/1")))
    journal.record(batch(CHAT, opened=intent("chat/1")))
    assert [i.intent.key for i in journal.open_intents(SHOP)] == ["shop/1"]
    assert [i.intent.key for i in journal.open_intents(CHAT.store_app)] == ["chat/1"]


def test_a_notice_with_a_known_key_is_told_once(engine: Engine, journal: Journal) -> None:
    journal.record(batch(notices=(notice("halt/1"), notice("halt/1", "again"))))
    journal.record(batch(notices=(notice("halt/1", "and again"),), entries=(entry(),)))
    outbox = OutboxTable(engine)
    assert outbox.undelivered(NOW).waiting == 1
    assert [row.notice.headline for row in outbox.due(NOW)] == ["5.2.0 raised to 20 %"]
    assert len(journal.history(SHOP)) == 1


def test_what_json_cannot_say_is_our_error_and_writes_nothing(engine: Engine, journal: Journal) -> None:
    before = everything(engine)
    for body in ({"rate": float("nan")}, {"when": NOW}):
        with pytest.raises(StorageError, match="JSON"):
            journal.record(batch(entries=(entry(), Entry("bad", NOW, body)), notices=(notice("n"),)))
    assert everything(engine) == before


def test_an_instant_without_a_zone_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="time zone"):
        journal.record(batch(entries=(Entry("seen", NOW.replace(tzinfo=None), {}),)))
    assert journal.history(SHOP) == ()


def test_the_tail_goes_on_where_the_reader_stopped(journal: Journal) -> None:
    for rollout in (SHOP, CHAT, SHOP):
        journal.record(batch(rollout, entries=(entry(), entry())))
    everyone = journal.tail(0, 100)
    assert [r.seq for r in everyone] == sorted(r.seq for r in everyone)
    assert journal.tail(everyone[1].seq, 2) == everyone[2:4]
    assert journal.tail(everyone[0].seq, 100, rollout=SHOP) == (everyone[1], *everyone[4:])
    assert journal.tail(everyone[-1].seq, 100) == ()


def test_whoever_listens_hears_from_the_newest_entry_on_also_what_cannot_be_read(
    journal: Journal, engine: Engine
) -> None:
    assert (journal.place(), journal.heard(0, 9)) == ((0, ""), ())
    first, _ = journal.record(batch(SHOP, entries=(entry(), entry("blind", gates=[]))))
    last = journal.record(batch(CHAT, entries=(entry(),)))[-1]
    assert journal.place() == (last.seq, last.hash)
    assert [each.seq for each in journal.heard(first.seq, 2)] == [first.seq, first.seq + 1]
    (heard,) = journal.heard(last.seq, 9)
    assert (heard.hash, heard.rollout, heard.entry) == (last.hash, str(CHAT), last.entry)
    with writing(engine) as connection:
        connection.execute(events.update().where(events.c.seq == last.seq).values(body="[]"))
    assert [each.entry for each in journal.heard(last.seq, 9)] == [None]


def test_rollouts_are_named_per_app_and_store(journal: Journal) -> None:
    capital = RolloutKey("Shop", Store.GOOGLE_PLAY, "412")
    apple = RolloutKey("shop", Store.APP_STORE, "5.2.0/beta")
    for rollout in (SHOP, capital, apple, SHOP, CHAT):
        journal.record(batch(rollout, entries=(entry(),)))
    assert journal.rollout_keys() == (SHOP, capital, apple, CHAT)
    assert journal.rollout_keys(SHOP.store_app) == (SHOP,)
    assert journal.rollout_keys(StoreApp("shop", Store.APP_STORE)) == (apple,)
    assert journal.head(RolloutKey("shop", Store.GOOGLE_PLAY, "413")) == 0
    assert journal.heads(SHOP.store_app) == {SHOP: journal.head(SHOP)}
    assert journal.heads(StoreApp("shop", Store.APP_STORE)) == {apple: journal.head(apple)}
    assert journal.heads(StoreApp("nobody", Store.APP_STORE)) == {}


def test_the_board_is_asked_for_again_only_when_it_says_something_new(
    engine: Engine, journal: Journal
) -> None:
    for board in (Board("at 5 %"), Board("at 5 %"), Board("at 20 %")):
        journal.record(batch(board=board))
    thread = OutboxTable(engine).thread(SHOP)
    assert thread is not None
    assert (thread.board, thread.wanted, thread.shown) == (Board("at 20 %"), 2, 0)


def test_sixteen_threads_lose_nothing_and_keep_every_chain_whole(engine: Engine, journal: Journal) -> None:
    """Half of them fight for one rollout with the guard on, each trying until it is its turn."""
    failures: list[BaseException] = []

    def write(rollout: RolloutKey, name: int) -> None:
        try:
            for n in range(5):
                record_in_turn(rollout, f"{name}/{n}")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    def record_in_turn(rollout: RolloutKey, key: str) -> None:
        while True:
            given = batch(rollout, entries=(entry("seen", by=key),), notices=(notice(key),))
            try:
                journal.record(replace(given, expected_seq=journal.head(rollout)))
            except StaleJournal:
                continue
            return

    rollouts = [SHOP] * 8 + [replace(CHAT, release_id=str(n)) for n in range(8)]
    threads = [threading.Thread(target=write, args=(r, n)) for n, r in enumerate(rollouts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(journal.history(SHOP)) == 40
    assert all(len(journal.history(r)) == 5 for r in rollouts[8:])
    assert all(journal.verify(r) is None for r in set(rollouts))
    assert OutboxTable(engine).undelivered(NOW).waiting == 80
