"""Where a daemon can die: before and after everything it does to the world outside, by name.

The names come from what is done: the service and the operation of a request, the kind of a statement and its table,
the kind of a file's change. Each stands in points.py; what does not stand there cannot be done in any run. A statement
that only reads has one point, since nothing lies between its two sides that could be lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import event

from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import Engine, only_reads
from tests.simulation.files import haunt_files
from tests.simulation.points import AFTER, BEFORE, BEGIN, COMMIT, POINTS, is_landmark

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(\w+)")
_READS = ("select", "begin", "pragma")


class SimulatedCrash(BaseException):
    """The process is gone. Not an Exception: nothing of the daemon's may survive it or tidy up after it."""


class WithoutName(BaseException):
    """The daemon did something to the world outside that points.py does not know. Not an Exception: no caution of the
    daemon's may hide it."""


class Perils:
    """Counts the points at which one life of the daemon could end, and ends it at one of them.

    `mean` is how many of the landmarks a life lasts on average; 0: it does not end. After the end every further
    point ends it again, so that no cleaning up of a dead process reaches the world. `changes` counts
    the statements that change something.
    """

    def __init__(self, draw: Random, mean: int) -> None:
        self._left = 1 + int(draw.expovariate(1 / mean)) if mean else None
        self.died_at = ""
        self.unnoticed = False
        self.changes = Counter[str]()

    def point(self, name: str) -> None:
        if self.unnoticed:
            return
        if self.died_at:
            raise SimulatedCrash(self.died_at)
        if name not in POINTS:
            raise WithoutName(
                f"{name!r} is done here, and stands in no list of points (tests/simulation/points.py)"
            )
        self.met(name)

    def met(self, name: str) -> None:
        """What becomes of the life at this point."""
        if self._left is None or not is_landmark(name):
            return
        self._left -= 1
        if self._left <= 0:
            self.die(name)

    def die(self, name: str) -> None:
        self.died_at = name
        raise SimulatedCrash(name)

    def spare(self) -> None:
        """From now on this life does not end by itself."""
        self._left = None

    def haunt(self, engine: Engine) -> None:
        """Every statement, every commit and every file that changes. An error that a point raises reaches SQLAlchemy as the driver's own."""
        haunt_files(self.point)
        opened: list[Any] = []
        event.listen(engine, "connect", lambda raw, _: opened.append(raw))
        event.listen(engine, "close", lambda raw, _: self._undo(raw))
        dispose = engine.dispose

        def disposed(close: bool = True) -> None:
            dispose(close)
            self._bury(opened)

        engine.dispose = disposed  # type: ignore[method-assign]
        self._haunt_dialect(engine.dialect)

    def _haunt_dialect(self, dialect: Any) -> None:
        """By what SQLAlchemy calls in the end: to listen to its events costs a run more than its statements do."""
        begin, commit = dialect.do_begin, dialect.do_commit

        def begun(connection: Any) -> None:
            self.point(_beginning(connection))
            begin(connection)

        def committed(connection: Any) -> None:
            self.point(COMMIT + BEFORE)
            commit(connection)
            self.point(COMMIT + AFTER)

        dialect.do_begin, dialect.do_commit = begun, committed
        for name in ("do_execute", "do_executemany"):
            setattr(dialect, name, self._executing(getattr(dialect, name)))

    def _executing(self, execute: Callable[..., None]) -> Callable[..., None]:
        def executed(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
            name = of_statement(statement)
            if _leaves_nothing(name):
                self.point(name)
                execute(cursor, statement, parameters, context)
                return
            self.point(name + BEFORE)
            execute(cursor, statement, parameters, context)
            self.changes[name] += 1
            self.point(name + AFTER)

        return executed

    def _bury(self, opened: list[Any]) -> None:
        """The kernel closes whatever a dead process had open; what it had begun is undone, and locks nobody out."""
        for connection in opened if self.died_at else ():
            connection.close()

    def _undo(self, connection: Any) -> None:
        """Closing alone undoes nothing as long as somebody's traceback holds a statement that was under way."""
        if self.died_at:
            connection.rollback()


class NoPerils(Perils):
    """Of what is no life of a daemon's: nothing of it dies, and it may do what no pass does."""

    def __init__(self) -> None:
        super().__init__(Random(0), 0)

    def point(self, name: str) -> None:
        pass


class Fate(Protocol):
    """How the daemon's lives end, and how soon each is followed by the next."""

    def life(self, world: World) -> Perils: ...

    def hours_dead(self) -> float: ...


class Drawn:
    """Lives that end by chance until all is calm."""

    def __init__(self, draw: Random, mean: int, calm_from: datetime) -> None:
        self._draw = draw
        self._mean = mean
        self._calm_from = calm_from

    def life(self, world: World) -> Perils:
        return Perils(self._draw, self._mean if world.timeline.now < self._calm_from else 0)

    def hours_dead(self) -> float:
        """Mostly a service manager starts it again at once, sometimes people take hours to notice."""
        return self._draw.choice((0, 0, 0, 0, 0.3, 3))


def of_request(world: World, method: str, target: str) -> str:
    """The service and the operation of a request, as the emulator calls them."""
    path = urlsplit(target).path
    service = next(service for service in world._services if path.startswith(service.prefix))
    return f"{service.name} {service.operation(method, path)}"


@lru_cache(maxsize=1024)
def of_statement(statement: str) -> str:
    """The kind of a statement and the first table in it, or what it says where there is none."""
    kind, *words = statement.lower().split(None, 2)
    kind = "select" if kind == "with" else kind  # the product's statements that begin so only read
    if kind == "begin":
        return " ".join(("storage", kind, *words))
    table = _TABLE.search(statement)
    return f"storage {kind} {table[1] if table else ''}".rstrip()


def of_group(name: str) -> str:
    """What a campaign counts: the service without its operation, the kind of a statement without its table."""
    what, _, side = name.partition(": ")
    service, _, operation = what.partition(" ")
    return f"{what}" if service == "storage" and operation in ("begin", "commit") else f"{service}: {side}"


def _beginning(connection: Any) -> str:
    return BEGIN if only_reads(connection) else f"{BEGIN} immediate"


def _leaves_nothing(name: str) -> bool:
    return name.split(" ")[1] in _READS
