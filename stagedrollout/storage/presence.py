"""Who is running, when it last looked, and where every rollout stands: what `status` shows.

The daemon's row carries an epoch. Each start claims the next one, and whatever is recorded under an older
epoch is refused (journal.py): a daemon that was replaced without noticing cannot raise any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, select

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.core.phasing import PauseClock
from stagedrollout.storage.batch import Summary
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.instants import instant, instant_or_none, micros, micros_or_none, span_or_none
from stagedrollout.storage.schema import daemons, passes
from stagedrollout.storage.shown import EVERYTHING, Which, shown
from stagedrollout.storage.wording import UNREADABLE, json_text

_THE_ONE = 1
_EPOCH: BindParameter[int] = bindparam("of_epoch")
_MINE = daemons.update().where(daemons.c.id == _THE_ONE, daemons.c.epoch == _EPOCH)
_DAEMON = select(daemons)
_DAEMON_TO_CHANGE = _DAEMON.with_for_update()
_CLAIMED = select(daemons.c.epoch)
_PASSES = select(*(column for column in passes.c if column is not passes.c.past)).order_by(
    passes.c.app, passes.c.store
)
_APP: BindParameter[str] = bindparam("of_app")
_STORE: BindParameter[str] = bindparam("of_store")
_PAST = select(passes.c.past).where(passes.c.app == _APP, passes.c.store == _STORE)


@dataclass(frozen=True, slots=True)
class DaemonRow:
    """The daemon that claimed last; `heartbeat_at` tells if it still runs, `info` what it said of itself."""

    holder: str
    epoch: int
    started_at: datetime
    heartbeat_at: datetime
    info: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PassRow:
    """The last pass over a store app. `finished_at` and `next_due_at` are of the last one that finished;
    `problem` says why it could not do its work ("": it could).
    """

    store_app: StoreApp
    started_at: datetime
    finished_at: datetime | None
    next_due_at: datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """Where a rollout stands; `seq` is the last entry that went into it."""

    rollout: RolloutKey
    summary: Summary
    updated_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Statuses:
    """One consistent look at everything. `hidden`: how many rollouts are in phases that are over and are not among these;
    `more`: after which key the next page of them begins."""

    daemon: DaemonRow | None
    rollouts: tuple[RolloutRow, ...]
    passes: tuple[PassRow, ...]
    hidden: dict[str, int] = field(default_factory=dict)
    more: str = ""


class Presence:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, holder: str, now: datetime, info: dict[str, Any]) -> int:
        """Become the daemon of this database: the new epoch, one more than any before."""
        row = {
            "id": _THE_ONE,
            "epoch": 1,
            "holder": holder,
            "started_us": micros(now),
            "heartbeat_us": micros(now),
            "info": json_text(info),
        }
        with writing(self._engine) as connection:
            connection.execute(_claimed(connection.dialect.name), row)
            return int(connection.execute(_CLAIMED).scalar_one())

    def beat(self, epoch: int, now: datetime) -> None:
        """Say "still here". Raises LostLease when another daemon has claimed since."""
        with writing(self._engine) as connection:
            beaten = connection.execute(_MINE, {_EPOCH.key: epoch, "heartbeat_us": micros(now)})
            if beaten.rowcount != 1:
                raise LostLease(f"this daemon's epoch {epoch} is over: another one has claimed the database")

    def leave(self, epoch: int, now: datetime) -> None:
        """Say "gone, and meant to be": `info` then has `stopped_at`. Nothing happens to a newer daemon's row."""
        self.tell(epoch, {"stopped_at": now.isoformat()})

    def tell(self, epoch: int, more: dict[str, Any]) -> None:
        """Say something else of oneself than at the start. Nothing happens to a newer daemon's row."""
        with writing(self._engine) as connection:
            row = _daemon(connection, to_change=True)
            if row is not None and row.epoch == epoch:
                info = json_text({**row.info, **more})
                connection.execute(_MINE, {_EPOCH.key: epoch, "info": info})

    def current(self) -> DaemonRow | None:
        with reading(self._engine) as connection:
            return _daemon(connection)

    def pass_started(self, store_app: StoreApp, now: datetime) -> None:
        self._note(store_app, {"started_us": micros(now)}, {"problem": ""})

    def pass_finished(
        self, store_app: StoreApp, now: datetime, *, next_due: datetime | None, problem: str
    ) -> None:
        """`problem` in words, "" when the pass could do its work."""
        finished = {
            "finished_us": micros(now),
            "next_due_us": micros_or_none(next_due),
            "problem": problem,
        }
        self._note(store_app, finished, {"started_us": micros(now)})

    def past(self, store_app: StoreApp) -> str | None:
        """The id of the release that was complete when the app was first looked at; None: no look has kept one."""
        with reading(self._engine) as connection:
            asked = {_APP.key: store_app.app, _STORE.key: store_app.store.value}
            kept = connection.execute(_PAST, asked).scalar_one_or_none()
        if kept is None or isinstance(kept, str):
            return kept
        raise StorageError(f"what was complete at the first look at {store_app} cannot be read: {kept!r}")

    def keep_past(self, store_app: StoreApp, release_id: str, now: datetime) -> None:
        """Once and for all: the first one stays."""
        row = {"app": store_app.app, "store": store_app.store.value, "past": release_id}
        at_first = {"started_us": micros(now), "problem": ""}
        with writing(self._engine) as connection:
            connection.execute(_past_kept(connection.dialect.name), {**row, **at_first})

    def passes(self) -> tuple[PassRow, ...]:
        with reading(self._engine) as connection:
            return _passes(connection)

    def statuses(self, which: Which = EVERYTHING) -> Statuses:
        """Daemon, the rollouts that are meant, and passes, as of one moment; no writer is waited for."""
        with reading(self._engine) as connection:
            found = shown(connection, which)
            told = tuple(map(_rollout, found.rows))
            return Statuses(_daemon(connection), told, _passes(connection), found.hidden, found.more)

    def looks(self) -> Statuses:
        """The same without any rollout."""
        with reading(self._engine) as connection:
            return Statuses(_daemon(connection), (), _passes(connection))

    def _note(self, store_app: StoreApp, told: dict[str, Any], at_first: dict[str, Any]) -> None:
        row = {"app": store_app.app, "store": store_app.store.value, **told, **at_first}
        with writing(self._engine) as connection:
            connection.execute(_pass_noted(connection.dialect.name, tuple(told)), row)


