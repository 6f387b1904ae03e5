"""A whole run: lives of the daemon, one after the other, until the story is over."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from stagedrollout.cli.export import notice_rows, order_row, person_row, rollouts
from stagedrollout.cli.history import journal_rows
from stagedrollout.cli.ordering import as_it_stands
from stagedrollout.core import facts
from stagedrollout.core.errors import StorageError
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import Command, Expected
from stagedrollout.core.replay import Replay, replay
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Act, AppStory
from stagedrollout.emulator.slack import SECOND_CHANNEL
from stagedrollout.storage.brakes import BrakesFolder, HaltMarker
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.judge import Evidence
from tests.simulation.buttons import Fingers
from tests.simulation.direct import BreakGlass
from tests.simulation.doors import Gate
from tests.simulation.files import by_others, watched_files
from tests.simulation.life import Life
from tests.simulation.line import TheLine, stopped_spans
from tests.simulation.machine import Machine, in_its_own_time
from tests.simulation.people import PlannedDirect, PlannedOrder, second_thoughts
from tests.simulation.perils import Drawn, Fate, SimulatedCrash, of_group
from tests.simulation.plan import REST, Plan, SecondThoughts
from tests.simulation.rest import unrest
from tests.simulation.setting import ACCOUNT, as_written, loaded, memory_folder, policies

KILLED = "daemon: killed"
PASS_MOST = timedelta(minutes=2)
"""From a decision until it is written down at most."""

WAKE = {"wake": {"unanswered_after_minutes": 15, "places": ["pagerduty", "webhook", SECOND_CHANNEL]}}
"""Whom the judge may expect to be told, and when (setting.py)."""

PROMISES = ("R16",)
"""What is looked at here (the README's table)."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a run leaves behind. `marks` counts what happened in it. `unrepeatable`: decisions on evidence that do not
    come out again, bit for bit, from journal and ledger alone."""

    evidence: Evidence
    marks: Counter[str]
    orders: Mapping[str, str]
    unrepeatable: tuple[str, ...] = ()


class NotStarted(Exception):
    """A life ended before it began."""


def play(plan: Plan, fate: Fate | None = None) -> Left:
    """The whole story of `plan`; its lives end as drawn, or by `fate`. What it raises besides AssertionError is the
    daemon's fault."""
    with _workplace() as folder, _in_silence(), uncollected(), watched_files():
        return Run(plan, folder, fate).play()


class Run:
    def __init__(self, plan: Plan, folder: Path, fate: Fate | None = None) -> None:
        self._plan = plan
        self._draw = Random(f"{plan.seed}/run")
        self._fate = fate or Drawn(self._draw, plan.points_per_life, plan.calm_from)
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
        self._gate = Gate(self._world, plan.weather, self._draw)
        self._gate.watch = self._watch
        self._people = open_existing(self._loaded.settings.database)
        self._deaths: list[datetime] = []
        self._marks: Counter[str] = Counter()
        self._machine = Machine(
            self._world, plan.seed, self._marks, clock=plan.clock, disk=plan.disk, stops=plan.stops
        )
        self._box = CommandBox(self._people)
        self._glass = BreakGlass(self._loaded, self._world, self._machine.kernel, plan.weather, self._box)
        self._to_halt: list[PlannedDirect] = []
        for planned in plan.direct:
            self._world.timeline.at(planned.at, partial(self._kill, planned))
        self._life: Life | None = None
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
            with self._machine.at_work():
                while self._now < self._plan.scenario.ends and self._rested is None:
                    self._live()
            return self._rested or self._left()
        finally:
            self._people.dispose()

    @property
    def _now(self) -> datetime:
        return self._world.timeline.now

    def _live(self) -> None:
        """One life, and the time until the next one."""
        self._gate.perils = self._fate.life(self._world)
        failed_before = len(self._machine.unwritten)
        try:
            self._life = self._begin()
            try:
                self._live_through(self._life)
            finally:
                life, self._life = self._life, None
                life.end()
        except SimulatedCrash as crash:
            self._marks[f"crash: {of_group(str(crash))}"] += 1
            self._lie_dead()
        except NotStarted as error:
            if len(self._machine.unwritten) == failed_before:
                raise  # no disk failed
            self._marks[f"start broke off: {type(error.__cause__).__name__}"] += 1
            self._lie_dead()

    def _live_through(self, life: Life) -> None:
        """Until the story ends, or all has come to rest in it."""
        for moment in self._moments_of_rest():
            life.until(moment)
            left = self._left()
            if not any(unrest(self._plan, left)):
                self._rested = replace(left, evidence=ended(left.evidence, self._now))
                return
        life.until(self._plan.scenario.ends)

    def _moments_of_rest(self) -> Iterator[datetime]:
        """When to look whether the story is over before its end."""
        moment, ends = self._plan.rest_from or self._plan.scenario.ends, self._plan.scenario.ends
        while moment < ends:
            if moment > self._now:
                yield moment
            moment += max(REST, self._plan.scenario.poll)

    def _begin(self) -> Life:
        """Raises NotStarted where a real process would end with words, and be started again by its service manager."""
        try:
            return Life(self._loaded, self._gate, self._world, self._marks, self._machine)
        except StorageError as error:
            raise NotStarted(str(error)) from error

    def _order(self, command: Command) -> None:
        """A person leaves an order, whether a daemon is alive or not."""
        self._box.put(replace(command, expected=self._saw.get(command.id, ())))
        self._stir()

    def _kill(self, planned: PlannedDirect) -> None:
        """The daemon is gone when the person halts: what it was about to do is not done any more."""
        self._to_halt.append(planned)
        self._gate.perils.died_at = KILLED

    def _stir(self) -> None:
        if self._life:
            self._life.stir()

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
        again = min(self._now + timedelta(hours=self._fate.hours_dead()), self._plan.scenario.ends)
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
        self._gate.calm = self._glass.gate.calm = True
        self._gate.perils.spare()
        self._machine.calm_down()
        self._world.faults.clear()

    def _left(self) -> Left:
        world, story = self._world, self._plan.scenario
        answers = {order.command.id: self._box.find(order.command.id) for order in self._orders}
        evidence = Evidence(
            ledger=world.ledger.entries,
            requests=world.ledger.requests,
            journal=[self._with_its_true_time(row) for row in journal_rows(Journal(self._people))],
            notices=notice_rows(self._people),
            rollouts=rollouts(self._people),
            policies={name: as_written(name) for name in self._policies()},
            people=[person_row(person) for person in self._plan.listed],
            orders=[order_row(order) for order in self._box.everything()],
            scenario={
                "mode": story.mode,
                "supersede": self._plan.supersede.value,
                **(WAKE if self._plan.alarms else {}),
                "apps": [_told(app) for app in story.apps],
            },
            account=ACCOUNT,
            deaths=[iso(death) for death in self._deaths],
            unwritten=[iso(at) for at in self._machine.unwritten],
            stopped=[f"{iso(begun)} {iso(ended)}" for begun, ended in self._machine.stopped],
            slow=self._slow(),
            line=self._line(),
            direct=self._glass.told,
        )
        told = {name: (row.result.value if row and row.result else "") for name, row in answers.items()}
        return Left(evidence, self._marks, told, tuple(self._unrepeatable()))

    def _policies(self) -> list[str]:
        """Those by which anything may be steered, the story's own first."""
        named = [order.command.policy for order in self._orders]
        known = policies().policies
        return [name for name in dict.fromkeys((self._plan.scenario.policy, *named)) if name in known]

    def _line(self) -> list[str]:
        """Nothing is said of a stop whose end lies in the eye of a clock that is wrong at some time."""
        if self._machine.clock.is_ever_wrong and any(act.until for act in self._plan.line):
            return []
        return list(stopped_spans(self._plan.line, self._now))

    def _slow(self) -> list[str]:
        slow = self._machine.clock.slow
        return [f"{iso(slow[0])} {iso(slow[1])} {slow[2]}"] if slow else []

    def _with_its_true_time(self, row: dict[str, Any]) -> dict[str, Any]:
        told = datetime.fromisoformat(row["at"])
        true = self._machine.true_time(row["hash"], told)
        return row if true == told else {**row, "true_at": iso(true)}

    def _unrepeatable(self) -> Iterator[str]:
        journal, ledgers = Journal(self._people), LedgerTable(self._people)
        for key in journal.rollout_keys():
            told = tuple((facts.read(entry.entry), entry.entry.at) for entry in journal.history(key))
            for again in replay(key, told, ledgers.revisions(key)):
                self._marks["decided on evidence"] += 1
                if not again.agrees and not left_out(
                    again, self._machine.unwritten, self._machine.clock.truly
                ):
                    yield f"replay: {again.at} {key}: {again.decision} was made on {again.recorded}, now {again.again}"


def ended(evidence: Evidence, at: datetime) -> Evidence:
    """As of a story that ended then, before its time: what came after the last look is nothing that was overlooked."""
    scenario, *rest = evidence.ledger
    return replace(evidence, ledger=[{**scenario, "until": iso(at)}, *rest])


def left_out(
    again: Replay, unwritten: Sequence[datetime], truly: Callable[[datetime], datetime] = lambda told: told
) -> bool:
    """Whether it is a brake that was written down without its counts, because the disk failed over them: such a
    decision does not wait for them (R18), and the next pass reads them anew. What raises is written with them or not
    at all."""
    at = truly(again.at)
    brakes = again.decision in (DecisionKind.HALT, DecisionKind.HOLD, DecisionKind.WAIT)
    return again.again is None and brakes and any(at <= failed <= at + PASS_MOST for failed in unwritten)


def _told(app: AppStory) -> dict[str, Any]:
    """What the judge may know of an app."""
    link = app.link
    linked = {"link": {"lead": link.lead, "after": link.after_ppm / 10_000}} if link else {}
    return {"name": app.name, **linked}


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
