"""The numbers of the journal's entries: each is given once and without a gap, in the order in which they are committed.

SQLite has one writer at a time and remembers the highest number it ever gave. On a server many write at once, so there one
row (`head`) holds that number, and whoever appends holds the row until all is committed: the journal grows in one place at a
time, as it does on SQLite, and what has a lower number was there before.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, Column, Integer, MetaData, Table, bindparam, column, select, table

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.engine import Connection
from stagedrollout.storage.schema import events

of_a_server = MetaData()
"""What only a server has."""

head = Table(
    "head",
    of_a_server,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
)

_MORE: BindParameter[int] = bindparam("more")
_TAKE = head.update().values(seq=head.c.seq + _MORE).returning(head.c.seq)
_GIVEN = select(head.c.seq)

_SQLITE_KEEPS = table("sqlite_sequence", column("name"), column("seq"))
_GIVEN_BY_SQLITE = select(_SQLITE_KEEPS.c.seq).where(_SQLITE_KEEPS.c.name == events.name)


def reserve(connection: Connection, count: int) -> int | None:
    """The number before the first of so many that are this transaction's now; it is alone with the journal until its end.
    None where the database itself gives them. Raises StorageError."""
    if connection.dialect.name == "sqlite":
        return None  # the write lock is held since the transaction began
    taken = connection.execute(_TAKE, {_MORE.key: count}).scalar()
    if taken is None:
        raise StorageError("the row that numbers the journal is missing (table head)")
    return int(taken) - count


def given(connection: Connection) -> int:
    """The highest number that was ever given to an entry."""
    query = _GIVEN_BY_SQLITE if connection.dialect.name == "sqlite" else _GIVEN
    return int(connection.execute(query).scalar() or 0)
