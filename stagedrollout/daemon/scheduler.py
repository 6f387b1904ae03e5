"""Triggers, and nothing but triggers: the state of record is the journal, so a lost trigger loses nothing.

APScheduler wakes `turn` on a short interval. A turn starts the passes that are due, puts people's halts on
a lane of their own, lets the relay deliver, and, where the clock is an emulator's, lets it go on once nobody
is working.

A machine's halt is part of the pass that finds the failure, so no pass may wait for another app's: there is a thread for
each app, and the bound on how many of a store run at once gives way when they hang. People's halts share no bound at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from stagedrollout.core.errors import EdgeError, LostLease, StorageError
from stagedrollout.core.model import Command, CommandVerb, StoreApp
from stagedrollout.daemon.app_pass import AppPass
from stagedrollout.daemon.elapsed import A_STEP, WallWatch
from stagedrollout.daemon.orders_of_others import OrdersOfOthers, urgency
from stagedrollout.daemon.pass_ends import pass_ended
from stagedrollout.daemon.places import PATIENCE_SECONDS, StorePlaces
from stagedrollout.daemon.signs_of_life import SignsOfLife
from stagedrollout.daemon.troubles import unexpected, words
from stagedrollout.daemon.turning import InAWhile
from stagedrollout.daemon.works import (
    Bounds,
    HaltUnderWay,
    OpenPool,
    Pool,
    Renewal,
    Works,
    halts_under_way,
    threads,
)

log = logging.getLogger(__name__)

TURN_SECONDS = 0.5
"""How soon a command is noticed; promised is one second."""
TURN = "turn"
TELL, ERRANDS = "tell", "errands"
"""What is under way while people are told."""


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
        open_pool: OpenPool = threads,
    ) -> None:
        self._works, self._open_pool = works, open_pool
        self._bounds = Bounds(
            pass_workers=pass_workers, halt_workers=halt_workers, drain_seconds=drain_seconds
        )
        self._open_places = partial(StorePlaces, patience_seconds=patience_seconds)
        self._places = self._open_places(pass_workers, works.stores)
        apps = max(len(works.listings), 1)
        self._passes = open_pool(apps, "pass")
        self._halts = open_pool(halt_workers * apps, "halt")
        self._telling = open_pool(1, "tell")
        self._errands = open_pool(1, "errands")
        self._guard = threading.Lock()
        self._next: Renewal | None = None
        self._due: dict[StoreApp, datetime] = dict.fromkeys(works.listings, works.clock.now())
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._running: dict[object, Future[Any]] = {}
        self._broken_halts: set[str] = set()
        self._halts_put_off = False
        self._stopping = threading.Event()
        self.finished = threading.Event()
        """Set when an emulated story is over, or this daemon has lost its lease."""
        self._signs = SignsOfLife(lambda app: self._make_due(app, self._works.clock.now()), self._is_idle)
        self._watch = WallWatch(works.wall)
        self._others = OrdersOfOthers()
        works.bell.listen(self._wake)
        self._apscheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    @property
    def works(self) -> Works:
        """Those in force."""
        return self._works

    @property
    def lost(self) -> bool:
        return self._signs.lost

    def renew(self, works: Works, bounds: Bounds) -> Renewal:
        """From the next turn on: these works, as one; what is under way ends by those with which it began."""
        renewal = Renewal(works, bounds)
        with self._guard:
            self._next = renewal
        return renewal

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
        wait(list(self._running.values()), timeout=self._bounds.drain_seconds)
        for pool in (self._passes, self._halts, self._telling, self._errands):
            pool.shutdown(wait=False, cancel_futures=True)
        return self._under_way()

    def _under_way(self) -> tuple[str, ...]:
        with self._guard:
            return tuple(str(name) for name in self._running)

    def turn(self) -> None:
        """Start whatever is due. Returns at once."""
        self._take_over()
        self._take_orders()
        self._signs.give(self._works)
        if self.lost:
            self.finished.set()
            return
        for app in self._works.bells_of_others.heard(self._works.listings, self._works.leases):
            self._wake(app)
        self._start_passes()
        self._launch(TELL, self._telling, self._works.tell_people, self._ended("delivering notices"))
        if self._works.errands.wanted and self._works.leases.may_tell():
            self._launch(ERRANDS, self._errands, self._works.errands.run, self._ended("errands"))
        self._works.memory.turns += 1

    def _take_over(self) -> None:
        """Between two turns, so that no turn sees two configurations. Every app is looked at anew."""
        with self._guard:
            renewal, self._next = self._next, None
            if renewal is None:
                return
            works, bounds = renewal.works, renewal.bounds
            self._due = dict.fromkeys(works.listings, works.clock.now())
            under_way = list(self._running.values())
            before, self._bounds = (self._works, self._bounds), bounds
            self._works = works
        self._resize(*before)
        renewal.taken.set_result(under_way)

    def _resize(self, works: Works, bounds: Bounds) -> None:
        """As many threads and places as are needed now. What waits on the old ones is done there."""
        if (self._bounds.pass_workers, self._works.stores) != (bounds.pass_workers, works.stores):
            self._places = self._open_places(self._bounds.pass_workers, self._works.stores)
        apps, before = max(len(self._works.listings), 1), max(len(works.listings), 1)
        if apps != before:
            self._passes.shutdown(wait=False)
            self._passes = self._open_pool(apps, "pass")
        if apps * self._bounds.halt_workers != before * bounds.halt_workers:
            self._halts.shutdown(wait=False)
            self._halts = self._open_pool(apps * self._bounds.halt_workers, "halt")

    def _turns_in_lock_step(self) -> None:
        """Turn after turn, each waiting for the work it started, then the clock jumps."""
        while not (self._stopping.is_set() or self.finished.is_set()):
            if self._works.lock_step:
                self._works.lock_step.begins()
            self.turn()
            wait(list(self._running.values()), timeout=self._bounds.drain_seconds)
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
        return bool(self._running)

    def dues(self) -> tuple[datetime, ...]:
        """When each store app's next pass is due; in the past where one that goes on now is to be followed at once."""
        with self._guard:
            return tuple(at for app, at in self._due.items() if self._works.steers(app))

    def _next_due(self) -> datetime:
        try:
            beside = (self._works.relay.next_due(), self._works.errands.next_due())
        except StorageError:  # time goes on without it
            beside = (None, None)
        return min(
            [*self.dues(), *(at for at in beside if at)],
            default=self._works.clock.now() + timedelta(hours=1),
        )

    @property
    def hurried(self) -> bool:
        """Whether a halt waits for the next turn, whatever is due."""
        return bool(self._broken_halts or self._halts_put_off)

    def _is_idle(self, app: StoreApp | None) -> bool:
        with self._guard:
            if app is None:
                return TELL not in self._running and ERRANDS not in self._running
            return app not in self._running and not halts_under_way(app, self._running)

    def _take_orders(self) -> None:
        """Halts first and at once; whatever else the database refuses meanwhile."""
        self._halts_put_off = False
        try:
            orders = self._works.commands.waiting()
        except StorageError as error:
            log.error("orders cannot be read: %s", error)  # noqa: TRY400
            return
        self._others.are(orders)
        # What another replica has carried out, or somebody has answered, waits for no further try here.
        self._broken_halts.intersection_update(order.id for order in orders)
        for order in sorted(orders, key=lambda order: urgency(order, self._broken_halts)):
            self._take(order)
        try:
            if orders:
                self._works.commands.expire(self._works.wall.now())
        except StorageError as error:
            log.error("orders cannot be answered: %s", error)  # noqa: TRY400

    def _take(self, order: Command) -> None:
        app = StoreApp(order.app, order.store)
        if app not in self._works.listings:
            if self._others.nobody_knows(self._works, app):
                text = f"this daemon does not know {order.app} on {order.store.value}"
                self._works.passes.refuse(order, text)
        elif not self._others.may_take(self._works, app, order):
            return
        elif order.verb is CommandVerb.HALT:
            self._halt(app, order)
        else:
            self._make_due(app, self._works.clock.now())

    def _wake(self, app: StoreApp) -> None:
        if app in self._works.listings:
            self._make_due(app, self._works.clock.now())

    def _make_due(self, app: StoreApp, at: datetime) -> None:
        with self._guard:
            if app in self._due:  # what is watched no more is never due
                self._due[app] = min(self._due[app], at)

    def _halt(self, app: StoreApp, order: Command) -> None:
        works = self._works

        def halted(outcome: Future[datetime | None]) -> None:
            error = outcome.exception()
            if isinstance(error, LostLease) and not works.leases.holds(app):
                log.warning(
                    "the halt %s is left to the replica that holds %s: %s", order.id, app, words(error)
                )
                self._others.leave(order)
                return
            if error:
                log.critical("the halt %s broke off and is tried again: %s", order.id, words(error))
                # The halt is tried again at every turn; the store is not looked at for it every time.
                if order.id not in self._broken_halts:
                    self._broken_halts.add(order.id)
                    self._make_due(app, works.clock.now())
                works.report.stumbled(f"the halt {order.id}", error)
                return
            self._broken_halts.discard(order.id)
            if due := outcome.result():
                self._make_due(app, due)

        name = HaltUnderWay(app, order.id)
        if halts_under_way(app, self._running.copy()) < self._bounds.halt_workers:
            self._launch(name, self._halts, lambda: self._halt_first(works, order), halted)
        else:
            self._halts_put_off = True  # until one of the next turns

    def _halt_first(self, works: Works, order: Command) -> datetime | None:
        with self._places.ahead():
            return works.passes.halt(works.listings[StoreApp(order.app, order.store)], order)

    def _start_passes(self) -> None:
        now = self._works.clock.now()
        # A clock that is set back has left dues that are hours or days away; what people pull is seen at once.
        if now < self._looked_at or self._works.brakes.newly():
            for app in self._works.listings:
                self._make_due(app, now)
        self._looked_at = now
        with self._guard:
            waiting = [app for app, at in self._due.items() if at <= now and app not in self._running]
            waiting.sort(key=self._due.__getitem__)
        due = [app for app in waiting if self._works.is_to_look_at(app)]
        for app in self._places.admitted(due):
            works = self._works
            self._launch(app, self._passes, self._pass_over(works, app), self._passed(works, app, now))

    def _pass_over(self, works: Works, app: StoreApp) -> Callable[[], AppPass]:
        def run() -> AppPass:
            with self._places.taken(app.store):
                with self._guard:  # an order that arrives from here on makes the app due again
                    if self._works is works:
                        self._due[app] = datetime.max.replace(tzinfo=UTC)
                whole = works.leases.holds(app)
                return (works.passes.run if whole else works.passes.take_in)(works.listings[app])

        return run

    def _passed(self, works: Works, app: StoreApp, begun: datetime) -> Callable[[Future[AppPass]], None]:
        return lambda outcome: pass_ended(works, app, outcome, begun, self._make_due)

    def _ended(self, doing: str) -> Callable[[Future[Any]], None]:
        def note(outcome: Future[Any]) -> None:
            if error := outcome.exception():
                log.error("%s broke off: %s", doing, words(error), exc_info=unexpected(error))
                self._works.report.stumbled(doing, error)

        return note

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
            except Exception as mistake:
                log.exception("how %s ended cannot be noted", name)
                self._works.report.stumbled(f"noting how {name} ended", mistake)
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