@cache
def _claimed(dialect: str) -> Executable:
    statement = insert(dialect, daemons)
    told = {name: statement.excluded[name] for name in ("holder", "started_us", "heartbeat_us", "info")}
    return statement.on_conflict_do_update(index_elements=["id"], set_={**told, "epoch": daemons.c.epoch + 1})


@cache
def _pass_noted(dialect: str, told: tuple[str, ...]) -> Executable:
    statement = insert(dialect, passes)
    noted = {name: statement.excluded[name] for name in told}
    return statement.on_conflict_do_update(index_elements=["app", "store"], set_=noted)


@cache
def _past_kept(dialect: str) -> Executable:
    statement = insert(dialect, passes)
    first = func.coalesce(passes.c.past, statement.excluded.past)
    return statement.on_conflict_do_update(index_elements=["app", "store"], set_={"past": first})


def _daemon(connection: Connection, *, to_change: bool = False) -> DaemonRow | None:
    row = connection.execute(_DAEMON_TO_CHANGE if to_change else _DAEMON).one_or_none()
    if row is None:
        return None
    try:
        info = json.loads(row.info)
        return DaemonRow(row.holder, row.epoch, instant(row.started_us), instant(row.heartbeat_us), info)
    except UNREADABLE as error:
        raise StorageError(f"the daemon's row cannot be read: {error}") from error


def _rollout(row: Row[Any]) -> RolloutRow:
    try:
        key = RolloutKey.parse(row.key)
        pauses = PauseClock(span_or_none(row.paused_us) or timedelta(0), instant_or_none(row.paused_since_us))
        summary = Summary(row.label, row.phase, row.exposure_ppm, row.reason, pauses)
        return RolloutRow(key, summary, instant(row.updated_us), row.seq)
    except UNREADABLE as error:
        raise StorageError(f"the rollout {row.key!r} cannot be read: {error}") from error


def _passes(connection: Connection) -> tuple[PassRow, ...]:
    return tuple(_pass(row) for row in connection.execute(_PASSES))


def _pass(row: Row[Any]) -> PassRow:
    try:
        return PassRow(
            StoreApp(row.app, Store(row.store)),
            instant(row.started_us),
            instant_or_none(row.finished_us),
            instant_or_none(row.next_due_us),
            row.problem,
        )
    except UNREADABLE as error:
        raise StorageError(f"the passes of {row.app!r} cannot be read: {error}") from error
