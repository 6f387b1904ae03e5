"""One daemon's place in a story: its machine, its way into the world, and its lives there, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from stagedrollout.config.load import Loaded
from stagedrollout.core.errors import StorageError
from stagedrollout.emulator.world import World
from tests.simulation.doors import Gate
from tests.simulation.life import Company, Life
from tests.simulation.machine import Machine
from tests.simulation.perils import Fate, SimulatedCrash, of_group


class NotStarted(Exception):
    """A life ended before it began."""


class Replica:
    """`life`: the present one; None while it lies dead. `begin`: how another one is begun."""

    def __init__(
        self,
        *,
        loaded: Loaded,
        world: World,
        machine: Machine,
        gate: Gate,
        fate: Fate,
        marks: Counter[str],
        company: Company | None = None,
    ) -> None:
        self.loaded = loaded
        self.machine = machine
        self.gate = gate
        self.fate = fate
        self.life: Life | None = None
        self._world = world
        self._marks = marks
        self._company = company

    def live(self, through: Callable[[Life], None]) -> bool:
        """One life, through whatever is to come of it. Whether it ended before that, so that the daemon lies dead now."""
        self.gate.perils = self.fate.life(self._world)
        failed_before = len(self.machine.unwritten)
        try:
            self.life = self._begin()
            try:
                through(self.life)
            finally:
                life, self.life = self.life, None
                life.end()
        except SimulatedCrash as crash:
            if self.machine.kernel.process.dead():
                raise  # the run is over
            self._marks[f"crash: {of_group(str(crash))}"] += 1
            return True
        except NotStarted as error:
            if len(self.machine.unwritten) == failed_before:
                raise  # no disk failed
            self._marks[f"start broke off: {type(error.__cause__).__name__}"] += 1
            return True
        return False

    def kill(self, why: str) -> None:
        """What it was about to do is not done any more."""
        self.gate.perils.died_at = why

    def stir(self) -> None:
        if self.life:
            self.life.stir()

    def calm_down(self) -> None:
        self.gate.calm = True
        self.gate.perils.spare()
        self.machine.calm_down()

    def back_at(self, ends: datetime) -> datetime:
        """When a daemon that has just died is started again."""
        return min(self._world.timeline.now + timedelta(hours=self.fate.hours_dead()), ends)

    def _begin(self) -> Life:
        """Raises NotStarted where a real process would end with words, and be started again by its service manager."""
        try:
            return Life(self.loaded, self.gate, self._world, self._marks, self.machine, self._company)
        except StorageError as error:
            raise NotStarted(str(error)) from error
