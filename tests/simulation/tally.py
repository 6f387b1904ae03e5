"""Outcomes added up: what a campaign counts, and what one line of its ledger holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.outcome import Outcome

FAULTS = ("fault", "outage", "crash", "disk", "clock", "process")
"""Marks that begin so tell of something that went wrong on purpose."""


@dataclass(slots=True)
class Tally:
    """`failing`: the seeds with violations. `cpu`: seconds of processors, of the seeds alone."""

    seeds: int = 0
    months: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    violations: int = 0
    failing: list[int] = field(default_factory=list)
    replayed: int = 0
    mismatches: list[int] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0

    def count(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.months += outcome.month
        self.marks.update(outcome.marks)
        self.violations += len(outcome.faults)
        self.failing += [outcome.seed] if outcome.faults else []
        self.cpu += outcome.cpu

    def add(self, other: Tally) -> None:
        self.seeds += other.seeds
        self.months += other.months
        self.marks.update(other.marks)
        self.violations += other.violations
        self.failing += other.failing
        self.replayed += other.replayed
        self.mismatches += other.mismatches
        self.seconds += other.seconds
        self.cpu += other.cpu

    @property
    def faults(self) -> dict[str, int]:
        """By kind: the marks that are faults, without those that only say where another one struck."""
        return {
            mark: times
            for mark, times in sorted(self.marks.items())
            if mark.split(":", 1)[0] in FAULTS and " at " not in mark and " for " not in mark
        }

    def line(self) -> dict[str, Any]:
        return {
            "seeds": self.seeds,
            "months": self.months,
            "faults": self.faults,
            "marks": dict(sorted(self.marks.items())),
            "violations": self.violations,
            "failing": self.failing,
            "replayed": self.replayed,
            "mismatches": self.mismatches,
            "seconds": round(self.seconds, 1),
            "cpu": round(self.cpu, 1),
        }

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Tally:
        known = {name: line[name] for name in cls.__slots__ if name != "marks"}
        return cls(**known, marks=Counter(line["marks"]))

    @classmethod
    def whole(cls, parts: Iterable[Tally]) -> Tally:
        total = cls()
        for part in parts:
            total.add(part)
        return total
