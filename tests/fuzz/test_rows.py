"""Every column of every table, damaged: whoever reads the database gets a value or our error, and others' rows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.discovery import discover
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import (
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    StoreRelease,
    StoreState,
)
from stagedrollout.core.notice import Board
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from tests.storage.holding import hold
from tests.storage.rows import CHAT, NOW, SHOP, STANDING, after, batch, intent, notice, order, revision

DAMAGE: tuple[Any, ...] = ("abc", "[]", "null", -1, 2**62, 0.5, b"\xff\xfe", None)
TABLES = (
    "event",
    "intent",
    "outbox",
    "thread",
    "command",
    "rollout",
    "bucket",
    "standing",
    "pass",
    "replica",
    "lease",
)


def _filled(path: Path) -> None:
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    epoch = hold(engine)
    journal, presence, box = Journal(engine), Presence(engine), CommandBox(engine)
    for key in (SHOP, CHAT):
        release = StoreRelease(
            Release(key.release_id, "5.2.0", key.release_id),
            *(ReleaseStatus.IN_PROGRESS, "inProgress", 50_000, ReviewState.PUBLISHED, "PUBLISHED"),
        )
        ((_, found),) = discover(StoreState((release,), "seen", NOW), (), "standard", OnNewRelease.ADOPT)
        journal.record(
            batch(
                key,
                entries=tuple(facts.written(fact, NOW) for fact in found),
                notices=(notice(f"{key}/1"),),
                summary=STANDING,
                board=Board("5.2.0 at 5 %"),
                revisions=(revision(0), revision(1)),
                standing={"looks": "well"},
            )
        )
    journal.record(batch(opened=intent(epoch=epoch), epoch=epoch))
    box.put(order())
    box.put(order("order-2"))
    presence.pass_started(SHOP.store_app, NOW)
    presence.keep_past(SHOP.store_app, "5010", NOW)
    presence.pass_finished(SHOP.store_app, NOW, next_due=after(minutes=15), problem="")
    engine.dispose()


def _reads(engine: Engine) -> Iterator[Callable[[], object]]:
    journal, rows, presence = Journal(engine), OutboxTable(engine), Presence(engine)
    box, ledgers = CommandBox(engine), LedgerTable(engine)
    recorder = Recorder(journal, ledgers, lambda _: 1)
    leases = Leases(engine)
    yield lambda: leases.mine(1)
    yield leases.holders
    yield lambda: leases.free(["shop/google_play"])
    yield lambda: leases.is_held("shop/google_play", 1, 1)
    yield lambda: leases.claim(1, ["shop/google_play", "another"], longest_request=timedelta(seconds=45))
    yield presence.replicas
    yield box.waiting
    yield lambda: box.find("order-1")
    yield lambda: rows.due(after(days=1))
    yield rows.urgent
    yield lambda: rows.next_due(NOW)
    yield lambda: rows.undelivered(after(days=1))
    yield lambda: rows.stale_boards(after(days=1))
    yield from (presence.current, presence.passes, presence.statuses, lambda: presence.past(SHOP.store_app))
    for key in (SHOP, CHAT):
        yield lambda key=key: recorder.load(key)
        yield lambda key=key: recorder.ledger(key)
        yield lambda key=key: journal.history(key)
        yield lambda key=key: journal.verify(key)
        yield lambda key=key: journal.open_intents(key)
        yield lambda key=key: rows.thread(key)
        yield lambda key=key: ledgers.verify(key)
        yield lambda key=key: recorder.keys(key.store_app)
    yield journal.rollout_keys


def _columns(path: Path, table: str) -> list[str]:
    with sqlite3.connect(path) as raw:
        found = [row[1] for row in raw.execute(f'pragma table_info("{table}")')]
    raw.close()
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "state.db"
    _filled(path)
    return path


@pytest.mark.promise("R23")
@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_row_is_our_error_and_never_another_exception(filled: Path, tmp_path: Path, table: str):
    for column in _columns(filled, table):
        path = Path(shutil.copy(filled, tmp_path / f"{column}.db"))
        engine = open_engine(f"sqlite:///{path}")
        for value in DAMAGE:
            raw = sqlite3.connect(path)
            raw.execute("pragma synchronous = off")  # nothing here has to outlive a power cut
            try:
                raw.execute(
                    f'update "{table}" set "{column}" = ? where rowid = (select min(rowid) from "{table}")',
                    [value],
                )
                raw.commit()
            except sqlite3.IntegrityError:
                continue
            finally:
                raw.close()
            for read in _reads(engine):
                try:
                    read()
                except StorageError:
                    pass
                except Exception as other:
                    raise AssertionError(f"{table}.{column} = {value!r}: {other!r}") from other
        engine.dispose()
