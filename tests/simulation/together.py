"""A story with two daemons on one database, each in its own place: the real code of each below its trigger, interleaved at
every point of I/O, never inside a transaction.

They share the database file, which has the leases' time from the world's clock, and the brakes beside the configuration.
Machine, clocks, lock, high-water mark, spool and ways to the world are each one's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from stagedrollout.config.load import Loaded
from stagedrollout.emulator.clock import iso
from stagedrollout.storage.instants import instant
from stagedrollout.storage.seal_file import seal_file
from tests.simulation.buttons import SEAL
from tests.simulation.failover import BEFORE, Era, FailsOver, Lost
from tests.simulation.files import several
from tests.simulation.keeping import Keeper
from tests.simulation.kernel import Kernel, Process
from tests.simulation.left import Left
from tests.simulation.life import Company, Life
from tests.simulation.machine import Machine
from tests.simulation.pair import LEASE, NAMES, Pair
from tests.simulation.people import PlannedDirect
from tests.simulation.perils import Drawn, Fate
from tests.simulation.plan import REST, REST_LOOKS, Plan
from tests.simulation.put_back import PutBack
from tests.simulation.replica import Replica
from tests.simulation.run import Run
from tests.simulation.sides import KILLED, OneSide, Span, acts_on_a_store
from tests.simulation.substitution import substituted

_A_MOMENT = timedelta(seconds=1)
_QUIET_WITHIN = timedelta(minutes=30)
"""Of a moment of rest: so long it is waited for that neither has anything to do."""

_LEASES = text("SELECT name, replica, epoch, raise_after_us FROM lease ORDER BY name")


class Clocks:
    """In the place of a clock: that of whoever works."""

    def __init__(self, kernel: Kernel, machines: Mapping[Process, Machine]) -> None:
        self._kernel = kernel
        self._machines = machines

    def time(self) -> float:
        return self._machine.clock.time()

    def monotonic(self) -> float:
        return self._machine.clock.monotonic()

    @property
    def _machine(self) -> Machine:
        return self._machines.get(self._kernel.running.process) or next(iter(self._machines.values()))


class Together(Run):
    """`play` the plan of a pair."""

    _pair: Pair
    _kernel: Kernel
    _sides: tuple[OneSide, ...]

    def play(self) -> Left:
        planned = self._pair.fails_over
        if planned and (halt := planned.a_halt(self._plan.scenario)):
            self._expect(halt)
        try:
            with self._at_work():
                try:
                    self._live_through_it()
                finally:
                    self._kernel.bury()
            return self._rested or self._left()
        finally:
            self._people.dispose()

    def _open_replicas(self, fate: Fate | None) -> tuple[Replica, ...]:
        plan = self._plan
        assert plan.pair is not None
        self._pair = plan.pair
        self._kernel = Kernel(Random(f"{plan.seed}/two/baton"), self._world.timeline)
        draw = Random(f"{plan.seed}/two/keeper")
        self._keeper = Keeper(self._world.timeline, self._people, LEASE, draw)
        self._company = Company(
            lambda: self._now, self._keeper, self._lives, self._took, self._decided, self._wrote
        )
        self._tenures: list[dict[str, Any]] = []
        self._senders: dict[int, int] = {}
        self._tellers: set[str] = set()
        self._runs: dict[int, OneSide] = {}
        self._placed: list[tuple[int, OneSide]] = []
        """All runs there ever were."""
        self._era = BEFORE
        self._sides = tuple(
            OneSide(name, side, self._kernel, self._marks)
            for name, side in zip(NAMES, self._pair.sides, strict=True)
        )
        self._put_back = self._failover(self._pair.fails_over) if self._pair.fails_over else None
        return tuple(map(self._place, self._sides))

    def _failover(self, planned: FailsOver) -> PutBack:
        made = PutBack(
            planned,
            self._folder,
            people=self._people,
            sides=self._sides,
            keeper=self._keeper,
            timeline=self._world.timeline,
            marks=self._marks,
            over=self._fail_over,
        )
        made.plan()
        return made

    def _fail_over(self, lost: Lost) -> None:
        assert self._put_back is not None
        self._lost, known = lost, self._put_back.standby.newest_run
        self._era = Era(known)
        self._runs = {run: side for run, side in self._runs.items() if run <= known}
        for life in self._lives():
            life.look_anew()
        self._note_leases(put_back=True)

    def _place(self, one: OneSide) -> Replica:
        plan, side = self._plan, one.side
        machine = Machine(
            self._world,
            f"{plan.seed}/two/{one.name}",
            self._marks,
            clock=side.clock,
            disk=side.disk,
            stops=side.stops,
            beside=self._kernel,
            line=one.line_of_the_database,
        )
        machine.tell_freezes(one.freezes)
        draw = Random(f"{plan.seed}/two/{one.name}/run")
        fate = Drawn(draw, side.points_per_life, plan.calm_from)
        made = self._replica(machine, draw, fate, self._configured(one.name), self._company)
        made.gate.line, made.gate.sends = one.line_of, one.sends
        made.gate.heard = partial(self._heard, one)
        one.replica, one.keeper = made, self._keeper
        one.held = lambda: not self._to_halt
        one.plan(self._world.timeline.at, plan.calm_from)
        return made

    def _configured(self, name: str) -> Loaded:
        """The same but for its place, from which the same database is reached."""
        place = self._folder / name
        place.mkdir()
        (place / "simulated.db").symlink_to(self._folder / "simulated.db")
        if self._plan.presses:
            seal_file(place / "simulated.db").write_text(SEAL)
        settings = self._loaded.settings
        limits = replace(settings.limits, pass_deadline=self._pair.pass_deadline)
        settings = replace(settings, database=f"sqlite:///{place / 'simulated.db'}", limits=limits)
        return replace(self._loaded, settings=settings)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        machines = {each.machine.process: each.machine for each in self._replicas}
        clocks, retries = Clocks(self._kernel, machines), Random(f"{self._plan.seed}/two/retries")
        with several(lambda: self._kernel.running.process), substituted(self._kernel, clocks, retries):
            yield

    def _live_through_it(self) -> None:
        for each in self._sides:
            self._kernel.start(each.name, each.live_on, each.replica.machine.process)
        for moment in self._moments_of_rest():
            self._wait_until(moment)
            if self._is_over():
                return
        self._wait_until(self._plan.scenario.ends)

    def _is_over(self) -> bool:
        rest = max(REST, REST_LOOKS * self._plan.scenario.poll)
        waits = self._put_back is not None and self._put_back.is_open(self._now, rest)
        return not waits and super()._is_over()

    def _wait_until(self, moment: datetime) -> None:
        """Then, and until neither has anything to do."""
        self._kernel.pause(max(moment - self._now, timedelta(0)))
        while not self._are_at_rest() and self._now < moment + _QUIET_WITHIN:
            self._kernel.pause(_A_MOMENT)

    def _are_at_rest(self) -> bool:
        lives = [each.life for each in self._replicas]
        return all(life is not None and life.is_at_rest() for life in lives)

    def _lives(self) -> Iterable[Life]:
        return (each.life for each in self._replicas if each.life)

    def _kill(self, planned: PlannedDirect) -> None:
        """Both, for one of them alone would be answered by the other."""
        self._to_halt.append(planned)
        for each in self._replicas:
            each.kill(KILLED)
        if len(self._to_halt) == 1:
            self._kernel.start("a person", self._halt_past_them, self._kernel.process)

    def _halt_past_them(self) -> None:
        while any(self._lives()):
            self._kernel.pause(_A_MOMENT)
        while self._to_halt:
            self._glass.halt(self._to_halt[0])
            self._to_halt.pop(0)

    def _calm_down(self) -> None:
        super()._calm_down()
        for each in self._sides:
            each.calm_down()

    def _heard(self, one: OneSide, service: str, method: str, number: int) -> None:
        """A request of its got there."""
        run = one.run if one.replica.life else 0
        self._senders[number] = run
        if service == "slack":
            self._tellers.add(one.name)
            self._marks["notices: told by both"] += len(self._tellers) > 1
        if not acts_on_a_store(service, method):
            return
        newest = {tenure["name"]: tenure["run"] for tenure in self._tenures}
        holders = {holder for name, holder in newest.items() if name.endswith(service)}
        self._marks["act: by another than the holder"] += run not in holders
        self._marks["act: cut off from the database"] += not one.replica.machine.reaches_its_database
        for other in self._sides:
            if other is not one and (why := other.why_away()):
                self._marks[f"act: alone, after {why}"] += 1

    def _side(self, life: Life) -> OneSide:
        return next(each for each in self._sides if each.replica.machine is life.machine)

    def _decided(self, life: Life) -> None:
        self._side(life).decided()
        if self._put_back:
            self._put_back.decided()

    def _wrote(self) -> None:
        if self._put_back:
            self._put_back.wrote()

    def _took(self, life: Life) -> None:
        """Whose each lease is now is written down."""
        side = self._side(life)
        if side.born is not life:
            side.began(life, self._era.run(life.epoch))
            self._runs[side.run] = side
            self._placed.append((side.run, side))
        self._note_leases()

    def _note_leases(self, *, put_back: bool = False) -> None:
        with self._people.connect() as connection:
            rows = connection.execute(_LEASES).all()
        for row in rows:
            run, epoch = self._era.run(row.replica), self._era.epoch(row.epoch)
            before = next((t for t in reversed(self._tenures) if t["name"] == row.name), None)
            if before is None or (before["run"], before["epoch"]) != (run, epoch):
                raise_after = iso(instant(row.raise_after_us)) if row.raise_after_us else ""
                told = {"name": row.name, "run": run, "epoch": epoch, "at": iso(self._now)}
                self._tenures.append({**told, "raise_after": raise_after})
                if before is not None and not put_back:
                    self._mark(before["run"], run)

    def _mark(self, before: int, run: int) -> None:
        gave = self._runs.get(before)
        if not run:
            storeless = gave is not None and gave.is_storeless
            self._marks["lease: let go by one that reaches no store"] += storeless
        elif gave is None:
            self._marks["lease: given away and taken"] += 1
        elif gave is self._runs.get(run):
            self._marks["lease: taken again in its own place"] += 1
        else:
            self._marks[f"lease: taken over after {gave.why_silent(before)}"] += 1

    def _left(self) -> Left:
        spans = [each.until_now() for each in self._sides]
        hindered = [span for each in self._sides for span in each.hindered]
        return self._traces().left(
            sorted((*self._hindrances(spans, hindered), *self._in_vain())),
            self._glass.told,
            senders={str(number): run for number, run in self._senders.items()},
            tenures=self._tenures,
            lease_seconds=LEASE.total_seconds(),
            put_back=list(self._put_back.known(self._placed, self._now)) if self._put_back else [],
            suspended=[
                f"{iso(begun)} {iso(ended)}"
                for each in self._sides
                for begun, ended in each.replica.machine.clock.suspended
            ],
            nobody=[f"{iso(begun)} {iso(ended)}" for begun, ended in _both(*spans)],
        )

    def _storeless(self) -> Iterator[Span]:
        """While one cannot reach the stores; if the other one is there and can, only until it has found that out and let go: at
        once, where it was about to act, or at its next look."""
        first, second = self._sides
        for one, other in ((first, second), (second, first)):
            for begun, ended in one.storeless:
                alone = _both([(begun, ended)], [*other.until_now(), *other.storeless])
                looks = (begun,) if alone else (begun, begun + self._plan.scenario.poll)
                for look in looks:
                    if look < ended:
                        yield look, ended if alone else min(ended, look + _LETS_GO)

    def _in_vain(self) -> Iterator[datetime]:
        """What is sent to a store that cannot be reached stands in no ledger, and is waited for: again and again."""
        for begun, ended in self._storeless():
            at = begun
            while at < ended:
                yield at
                at += _TRIES
            yield ended

    def _hindrances(self, spans: Iterable[list[Span]], hindered: list[Span]) -> Iterator[datetime]:
        """What the judge takes for deaths: whenever one falls silent, and when its lease is over; while it cannot reach a store
        or the signals, every poll; and while nobody is there, too."""
        first, second = spans
        for begun, ended in (*first, *second):
            yield from (begun, min(begun + LEASE + 2 * _LOOK, ended + LEASE), ended)
        for begun, ended in (*hindered, *_both(first, second)):
            at = begun
            while at < ended:
                yield at
                at += self._plan.scenario.poll
            yield ended


_LETS_GO = timedelta(minutes=4)
"""Of a store: an act and two looks, in each of which several answers may be waited for in vain; and the other one's turn."""

_TRIES = timedelta(seconds=30)
"""How often such a store is tried."""

_LOOK = timedelta(seconds=10)
"""How often one looks whether the other is there, at most."""


def _both(first: list[Span], second: list[Span]) -> list[Span]:
    """While neither was there."""
    found = ((max(a[0], b[0]), min(a[1], b[1])) for a in first for b in second)
    return sorted((begun, ended) for begun, ended in found if begun < ended)


def play_together(plan: Plan, folder: Path) -> Left:
    return Together(plan, folder).play()
