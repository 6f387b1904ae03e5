"""One daemon per SQLite database, by a lock that the kernel frees however its holder ends.

A lock file beside the database, never deleted (deleting it would let two holders lock two files of the
same name). On PostgreSQL several daemons take turns by lease rows, which come with the release that runs
several of them; until then nothing can promise there that a second daemon keeps out, so none starts.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from stagedrollout.core.errors import StorageError


class SingleDaemonLock:
    """Held from `__enter__` to `__exit__`, or to the death of the process. Not to be entered twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @classmethod
    def beside(cls, database: Path | None) -> Self:
        """The lock of a SQLite database; None (a database server) raises StorageError in words."""
        if database is None:
            raise StorageError(
                "a daemon on PostgreSQL needs leases, which this version does not have: use sqlite:///path"
            )
        return cls(database.with_name(database.name + ".lock"))

    def __enter__(self) -> Self:
        """Take the lock at once, or raise StorageError naming who holds it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"the lock file {self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StorageError(
                f"another stagedrollout daemon (process {holder}) already runs on this database"
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
