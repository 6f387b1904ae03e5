"""What time it is by the clock that all replicas share: the database server's.

A database in a file is one machine's, and its clock is the machine's; whoever plays several replicas on one file gives the
engine a clock of theirs (`with_clock`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import BigInteger, BindParameter, ColumnElement, bindparam, cast, extract, func, select

from stagedrollout.storage.engine import Connection, Engine
from stagedrollout.storage.instants import micros

_GIVEN = "stagedrollout_clock"
_NOW: BindParameter[int] = bindparam("now_us", type_=BigInteger())

FOR_EVER_US = 2**62
"""No clock ever shows it."""


def with_clock(engine: Engine, clock: Callable[[], datetime]) -> Engine:
    """The same database file by another clock."""
    return engine.execution_options(**{_GIVEN: clock})


def may_be_shared(engine: Engine) -> bool:
    """Whether there may be several replicas on it: a server, or a file for which a clock was given."""
    return engine.dialect.name == "postgresql" or _GIVEN in engine.get_execution_options()


@cache
def now_us(dialect: str) -> ColumnElement[int]:
    """In a statement that is given `by_clock`: the server's own clock is read where the statement runs, after it has waited for
    whatever it waits for."""
    if dialect == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
    return _NOW


def by_clock(connection: Connection) -> dict[str, int]:
    """What a statement with `now_us` has to be given beside its own parameters."""
    return {} if connection.dialect.name == "postgresql" else {_NOW.key: _of_a_file(connection)}


def read_clock(connection: Connection) -> int:
    """Microseconds since 1970."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(select(now_us("postgresql"))).scalar_one())
    return _of_a_file(connection)


def _of_a_file(connection: Connection) -> int:
    clock = connection.get_execution_options().get(_GIVEN)
    return micros(clock() if clock else datetime.now(UTC))
