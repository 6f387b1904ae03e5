"""The campaign's ledger: a file with one line for each batch of seeds, in the order in which they were played."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.simulation.tally import Tally

LEDGER = Path(__file__).parent / "campaign.jsonl"


@dataclass(frozen=True, slots=True)
class Batch:
    """`commit`: what was played, with a plus where it was changed since; `date`: when it was over."""

    commit: str
    date: str
    first: int
    last: int
    tally: Tally


def read(file: Path) -> list[Batch]:
    """Every batch of the file. Raises ValueError for a line that is none."""
    return list(_batches(file)) if file.exists() else []


def _batches(file: Path) -> Iterator[Batch]:
    for number, text in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            line: dict[str, Any] = json.loads(text)
            yield Batch(line["commit"], line["date"], line["first"], line["last"], Tally.read(line))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file}, line {number}: not a line of a campaign") from None


def append(file: Path, batch: Batch) -> None:
    """On the disk when this returns: what was counted is not lost."""
    head = {"commit": batch.commit, "date": batch.date, "first": batch.first, "last": batch.last}
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(head | batch.tally.line()) + "\n")
        out.flush()
        os.fsync(out.fileno())


def after_the_last(file: Path) -> int:
    """The first seed that no batch has played yet."""
    return max((batch.last + 1 for batch in read(file)), default=0)


def present_commit() -> str:
    """The commit that is checked out; "unknown" outside of a repository."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "stagedrollout", "tests/judge")
    return f"{head}{'+' if changed else ''}" if head else "unknown"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def _git(*arguments: str) -> str:
    try:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=LEDGER.parents[2], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
