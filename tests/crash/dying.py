"""Lives that end at a point chosen beforehand, and the list of points at which one could have ended.

Two points are the same death if nothing that outlives the daemon has changed between them, whichever of its threads was
at work, since they all die at once: no commit, no file, no request that changes anything, no time. So every point is
listed, and each distinct death is died once, at its last point. (That deaths at points of one kind really come to the
same end is tested with all points of a story; that a number means the same point in each play, too.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import Engine, database_file
from tests.simulation.perils import Perils

_READS = ("GET", "HEAD")
_OPEN = """
    SELECT (SELECT count(*) FROM intent WHERE settlement IS NULL OR settlement = 'in_doubt')
         + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))
         + (SELECT count(*) FROM errand WHERE state IN ('waiting', 'over'))
"""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What outlives the daemon at an instant, as far as it differs within one story."""

    now: datetime
    truth: int
    changing_requests: int
    commits: int
    files: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """`number` counts from 1 within a life. `settled`: no intent is open, and neither a notice nor an alarm waits."""

    number: int
    name: str
    lasting: Lasting
    settled: bool


class Chosen(Perils):
    """A life that ends at its point number `last`; None: it does not."""

    def __init__(self, last: int | None) -> None:
        super().__init__(Random(0), 0)
        self._last = last
        self.count = 0

    def met(self, name: str) -> None:
        self.count += 1
        if self.count == self._last:
            self.die(name)

    def spare(self) -> None:
        """There is no calm: a death comes when it comes."""


class Listed(Chosen):
    """A life that does not end, and lists where it could have."""

    def __init__(self, world: World) -> None:
        super().__init__(None)
        self._world = world
        self._seen = 0
        self._changing = 0
        self._database: Path | None = None
        self._look: sqlite3.Connection | None = None
        self.points: list[Point] = []

    def haunt(self, engine: Engine) -> None:
        super().haunt(engine)
        self._database = database_file(engine)
        self._look = sqlite3.connect(
            f"file:{self._database}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # one thread works at a time
        )

    def met(self, name: str) -> None:
        super().met(name)
        self.points.append(Point(self.count, name, self._lasting(), self._settled()))

    def close(self) -> None:
        if self._look:
            self._look.close()

    def _lasting(self) -> Lasting:
        ledger = self._world.ledger
        fresh, self._seen = ledger.requests[self._seen :], len(ledger.requests)
        self._changing += sum(request["method"] not in _READS for request in fresh)
        commits = self._asked("PRAGMA data_version")
        now, truth = self._world.timeline.now, len(ledger.entries)
        return Lasting(now, truth, self._changing, commits, tuple(self._files()))

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """What is kept beside the database."""
        beside = self._database.parent.glob(f"{self._database.name}.*") if self._database else ()
        yield from ((path.name, path.read_bytes()) for path in sorted(beside))

    def _settled(self) -> bool:
        return self._asked(_OPEN) == 0

    def _asked(self, query: str) -> int:
        if self._look is None:
            return 0
        with closing(self._look.execute(query)) as found:
            return int(found.fetchone()[0])


@dataclass
class Dies:
    """A fate: life number i ends at its point `at[i]`, and the next one begins at once; the one after all of these
    lives on. With `lists` that one lists its points."""

    at: Sequence[int] = ()
    lists: bool = False
    lives: list[Perils] = field(default_factory=list)

    def life(self, world: World) -> Perils:
        number = len(self.lives)
        life: Perils
        if number < len(self.at):
            life = Chosen(self.at[number])
        else:
            life = Listed(world) if self.lists else Chosen(None)
        self.lives.append(life)
        return life

    def hours_dead(self) -> float:
        return 0.0

    @property
    def died_at(self) -> tuple[str, ...]:
        """The names of the points at which lives ended."""
        return tuple(life.died_at for life in self.lives if life.died_at)

    def points(self) -> list[Point]:
        """Of the life that lists them, in order."""
        last = self.lives[-1]
        if not isinstance(last, Listed):
            raise TypeError("this fate lists no points")
        last.close()
        return last.points


def distinct(points: Sequence[Point]) -> list[Point]:
    """One for each different death: the last of those that are alike."""
    following: list[Any] = [*points[1:], None]
    return [
        point
        for point, after in zip(points, following, strict=True)
        if after is None or after.lasting != point.lasting
    ]


def of_the_recovery(points: Sequence[Point]) -> list[Point]:
    """The points from the start of a life until everything is settled and it waits for time to pass."""
    for place, point in enumerate(points):
        before = points[place - 1] if place else point
        if before.settled and before.lasting.now != point.lasting.now:
            return list(points[:place])
    return list(points)
