"""One baton for all that runs below the trigger: real threads, of which exactly one works at any time.

A task gives the baton up where it meets the world outside (a request sent, an answer received, before a transaction
begins and after it is over), when it sleeps, and when it has to wait for somebody. Who takes it next is drawn among
those that could go on. Where nobody could, time moves to whatever comes first: a task's waking, or what happens in the
world by itself, so that people act in the middle of requests. Nothing here depends on how the machine runs threads.
"""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from stagedrollout.emulator.clock import Timeline
from tests.simulation.perils import SimulatedCrash

WATCHDOG_SECONDS = 600.0
"""Of real time: no task works that long without meeting the world. Only a thread that waits outside of us does."""

ROUNDS_MOST = 200_000
"""So often the baton may go round while time stands still."""

AT_ONCE = timedelta(0)


class Deadlock(AssertionError):
    """Nobody can go on, for ever."""


class Awaited(Protocol):
    """What tasks wait for. `owner`: who has to go on for that, where it is one task."""

    @property
    def owner(self) -> Task | None: ...

    @property
    def name(self) -> str: ...


class Process:
    """What dies as one, and stands still as one. `dead` says in words that it is gone; "" while it lives. From then on
    every task of it that gets the baton is ended by a SimulatedCrash, its oldest last."""

    __slots__ = ("dead", "frozen_until", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead: Callable[[], str] = lambda: ""
        self.frozen_until: datetime | None = None


class Task:
    """One thread's work. `wake`: when it could go on; None: only when somebody makes it ready. `on_the_wire`: a request
    of its was sent, which arrives even where its process stands still."""

    __slots__ = ("name", "number", "on_the_wire", "process", "transactions", "turn", "waits_for", "wake")

    def __init__(self, name: str, number: int, process: Process, wake: datetime | None) -> None:
        self.name = name
        self.number = number
        self.process = process
        self.wake = wake
        self.waits_for: Awaited | None = None
        self.on_the_wire = False
        self.transactions = 0
        self.turn = _thread.allocate_lock()
        self.turn.acquire()

    def __str__(self) -> str:
        waited = f" waits for {self.waits_for.name}" if self.waits_for else ""
        until = f" until {self.wake:%m-%d %H:%M:%S}" if self.waits_for and self.wake else ""
        return f"{self.name}{waited}{until}"


class Kernel:
    """Made by the thread that has the baton first, and is the last to lose it: the trigger's.

    Its `process` is the only one, unless tasks are started that have another. Where it dies, all die with it.
    """

    def __init__(self, draw: Random, timeline: Timeline) -> None:
        self.draw = draw
        self.process = Process("the daemon")
        self._others: list[Process] = []
        self._timeline = timeline
        self._began = timeline.now
        self._failed: BaseException | None = None
        self._made = 0
        self._first = self._task("the trigger", self.process)
        self.tasks = [self._first]
        self.running = self._first

    @property
    def now(self) -> datetime:
        return self._timeline.now

    @property
    def elapsed(self) -> float:
        """Seconds of true time; never fewer than before."""
        return (self._timeline.now - self._began).total_seconds()

    @property
    def over(self) -> str:
        """Why the task that works is to end, in words; "" while it is not."""
        mine = self.running.process
        return "the simulation failed" if self._failed else self.process.dead() or mine.dead()

    def open_process(self, name: str) -> Process:
        """Another one, which lives and dies beside the first one's tasks. Nothing works in it yet."""
        self._others.append(Process(name))
        return self._others[-1]

    def start(self, name: str, work: Callable[[], None], process: Process | None = None) -> Task:
        """Work that begins as soon as it is its turn; whoever starts it keeps the baton. `process`: by default the one
        that starts it."""
        task = self._task(name, process or self.running.process)
        self.tasks.append(task)
        worker = _IDLE.pop() if _IDLE else _Worker()
        worker.take(lambda: self._work(task, work, worker), task)
        return task

    def pause(self, span: timedelta = AT_ONCE) -> None:
        """Give the baton up for `span` at least. Raises SimulatedCrash if the process is gone by then."""
        self._live_on()
        self.running.wake = self._timeline.now + span
        self._hand_over()
        self._live_on()

    def travel(self, span: timedelta) -> None:
        """As `pause`, for a request that is sent: with it, whoever stands still has let go of it."""
        self.running.on_the_wire = True
        try:
            self.pause(span)
        finally:
            self.running.on_the_wire = False

    def pause_behind(self) -> None:
        """The same right after a transaction, where nothing may be raised: a dead process notices it at its next point."""
        if not self.over:
            self.running.wake = self._timeline.now
            self._hand_over()

    def wait(self, what: Awaited, seconds: float | None) -> None:
        """Give the baton up until `ready(what)`, or until the time is over. Raises SimulatedCrash, Deadlock."""
        self._live_on()
        me = self.running
        if me.transactions:
            self.fail(AssertionError(f"{me.name} waits for {what.name} inside an open transaction"))
        me.waits_for = what
        me.wake = None if seconds is None else self._timeline.now + timedelta(seconds=max(seconds, 0.0))
        if seconds is None:
            self._look_for_a_ring(me)
        self._hand_over()
        me.waits_for = None
        self._live_on()

    def ready(self, what: Awaited) -> None:
        """Whoever waits for it can go on."""
        for task in self.tasks:
            if task.waits_for is what:
                task.wake = self._timeline.now

    def freeze(self, span: timedelta, process: Process | None = None) -> None:
        """The whole process stands still, and the world goes on without it. By default: of the task that works."""
        (process or self.running.process).frozen_until = self._timeline.now + span

    def fail(self, error: BaseException) -> None:
        """The run is worth nothing; `bury` raises the first such error."""
        self._failed = self._failed or error
        self._live_on()

    def bury(self) -> None:
        """Called by the oldest task of a process once that is gone: its other tasks end, one by one; with those of the
        first process, all. Raises what `fail` was told."""
        me = self.running
        process, all_of_them = me.process, me is self._first
        alive, process.dead = process.dead, lambda: "the process is gone"
        while any(task is not me and (all_of_them or task.process is process) for task in self.tasks):
            self._hand_over()
        me.transactions = 0
        process.frozen_until = None
        process.dead = alive
        if self._failed:
            raise self._failed

    def _task(self, name: str, process: Process) -> Task:
        self._made += 1
        return Task(name, self._made, process, self._timeline.now)

    def _live_on(self) -> None:
        if over := self.over:
            raise SimulatedCrash(over)

    def _hand_over(self) -> None:
        me, chosen = self.running, self._choose()
        if chosen is me:
            return
        self.running = chosen
        chosen.turn.release()
        if not me.turn.acquire(timeout=WATCHDOG_SECONDS if me is self._first else -1):
            raise AssertionError(f"{self.running} has not met the world for {WATCHDOG_SECONDS:g} s")

    def _choose(self) -> Task:
        """Who works next. After the end of a process: its youngest task, so that its oldest is last."""
        for _ in range(ROUNDS_MOST):
            if (ending := self._ending()) is not None:
                return ending
            now = self._timeline.now
            still = self._standing_still(now)
            if self.process in still:  # and with it all
                self._move(still[self.process])
                continue
            moving = (task for task in self.tasks if task.process not in still or task.on_the_wire)
            waking = [(task, task.wake) for task in moving if task.wake is not None]
            able = [task for task, wake in waking if wake <= now]
            if able:
                return able[0] if len(able) == 1 else able[int(self.draw.random() * len(able))]
            wakes = [*(wake for _, wake in waking), *still.values()]
            if event := self._timeline.next_event:
                wakes.append(event)
            if wakes:
                self._move(min(wakes))
            else:
                self._failed = Deadlock("nothing will ever happen: " + "; ".join(map(str, self.tasks)))
        self._failed = AssertionError(f"nobody can go on at {self._timeline.now}, and time does not move on")
        return self.tasks[-1]

    def _ending(self) -> Task | None:
        if self._failed or self.process.dead():
            return self.tasks[-1]
        gone = [process for process in self._others if process.dead()]
        return next((task for task in reversed(self.tasks) if task.process in gone), None)

    def _standing_still(self, now: datetime) -> Mapping[Process, datetime]:
        """Until when each process does that does."""
        every = (self.process, *self._others)
        return {p: p.frozen_until for p in every if p.frozen_until and now < p.frozen_until}

    def _move(self, to: datetime) -> None:
        try:
            self._timeline.advance(to)
        except Exception as error:  # noqa: BLE001 - a mistake of the world's: not for the task that happens to run
            self._failed = self._failed or error

    def _look_for_a_ring(self, me: Task) -> None:
        chain, owner = [me], me.waits_for.owner if me.waits_for else None
        while owner is not None and owner.wake is None and owner.waits_for is not None:
            chain.append(owner)
            if owner is me or len(chain) > len(self.tasks) + 1:
                self.fail(Deadlock("each waits for the next: " + "; ".join(map(str, chain[:-1]))))
            owner = owner.waits_for.owner

    def _work(self, task: Task, work: Callable[[], None], worker: _Worker) -> None:
        try:
            self._live_on()
            work()
        except SimulatedCrash:
            pass  # its process is gone
        except BaseException as error:  # noqa: BLE001 - whatever it is: the trigger raises it
            self._failed = self._failed or error
        self.tasks.remove(task)
        _IDLE.append(worker)
        chosen = self.running = self._choose()
        chosen.turn.release()


class _Worker:
    """A thread that is used again: making one costs more than a whole pass spends on handing the baton over."""

    def __init__(self) -> None:
        self._hired = _thread.allocate_lock()
        self._hired.acquire()
        self._task: Task | None = None
        self._work: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, name="simulated", daemon=True).start()

    def take(self, work: Callable[[], None], task: Task) -> None:
        self._work, self._task = work, task
        self._hired.release()

    def _run(self) -> None:
        while True:
            self._hired.acquire()
            work, task = self._work, self._task
            self._work, self._task = lambda: None, None
            if task is not None:
                task.turn.acquire()
                work()


_IDLE: list[_Worker] = []
os.register_at_fork(after_in_child=_IDLE.clear)  # their threads stay behind
