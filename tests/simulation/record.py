"""The campaign's ledger: a file with one line for each batch of seeds, in the order in which they were played, and one
for each time that seeds which had failed were played again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.simulation.tally import Tally

LEDGER = Path(__file__).parent / "campaign.jsonl"
LEDGERS = {1: LEDGER, 2: LEDGER.with_name("campaign-two.jsonl")}


@dataclass(frozen=True, slots=True)
class Batch:
    """`commit`: what was played, with a plus where it was changed since; `date`: when it was over."""

    commit: str
    date: str
    first: int
    last: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class Retrial:
    """Seeds that had failed, played again with what `commit` is; `failing`: those of them that still fail."""

    commit: str
    date: str
    again: tuple[int, ...]
    failing: tuple[int, ...]


def read(file: Path) -> list[Batch]:
    """Every batch of the file. Raises ValueError for a line that is none."""
    return [line for line in _lines(file) if isinstance(line, Batch)]


def retrials(file: Path) -> list[Retrial]:
    """Every time that failed seeds were played again. Raises ValueError for a line that is none."""
    return [line for line in _lines(file) if isinstance(line, Retrial)]


def unmended(file: Path) -> list[int]:
    """The seeds that failed when they were played last."""
    failing = {seed for batch in read(file) for seed in batch.tally.failing}
    for retrial in retrials(file):
        failing = failing - set(retrial.again) | set(retrial.failing)
    return sorted(failing)


def _lines(file: Path) -> Iterator[Batch | Retrial]:
    for number, text in enumerate(file.read_text("utf-8").splitlines() if file.exists() else (), 1):
        try:
            yield _line(json.loads(text))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file}, line {number}: not a line of a campaign") from None


def _line(told: Mapping[str, Any]) -> Batch | Retrial:
    if "again" in told:
        return Retrial(told["commit"], told["date"], tuple(told["again"]), tuple(told["failing"]))
    return Batch(told["commit"], told["date"], told["first"], told["last"], Tally.read(told))


def append(file: Path, batch: Batch) -> None:
    """On the disk when this returns: what was counted is not lost."""
    head = {"commit": batch.commit, "date": batch.date, "first": batch.first, "last": batch.last}
    _append(file, head | batch.tally.line())


def append_retrial(file: Path, retrial: Retrial) -> None:
    """On the disk when this returns."""
    _append(file, asdict(retrial))


def _append(file: Path, line: Mapping[str, Any]) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
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
