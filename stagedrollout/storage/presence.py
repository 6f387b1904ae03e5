"""Who is running, when it last looked, and where every rollout stands: what `status` shows.

Each replica has a row, found by its place (a token in its lock file), with an epoch that no start has had before. Until
`expires_us`, by the database's clock, it holds what it has claimed (leases.py); every sign of life puts that off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, select
from sqlalchemy.exc import IntegrityError

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.core.phasing import PauseClock
from stagedrollout.storage.batch import Summary
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.instants import instant, instant_or_none, micros, micros_or_none, span_or_none
from stagedrollout.storage.schema import passes, replicas, rollouts
from stagedrollout.storage.server_clock import FOR_EVER_US, read_clock
from stagedrollout.storage.wording import UNREADABLE, json_text

_EPOCH: BindParameter[int] = bindparam("of_epoch")
_MINE = replicas.update().where(replicas.c.epoch == _EPOCH)
_REPLICAS = select(replicas).order_by(replicas.c.heard_us.desc(), replicas.c.epoch.desc())
_REPLICA_TO_CHANGE = select(replicas.c.info).where(replicas.c.epoch == _EPOCH).with_for_update()
_NEXT = select(func.coalesce(func.max(replicas.c.epoch), 0) + 1)
_MICROSECOND = timedelta(microseconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_CLAIM_ATTEMPTS = 5
"""Two that start at the same time may take the same number; one of them takes the next then."""

_ROLLOUTS = select(rollouts).order_by(rollouts.c.app, rollouts.c.store, rollouts.c.seq)
_PASSES = select(*(column for column in passes.c if column is not passes.c.past)).order_by(
    passes.c.app, passes.c.store
)
_APP: BindParameter[str] = bindparam("of_app")
_STORE: BindParameter[str] = bindparam("of_store")
_PAST = select(passes.c.past).where(passes.c.app == _APP, passes.c.store == _STORE)


@dataclass(frozen=True, slots=True)
class DaemonRow:
    """A replica as it claimed last; `heartbeat_at`, by its own clock, tells if it still runs, `info` what it said of itself.

    `lapsed`: its lease is over by the database's clock, and another one may take over what it held. `ahead`: how far its
    clock is ahead of the database's; `heard_at`: when that was, by the database's.
    """

    holder: str
    epoch: int
    started_at: datetime
    heartbeat_at: datetime
    info: dict[str, Any]
    place: str = ""
    lapsed: bool = False
    ahead: timedelta = timedelta(0)
    heard_at: datetime = _LONG_AGO

    @property
    def last_sign(self) -> datetime:
        """When it was heard last: by the server's clock where there is one, for a machine's own may be wrong."""
        return self.heard_at if self.place else self.heartbeat_at

    @property
    def stopped(self) -> bool:
        """It ended on purpose and said so."""
        return "stopped_at" in self.info


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
    """One consistent look at everything. `daemon`: the one that was heard last, of those that did not end on purpose while
    there are any. `others`: further replicas that did not."""

    daemon: DaemonRow | None
    rollouts: tuple[RolloutRow, ...]
    passes: tuple[PassRow, ...]
    others: tuple[DaemonRow, ...] = ()


class Presence:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(
        self,
        holder: str,
        now: datetime,
        info: dict[str, Any],
        *,
        place: str = "",
        lease: timedelta | None = None,
    ) -> int:
        """Begin as the daemon of this place: its epoch, one more than any before. Whoever ran there is over: what it held is
        free. `lease`: for how long it holds what it claims without a further sign of life; None: until the next claim.
        """
        row = {
            "place": place,
            "holder": holder,
            "started_us": micros(now),
            "heartbeat_us": micros(now),
            "info": json_text(info),
        }
        for _ in range(_CLAIM_ATTEMPTS - 1):
            try:
                return self._claim(row, lease)
            except StorageError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise
        return self._claim(row, lease)

    def _claim(self, row: dict[str, Any], lease: timedelta | None) -> int:
        with writing(self._engine) as connection:
            epoch = int(connection.execute(_NEXT).scalar_one())
            claimed = {**row, "epoch": epoch, **_until(connection, lease)}
            connection.execute(_claimed(connection.dialect.name), claimed)
            return epoch

    def beat(self, epoch: int, now: datetime, lease: timedelta | None = None) -> None:
        """Say "still here", which puts off the end of the lease. Raises LostLease when another daemon has claimed this
        place since."""
        with writing(self._engine) as connection:
            told = {"heartbeat_us": micros(now), **_until(connection, lease)}
            if connection.execute(_MINE, {_EPOCH.key: epoch, **told}).rowcount != 1:
                raise LostLease(f"this daemon's epoch {epoch} is over: another one has claimed the database")

    def leave(self, epoch: int, now: datetime) -> None:
        """Say "gone, and meant to be": `info` then has `stopped_at`. Nothing happens to a newer daemon's row."""
        self.tell(epoch, {"stopped_at": now.isoformat()})

    def tell(self, epoch: int, more: dict[str, Any]) -> None:
        """Say something else of oneself than at the start. Nothing happens to a newer daemon's row."""
        with writing(self._engine) as connection:
            row = connection.execute(_REPLICA_TO_CHANGE, {_EPOCH.key: epoch}).one_or_none()
            if row is not None:
                info = json_text({**_info(row.info), **more})
                connection.execute(_MINE, {_EPOCH.key: epoch, "info": info})

    def current(self) -> DaemonRow | None:
        """The replica that was heard last."""
        with reading(self._engine) as connection:
            return next(iter(_replicas(connection)), None)

    def replicas(self) -> tuple[DaemonRow, ...]:
        """Every one that ever ran, those that were heard last first."""
        with reading(self._engine) as connection:
            return _replicas(connection)

    def of_place(self, place: str) -> DaemonRow | None:
        """The last daemon that ran there."""
        return next((row for row in self.replicas() if row.place == place), None)

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

    def statuses(self) -> Statuses:
        """Daemon, rollouts and passes as of one moment; no writer is waited for."""
        with reading(self._engine) as connection:
            going_on = [row for row in _replicas(connection) if not row.stopped] or _replicas(connection)[:1]
            others = tuple(going_on[1:])
            return Statuses(next(iter(going_on), None), _rollouts(connection), _passes(connection), others)

    def _note(self, store_app: StoreApp, told: dict[str, Any], at_first: dict[str, Any]) -> None:
        row = {"app": store_app.app, "store": store_app.store.value, **told, **at_first}
        with writing(self._engine) as connection:
            connection.execute(_pass_noted(connection.dialect.name, tuple(told)), row)


