"""The search for secrets where none may be: in every file, column and word, in every form.

The forms are made here on their own: a search by the redactor's list would overlook what the redactor does.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

PIECE = 24
"""Characters of a form that give it away: words are shortened, and half a secret is one all the same."""


def forms(secret: str) -> set[str]:
    """How a secret could stand in a text, whole or as a piece of something encoded."""
    data = secret.encode()
    found = {secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)}
    found |= {data.hex(), data.hex().upper()}
    for shift in range(3):
        head, tail = -(-shift * 4 // 3), (shift + len(data)) * 4 // 3
        encoded = b64encode(b"x" * shift + data).decode()[head + 1 : tail - 1]
        found |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return {form[:PIECE] for form in found if len(form) >= 12}


def leaks(canaries: Mapping[str, Iterable[str]], texts: Mapping[str, str]) -> list[str]:
    """Which canary stands where; `canaries` by kind, `texts` by place."""
    wanted = [(kind, form) for kind, secrets in canaries.items() for s in secrets for form in forms(s)]
    return sorted({f"{kind} in {place}" for place, text in texts.items() for kind, f in wanted if f in text})


def texts_below(folder: Path, *, apart_from: Iterable[Path] = ()) -> dict[str, str]:
    """Every file below a folder as bytes read as text, and every column of every database among them."""
    apart = {path.resolve() for path in apart_from}
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not apart & {path.resolve(), *path.resolve().parents}:
            found[str(path)] = path.read_bytes().decode("latin-1")
            if path.suffix == ".db":
                found |= dict(_columns(path))
    return found


def _columns(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = database.execute(f'SELECT * FROM "{name}"').fetchall()
            yield f"{path}: {name}", "\n".join(str(value) for row in rows for value in row)


def process_texts(pid: int) -> dict[str, str]:
    """What the system shows of a process to others: its command line. (Its environment is its own.)"""
    return {f"/proc/{pid}/cmdline": Path(f"/proc/{pid}/cmdline").read_bytes().decode("latin-1")}
