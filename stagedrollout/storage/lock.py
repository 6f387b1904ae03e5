"""One daemon per database and machine, by a lock that the kernel frees however its holder ends.

A lock file beside the database, never deleted (deleting it would let two holders lock two files of the same name).
The database of a server can be reached from other machines as well. There the daemon's row tells who runs: one that was
heard of lately keeps others out, unless it held this very lock, which a daemon that lives never lets go.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.presence import DaemonRow

SILENT_AFTER = timedelta(seconds=45)
"""A daemon beats every ten seconds; one that was silent for this long is taken for dead."""

_BYTES_MAX = 128


class SingleDaemonLock:
    """Held from `__enter__` to `__exit__`, or to the death of the process. Not to be entered twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.place = ""
        """What tells this lock file from every other one, on whatever machine; known while it is held."""

    @classmethod
    def beside(cls, database: Path | None) -> Self:
        """The lock of a database by the name that everything beside it begins with; None raises StorageError."""
        if database is None:
            raise StorageError("a daemon on PostgreSQL needs a folder for its state: `state` names it")
        return cls(database.with_name(database.name + ".lock"))

    def __enter__(self) -> Self:
        """Take the lock at once, or raise StorageError naming who holds it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"the lock file {self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _, self.place = _read(descriptor)
            self.place = self.place or secrets.token_hex(8)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n{self.place}\n".encode(), 0)
        except BlockingIOError:
            holder, _ = _read(descriptor)
            os.close(descriptor)
            raise StorageError(
                f"another stagedrollout daemon (process {holder or 'unknown'}) already runs on this database"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise StorageError(f"the lock file {self._path} cannot be used: {error.strerror}") from error
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read(descriptor: int) -> tuple[str, str]:
    """The process that wrote the file last, and the place."""
    lines = os.pread(descriptor, _BYTES_MAX, 0).decode("ascii", "replace").splitlines()
    process, place = (*(line.strip() for line in lines[:2]), "", "")[:2]
    return process, place


def elsewhere(before: DaemonRow | None, place: str, now: datetime) -> str:
    """Who else runs on this database by its row, in words; "" for nobody. `place`: of the lock that is held here, so that
    whoever held it before is dead. `now`: this machine's time; with another machine's it agrees within seconds."""
    if before is None or "stopped_at" in before.info or before.info.get("place") == place:
        return ""
    silent = now - before.heartbeat_at
    if abs(silent) >= SILENT_AFTER:
        return ""
    return (
        f"another stagedrollout daemon ({before.holder}) already runs on this database: it was heard of"
        f" {max(0, int(silent.total_seconds()))} s ago. If its machine is gone, this one starts"
        f" {int(SILENT_AFTER.total_seconds())} s after that"
    )
