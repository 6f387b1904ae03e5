"""A whole run: lives of the daemon, one after the other, until the story is over."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from stagedrollout.cli.ordering import as_it_stands
from stagedrollout.config.load import Loaded
from stagedrollout.core.model import Command, Expected
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Act, AppStory
from stagedrollout.storage.brakes import BrakesFolder, HaltMarker
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_existing
from tests.simulation.buttons import Fingers
from tests.simulation.direct import BreakGlass
from tests.simulation.doors import Gate
from tests.simulation.failover import NOTHING_LOST
from tests.simulation.files import by_others, watched_files
from tests.simulation.left import Left, Traces, ended
from tests.simulation.life import Company, Life
from tests.simulation.line import TheLine
from tests.simulation.machine import Machine, in_its_own_time
from tests.simulation.people import PlannedDirect, PlannedOrder, second_thoughts
from tests.simulation.perils import Drawn, Fate
from tests.simulation.plan import REST, Plan, SecondThoughts
from tests.simulation.replica import Replica
from tests.simulation.rest import unrest
from tests.simulation.setting import loaded, memory_folder

KILLED = "daemon: killed"

PROMISES = ("R16",)
"""What is looked at here (the README's table)."""


def play(plan: Plan, fate: Fate | None = None) -> Left:
    """The whole story of `plan`; its lives end as drawn, or by `fate`. What it raises besides AssertionError is the
    daemon's fault."""
    with _workplace() as folder, _in_silence(), uncollected(), watched_files():
        if plan.pair:
            from tests.simulation.together import play_together  # noqa: PLC0415 - which is made of a run

            return play_together(plan, folder)
        return Run(plan, folder, fate).play()


class Run:
    """One daemon's story. What people do in it, and what is told of it, is the same for several (together.py)."""

    def __init__(self, plan: Plan, folder: Path, fate: Fate | None = None) -> None:
        self._plan = plan
        self._folder = folder
        self._draw = Random(f"{plan.seed}/run")
        self._world = in_its_own_time(plan.scenario)
        self._loaded = loaded(
            plan.scenario,
            self._world,
            folder,
            plan.supersede,
            plan.listed,
            buttons=bool(plan.presses),
            alarms=plan.alarms,
        )
        self._people = open_existing(self._loaded.settings.database)
        self._deaths: list[datetime] = []
        self._marks: Counter[str] = Counter()
        self._lost = NOTHING_LOST
        self._replicas = self._open_replicas(fate)
        self._box = CommandBox(self._people)
        kernel = self._replicas[0].machine.kernel
        self._glass = BreakGlass(self._loaded, self._world, kernel, plan.weather, self._box)
        self._to_halt: list[PlannedDirect] = []
        for planned in plan.direct:
            self._world.timeline.at(planned.at, partial(self._kill, planned))
        self._rested: Left | None = None
        self._thoughts = plan.second_thoughts
        self._orders: list[PlannedOrder] = []
        self._saw: dict[str, tuple[Expected, ...]] = {}
        for order in plan.orders:
            self._expect(order)
        fingers = Fingers(self._world.slack, self._marks)
        for press in plan.presses:
            fingers.plan(press, self._world.timeline.at)
        TheLine(BrakesFolder(self._loaded.path), self._stir).plan(plan.line, self._world.timeline.at)
        for ambush in plan.ambushes:
            ambush.lay(self._world.timeline.at, self._world.faults.add)
        self._world.timeline.at(plan.calm_from, self._calm_down)

    def play(self) -> Left:
        try:
            with self._replicas[0].machine.at_work():
                while self._now < self._plan.scenario.ends and self._rested is None:
                    if self._replicas[0].live(self._live_through):
                        self._lie_dead()
            return self._rested or self._left()
        finally:
            self._people.dispose()

    @property
    def _now(self) -> datetime:
        return self._world.timeline.now

    def _open_replicas(self, fate: Fate | None) -> tuple[Replica, ...]:
        plan = self._plan
        machine = Machine(
            self._world, plan.seed, self._marks, clock=plan.clock, disk=plan.disk, stops=plan.stops
        )
        dying = fate or Drawn(self._draw, plan.points_per_life, plan.calm_from)
        return (self._replica(machine, self._draw, dying, self._loaded),)

    def _replica(
        self, machine: Machine, draw: Random, fate: Fate, configured: Loaded, company: Company | None = None
    ) -> Replica:
        gate = Gate(self._world, self._plan.weather, draw)
        gate.watch = self._watch
        return Replica(
            loaded=configured,
            world=self._world,
            machine=machine,
            gate=gate,
            fate=fate,
            marks=self._marks,
            company=company,
        )

    def _live_through(self, life: Life) -> None:
        """Until the story ends, or all has come to rest in it."""
        for moment in self._moments_of_rest():
            life.until(moment)
            if self._is_over():
                return
        life.until(self._plan.scenario.ends)

    def _is_over(self) -> bool:
        """Whether all has come to rest; then that is what is left."""
        left = self._left()
        if any(unrest(self._plan, left)):
            return False
        self._rested = replace(left, evidence=ended(left.evidence, self._now))
        return True

    def _moments_of_rest(self) -> Iterator[datetime]:
        """When to look whether the story is over before its end."""
        moment, ends = self._plan.rest_from or self._plan.scenario.ends, self._plan.scenario.ends
        while moment < ends:
            if moment > self._now:
                yield moment
            moment += max(REST, self._plan.scenario.poll)

    def _order(self, command: Command) -> None:
        """A person leaves an order, whether a daemon is alive or not."""
        self._box.put(replace(command, expected=self._saw.get(command.id, ())))
        self._stir()

    def _kill(self, planned: PlannedDirect) -> None:
        """The daemon is gone when the person halts: what it was about to do is not done any more."""
        self._to_halt.append(planned)
        for each in self._replicas:
            each.kill(KILLED)

    def _stir(self) -> None:
        for each in self._replicas:
            each.stir()

    def _past_the_daemon(self, command: Command) -> None:
        """The store shows the halt, and then a marker stands beside the configuration; no database is asked."""
        act = "halt" if command.store.value == GOOGLE_PLAY else "pause"
        with suppress(CannotAct):
            self._world.console.act(Act(command.app, act, store=command.store.value))
        with by_others():
            BrakesFolder(self._loaded.path).leave(
                HaltMarker(
                    command.id,
                    command.app,
                    command.store,
                    command.release,
                    command.actor,
                    command.reason,
                    command.created_at,
                )
            )
        self._stir()

    def _look(self, command: Command) -> None:
        """What they then order is meant of this."""
        self._saw[command.id] = as_it_stands(self._people, command.app, command.store)

    def _watch(self, service: str, body: bytes) -> None:
        """Second thoughts, where the plan has some. Only once."""
        lets_go_on = service == APP_STORE and b'"ACTIVE"' in body
        if not lets_go_on or self._now >= self._plan.calm_from:
            return
        thoughts, self._thoughts = self._thoughts, SecondThoughts.NONE
        app = next(app for app in self._plan.scenario.apps if app.store == APP_STORE)
        match thoughts:
            case SecondThoughts.HALT:
                at = self._now + timedelta(seconds=self._draw.randrange(80))
                self._world.faults.add(Fault(service, "late_write"), self._now)
                self._expect(second_thoughts(self._plan.seed, app, at))
            case SecondThoughts.MEANWHILE:
                self._in_the_console(app, self._draw.choice(("resume", "resume", "complete")), self._now)
            case SecondThoughts.NAP:
                self._in_the_console(app, "pause", self._now + timedelta(minutes=2))
                self._in_the_console(
                    app, "resume", self._now + timedelta(minutes=self._draw.randrange(10, 55))
                )

    def _in_the_console(self, app: AppStory, act: str, at: datetime) -> None:
        def do() -> None:
            with suppress(CannotAct):
                self._world.console.act(Act(app.name, act, store=app.store))

        self._world.timeline.at(at, do)

    def _expect(self, order: PlannedOrder) -> None:
        if order.direct:  # nobody answers it: what becomes of it stands in the journal
            self._world.timeline.at(order.at, partial(self._past_the_daemon, order.command))
            return
        self._orders.append(order)
        if order.seen_at:
            self._world.timeline.at(order.seen_at, partial(self._look, order.command))
        self._world.timeline.at(order.at, partial(self._order, order.command))

    def _lie_dead(self) -> None:
        again = self._replicas[0].back_at(self._plan.scenario.ends)
        self._halt_directly()
        while self._now < again:
            self._deaths.append(self._now)
            self._world.timeline.advance(min(self._now + self._plan.scenario.poll, again))
            self._halt_directly()
        self._deaths.append(self._now)

    def _halt_directly(self) -> None:
        while self._to_halt:
            self._deaths.append(self._now)
            self._glass.halt(self._to_halt.pop(0))

    def _calm_down(self) -> None:
        self._glass.gate.calm = True
        for each in self._replicas:
            each.calm_down()
        self._world.faults.clear()

    def _left(self) -> Left:
        return self._traces().left(self._deaths, self._glass.told)

    def _traces(self) -> Traces:
        return Traces(
            plan=self._plan,
            world=self._world,
            people=self._people,
            machines=[each.machine for each in self._replicas],
            orders=self._orders,
            marks=self._marks,
            lost=self._lost,
        )


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-run-", dir=memory_folder()) as folder:
        yield Path(folder)


@contextmanager
def _in_silence() -> Iterator[None]:
    """Nothing of what fails on purpose is logged."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def uncollected() -> Iterator[None]:
    """A run is short and leaves little in cycles: looking for them, again and again, costs more than keeping them until
    it is over, and judged."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
