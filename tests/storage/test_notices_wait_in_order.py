"""The outbox: at least once, in order per rollout, no rollout behind another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.notice import Board, Notice, NoticeKind
from stagedrollout.core.offer import Offer, Press
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.messages import show_anew, told_by
from stagedrollout.storage.outbox import WAITING_MAX, OutboxTable
from tests.storage.behind import Behind
from tests.storage.rows import CHAT, NOW, SHOP, after, batch, notice


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine)


@pytest.fixture
def outbox(engine: Engine) -> OutboxTable:
    return OutboxTable(engine)


def keys(outbox: OutboxTable, now=NOW) -> list[str]:
    return [row.notice.key for row in outbox.due(now)]


def send(outbox: OutboxTable, now=NOW) -> str:
    row = outbox.due(now)[0]
    outbox.mark_sending(row.id)
    outbox.mark_sent(row.id, "1700000000.1", now)
    return row.notice.key


@pytest.mark.promise("R20")
def test_each_rollouts_notices_go_one_by_one(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(notices=(notice("s1"), notice("s2"))))
    journal.record(batch(CHAT, notices=(notice("c1"),)))
    journal.record(batch(notices=(notice("s3"),)))
    assert keys(outbox) == ["s1", "c1"]
    assert [send(outbox) for _ in range(4)] == ["s1", "s2", "c1", "s3"]
    assert keys(outbox) == []
    assert outbox.next_due(NOW) is None


def test_a_failing_notice_holds_back_its_own_rollout_only(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(notices=(notice("s1"), notice("s2"))))
    journal.record(batch(CHAT, notices=(notice("c1"), notice("c2"))))
    stuck = outbox.due(NOW)[0]
    outbox.mark_sending(stuck.id)
    outbox.retry_at(stuck.id, after(seconds=30), "asked to wait")
    assert keys(outbox) == ["c1"]
    send(outbox)
    send(outbox)
    assert keys(outbox) == []
    assert outbox.next_due(NOW) == after(seconds=30)
    (row,) = outbox.due(after(seconds=30))
    assert (row.notice.key, row.attempts, row.ambiguous, row.error) == ("s1", 1, False, "asked to wait")


def test_a_notice_given_up_lets_the_next_ones_go_and_stays_counted(
    journal: Journal, outbox: OutboxTable
) -> None:
    journal.record(batch(notices=(notice("s1"), notice("s2"))))
    outbox.mark_failed(outbox.due(NOW)[0].id, "the channel is archived")
    assert keys(outbox) == ["s2"]
    assert (outbox.undelivered(NOW).waiting, outbox.undelivered(NOW).failed) == (1, 1)


@pytest.mark.promise("R20")
def test_a_crash_while_sending_leaves_the_notice_ambiguous(
    engine: Engine, journal: Journal, outbox: OutboxTable, url: str
) -> None:
    journal.record(batch(notices=(notice("s1"), notice("s2"))))
    outbox.mark_sending(outbox.due(NOW)[0].id)
    engine.dispose()
    reopened = open_engine(url)
    again = OutboxTable(reopened)
    (row,) = again.due(NOW)
    assert (row.notice, row.ambiguous) == (notice("s1"), True)
    again.mark_sent(row.id, "found in the thread", NOW)
    (row,) = again.due(NOW)
    assert (row.notice, row.ambiguous) == (notice("s2"), False)
    reopened.dispose()


def test_a_lost_reply_keeps_the_notice_ambiguous(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(notices=(notice("s1"),)))
    row = outbox.due(NOW)[0]
    outbox.mark_sending(row.id)
    outbox.doubt_until(row.id, after(seconds=5), "no reply")
    assert keys(outbox) == []
    (row,) = outbox.due(after(seconds=5))
    assert row.ambiguous


def test_a_sent_notice_never_goes_back(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(notices=(notice("s1"),)))
    row = outbox.due(NOW)[0]
    outbox.mark_sending(row.id)
    outbox.mark_sent(row.id, "1.1", NOW)
    for again in (
        lambda: outbox.mark_sending(row.id),
        lambda: outbox.retry_at(row.id, NOW, ""),
        lambda: outbox.mark_failed(row.id, ""),
    ):
        with pytest.raises(StorageError, match="not waiting"):
            again()
    assert keys(outbox, after(days=9)) == []


def test_the_age_of_the_oldest_undelivered_notice_is_known(journal: Journal, outbox: OutboxTable) -> None:
    assert outbox.undelivered(NOW).oldest is None
    journal.record(batch(notices=(notice("s1"), notice("s2"))))
    found = outbox.undelivered(after(minutes=11))
    assert (found.waiting, found.oldest, found.failed) == (2, timedelta(minutes=11), 0)
    assert outbox.undelivered(after(minutes=-5)).oldest == timedelta(0)


def test_a_clock_set_back_does_not_delay_a_notice(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(notices=(notice("s1"),), board=Board("at 20 %")))
    assert keys(outbox, after(days=-2)) == ["s1"]
    assert len(outbox.stale_boards(after(days=-2))) == 1


@pytest.mark.promise("R20")
def test_a_notice_that_cannot_be_read_holds_up_nobody_else(
    journal: Journal, outbox: OutboxTable, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    journal.record(batch(notices=(notice("s1"),)))
    journal.record(batch(CHAT, notices=(notice("c1"),)))
    behind("""update outbox set body = '{"kind":"from the future"}' where key = 's1'""")
    assert keys(outbox) == ["c1"]
    assert "stays unsent" in caplog.text
    assert outbox.undelivered(NOW).waiting == 2


def test_a_board_is_stale_until_its_newest_revision_is_shown(journal: Journal, outbox: OutboxTable) -> None:
    journal.record(batch(board=Board("at 5 %")))
    (thread,) = outbox.stale_boards(NOW)
    assert (thread.rollout, thread.board, thread.message_id) == (SHOP, Board("at 5 %"), None)
    outbox.set_thread(SHOP, "C1", "1.1")
    journal.record(batch(board=Board("at 20 %")))
    outbox.board_shown(SHOP, thread.wanted)
    (thread,) = outbox.stale_boards(NOW)
    assert (thread.channel, thread.message_id, thread.board) == ("C1", "1.1", Board("at 20 %"))
    outbox.board_retry_at(SHOP, after(seconds=9))
    assert outbox.stale_boards(NOW) == ()
    assert outbox.next_due(NOW) == after(seconds=9)
    (thread,) = outbox.stale_boards(after(seconds=9))
    assert thread.attempts == 1
    outbox.board_shown(SHOP, thread.wanted)
    outbox.board_shown(SHOP, 1)
    assert outbox.stale_boards(after(days=1)) == ()
    assert outbox.next_due(NOW) is None


def test_a_thread_may_be_posted_before_there_is_a_board(outbox: OutboxTable, journal: Journal) -> None:
    assert outbox.thread(SHOP) is None
    outbox.set_thread(SHOP, "C1", "1.1")
    thread = outbox.thread(SHOP)
    assert thread is not None
    assert (thread.message_id, thread.board) == ("1.1", None)
    assert outbox.stale_boards(NOW) == ()
    journal.record(batch(board=Board("at 5 %")))
    assert [t.message_id for t in outbox.stale_boards(NOW)] == ["1.1"]


def test_an_urgent_notice_that_was_given_up_counts_as_lost_for_a_day(
    journal: Journal, outbox: OutboxTable
) -> None:
    urgent = Notice("halted", NoticeKind.HALTED, True, "HALTED")
    journal.record(batch(notices=(notice("raised"), urgent)))
    for _ in range(2):
        outbox.mark_failed(outbox.due(NOW)[0].id, "msg_too_long")
    assert (outbox.undelivered(NOW).failed, outbox.undelivered(NOW).lost) == (2, 1)
    assert outbox.undelivered(after(hours=23)).lost == 1
    assert (outbox.undelivered(after(hours=25)).failed, outbox.undelivered(after(hours=25)).lost) == (2, 0)


@pytest.mark.promise("R22")
def test_of_a_rollout_that_flaps_while_nobody_can_be_told_so_many_wait_and_every_halt(
    journal: Journal, outbox: OutboxTable
) -> None:
    urgent = Notice("shop/halted", NoticeKind.HALTED, True, "5.2.0 HALTED", (), "")
    journal.record(batch(SHOP, notices=(urgent,)))
    journal.record(batch(CHAT, notices=(notice("chat/0"),)))
    for number in range(WAITING_MAX + 7):
        journal.record(batch(SHOP, notices=(notice(f"shop/{number}"),)))
    undelivered = outbox.undelivered(NOW)
    assert undelivered.failed == 7
    assert undelivered.waiting == WAITING_MAX + 2
    assert undelivered.lost == 0
    assert [send(outbox) for _ in range(2)] == ["shop/halted", "chat/0"]

    assert keys(outbox) == ["shop/7"]


@pytest.mark.promise("R22")
def test_whose_message_it_is_stands_here_and_not_in_the_message(engine: Engine, outbox: OutboxTable) -> None:
    Journal(engine).record(batch(notices=(notice("s1"),)))
    send(outbox)
    outbox.set_thread(SHOP, "C0RELEASE", "1700000000.9")
    outbox.announce(notice("d1"), NOW)
    row = outbox.due(NOW)[0]
    outbox.mark_sending(row.id)
    outbox.mark_sent(row.id, "1700000000.2", NOW)
    ids = ("1700000000.1", "1700000000.9", "1700000000.2", "1700000000.3", "")
    assert [told_by(engine, "C0RELEASE", ts) for ts in ids] == [SHOP, SHOP, None, None, None]
    assert told_by(engine, "C0OTHER", "1700000000.9") is None


def test_what_can_be_pressed_is_shown_anew_and_nothing_else(engine: Engine, outbox: OutboxTable) -> None:
    offer = Offer(Press.HALT, SHOP, 100_000, halted=False)
    Journal(engine).record(batch(board=Board("going on", (), "", offers=(offer,))))
    Journal(engine).record(batch(CHAT, board=Board("over", (), "")))
    for thread in outbox.stale_boards(NOW):
        outbox.board_shown(thread.rollout, thread.wanted)
    assert show_anew(engine) == 1
    assert [thread.rollout for thread in outbox.stale_boards(NOW)] == [SHOP]
