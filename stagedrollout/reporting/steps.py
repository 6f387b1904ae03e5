"""A journal walked fact by fact: what the rollout was before each, and what it was after it.

Everything that is reported is read off these steps. A fact of a kind that nobody here looks for is a step like any
other: it changes the rollout, and that is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.facts import Fact
from stagedrollout.core.fold import apply, begin
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey

Told = tuple[tuple[Fact, datetime], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """`before` is None for the discovery. `at` never goes back, even where the daemon's clock did."""

    before: Rollout | None
    fact: Fact
    at: datetime
    after: Rollout


def steps(key: RolloutKey, told: Told) -> tuple[Step, ...]:
    """One step for each fact, the oldest first. Raises ValueError where the journal begins with anything else
    than its discovery."""
    found: list[Step] = []
    for fact, written_at in told:
        before = found[-1].after if found else None
        at = max(written_at, found[-1].at) if found else written_at
        after = begin(key, fact, written_at) if before is None else apply(before, fact, written_at)
        found.append(Step(before, fact, at, after))
    return tuple(found)
