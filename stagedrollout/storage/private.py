"""Whether the files of a daemon are for its own user alone (promise S1), and making them so.

They are created that way; copied, restored or made by an older version, they need not be. What belongs to the
database lies beside it and begins with its name: log, lock, spool, backups.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stagedrollout.http.database import beside

log = logging.getLogger(__name__)

_FILES_MAX = 1_000
"""More are not looked at: a state folder has a dozen."""


@dataclass(frozen=True, slots=True)
class Loose:
    """A file that others can read or write, or a folder in which others can exchange files."""

    path: Path
    mode: int
    folder: bool = False

    @property
    def wrong(self) -> str:
        can = "put files of their own into" if self.folder else "read or write"
        return f"others can {can} {self.path} (mode {self.mode:04o})"

    @property
    def right(self) -> str:
        return f"chmod {'700' if self.folder else '600'} {self.path}"


def loose(database: str, *more: Path) -> list[Loose]:
    """What of a daemon's state is open to others. `more`: its files and folders elsewhere. Raises nothing."""
    if not (name := beside(database)):
        return [each for path in more for each in (*_file(path), *_folder(path))]
    file = Path(name)
    files = [path for _, path in zip(range(_FILES_MAX), _beside(file), strict=False)]
    folders = [each for path in (file.parent, *more) for each in _folder(path)]
    return [each for path in (*files, *more) for each in _file(path)] + folders


def tighten(found: Iterable[Loose]) -> None:
    """Close the files that are ours. A folder may hold other things as well: it is only told about."""
    for each in found:
        if each.folder:
            log.warning("%s; %s", each.wrong, each.right)
            continue
        try:
            if each.path.lstat().st_uid == os.geteuid():
                each.path.chmod(0o600)
                log.warning("%s: it is closed now", each.wrong)
            else:
                log.warning("%s, and it belongs to another user", each.wrong)
        except OSError as error:
            log.warning("%s, and cannot be closed: %s", each.wrong, error.strerror)


def _beside(file: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in file.parent.iterdir() if path.name.startswith(file.name))
    except OSError:  # no folder yet: nothing of ours is in it
        return


def _file(path: Path) -> Iterator[Loose]:
    status = _status(path)
    if status is not None and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        yield Loose(path, stat.S_IMODE(status.st_mode))


def _folder(path: Path) -> Iterator[Loose]:
    status = _status(path)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o022 and not mode & stat.S_ISVTX:
        yield Loose(path, mode, folder=True)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None
