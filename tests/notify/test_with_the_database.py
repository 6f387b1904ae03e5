"""The relay over the outbox as it really is stored."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board, Notice
from stagedrollout.notify.ports import OutboxRows
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.slack import Slack
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable, enqueue, want_board
from tests.notify.fakes import CHANNEL, CHAT, SHOP, Clock, Workspace, board, first_line, notice, unreachable


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
