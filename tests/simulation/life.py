"""One life of the daemon: its real objects, wired by its own bootstrap, and what would set them in motion.

The order of things is the scheduler's: people's orders first, halts at once, then the apps that are due, then
the notices. Only the threads are missing; a person's halt is carried out in the middle of a pass all the same,
while one of the pass's requests is under way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from stagedrollout.config.load import Loaded
from stagedrollout.core.errors import StagedRolloutError, StorageError
from stagedrollout.core.model import Command, CommandVerb, StoreApp
from stagedrollout.daemon.bootstrap import wire
from stagedrollout.daemon.scheduler import AFTER_TROUBLE
from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import open_engine
from tests.simulation.doors import Gate, doors

_NEVER = datetime.max.replace(tzinfo=UTC)


class Life:
    """From start to crash. Nothing but the database file outlives it."""

    def __init__(self, loaded: Loaded, gate: Gate, world: World, marks: Counter[str]) -> None:
        self._engine = open_engine(loaded.settings.database)
        gate.perils.haunt(self._engine)
        gate.interrupt = self._halt_at_once
        self._gate = gate
        self._world = world
        self._marks = marks
        try:
            self._works = wire(loaded, doors(gate, world), self._engine)
        except BaseException:
            self.end()
            raise
        self._due = dict.fromkeys(self._works.listings, world.timeline.now)
        self._works.bell.listen(self._wake)
        self._halting: set[str] = set()
        self._in_pass = False
        self.ordered = True
        """Whether there may be an order that was not looked for yet; set by whoever leaves one."""

    def end(self) -> None:
        """The process is gone: the database connections are closed by whoever owned it."""
        self._gate.interrupt = lambda: None
        self._engine.dispose()

    def turn(self) -> datetime:
        """Do what is due; returns when something will be due again. A database that fails ends nothing."""
        with self._whatever_fails("orders"):
            self._take_orders()
        now = self._world.timeline.now
        for app in [app for app, at in self._due.items() if at <= now]:
            self._pass_over(app)
        telling = None
        with self._whatever_fails("telling"):
            self._works.relay.deliver_due()
            telling = self._works.relay.next_due()
        return min([*self._due.values(), *([telling] if telling else [])])

    @contextmanager
    def _whatever_fails(self, what: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            self._marks[f"broke off: {what}"] += 1

    def _take_orders(self) -> None:
        waiting = self._works.commands.waiting()
        for order in sorted(waiting, key=lambda order: order.verb is not CommandVerb.HALT):
            app = StoreApp(order.app, order.store)
            if order.verb is CommandVerb.HALT:
                self._halt(app, order)
            else:
                self._due[app] = min(self._due[app], self._world.timeline.now)

    def _wake(self, app: StoreApp) -> None:
        """What a linked store has to say makes the app due, as in the scheduler."""
        self._due[app] = min(self._due[app], self._world.timeline.now)

    def _pass_over(self, app: StoreApp) -> None:
        self._in_pass = True
        self._due[app] = _NEVER  # what comes up from here on makes the app due again
        try:
            done = self._works.passes.run(self._works.listings[app])
            due, problem = done.due, done.problem
        except StagedRolloutError as error:
            self._marks[f"pass broke off: {type(error).__name__}"] += 1
            due, problem = self._world.timeline.now + AFTER_TROUBLE, str(error)
        finally:
            self._in_pass = False
        self._due[app] = due = min(self._due[app], due)
        with self._whatever_fails("noting the pass"):
            self._works.presence.pass_finished(app, self._world.timeline.now, next_due=due, problem=problem)

    def _halt_at_once(self) -> None:
        """A thread of its own would take the order now, whatever a pass is waiting for."""
        if not (self._in_pass and self.ordered):
            return
        self.ordered = False
        for order in self._works.commands.waiting():
            if order.verb is CommandVerb.HALT and order.id not in self._halting:
                self._marks["halt in the middle of a pass"] += 1
                self._halt(StoreApp(order.app, order.store), order)

    def _halt(self, app: StoreApp, order: Command) -> None:
        self._halting.add(order.id)
        try:
            due = self._works.passes.halt(self._works.listings[app], order)
        except StagedRolloutError as error:
            self._marks[f"halt broke off: {type(error).__name__}"] += 1
            due = self._world.timeline.now
        finally:
            self._halting.discard(order.id)
        if due:
            self._due[app] = min(self._due[app], due)
