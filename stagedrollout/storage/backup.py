"""Copies of a SQLite database: taken while a daemon writes, checked before they are believed, put back whole.

A copy is made by SQLite's own backup, from one state of the database, and is one file without a write-ahead log.
Nothing is overwritten: a backup refuses a file that exists, and what a restore replaces is kept beside the database.
A database server has tools of its own for this (pg_dump, pg_restore).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from stagedrollout.core.errors import StorageError
from stagedrollout.storage import durable_file
from stagedrollout.storage.engine import BUSY_SECONDS, Engine, open_readonly
from stagedrollout.storage.migrate import known, revision
from stagedrollout.storage.verifying import Proof, verify

_LOG_AND_INDEX = ("-wal", "-shm")
_PROBLEMS_MAX = 5


def damage(database: Path) -> str:
    """What SQLite finds wrong with the file, in its words; "" for nothing. Raises StorageError if it cannot look."""
    try:
        with closing(_connected(database, "ro")) as connection:
            rows = connection.execute(f"PRAGMA integrity_check({_PROBLEMS_MAX})").fetchall()
    except sqlite3.Error as error:
        return str(error)
    found = [str(row[0]) for row in rows]
    return "" if found == ["ok"] else "; ".join(found)


def back_up(database: Path, target: Path) -> Proof:
    """Copy the database, also while a daemon writes to it, and verify the copy. Raises StorageError."""
    if not database.is_file():
        raise StorageError(f"no database at {database}: has `stagedrollout run` ever been started?")
    _claim(target)
    try:
        _copy(database, target)
        proof = _believed(target)
    except (StorageError, sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        raise StorageError(f"the backup could not be made: {error}") from error
    return proof


def restore(backup: Path, database: Path, now: datetime) -> tuple[Proof, Path | None]:
    """Put a backup in the place of the database, which is kept beside it under the name that is returned (None:
    there was none). The caller holds the daemon's lock. Raises StorageError; then the database is as it was."""
    if not backup.is_file():
        raise StorageError(f"there is no file {backup}")
    if database.exists() and backup.samefile(database):
        raise StorageError(f"{backup} is the database itself")
    fresh = database.with_name(f"{database.name}.restoring")
    try:
        fresh.unlink(missing_ok=True)
        _claim(fresh)
        _copy(backup, fresh)
        proof = _believed(fresh)
    except (StorageError, sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise StorageError(f"{backup} is not a backup that can be restored: {error}") from error
    try:
        kept = _set_aside(database, now) if database.exists() else None
        fresh.replace(database)
        durable_file.sync_folder(database.parent)
    except OSError as error:
        raise StorageError(f"the backup cannot be put in place: {error.strerror}") from error
    return proof, kept


def schema_of(engine: Engine) -> str:
    """The schema of a database that is one of ours. Raises StorageError for any other, and for a newer one."""
    found = revision(engine)
    if found is None:
        raise StorageError("it is no database of stagedrollout's, or an empty one")
    if not known(found):
        raise StorageError(f"it was made by a newer stagedrollout (schema {found}): install that version")
    return found


def _believed(copy: Path) -> Proof:
    if wrong := damage(copy):
        raise StorageError(f"the file is damaged: {wrong}")
    engine = open_readonly(f"sqlite:///{copy}")
    try:
        schema_of(engine)
        proof = verify(engine)
    finally:
        engine.dispose()
    if not proof.sound:
        raise StorageError(f"its journal is not as it was written: {proof.breaks[0].words}")
    return proof


def _claim(target: Path) -> None:
    """An empty file of our own, or a refusal."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, durable_file.MODE)
        os.close(descriptor)
    except FileExistsError:
        raise StorageError(f"{target} exists already, and a backup overwrites nothing") from None
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error


def _copy(source: Path, target: Path) -> None:
    """In one step, which is one state of the source whoever writes to it meanwhile."""
    with closing(_connected(source, "ro")) as there, closing(_connected(target, "rw")) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")
    durable_file.sync_file(target)
    durable_file.sync_folder(target.parent)


def _set_aside(database: Path, now: datetime) -> Path:
    """With its log, should SQLite not be able to fold that in first (the file may be damaged: that is why)."""
    with contextlib.suppress(sqlite3.Error), closing(_connected(database, "rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = database.with_name(f"{database.name}.replaced-{now:%Y%m%dT%H%M%S.%fZ}")
    database.replace(kept)
    for suffix in _LOG_AND_INDEX:
        beside = database.with_name(database.name + suffix)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + suffix))
    return kept


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
    )
