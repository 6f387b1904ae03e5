"""Small files that must survive a crash: the only place outside the database where something is kept for good.

Whoever reads one finds the old content or the new one, never half of either, and what is written is on the
disk when the call returns (as far as the disk can be believed). Every file is for its owner only.

All of them raise OSError; callers put it in their own words.
"""

from __future__ import annotations

import os
from pathlib import Path

MODE = 0o600
_NEW = ".new"


def read_whole(path: Path, bytes_max: int) -> str | None:
    """The text, None where there is no such file. Raises ValueError for one that is too long or no text."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except FileNotFoundError:
        return None
    if len(content) > bytes_max:
        raise ValueError(f"it is longer than {bytes_max} bytes")
    return content.decode("utf-8")


def replace_whole(path: Path, text: str) -> None:
    """Put `text` in the place of whatever is there: written, synced, renamed, and the folder synced."""
    fresh = path.with_name(path.name + _NEW)
    fresh.unlink(missing_ok=True)  # of a process that was killed in between
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        _write(descriptor, text)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


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


def _write(descriptor: int, text: str) -> None:
    left = memoryview(text.encode("utf-8"))
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)