@cache
def _claimed(dialect: str) -> Executable:
    statement = insert(dialect, replicas)
    told = {column.name: column for column in statement.excluded if column.name != "place"}
    return statement.on_conflict_do_update(index_elements=["place"], set_=told)


def _until(connection: Connection, lease: timedelta | None) -> dict[str, int]:
    heard = read_clock(connection)
    return {"heard_us": heard, "expires_us": FOR_EVER_US if lease is None else heard + lease // _MICROSECOND}


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


def _replicas(connection: Connection) -> tuple[DaemonRow, ...]:
    now = read_clock(connection)
    return tuple(_replica(row, now) for row in connection.execute(_REPLICAS))


def _replica(row: Row[Any], now: int) -> DaemonRow:
    try:
        beaten, heard = instant(row.heartbeat_us), instant(row.heard_us)
        return DaemonRow(
            row.holder,
            row.epoch,
            instant(row.started_us),
            beaten,
            _info(row.info),
            row.place,
            lapsed=row.expires_us <= now,
            ahead=beaten - heard,
            heard_at=heard,
        )
    except UNREADABLE as error:
        raise StorageError(f"a daemon's row cannot be read: {error}") from error


def _info(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except UNREADABLE as error:
        raise StorageError(f"a daemon's row cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise StorageError(f"a daemon's row cannot be read: it says {text!r:.40} of itself")
    return found


def _rollouts(connection: Connection) -> tuple[RolloutRow, ...]:
    return tuple(_rollout(row) for row in connection.execute(_ROLLOUTS))


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
