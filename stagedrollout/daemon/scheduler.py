"""Triggers, and nothing but triggers: the state of record is the journal, so a lost trigger loses nothing.

APScheduler wakes `turn` on a short interval. A turn starts the passes that are due, puts people's halts on
a lane of their own, lets the relay deliver, and, where the clock is an emulator's, lets it go on once nobody
is working.

A machine's halt is part of the pass that finds the failure, so no pass may wait for another app's: there is a
thread for each app, and the bound on how many run at once gives way when they hang. People's halts share no
bound with other apps' at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from stagedrollout.core.errors import EdgeError, LostLease, StorageError
from stagedrollout.core.model import Command, CommandVerb, StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.app_pass import AppPass, AppPasses
from stagedrollout.daemon.brakes import Brakes, NothingPulled
from stagedrollout.daemon.clocks import LockStep
from stagedrollout.daemon.elapsed import A_STEP, WallWatch
from stagedrollout.daemon.health.report import SelfReport, Silent
from stagedrollout.daemon.linking import Bell
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.places import PATIENCE_SECONDS, Places
from stagedrollout.daemon.troubles import unexpected, words
from stagedrollout.daemon.turning import InAWhile
from stagedrollout.notify.relay import Relay
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.presence import Presence

log = logging.getLogger(__name__)

TURN_SECONDS = 0.5
"""How soon a command is noticed; promised is one second."""

TURN = "turn"
HEARTBEAT = timedelta(seconds=10)
AFTER_TROUBLE = timedelta(minutes=1)
"""When a store app whose pass broke off is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What the scheduler sets in motion."""

    listings: Mapping[StoreApp, Listing]
    passes: AppPasses
    relay: Relay
    commands: CommandBox
    presence: Presence
    clock: Clock
    wall: Clock
    epoch: int
    lock_step: LockStep | None
    report: SelfReport = field(default_factory=Silent)
    bell: Bell = field(default_factory=Bell)
    brakes: Brakes = field(default_factory=NothingPulled)


class Pool(Protocol):
    """Threads that take work, each piece at once where one is free."""

    def submit(self, work: Callable[[], None], /) -> object: ...

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None: ...


OpenPool = Callable[[int, str], Pool]
"""How many threads at most, and what they are called."""


def _threads(most: int, name: str) -> Pool:
    """Threads are made when they are needed: mostly there are as many as places."""
    return ThreadPoolExecutor(most, thread_name_prefix=name)


@dataclass(frozen=True, slots=True)
class _Halt:
    """The name of a person's halt while it is under way."""

    app: StoreApp
    order: str

    def __str__(self) -> str:
        return f"the halt {self.order}"


