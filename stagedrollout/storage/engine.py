"""Opens the database, and the only two ways to talk to it: `reading` and `writing`.

SQLite's defaults lose updates silently when several threads read, then write: every writing transaction
here begins with BEGIN IMMEDIATE, so it holds the write lock before it reads (python.md section 1, row
"DB"). A reading transaction takes no lock and sees one state of the database from its first read on, so
`status` never waits for a daemon that is writing, nor the daemon for `status`.

A commit is on the disk when it returns (WAL with synchronous=FULL): a command is acknowledged, and a raise
sent, only after that (promises R12, R18). Every SQLAlchemyError leaves this room as a StorageError.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import Table

from stagedrollout.core.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import PoolProxiedConnection
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = [
    "Connection",
    "Engine",
    "database_file",
    "insert",
    "only_reads",
    "open_engine",
    "open_existing",
    "open_readonly",
    "reading",
    "writing",
]

BUSY_SECONDS = 5.0
"""How long a writer waits for another one. Transactions take milliseconds: more is a fault to report."""

_CONNECTIONS_MAX = 32
_ONLY_READS = "only reads"


def open_engine(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """The daemon's way in: creates what is missing (directory 0700, file 0600, whatever the umask).

    `url` is `sqlite:///path` or a PostgreSQL URL. Safe to use from many threads. Raises StorageError.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return _server_engine(parsed, busy_seconds)
    path = _path(parsed)
    _create(path)
    connect = _opener(path, "rw", busy_seconds)
    _use_wal(connect, path)
    return _sqlite_engine(parsed, connect, path)


def open_existing(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """The way in for whoever leaves an order: may write, never creates. Raises StorageError in words."""
    return _open_present(url, "rw", busy_seconds)


def open_readonly(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """The way in for whoever only looks: cannot write, never creates. Raises StorageError in words."""
    return _open_present(url, "ro", busy_seconds)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that sees one state of the database and takes no lock. Raises StorageError."""
    with _in_our_words(), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            connection.info[_ONLY_READS] = True
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its start; all of it is durable, or nothing is.

    (PostgreSQL has no such lock: there, what was read is guarded by a constraint or by locking its row.)
    Raises StorageError; any other error inside undoes everything and passes through.
    """
    with _in_our_words(), engine.connect() as connection:
        connection.info[_ONLY_READS] = False  # the pool's connections serve both
        with connection.begin():
            yield connection


def insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which both databases spell alike but SQLAlchemy keeps apart."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql  # noqa: PLC0415 - only there

        return insert_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite  # noqa: PLC0415 - its twin's shape

    return insert_sqlite(table)


def database_file(engine: Engine) -> Path | None:
    """Where the SQLite database lies; None when the database is a server."""
    return _path(engine.url) if engine.dialect.name == "sqlite" else None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except SQLAlchemyError:
        # Not the library's words: they may quote the URL, which may hold a password.
        raise StorageError("the database URL cannot be read; one is written like sqlite:///path") from None


def _path(url: URL) -> Path:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:") or url.query:
        raise StorageError("the state must survive a restart: name a plain file, like sqlite:///path")
    return Path(name).absolute()


def _create(path: Path) -> None:
    try:
        for folder in reversed([p for p in (path.parent, *path.parent.parents) if not p.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageError(f"the database {path} cannot be created: {error.strerror}") from error
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _open_present(url: str, mode: str, busy_seconds: float) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return _server_engine(parsed, busy_seconds)
    path = _path(parsed)
    try:
        present = path.is_file()
    except OSError as error:
        raise StorageError(f"the database {path} cannot be read: {error.strerror}") from error
    if not present:
        raise StorageError(f"no database at {path}: has `stagedrollout run` ever been started?")
    return _sqlite_engine(parsed, _opener(path, mode, busy_seconds), path)


def _opener(path: Path, mode: str, busy_seconds: float) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
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


def _sqlite_engine(url: URL, connect: Callable[[], sqlite3.Connection], path: Path) -> Engine:
    from stagedrollout.storage.sqlite import COMPILED, DRIVER  # noqa: PLC0415 - only there

    return create_engine(
        url.set(drivername=DRIVER),
        creator=connect,
        execution_options={"compiled_cache": COMPILED},
        pool_size=8,
        max_overflow=_CONNECTIONS_MAX - 8,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
        begin=partial(_begin, path, _which(path)),
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


def only_reads(connection: PoolProxiedConnection) -> bool:
    """Whether the transaction on it is one of `reading`."""
    return bool(connection.info.get(_ONLY_READS))


def _use_wal(connect: Callable[[], sqlite3.Connection], path: Path) -> None:
    try:
        with closing(connect()) as connection:
            row = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"the database {path} cannot be used: {error}{_cure(error)}") from error
    if row is None or row[0] != "wal":
        raise StorageError(f"the file system of {path} cannot hold a write-ahead log: use a local disk")


def _server_engine(url: URL, busy_seconds: float) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=8,
            max_overflow=_CONNECTIONS_MAX - 8,
            pool_timeout=busy_seconds,
            hide_parameters=True,
        )
    except (SQLAlchemyError, ImportError) as error:
        name = url.drivername
        raise StorageError(f"the driver for a {name} database is missing: {type(error).__name__}") from None


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        met = _first(error)
        told = met.orig if isinstance(met, DBAPIError) else met
        # The first line only: PostgreSQL's second one repeats the row that was to be written.
        words = next(iter(str(told).splitlines()), type(told).__name__)
        raise StorageError(f"the database could not be read or written: {words}{_cure(told)}") from error


def _first(error: BaseException) -> BaseException:
    """SQLite undoes the whole transaction where the disk fails; that no savepoint is left then is not what was wrong."""
    if _NO_SAVEPOINT not in str(error):
        return error
    before = error.__context__
    while before and (_NO_SAVEPOINT in str(before) or not isinstance(before, SQLAlchemyError)):
        before = before.__context__
    return before or error


_NO_SAVEPOINT = "no such savepoint"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _cure(error: object) -> str:
    """What to do about a file that is no database any more."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
        return ""
    return (
        "; the file is damaged: `stagedrollout db check` tells more, and `stagedrollout db restore` puts a backup in its"
        " place; until then nothing is raised, and whoever must halt does it in the store's console"
    )
