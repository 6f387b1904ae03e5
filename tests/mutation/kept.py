"""survivors.json: how many mutants of each module the tests notice, and the others by name, each with a reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutation.mutants import ROOT, Mutant, mutants
from tests.mutation.playing import Fate

FILE = Path(__file__).with_name("survivors.json")
AREAS = {
    "decision": (
        "decision.py",
        "rules/*.py",
        "approval.py",
        "people.py",
        "line.py",
        "succession.py",
        "linking.py",
    ),
    "lifecycle": ("lifecycle.py", "fold*.py"),
    "schedule": ("schedule.py", "calendar.py", "freezing.py", "hours.py", "inconclusive.py", "phasing.py"),
    "evidence": ("evidence/*.py",),
}
ENOUGH = 90.0
NOBODY_LOOKED = "nobody has looked at it yet"


@dataclass(frozen=True, slots=True)
class Score:
    """Of one module. An endless mutant is a noticed one: a test that hangs is a failing test."""

    mutants: int
    killed: int

    @property
    def percent(self) -> float:
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def scores(results: Iterable[tuple[Mutant, Fate]]) -> Mapping[str, Score]:
    told: dict[str, list[bool]] = {}
    for mutant, fate in results:
        told.setdefault(mutant.file, []).append(fate in (Fate.KILLED, Fate.ENDLESS))
    return {file: Score(len(fates), sum(fates)) for file, fates in sorted(told.items())}


def areas() -> Mapping[str, Score]:
    """What survivors.json says of each area on which exposure rests."""
    return {
        area: Score(sum(e["mutants"] for e in its), sum(e["killed"] for e in its))
        for area in AREAS
        for its in (_entries(area),)
    }


def every(area: str) -> int:
    """How many mutants there were in the modules of an area when they were played."""
    return sum(entry.get("of", entry["mutants"]) for entry in _entries(area))


def _entries(area: str) -> list[dict[str, Any]]:
    known = {Path(file).relative_to("stagedrollout/core"): entry for file, entry in read().items()}
    return [entry for file, entry in known.items() if any(file.match(pattern) for pattern in AREAS[area])]


def read() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return document


def survivors(file: str) -> Mapping[str, str]:
    """By name, with the reason why each may."""
    named: dict[str, str] = read().get(file, {}).get("survivors", {})
    return named


def write(results: Sequence[tuple[Mutant, Fate]]) -> None:
    """The modules played now take the place of what the file says of them; reasons given before stay."""
    document = read()
    for file, score in scores(results).items():
        document[file] = _entry(file, score, document.get(file, {}), _left(results, file))
    _keep(document)


def write_left(results: Sequence[tuple[Mutant, Fate]]) -> None:
    """Only what had survived was played: what is noticed by now is counted with the rest."""
    document = read()
    for file in scores(results):
        kept, left = document[file], _left(results, file)
        gone = len(kept["survivors"]) - len(left)
        document[file] = _entry(file, Score(kept["mutants"], kept["killed"] + gone), kept, left)
    _keep(document)


def _left(results: Sequence[tuple[Mutant, Fate]], file: str) -> list[str]:
    return sorted(m.name for m, fate in results if m.file == file and fate in (Fate.SURVIVED, Fate.UNTESTED))


def _entry(file: str, score: Score, known: Mapping[str, Any], left: Sequence[str]) -> dict[str, Any]:
    reasons = known.get("survivors", {})
    return {
        "commit": _commit(),
        "of": sum(1 for _ in mutants(file)),
        "mutants": score.mutants,
        "killed": score.killed,
        "survivors": {name: reasons.get(name, NOBODY_LOOKED) for name in left},
    }


def _commit() -> str:
    """The last one before what is played now."""
    asked = ("git", "rev-parse", "--short=10", "HEAD")
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _keep(document: Mapping[str, Any]) -> None:
    FILE.write_text(json.dumps(dict(sorted(document.items())), indent=1, ensure_ascii=False) + "\n", "utf-8")