class Scheduler:
    """`pass_workers`: passes at the same time, while none hangs for `patience_seconds`; `halt_workers`: halts of
    one store app at the same time; `drain_seconds`: what a stop waits for."""

    def __init__(  # noqa: PLR0913 - its bounds, and where its threads come from
        self,
        works: Works,
        *,
        pass_workers: int,
        halt_workers: int,
        drain_seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
        open_pool: OpenPool = _threads,
    ) -> None:
        self._works = works
        self._drain_seconds = drain_seconds
        self._halts_of_an_app = halt_workers
        self._places = Places(pass_workers, patience_seconds=patience_seconds)
        apps = max(len(works.listings), 1)
        self._passes = open_pool(apps, "pass")
        self._halts = open_pool(halt_workers * apps, "halt")
        self._telling = open_pool(1, "tell")
        self._guard = threading.Lock()
        self._due: dict[StoreApp, datetime] = dict.fromkeys(works.listings, works.clock.now())
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._running: dict[object, Future[Any]] = {}
        self._broken_halts: set[str] = set()
        self._halts_put_off = False
        self._beaten_at = datetime.min.replace(tzinfo=UTC)
        self._stopping = threading.Event()
        self.finished = threading.Event()
        """Set when an emulated story is over, or this daemon has lost its lease."""
        self.lost = False
        self._watch = WallWatch(works.wall)
        works.bell.listen(self._wake)
        self._apscheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        job = self._turns_in_lock_step if self._works.lock_step else self.turn
        turns = InAWhile(timedelta(seconds=TURN_SECONDS))
        self._apscheduler.add_job(job, turns, id=TURN, next_run_time=datetime.now(UTC))
        self._apscheduler.add_listener(self._turn_broke_off, EVENT_JOB_ERROR)
        self._apscheduler.start()

    def mind_the_clock(self) -> None:
        """To be called often: APScheduler sleeps until an instant, and what is due is one, so that a machine's clock
        set back by two hours would put every pass and every halt off by two hours."""
        if self._works.lock_step or not self._apscheduler.running:
            return
        if set_back := self._watch.set_back():
            log.warning("the machine's clock was set back by %s: everything is looked at anew", set_back)
        turn = self._apscheduler.get_job(TURN)  # planned or slept through by what the clock said before
        if turn and not timedelta(0) <= turn.next_run_time - datetime.now(UTC) <= A_STEP:
            self._apscheduler.modify_job(TURN, next_run_time=datetime.now(UTC))

    def stop(self) -> tuple[str, ...]:
        """Take nothing new and finish what is under way, for at most `drain_seconds`, once. What is still under way
        then: its threads cannot be ended, but raise nothing any more once another daemon has claimed."""
        if self._stopping.is_set():
            return self._under_way()
        self._stopping.set()
        if self._apscheduler.running:
            self._apscheduler.shutdown(wait=False)
        wait(list(self._running.values()), timeout=self._drain_seconds)
        for pool in (self._passes, self._halts, self._telling):
            pool.shutdown(wait=False, cancel_futures=True)
        return self._under_way()

    def _under_way(self) -> tuple[str, ...]:
        with self._guard:
            return tuple(str(name) for name in self._running)

    def turn(self) -> None:
        """Start whatever is due. Returns at once."""
        self._take_orders()
        self._beat()
        if self.lost:
            return
        self._start_passes()
        self._launch("tell", self._telling, self._works.relay.deliver_due, self._told)

    def _turns_in_lock_step(self) -> None:
        """Turn after turn, each waiting for the work it started, then the clock jumps."""
        while not (self._stopping.is_set() or self.finished.is_set()):
            self.turn()
            wait(list(self._running.values()), timeout=self._drain_seconds)
            if not (self._working() or self._halts_put_off or self._stopping.is_set()):
                self._let_the_clock_go_on()

    def _let_the_clock_go_on(self) -> None:
        if self._broken_halts:  # the clock stands while a halt waits for its next try
            self._stopping.wait(TURN_SECONDS)
            return
        lock_step = self._works.lock_step
        next_due = self._next_due()
        if lock_step is None or next_due <= self._works.clock.now():
            return
        try:
            if lock_step.idle(next_due).finished:
                self.finished.set()
        except EdgeError as error:
            log.warning("%s", error)
            self._stopping.wait(TURN_SECONDS)

    def _working(self) -> bool:
        with self._guard:
            return bool(self._running)

    def dues(self) -> tuple[datetime, ...]:
        """When each store app's next pass is due; in the past where one that goes on now is to be followed at once."""
        with self._guard:
            return tuple(self._due.values())

    def _next_due(self) -> datetime:
        telling = self._works.relay.next_due()
        return min(
            [*self.dues(), *([telling] if telling else [])],
            default=self._works.clock.now() + timedelta(hours=1),
        )

    @property
    def hurried(self) -> bool:
        """Whether a halt waits for the next turn, whatever is due."""
        return bool(self._broken_halts or self._halts_put_off)

    def _beat(self) -> None:
        now = self._works.wall.now()
        if timedelta(0) <= now - self._beaten_at < HEARTBEAT:  # not while a clock set back catches up
            return
        problem = ""
        try:
            self._works.presence.beat(self._works.epoch, now)
            self._beaten_at = now
        except LostLease as lost:
            log.critical("%s; this daemon raises nothing more and stops", lost)
            self.lost = True
            self.finished.set()
            return
        except StorageError as error:
            problem = f"the database cannot be written: {error}"
            log.error("%s", problem)  # noqa: TRY400 - the words are enough
        self._works.report.beat(now, problem)

    def _take_orders(self) -> None:
        """Halts first and at once; whatever else the database refuses meanwhile."""
        self._halts_put_off = False
        try:
            orders = self._works.commands.waiting()
        except StorageError as error:
            log.error("orders cannot be read: %s", error)  # noqa: TRY400
            return
        for order in sorted(orders, key=self._urgency):
            self._take(order)
        try:
            if orders:
                self._works.commands.expire(self._works.wall.now())
        except StorageError as error:
            log.error("orders cannot be answered: %s", error)  # noqa: TRY400

    def _urgency(self, order: Command) -> tuple[bool, bool]:
        """Halts come first, and of those the ones that have not broken off yet."""
        return order.verb is not CommandVerb.HALT, order.id in self._broken_halts

    def _take(self, order: Command) -> None:
        app = StoreApp(order.app, order.store)
        if app not in self._works.listings:
            text = f"this daemon does not know {order.app} on {order.store.value}"
            self._works.passes.refuse(order, text)
        elif order.verb is CommandVerb.HALT:
            self._halt(app, order)
        else:
            self._make_due(app, self._works.clock.now())

    def _wake(self, app: StoreApp) -> None:
        if app in self._works.listings:
            self._make_due(app, self._works.clock.now())

    def _make_due(self, app: StoreApp, at: datetime) -> None:
        with self._guard:
            self._due[app] = min(self._due[app], at)

    def _halt(self, app: StoreApp, order: Command) -> None:
        listing = self._works.listings[app]

        def halted(outcome: Future[datetime | None]) -> None:
            error = outcome.exception()
            if error:
                log.critical("the halt %s broke off and is tried again: %s", order.id, words(error))
                # The halt is tried again at every turn; the store is not looked at for it every time.
                if order.id not in self._broken_halts:
                    self._broken_halts.add(order.id)
                    self._make_due(app, self._works.clock.now())
                self._works.report.stumbled(f"the halt {order.id}", error)
                return
            self._broken_halts.discard(order.id)
            if due := outcome.result():
                self._make_due(app, due)

        name, halts = _Halt(app, order.id), self._works.passes
        if self._halts_under_way(app) < self._halts_of_an_app:
            self._launch(name, self._halts, lambda: halts.halt(listing, order), halted)
        else:
            self._halts_put_off = True  # until one of the next turns

    def _halts_under_way(self, app: StoreApp) -> int:
        with self._guard:
            return sum(isinstance(name, _Halt) and name.app == app for name in self._running)

    def _start_passes(self) -> None:
        now = self._works.clock.now()
        # A clock that is set back has left dues that are hours or days away; what people pull is seen at once.
        if now < self._looked_at or self._works.brakes.newly():
            for app in self._works.listings:
                self._make_due(app, now)
        self._looked_at = now
        with self._guard:
            due = [app for app, at in self._due.items() if at <= now]
        for app in due:
            self._launch(app, self._passes, self._pass_over(app), self._passed(app))

    def _pass_over(self, app: StoreApp) -> Callable[[], AppPass]:
        def run() -> AppPass:
            with self._places.taken():
                with self._guard:  # an order that arrives from here on makes the app due again
                    self._due[app] = datetime.max.replace(tzinfo=UTC)
                return self._works.passes.run(self._works.listings[app])

        return run

    def _passed(self, app: StoreApp) -> Callable[[Future[AppPass]], None]:
        def note(outcome: Future[AppPass]) -> None:
            now = self._works.clock.now()
            error = outcome.exception()
            if error is None:
                due, problem = outcome.result().due, outcome.result().problem
            else:
                due, problem = now + AFTER_TROUBLE, words(error)
                log.error("the pass over %s broke off: %s", app, problem, exc_info=unexpected(error))
            self._make_due(app, due)
            if error is None:
                self._works.report.passed(app, due, problem)
            else:
                self._works.report.broke_off(app, due, error, problem)
            try:
                self._works.presence.pass_finished(app, now, next_due=due, problem=problem)
            except StorageError as failure:
                log.warning("the pass over %s cannot be noted: %s", app, failure)

        return note

    def _told(self, outcome: Future[int]) -> None:
        error = outcome.exception()
        if error:
            log.error("notices could not be delivered: %s", words(error), exc_info=unexpected(error))
            self._works.report.stumbled("delivering notices", error)

    def _turn_broke_off(self, event: JobExecutionEvent) -> None:
        """APScheduler has logged it, and the next turn comes all the same."""
        self._works.report.stumbled("a turn", event.exception)

    def _launch(
        self,
        name: object,
        pool: Pool,
        work: Callable[[], Any],
        note: Callable[[Future[Any]], None],
    ) -> None:
        """Run `work` unless work of that name is still running; `note` sees how it ended, then it is over."""
        with self._guard:
            if name in self._running or self._stopping.is_set():
                return
            future: Future[Any] = Future()
            self._running[name] = future

        def whole() -> None:
            result: Future[Any] = Future()
            try:
                result.set_result(work())
            except BaseException as error:  # noqa: BLE001 - the verdict is `note`'s: hold, say so, look again
                result.set_exception(error)
            try:
                note(result)
            finally:
                with self._guard:
                    self._running.pop(name, None)
                future.set_result(None)

        try:
            pool.submit(whole)
        except RuntimeError as error:  # no thread to be had, or the pool is shut: next turn again
            log.error("%s cannot be started: %s", name, error)  # noqa: TRY400
            with self._guard:
                self._running.pop(name, None)
            future.set_result(None)
