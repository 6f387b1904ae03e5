"""The secret that buttons are sealed with: made once, beside the database, for the daemon's user alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.durable_file import read_whole, replace_whole

BYTES = 32
_ENDING = ".seal"


def seal_file(database: Path) -> Path:
    return database.with_name(database.name + _ENDING)


def seal_key(database: Path | None) -> str:
    """The secret in hexadecimal digits; a new one where there is none yet, or none that can be used: then what was
    sealed before is not valid any more, and messages have to be written anew. Without a file, one for this process.

    Raises StorageError.
    """
    if database is None:
        return secrets.token_hex(BYTES)
    path = seal_file(database)
    try:
        found = read_whole(path, 4 * BYTES)
        if found is not None and _usable(found):
            return found
        made = secrets.token_hex(BYTES)
        replace_whole(path, made)
    except (OSError, ValueError) as error:
        raise StorageError(f"the secret for buttons cannot be kept: {error}") from error
    return made


def _usable(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == BYTES
    except ValueError:
        return False
