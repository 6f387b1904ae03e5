"""Opens the database, and the only two ways to talk to it: `reading` and `writing`.

Where the databases differ stands in sqlite.py and postgres.py. A reading transaction sees one state of the database from
its first read on and takes no lock, so `status` never waits for a daemon that is writing, nor the daemon for `status`.

A commit is on the disk when it returns: a command is acknowledged, and a raise sent, only after that (promises R12, R18).
Every SQLAlchemyError leaves this room as a StorageError.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import Table

from stagedrollout.core.errors import StorageError
from stagedrollout.http.database import HINT, SERVER, beside, server_of
from stagedrollout.storage import durable_file
from stagedrollout.storage.access import BUSY_SECONDS, ONLY_READS, only_reads
from stagedrollout.storage.writers import in_turn

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = [
    "BUSY_SECONDS",
    "Connection",
    "Engine",
    "beside_database",
    "database_file",
    "insert",
    "is_server",
    "left_open_seconds",
    "only_reads",
    "open_engine",
    "open_existing",
    "open_readonly",
    "reading",
    "writing",
]


def open_engine(
    url: str, *, busy_seconds: float = BUSY_SECONDS, left_open_seconds: float | None = None
) -> Engine:
    """The daemon's way in: creates what is missing (directory 0700, file 0600, whatever the umask).

    `url` is `sqlite:///path` or a PostgreSQL URL. `left_open_seconds`: how long at most a server keeps a transaction, and its
    locks, whose process has stopped; None: as long as it takes at most for anybody. Safe to use from many threads. Raises
    StorageError.
    """
    if url.startswith(SERVER):
        _make_state_folder(url)
        return _server(url, busy_seconds, may_write=True, left_open_seconds=left_open_seconds)
    from stagedrollout.storage.sqlite import open_made  # noqa: PLC0415 - only there

    return open_made(_parsed(url), busy_seconds)


def open_existing(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """The way in for whoever leaves an order: may write, never creates. Raises StorageError in words."""
    return _open_present(url, busy_seconds, may_write=True)


def open_readonly(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """The way in for whoever only looks: cannot write, never creates. Raises StorageError in words."""
    return _open_present(url, busy_seconds, may_write=False)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that sees one state of the database and takes no lock. Raises StorageError."""
    with _in_our_words(), _begun(engine, only_reads=True) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its start; all of it is durable, or nothing is.

    (PostgreSQL has no such lock: there, what was read is guarded by a constraint or by locking its row.)
    Raises StorageError; any other error inside undoes everything and passes through.
    """
    with _in_our_words(), in_turn(engine), _begun(engine, only_reads=False) as connection:
        yield connection


@contextmanager
def _begun(engine: Engine, *, only_reads: bool) -> Iterator[Connection]:
    with ExitStack() as stack:
        yield _beginning(engine, stack, only_reads=only_reads, again=is_server(engine))


def _beginning(engine: Engine, stack: ExitStack, *, only_reads: bool, again: bool) -> Connection:
    """On a connection of the pool that a server has closed meanwhile, nothing is lost yet: the next one is a new one."""
    connection = stack.enter_context(engine.connect())
    stack.callback(_given_back, engine, connection)
    connection.info[ONLY_READS] = only_reads  # the pool's connections serve both
    try:
        stack.enter_context(connection.begin())
    except DBAPIError as error:
        if not again or not error.connection_invalidated:
            raise
        return _beginning(engine, stack, only_reads=only_reads, again=False)
    return connection


def _given_back(engine: Engine, connection: Connection) -> None:
    """What the pool would lend again as it is, though it can only be read, is closed instead."""
    if is_server(engine) or connection.invalidated:
        return
    from stagedrollout.storage.sqlite import keeps_connections  # noqa: PLC0415 - only there

    if not keeps_connections(engine):
        connection.invalidate()


def insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which both databases spell alike but SQLAlchemy keeps apart."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql  # noqa: PLC0415 - only there

        return insert_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite  # noqa: PLC0415 - its twin's shape

    return insert_sqlite(table)


def is_server(engine: Engine) -> bool:
    """Whether the database is one of PostgreSQL, and no file."""
    return engine.dialect.name == "postgresql"


def left_open_seconds(engine: Engine) -> float:
    """For how long a server keeps the locks of a process that has stopped in the middle of a transaction; 0: the database is a
    file."""
    if not is_server(engine):
        return 0.0
    from stagedrollout.storage.postgres import LEFT_OPEN  # noqa: PLC0415 - only there

    return float(engine.get_execution_options()[LEFT_OPEN])


def database_file(engine: Engine) -> Path | None:
    """Where the SQLite database lies; None when the database is a server."""
    if is_server(engine):
        return None
    from stagedrollout.storage.sqlite import path_of  # noqa: PLC0415 - only there

    return path_of(engine.url)


def beside_database(engine: Engine) -> Path | None:
    """The name that everything beside the database begins with: the file's own, or one in the server's state folder. None
    for a server without one."""
    if not is_server(engine):
        return database_file(engine)
    from stagedrollout.storage.postgres import beside_of  # noqa: PLC0415 - only there

    return beside_of(engine.url)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except SQLAlchemyError:
        # Not the library's words: they may quote the URL, which may hold a password.
        raise StorageError("the database URL cannot be read; one is written like sqlite:///path") from None
    if parsed.get_backend_name() != "sqlite":
        raise StorageError(f"there is no such database: {HINT}")
    return parsed


def _open_present(url: str, busy_seconds: float, *, may_write: bool) -> Engine:
    if url.startswith(SERVER):
        return _server(url, busy_seconds, may_write=may_write)
    from stagedrollout.storage.sqlite import open_present  # noqa: PLC0415 - only there

    return open_present(_parsed(url), busy_seconds, may_write=may_write)


def _server(
    url: str, busy_seconds: float, *, may_write: bool, left_open_seconds: float | None = None
) -> Engine:
    server = server_of(url)
    if server is None:
        raise StorageError(
            "the database URL cannot be read; one is written like postgresql://USER@HOST/DATABASE"
        )
    from stagedrollout.storage.postgres import open_server  # noqa: PLC0415 - only there

    return open_server(server, url, busy_seconds, may_write=may_write, left_open_seconds=left_open_seconds)


def _make_state_folder(url: str) -> None:
    if not (begins := beside(url)):
        return
    folder = Path(begins).parent
    try:
        durable_file.make_folders(folder)
    except OSError as error:
        raise StorageError(f"the folder {folder} (`state`) cannot be made: {error.strerror}") from error


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        met = _first(error)
        told = met.orig if isinstance(met, DBAPIError) and met.orig else met
        raise StorageError(f"the database could not be read or written: {_said(told)}") from error


_NO_SAVEPOINT = "no such savepoint"


def _first(error: BaseException) -> BaseException:
    """SQLite undoes the whole transaction where the disk fails; that no savepoint is left then is not what was wrong."""
    if _NO_SAVEPOINT not in str(error):
        return error
    before = error.__context__
    while before and (_NO_SAVEPOINT in str(before) or not isinstance(before, SQLAlchemyError)):
        before = before.__context__
    return before or error


def _said(error: BaseException) -> str:
    if type(error).__module__.partition(".")[0] == "psycopg":
        from stagedrollout.storage.postgres import said  # noqa: PLC0415 - only there

        return said(error)
    from stagedrollout.storage.sqlite import cure  # noqa: PLC0415 - only there

    return f"{next(iter(str(error).splitlines()), type(error).__name__)}{cure(error)}"
