"""A rollout as a file of its own, whole, before it leaves the database: JSON Lines, packed by gzip.

First its journal, a line for each entry just as `export journal` writes it, so that whoever has the file can verify it
without us; then everything else that is known of it, a line for each row with the name of its table. A file has its name
once all of it is on the disk and was read again; one of the same name is replaced, for it is of the same entries.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import CHAIN_START, Entry, Recorded, chain_hash
from stagedrollout.core.model import RolloutKey
from stagedrollout.storage import durable_file
from stagedrollout.storage.wording import UNREADABLE

FIELDS = ("rollout", "seq", "at", "kind", "body", "prev", "hash")
SUFFIX = ".jsonl.gz"
FOLDER_SUFFIX = ".retired"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class Archived:
    """What an archive holds of a journal: so many entries, and the last one's number and hash."""

    rollout: str
    entries: int
    seq: int
    head: str


def folder_beside(database: Path) -> Path:
    """Where archives are kept unless somebody names another folder."""
    return database.with_name(database.name + FOLDER_SUFFIX)


def file_of(folder: Path, rollout: RolloutKey, seq: int, head: str) -> Path:
    """Of this rollout up to this entry: the same name each time."""
    plain = _UNSAFE.sub("_", str(rollout)).strip("._")[:_NAME_MAX]
    return folder / f"{plain}_{seq}_{head[:12]}{SUFFIX}"


def write(path: Path, entries: Iterable[Recorded], rows: Iterable[tuple[str, dict[str, Any]]]) -> Archived:
    """Durable, and read again, when it returns. `rows`: of other tables, each with the table's name. Raises StorageError."""
    lines = [*map(_line, entries), *(_said({"table": table, "row": row}) for table, row in rows)]
    try:
        durable_file.make_folders(path.parent)
        durable_file.replace_whole(path, gzip.compress("".join(lines).encode(), mtime=0))
    except OSError as error:
        raise StorageError(f"the archive {path} cannot be written: {error.strerror}") from error
    return read(path)


def read(path: Path) -> Archived:
    """Every entry's hash computed again. Raises StorageError for a file that cannot be read or is not as it was written."""
    rollout, count, seq, head = "", 0, 0, CHAIN_START
    try:
        for line in _lines(path):
            found = json.loads(line)
            if "table" in found:
                continue
            rollout = rollout or found["rollout"]
            entry = Entry(found["kind"], datetime.fromisoformat(found["at"]), found["body"])
            whole = found["rollout"] == rollout and found["prev"] == head and found["seq"] > seq
            if not whole or chain_hash(head, RolloutKey.parse(rollout), entry) != found["hash"]:
                raise StorageError(
                    f"the archive {path} is not as it was written, from entry {found['seq']} on"
                )
            count, seq, head = count + 1, found["seq"], found["hash"]
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise StorageError(f"the archive {path} cannot be read: {why}") from error
    except UNREADABLE as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"the archive {path} is not as it was written: {error}") from error
    return Archived(rollout, count, seq, head)


def entries_with(folder: Path, beginning: str) -> Iterator[tuple[Path, str, int, str]]:
    """The archives of a folder whose entries' hashes begin so: the file, rollout, number and hash of each. What cannot be
    read is passed over: `read` tells of that."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            for line in _lines(path):
                found = json.loads(line)
                if str(found.get("hash", "")).startswith(beginning) and "table" not in found:
                    yield path, str(found["rollout"]), int(found["seq"]), str(found["hash"])
        except (OSError, EOFError, zlib.error, *UNREADABLE):
            continue


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from file


def _line(recorded: Recorded) -> str:
    entry = recorded.entry
    told = (str(recorded.rollout), recorded.seq, entry.at.isoformat(), entry.kind, entry.body)
    return _said(dict(zip(FIELDS, (*told, recorded.prev, recorded.hash), strict=True)))


def _said(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"
