"""`halt --direct` while no daemon is alive: the product's own way to the store, and what it leaves behind.

The command itself, with its configuration and its exit codes, is tested as a process: tests/acceptance/test_break_glass.py.
"""

from __future__ import annotations

from random import Random
from typing import Any

from stagedrollout.config.load import Loaded
from stagedrollout.core.model import Actor, ActorKind
from stagedrollout.daemon.direct import Nothing, open_direct
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.world import World
from stagedrollout.storage.brakes import BrakesFolder, HaltMarker
from stagedrollout.storage.commands import CommandBox
from tests.simulation.doors import Gate, doors
from tests.simulation.files import by_others
from tests.simulation.kernel import Kernel
from tests.simulation.people import PlannedDirect
from tests.simulation.weather import Weather

PATIENCE_SECONDS = 30.0
KIM = Actor(ActorKind.HUMAN, "kim")


class BreakGlass:
    """The way of one run past its daemon. `told`: what came of each halt, for the judge."""

    def __init__(
        self, loaded: Loaded, world: World, kernel: Kernel, weather: Weather, box: CommandBox
    ) -> None:
        self._loaded = loaded
        self._world = world
        self._box = box
        self.gate = Gate(world, weather, Random(f"{world.scenario.seed}/direct"))
        self.gate.pass_time = kernel.pause
        self.told: list[dict[str, Any]] = []

    def halt(self, planned: PlannedDirect) -> None:
        """Takes as long as it takes."""
        settings = self._loaded.settings.app(planned.app)
        assert settings is not None
        began = self._world.timeline.now
        brake = open_direct(self._loaded, settings, planned.store, doors(self.gate, self._world))
        found = brake.stop("", PATIENCE_SECONDS)
        for number, stopped in enumerate(() if isinstance(found, Nothing) else found):
            now = self._world.timeline.now
            name = f"direct-{planned.at:%m%d%H%M}-{planned.store.value}-{planned.app}-{number}"
            marker = HaltMarker(
                name, planned.app, planned.store, stopped.release, KIM, "nothing else answers", now
            )
            with by_others():
                BrakesFolder(self._loaded.path).leave(marker)
            if planned.ordered:
                self._box.put(marker.order)
            told = {"from": iso(began), "to": iso(now), "app": planned.app, "store": planned.store.value}
            self.told.append({**told, "release": stopped.release, "halted": stopped.halted})
