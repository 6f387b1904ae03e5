"""One daemon per database and machine, by a lock that the kernel frees however its holder ends.

A lock file beside the database, never deleted (deleting it would let two holders lock two files of the same name).
The database of a server can be reached from other places as well, where other replicas run: each has a state folder with such
a file of its own, whose token (`place`) tells them apart and a new daemon of a place from the dead one before it. A folder may be
copied, and its token with it: beside the token stands where the file was (the machine's boot, the file's number), which no copy
has in common with it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from stagedrollout.core.errors import StorageError

_BYTES_MAX = 256
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class SingleDaemonLock:
    """Held from `__enter__` to `__exit__`, or to the death of the process. Not to be entered twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self.place = ""
        """What tells this lock file from every other one, on whatever machine; known while it is held."""
        self.moved = False
        """Whether it was somewhere else when a daemon ran with it last, or the machine was started again; known while it is held."""

    @classmethod
    def beside(cls, database: Path | None) -> Self:
        """The lock of a database by the name that everything beside it begins with; None raises StorageError."""
        if database is None:
            raise StorageError("a daemon on PostgreSQL needs a folder for its state: `state` names it")
        return cls(database.with_name(database.name + ".lock"))

    def __enter__(self) -> Self:
        """Take the lock at once, or raise StorageError naming who holds it."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"the lock file {self.path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _, self.place, there = _read(descriptor)
            here = _where(descriptor)
            self.place = self.place or secrets.token_hex(8)
            self.moved = there not in ("", here)
            self._write(descriptor, there or here)
        except BlockingIOError:
            holder, *_ = _read(descriptor)
            os.close(descriptor)
            raise StorageError(
                f"another stagedrollout daemon (process {holder or 'unknown'}) already runs on this database"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise StorageError(f"the lock file {self.path} cannot be used: {error.strerror}") from error
        self._descriptor = descriptor
        return self

    def settle(self) -> None:
        """From now on it is where it is. Raises StorageError."""
        if self._descriptor is not None and self.moved:
            try:
                self._write(self._descriptor, _where(self._descriptor))
            except OSError as error:
                raise StorageError(f"the lock file {self.path} cannot be used: {error.strerror}") from error
            self.moved = False

    def _write(self, descriptor: int, where: str) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n{self.place}\n{where}\n".encode(), 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read(descriptor: int) -> tuple[str, str, str]:
    """The process that wrote the file last, the place, and where the file was."""
    lines = os.pread(descriptor, _BYTES_MAX, 0).decode("ascii", "replace").splitlines()
    process, place, where = (*(line.strip() for line in lines[:3]), "", "", "")[:3]
    return process, place, where


def _where(descriptor: int) -> str:
    """No other file is there while this machine runs. Where a system does not number its starts, the file's number has to do."""
    found = os.fstat(descriptor)
    try:
        boot = _BOOT.read_text("ascii").strip()
    except OSError:
        boot = ""
    return f"{boot} {found.st_dev}:{found.st_ino}"
