"""Small files that must survive a crash: the only place outside the database where something is kept for good.

Whoever reads one finds the old content or the new one, never half of either, and what is written is on the
disk when the call returns (as far as the disk can be believed). Every file is for its owner only.

All of them raise OSError; callers put it in their own words.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

MODE = 0o600
_NEW = ".new"


def read_whole(path: Path, bytes_max: int) -> str | None:
    """The text, None where there is no such file. Raises ValueError for one that is too long, no text or no file."""
    try:
        # Not blocking: a named pipe must not hang whoever reads before it is found to be no file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no regular file")
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise ValueError(f"it is longer than {bytes_max} bytes")
    return content.decode("utf-8")


def replace_whole(path: Path, text: str | bytes) -> None:
    """Put `text` in the place of whatever is there: written, synced, renamed, and the folder synced."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        replace_within(folder, path.name, text)
    finally:
        os.close(folder)


def replace_within(folder: int, name: str, text: str | bytes, owner: tuple[int, int] | None = None) -> None:
    """The same in an open folder, whatever becomes of its path meanwhile. `owner`: user and group that it is given to
    before it has its name, so that nothing else can be given away in its place."""
    fresh = name + _NEW
    with contextlib.suppress(FileNotFoundError):  # of a process that was killed in between
        os.unlink(fresh, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, MODE, dir_fd=folder)
    try:
        if owner is not None:
            os.fchown(descriptor, *owner)
        _write(descriptor, text)
    finally:
        os.close(descriptor)
    os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def append(path: Path, text: str) -> None:
    """Add `text` at the end; a new file is made for it. After an error, part of it may be there."""
    known = path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
    try:
        _write(descriptor, text)
    finally:
        os.close(descriptor)
    if not known:
        sync_folder(path.parent)


def remove(path: Path) -> None:
    """Nothing happens where there is none."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folders(folder: Path) -> None:
    """Those that are missing, for their owner only, whatever the umask."""
    for each in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        each.mkdir(mode=0o700, exist_ok=True)
        each.chmod(0o700)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a new name in the folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, text: str | bytes) -> None:
    left = memoryview(text.encode("utf-8") if isinstance(text, str) else text)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)
