"""SQLite as SQLAlchemy speaks it, with statements that are compiled once per process.

SQLAlchemy keeps what it has compiled per engine, for two engines might spell alike statements differently. Ours never
do: every engine of this class is made with the same options (engine.py). A process that opens database after database,
as rehearsals and the tests of whole lives do, would spend much of its time compiling the same few statements.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

DRIVER = "sqlite+ours"

COMPILED: dict[Any, Any] = {}
"""By statement, not by its values: as many as this package has."""


class OneSQLite(SQLiteDialect_pysqlite):
    """One dialect, however many engines have an instance of it."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


registry.register("sqlite.ours", __name__, OneSQLite.__name__)
