"""SQLite: how its file is made and opened, how a transaction begins, and what its errors mean. Its twin is postgres.py.

SQLite's defaults lose updates silently when several threads read, then write: every writing transaction here begins with
BEGIN IMMEDIATE, so it holds the write lock before it reads (python.md section 1, row "DB").

Statements are compiled once per process. SQLAlchemy keeps what it has compiled per engine, for two engines might spell
alike statements differently. Ours never do: every engine of this class is made with the same options. A process that opens
database after database, as rehearsals and the tests of whole lives do, would spend much of its time compiling the same few
statements.
"""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, PoolProxiedConnection, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from stagedrollout.core.errors import StorageError
from stagedrollout.storage import durable_file
from stagedrollout.storage.access import BUSY_SECONDS, CONNECTIONS_KEPT, CONNECTIONS_MAX, only_reads

_DRIVER = "sqlite+ours"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_COMPILED: dict[Any, Any] = {}
"""By statement, not by its values: as many as this package has."""


def open_made(url: URL, busy_seconds: float) -> Engine:
    """Creates what is missing: directory 0700, file 0600, whatever the umask. Raises StorageError."""
    path = path_of(url)
    _create(path)
    access = _Access()
    connect = _opener(path, "rw", busy_seconds, access)
    _use_wal(connect, path)
    return _engine(url, connect, path, access)


def open_present(url: URL, busy_seconds: float, *, may_write: bool) -> Engine:
    """Never creates. Raises StorageError in words."""
    path = path_of(url)
    try:
        present = path.is_file()
    except OSError as error:
        raise StorageError(f"the database {path} cannot be read: {error.strerror}") from error
    if not present:
        raise StorageError(f"no database at {path}: has `stagedrollout run` ever been started?")
    access = _Access()
    return _engine(url, _opener(path, "rw" if may_write else "ro", busy_seconds, access), path, access)


def path_of(url: URL) -> Path:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:") or url.query:
        raise StorageError("the state must survive a restart: name a plain file, like sqlite:///path")
    return Path(name).absolute()


def cure(error: object) -> str:
    """What to do about a file that is no database any more."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
        return ""
    return (
        "; the file is damaged: `stagedrollout db check` tells more, and `stagedrollout db restore` puts a backup in its"
        " place; until then nothing is raised, and whoever must halt does it in the store's console"
    )


def keeps_connections(engine: Engine) -> bool:
    """Whether a connection is worth keeping after its transaction.

    All connections of a process share one mapping of the log's index, and it is as writable as it was when the first of
    them opened it. While one that was opened in a time when nothing could be written is kept, every new one is read-only
    too, also long after that time: so none is kept until something has been written again.
    """
    return not isinstance(engine.dialect, OneSQLite) or engine.dialect.keeps_connections


def _create(path: Path) -> None:
    try:
        durable_file.make_folders(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageError(f"the database {path} cannot be created: {error.strerror}") from error
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Access:
    """Of one engine. `cannot_write`: whether the file was read-only when something was to be written last."""

    cannot_write: bool = False


def _opener(path: Path, mode: str, busy_seconds: float, access: _Access) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        if access.cannot_write and _is_writable(path):
            gc.collect()  # Python's module keeps what is closed open until its statements are gone, in a circle with it
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,  # the library must not begin transactions on its own: see _begin
            check_same_thread=False,  # the pool lends a connection to one thread at a time
        )
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")  # a container may have no folder for temporary files
        return connection

    return connect


def _engine(url: URL, connect: Callable[[], sqlite3.Connection], path: Path, access: _Access) -> Engine:
    return create_engine(
        url.set(drivername=_DRIVER),
        creator=connect,
        execution_options={"compiled_cache": _COMPILED},
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS_KEPT,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
        begin=partial(_begin, path, _which(path)),
        access=access,
    )


def _which(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise StorageError(f"the database {path} cannot be read: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _begin(path: Path, file: tuple[int, int], connection: PoolProxiedConnection) -> None:
    """SQLite goes on writing into a file that was deleted or replaced, where nobody will ever read it."""
    if _which(path) != file:
        raise StorageError(
            f"the database {path} is not the file any more that was opened: start the daemon again"
        )
    # By the driver's own call: through SQLAlchemy this took as long as the statement that follows.
    driver: Any = connection.driver_connection
    driver.execute("BEGIN" if only_reads(connection) else "BEGIN IMMEDIATE")


def _use_wal(connect: Callable[[], sqlite3.Connection], path: Path) -> None:
    try:
        with closing(connect()) as connection:
            row = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"the database {path} cannot be used: {error}{cure(error)}") from error
    if row is None or row[0] != "wal":
        raise StorageError(f"the file system of {path} cannot hold a write-ahead log: use a local disk")


class OneSQLite(SQLiteDialect_pysqlite):
    """One dialect, however many engines have an instance of it. `begin`: how a transaction begins.

    What SQLAlchemy offers for that, an event that is listened to, makes every statement of the engine look for
    listeners: as long as the statement itself takes.
    """

    supports_statement_cache = True

    def __init__(
        self, begin: Callable[[PoolProxiedConnection], None], access: _Access, **options: Any
    ) -> None:
        super().__init__(**options)
        self._begin = begin
        self._access = access

    @property
    def keeps_connections(self) -> bool:
        return not self._access.cannot_write

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        self._begin(dbapi_connection)

    def do_commit(self, dbapi_connection: PoolProxiedConnection) -> None:
        dbapi_connection.commit()
        if self._access.cannot_write and _has_written(dbapi_connection):
            self._access.cannot_write = False

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """A file that could not be written when it was opened is read-only for that connection for ever, also when it
        can be written again: the next transaction opens it anew."""
        if isinstance(e, sqlite3.Error) and _code(e) & 0xFF == sqlite3.SQLITE_READONLY:
            self._access.cannot_write |= _code(e) != sqlite3.SQLITE_READONLY_DBMOVED  # no more a file of ours
            return True
        return super().is_disconnect(e, connection, cursor)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


def _is_writable(path: Path) -> bool:
    """As far as it shows: not while a disk is read-only, and to collect then would be in vain."""
    files = (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")))
    return all(os.access(file, os.W_OK) for file in files if file.exists())


def _has_written(connection: PoolProxiedConnection) -> bool:
    """An empty transaction ends well on a read-only file too."""
    driver: Any = connection.driver_connection
    return not only_reads(connection) and driver.total_changes > 0


def _code(error: sqlite3.Error) -> int:
    """0 for what Python's own module found wrong."""
    return int(getattr(error, "sqlite_errorcode", 0))


registry.register("sqlite.ours", __name__, OneSQLite.__name__)
