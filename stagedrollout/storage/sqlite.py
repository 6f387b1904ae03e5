"""SQLite as SQLAlchemy speaks it, with statements that are compiled once per process.

SQLAlchemy keeps what it has compiled per engine, for two engines might spell alike statements differently. Ours never
do: every engine of this class is made with the same options (engine.py). A process that opens database after database,
as rehearsals and the tests of whole lives do, would spend much of its time compiling the same few statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import PoolProxiedConnection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

DRIVER = "sqlite+ours"

COMPILED: dict[Any, Any] = {}
"""By statement, not by its values: as many as this package has."""


class OneSQLite(SQLiteDialect_pysqlite):
    """One dialect, however many engines have an instance of it. `begin`: how a transaction begins.

    What SQLAlchemy offers for that, an event that is listened to, makes every statement of the engine look for
    listeners: as long as the statement itself takes.
    """

    supports_statement_cache = True

    def __init__(self, begin: Callable[[PoolProxiedConnection], None], **options: Any) -> None:
        super().__init__(**options)
        self._begin = begin

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        self._begin(dbapi_connection)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """A file that could not be written when it was opened is read-only for that connection for ever, also when it
        can be written again: the next transaction opens it anew."""
        read_only = isinstance(e, sqlite3.Error) and _code(e) & 0xFF == sqlite3.SQLITE_READONLY
        return read_only or super().is_disconnect(e, connection, cursor)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


def _code(error: sqlite3.Error) -> int:
    """0 for what Python's own module found wrong."""
    return int(getattr(error, "sqlite_errorcode", 0))


registry.register("sqlite.ours", __name__, OneSQLite.__name__)
