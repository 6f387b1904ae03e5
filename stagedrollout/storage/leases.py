"""Which replica may raise what: a lease for each store app, and one for telling people (promises R14 and R15).

A lease belongs to a replica until that replica's own row says that it is over (presence.py), or until it gives the lease away.
Its epoch grows with every new tenure, and is looked at in the transaction that records an intent: whoever has lost the lease
records none, whatever it still believes.

Whoever takes over from a replica that fell silent waits before it raises: that one may have sent a request right before its
lease was over, which is under way for as long as a request may take. What was given away is free of such requests, and so is
what a daemon of the same machine leaves behind that is dead for certain. Halts wait for nothing of this.

No lock is held beyond a transaction: behind a pooler the next transaction may run on another connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Select, bindparam, case, select, update

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.instants import instant
from stagedrollout.storage.schema import leases, replicas
from stagedrollout.storage.server_clock import by_clock, now_us, read_clock
from stagedrollout.storage.wording import UNREADABLE

_MICROSECOND = timedelta(microseconds=1)

NOTICES = "notices"
"""The lease of whoever tells people: no store app has a name without a store."""

_NAME: BindParameter[str] = bindparam("of_name")
_NAMES: BindParameter[str] = bindparam("of_names", expanding=True)
_REPLICA: BindParameter[int] = bindparam("of_replica")
_WHO: BindParameter[int] = bindparam("who")
_AFTER: BindParameter[int] = bindparam("after_us")
_LIVING = select(replicas.c.epoch)

_MINE = select(leases).where(leases.c.replica == _REPLICA)
_TO_CLAIM = select(leases.c.name).where(leases.c.name.in_(_NAMES)).order_by(leases.c.name).with_for_update()
_GIVEN_AWAY = leases.c.replica.not_in(_LIVING)
_TAKEN = update(leases).where(leases.c.name.in_(_NAMES)).values(replica=_WHO, epoch=leases.c.epoch + 1)
_TAKE_FREE = _TAKEN.where(_GIVEN_AWAY)
_TAKE_OVER = _TAKEN.where(leases.c.replica == _REPLICA).values(
    raise_after_us=case((leases.c.raise_after_us > _AFTER, leases.c.raise_after_us), else_=_AFTER)
)
_GIVE = update(leases).where(leases.c.replica == _REPLICA, leases.c.name.in_(_NAMES)).values(replica=0)
_HELD = (
    select(
        leases.c.name,
        leases.c.epoch,
        leases.c.raise_after_us,
        replicas.c.holder,
        replicas.c.epoch.label("by"),
    )
    .join(replicas, replicas.c.epoch == leases.c.replica)
    .order_by(leases.c.name)
)


@dataclass(frozen=True, slots=True)
class Held:
    """A tenure. `raise_in`: for how long nothing may be raised yet, from when it was asked for."""

    epoch: int
    raise_in: timedelta


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Who holds what; for people. `replica` is the holder's own epoch."""

    name: str
    epoch: int
    holder: str
    replica: int
    raise_after: datetime


