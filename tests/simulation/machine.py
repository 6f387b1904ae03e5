"""The machine the daemon runs on: who works when, its clocks, its disk, and whether it stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.instants import instant
from tests.simulation.clocks import MachineClock, WrongClock
from tests.simulation.disk import Disk, FailingDisk
from tests.simulation.doors import Gate
from tests.simulation.kernel import Kernel
from tests.simulation.lines import Line
from tests.simulation.perils import Perils
from tests.simulation.stops import StandingStill, StandsStill, Stops
from tests.simulation.substitution import substituted

_ENTRY = "INSERT INTO event "
"""How the journal grows."""


def in_its_own_time(scenario: Scenario) -> World:
    """A world that knows no other time than its own: tokens grow old in it."""

    def wall() -> float:
        return world.timeline.now.timestamp()

    world = World(scenario, wall=wall)
    return world


class Machine:
    """Outlives the lives of the daemon that it runs, one after the other. `process`: the one that they all are."""

    def __init__(
        self,
        world: World,
        seed: object,
        marks: Counter[str],
        *,
        clock: WrongClock | None = None,
        disk: FailingDisk | None = None,
        stops: StandingStill | StandsStill | None = None,
        beside: Kernel | None = None,
        line: Callable[[], Line] = lambda: Line.WHOLE,
    ) -> None:
        """`beside`: whose baton it shares with other machines; None: it has one of its own. `line`: how the way to its
        database is now."""
        self.kernel = beside or Kernel(Random(f"{seed}/baton"), world.timeline)
        self.process = self.kernel.open_process(str(seed)) if beside else self.kernel.process
        self.clock = MachineClock(world.timeline, clock)
        self.marks = marks
        self.unwritten: list[datetime] = []
        self._truly: dict[str, datetime] = {}
        self._draw = Random(f"{seed}/machine")
        self._retries = Random(f"{seed}/retries")
        self._disk = Disk(self.kernel, self._draw, disk)
        self._stops = Stops(self.kernel, self._draw, stops, marks)
        self._disk.point = self._stops.statement
        self._disk.failed = self._failed
        self._disk.line = line

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """In here the product's threads and clocks are this machine's."""
        with substituted(self.kernel, self.clock, self._retries):
            yield

    @property
    def is_there(self) -> bool:
        """Whether others on its database hear of it: it does not stand still, and reaches the database."""
        until = self.process.frozen_until
        return self.reaches_its_database and (until is None or until <= self.kernel.now)

    @property
    def reaches_its_database(self) -> bool:
        return self._disk.line() is Line.WHOLE

    def carry(self, gate: Gate, engine: Engine, perils: Perils) -> Disk:
        """Begin to carry a life of the daemon."""
        self.process.dead = lambda: perils.died_at
        self._disk.haunt(engine)
        gate.pass_time = self._pass_time
        if self.process is not self.kernel.process:
            gate.travel = self.kernel.travel
        if self.clock.is_ever_wrong:
            self._note_truth(engine.dialect)
        return self._disk

    @contextmanager
    def unnoticed(self, perils: Perils) -> Iterator[None]:
        """In here the database is no place where anything happens."""
        self._disk.unnoticed = perils.unnoticed = True
        try:
            yield
        finally:
            self._disk.unnoticed = perils.unnoticed = False

    def calm_down(self) -> None:
        """Nothing of it fails any more, and its clock is right."""
        self._disk.calm = self._stops.calm = True

    def tell_freezes(self, told: Callable[[datetime], None]) -> None:
        """`told`: until when its process stands still, each time that it does."""
        self._stops.froze = told

    def freeze(self, span: timedelta) -> None:
        """Its process stands still from now on, wherever it is."""
        self._stops.stand_still(span, self.process)

    def suspend(self, span: timedelta) -> None:
        """It is suspended from now on, as a virtual machine is that is moved: nothing on it can tell for how long."""
        self.clock.suspend(span)
        self.freeze(span)

    def bury(self) -> None:
        """The life is over. Raises what made the run worthless, if something did."""
        try:
            self.kernel.bury()
        finally:
            self.process.dead = lambda: ""

    @property
    def stopped(self) -> Sequence[tuple[datetime, datetime]]:
        """While the process stood still."""
        return self._stops.spans

    def true_time(self, entry: str, told: datetime) -> datetime:
        """When the journal's entry with this hash was really made, which says `told` of itself."""
        return self._truly.get(entry, told)

    def _note_truth(self, dialect: Any) -> None:
        for name in ("do_execute", "do_executemany"):
            setattr(dialect, name, self._noting(getattr(dialect, name)))

    def _noting(self, execute: Callable[..., None]) -> Callable[..., None]:
        def executed(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
            execute(cursor, statement, parameters, context)
            if statement.startswith(_ENTRY):
                for row in context.compiled_parameters:
                    self._truly[row["hash"]] = self.clock.truly(instant(row["at_us"]))

        return executed

    def _pass_time(self, span: timedelta) -> None:
        self._stops.point()
        self.kernel.pause(span)

    def _failed(self, kind: str) -> None:
        self.marks[f"disk: {kind}"] += 1
        self.unwritten.append(self.kernel.now)
