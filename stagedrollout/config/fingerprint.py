"""Which configuration it is, in a few characters: of the file and of the team's own policies, byte for byte.

Secrets are no part of it, nor are the shipped policies, which come with the program. Reading commands compute it for
whatever stands on the disk, so it must be cheap and needs no YAML.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

BYTES_MAX, FILES_MAX = 1024 * 1024 + 1, 201
"""One more than what is read of a file, and of a folder: what is larger is refused anyway."""

LENGTH = 12
"""Characters: nobody compares more by eye, and a chance of one in 10^14 that two are alike is enough for that."""

UNREAD = ""
"""Of files that cannot be read."""


def fingerprint(path: Path, folders: Iterable[Path]) -> str:
    """Of the configuration as it is on the disk now; UNREAD where that cannot be told."""
    whole = hashlib.sha256()
    try:
        for file in (path, *(each for folder in folders for each in _policies(folder))):
            content = _content(file)
            whole.update(f"{file.name} {len(content)}\n".encode())
            whole.update(content)
    except (OSError, ValueError):
        return UNREAD
    return whole.hexdigest()[:LENGTH]


def _policies(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    return found[:FILES_MAX]


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX)
