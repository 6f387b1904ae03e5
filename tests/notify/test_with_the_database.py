"""The relay over the outbox as it really is stored."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board, Notice, NoticeKind
from stagedrollout.notify.ports import OutboxRows
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.notify.slack import Slack
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable, enqueue, want_board
from stagedrollout.storage.schema import outbox
from tests.notify.fakes import (
    CHANNEL,
    CHAT,
    SHOP,
    Clock,
    Workspace,
    board,
    first_line,
    notice,
    refused,
    unreachable,
)
from tests.notify.world import throttled


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "state.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def engine(migrated: Path, tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{shutil.copy(migrated, tmp_path / 'state.db')}")
    yield engine
    engine.dispose()


def record(engine: Engine, clock: Clock, rollout: RolloutKey, shown: Board, *told: Notice) -> None:
    with writing(engine) as connection:
        for each in told:
            enqueue(connection, rollout, each, clock.now())
        want_board(connection, rollout, shown)


def test_two_rollouts_are_told_in_order_through_trouble(engine: Engine) -> None:
    clock, workspace = Clock(), Workspace(deduplicates=True)
    rows: OutboxRows = OutboxTable(engine)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock)
    record(engine, clock, SHOP, board("shop: rolling out"), notice("s1"), notice("s2", broadcast=True))
    record(engine, clock, CHAT, board("chat: rolling out"), notice("c1"))
    calls = [0]

    def every_third(method: str, payload: dict[str, Any]) -> EdgeError | None:
        calls[0] += 1
        return unreachable() if calls[0] % 3 == 0 else None

    workspace.lost = every_third
    for _ in range(20):
        relay.deliver_due()
        due = relay.next_due()
        if due is None:
            break
        clock.at = max(due, clock.at)
    record(engine, clock, SHOP, board("shop: HALTED"))
    relay.deliver_due()
    shop, chat = workspace.heads()
    assert (first_line(shop), first_line(chat)) == ("shop: HALTED", "chat: rolling out")
    assert workspace.told(shop["ts"]) == ["s1", "s2"]
    assert workspace.told(chat["ts"]) == ["c1"]
    assert relay.next_due() is None
    assert rows.due(clock.now()) == ()


def doubt(key: str) -> Notice:
    return Notice(key, NoticeKind.IN_DOUBT, False, key)


def test_a_halt_behind_a_refused_notice_reaches_the_second_channel_and_then_its_own(engine: Engine) -> None:
    clock, workspace, rows = Clock(), Workspace(), OutboxTable(engine)
    second = SecondChannel(rows, Slack(workspace, "C0ONCALL"), clock, first=CHANNEL)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock, second=second)
    record(engine, clock, SHOP, board("shop"), notice("s1"), notice("s2", broadcast=True), doubt("s3"))
    workspace.trouble = lambda method, payload: (
        refused("is_archived") if payload["channel"] == CHANNEL else None
    )
    relay.deliver_due()
    assert [(m["channel"], first_line(m)) for m in workspace.messages] == [
        ("C0ONCALL", "s2"),
        ("C0ONCALL", "s3"),
    ]
    undelivered = rows.undelivered(clock.now())
    assert (undelivered.waiting, undelivered.problem) == (3, "slack: chat.postMessage: is_archived")
    workspace.trouble = lambda method, payload: None
    clock.passes(minutes=10)
    relay.deliver_due()
    [head] = workspace.heads()
    assert workspace.told(head["ts"]) == ["s1", "s2", "s3"]
    assert (rows.urgent(), rows.undelivered(clock.now()).problem) == ((), "")
    assert relay.next_due() is None


def test_a_notice_nobody_can_read_keeps_no_other_from_the_second_channel(engine: Engine) -> None:
    clock, workspace, rows = Clock(), Workspace(), OutboxTable(engine)
    second = SecondChannel(rows, Slack(workspace, "C0ONCALL"), clock, first=CHANNEL)
    record(engine, clock, SHOP, board("shop"), notice("s1", broadcast=True))
    record(engine, clock, CHAT, board("chat"), notice("c1", broadcast=True))
    with writing(engine) as connection:
        connection.execute(outbox.update().where(outbox.c.key == "s1").values(body="{"))
    clock.passes(minutes=10)
    assert second.tell(()) == 2
    assert [first_line(m) for m in workspace.messages] == ["c1"]
    assert second.next_due() is None


def test_a_deleted_thread_is_replaced_in_the_database_too(engine: Engine) -> None:
    clock, workspace, rows = Clock(), Workspace(deduplicates=True), OutboxTable(engine)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock)
    record(engine, clock, SHOP, board("shop"), notice("s1"))
    relay.deliver_due()
    gone = workspace.heads()[0]["ts"]
    workspace.trouble = lambda method, payload: (
        refused("thread_not_found") if payload.get("thread_ts") == gone else None
    )
    record(engine, clock, SHOP, board("shop"), notice("s2"), notice("s3"))
    relay.deliver_due()
    new = workspace.heads()[1]["ts"]
    assert workspace.told(new) == ["s2", "s3"]
    thread = rows.thread(SHOP)
    assert thread is not None
    assert (thread.channel, thread.message_id) == (CHANNEL, new)
    assert relay.next_due() is None


@pytest.mark.promise("R20")
@pytest.mark.parametrize("lost", [unreachable(), refused("is_archived")])
def test_a_halt_put_off_by_a_clock_days_ahead_is_told_once_that_clock_is_right(
    engine: Engine, lost: EdgeError
) -> None:
    clock, workspace, rows = Clock(), Workspace(deduplicates=True), OutboxTable(engine)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock)
    clock.passes(days=2)
    record(engine, clock, SHOP, board("shop"), notice("HALTED", broadcast=True))
    workspace.trouble = lambda method, payload: lost
    relay.deliver_due()
    assert workspace.messages == []
    clock.passes(days=-2)
    workspace.trouble = lambda method, payload: None
    due = relay.next_due()
    assert due is not None
    assert due <= clock.now()
    relay.deliver_due()
    [head] = workspace.heads()
    assert (first_line(head), workspace.told(head["ts"])) == ("shop", ["HALTED"])
    assert relay.next_due() is None


@pytest.mark.promise("R20")
def test_a_halt_written_by_a_clock_days_ahead_reaches_the_second_channel_once_that_clock_is_right(
    engine: Engine,
) -> None:
    clock, workspace, rows = Clock(), Workspace(), OutboxTable(engine)
    second = SecondChannel(rows, Slack(workspace, "C0ONCALL"), clock, first=CHANNEL)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock, second=second)
    workspace.trouble = lambda method, payload: unreachable() if payload["channel"] == CHANNEL else None
    clock.passes(days=2)
    record(engine, clock, SHOP, board("shop"), notice("HALTED", broadcast=True))
    relay.deliver_due()
    assert workspace.messages == []
    clock.passes(days=-2)
    due = second.next_due()
    assert due is not None
    assert due <= clock.now()
    relay.deliver_due()
    assert [(m["channel"], first_line(m)) for m in workspace.messages] == [("C0ONCALL", "HALTED")]


def test_a_wait_that_was_asked_for_still_holds(engine: Engine) -> None:
    clock, workspace, rows = Clock(), Workspace(), OutboxTable(engine)
    relay = Relay(rows, Slack(workspace, CHANNEL), clock)
    record(engine, clock, SHOP, board("shop"), notice("HALTED", broadcast=True))
    workspace.trouble = lambda method, payload: throttled(3_600)
    relay.deliver_due()
    assert rows.due(clock.now()) == ()
    due = relay.next_due()
    assert due is not None
    assert (due - clock.now()).total_seconds() == 3_600