class Leases:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mine(self, replica: int) -> Mapping[str, Held]:
        """What the replica of this epoch holds, if its row is not over."""
        with reading(self._engine) as connection:
            return _mine(connection, replica)

    def free(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that nobody holds."""
        with reading(self._engine) as connection:
            held = connection.execute(_held_now(connection.dialect.name), by_clock(connection)).scalars()
            return frozenset(names).difference(held)

    def is_held(self, name: str, replica: int, epoch: int) -> bool:
        """Whether it is held by the replica, under this epoch, and not over."""
        with reading(self._engine) as connection:
            asked = {_NAME.key: name, **by_clock(connection)}
            row = connection.execute(_looked_at(connection.dialect.name), asked).one_or_none()
        return row is not None and (row.replica, row.epoch) == (replica, epoch) and bool(row.lives)

    def holders(self) -> tuple[LeaseRow, ...]:
        """All that are held, by name; also those of replicas that fell silent."""
        with reading(self._engine) as connection:
            rows = connection.execute(_HELD).all()
        return tuple(
            LeaseRow(row.name, row.epoch, row.holder, row.by, instant(row.raise_after_us)) for row in rows
        )

    def claim(self, replica: int, names: Iterable[str], *, longest_request: timedelta) -> Mapping[str, Held]:
        """Take those of the names that nobody holds; what the replica holds after that."""
        wanted = sorted(names)
        with writing(self._engine) as connection:
            silent = connection.execute(_silent(connection.dialect.name), by_clock(connection)).all()
            if wanted:
                fresh = [{"name": name, "replica": 0, "epoch": 0, "raise_after_us": 0} for name in wanted]
                connection.execute(_made(connection.dialect.name), fresh)
                connection.execute(_TO_CLAIM, {_NAMES.key: wanted}).all()
                taking = {_WHO.key: replica, _NAMES.key: wanted}
                connection.execute(_TAKE_FREE, taking)
                for row in silent:
                    with _readable():
                        after = int(row.expires_us) + longest_request // _MICROSECOND
                    connection.execute(_TAKE_OVER, {**taking, _REPLICA.key: row.epoch, _AFTER.key: after})
            return _mine(connection, replica)

    def give(self, replica: int, names: Iterable[str]) -> None:
        """Let go of these: only with nothing under way."""
        with writing(self._engine) as connection:
            connection.execute(_GIVE, {_REPLICA.key: replica, _NAMES.key: sorted(names)})


def guard(connection: Connection, name: str, epoch: int) -> None:
    """In the transaction that records something under the lease. Nobody claims it before that is over. Raises LostLease."""
    asked = {_NAME.key: name, **by_clock(connection)}
    row = connection.execute(_guarding(connection.dialect.name), asked).one_or_none()
    if row is None or row.epoch != epoch:
        under = "nobody" if row is None else f"epoch {row.epoch}"
        raise LostLease(f"this daemon's epoch for {name} is {epoch}, it is held by {under}")
    if not row.lives:
        raise LostLease(f"the lease of {name} ran out: this daemon gave no sign of life for too long")


def _mine(connection: Connection, replica: int) -> Mapping[str, Held]:
    rows = connection.execute(_MINE, {_REPLICA.key: replica}).all()
    now = read_clock(connection)
    with _readable():
        waits = {row.name: max(int(row.raise_after_us) - now, 0) for row in rows}
        return {row.name: Held(int(row.epoch), waits[row.name] * _MICROSECOND) for row in rows}


@contextmanager
def _readable() -> Iterator[None]:
    """SQLite keeps anything in any column."""
    try:
        yield
    except UNREADABLE as error:
        raise StorageError(f"a lease cannot be read: {error}") from error


@cache
def _looked_at(dialect: str) -> Select[Any]:
    lives = (replicas.c.expires_us > now_us(dialect)).label("lives")
    query = select(leases.c.replica, leases.c.epoch, lives)
    return query.join(replicas, replicas.c.epoch == leases.c.replica).where(leases.c.name == _NAME)


@cache
def _guarding(dialect: str) -> Executable:
    return _looked_at(dialect).with_for_update(read=True, of=leases)


@cache
def _held_now(dialect: str) -> Executable:
    living = replicas.c.expires_us > now_us(dialect)
    return select(leases.c.name).join(replicas, replicas.c.epoch == leases.c.replica).where(living)


@cache
def _silent(dialect: str) -> Executable:
    """Replicas whose time is over and that hold something. Their rows are locked, so that none of them comes back while it is taken over from."""
    over = replicas.c.expires_us <= now_us(dialect), replicas.c.epoch.in_(select(leases.c.replica))
    query = select(replicas.c.epoch, replicas.c.expires_us).where(*over).order_by(replicas.c.epoch)
    return query.with_for_update()


@cache
def _made(dialect: str) -> Executable:
    return insert(dialect, leases).on_conflict_do_nothing(index_elements=["name"])
