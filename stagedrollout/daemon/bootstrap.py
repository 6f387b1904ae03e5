"""The composition root: the one place where real things are wired together (store apps in listings.py).

Everything that touches the world outside comes in through `Doors`; tests and the simulation bring their own,
`open_daemon` alone uses sockets, the machine's clock and its threads.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from stagedrollout import __version__
from stagedrollout.buttons.roster import Roster
from stagedrollout.calendars.readings import Remembered
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import ClockSource, Settings
from stagedrollout.config.steering import steering
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.alarming import open_errands
from stagedrollout.daemon.allowed import Net
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.at_the_desk import AtTheDesk
from stagedrollout.daemon.brakes import PulledBrakes
from stagedrollout.daemon.channels import open_channels
from stagedrollout.daemon.clock_watch import ClockWatch
from stagedrollout.daemon.clocks import EmulatorClock, LockStep, SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.daemon.footing import KEEPS_A_MARK, KeptFooting, open_highwater
from stagedrollout.daemon.health.opening import open_report
from stagedrollout.daemon.health.replicas import STEERS, told_doubt
from stagedrollout.daemon.health.report import SelfReport
from stagedrollout.daemon.health.service_manager import Signs
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.lease import HeldLeases, Holdings, Terms
from stagedrollout.daemon.linking import Bell
from stagedrollout.daemon.listings import open_listings
from stagedrollout.daemon.pacing import AsAsked, Spread
from stagedrollout.daemon.peers import Peers
from stagedrollout.daemon.picturing import open_illustrator
from stagedrollout.daemon.pressed import Buttons
from stagedrollout.daemon.pressing import SEALED_BY, open_pressing, open_roster, open_seal
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.reloading import Reloading, watched
from stagedrollout.daemon.scheduler import Scheduler
from stagedrollout.daemon.spool import Spool, spool_file
from stagedrollout.daemon.watched.memory import Memory
from stagedrollout.daemon.watched.watching import Watching
from stagedrollout.daemon.works import Works
from stagedrollout.http.client import HttpClient
from stagedrollout.http.database import beside as kept_beside
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.storage.brakes import beside
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, beside_database, open_engine
from stagedrollout.storage.highwater import HighWater
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.private import loose, tighten
from stagedrollout.storage.server_clock import may_be_shared
from stagedrollout.stores.google_play.client import EditsKnown

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

Access = TypeVar("Access")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon ready to run: what sets it in motion (`scheduler`), and what exchanges its configuration."""

    scheduler: Scheduler
    reloading: Reloading
    engine: Engine = field(repr=False)

    @property
    def works(self) -> Works:
        """What it does now."""
        return self.scheduler.works

    @property
    def watching(self) -> str:
        return ", ".join(str(app) for app in self.works.listings) or "no apps"

    @property
    def finished(self) -> bool:
        return self.scheduler.finished.is_set()

    @property
    def lost(self) -> bool:
        """Whether it ended because another daemon has taken over."""
        return self.scheduler.lost

    @property
    def signs(self) -> Signs:
        """What whoever started this process is told of it."""
        works = self.works
        memory, count, beat = works.memory, len(works.listings), works.memory.beat
        watching = "watching 1 app on a store" if count == 1 else f"watching {count} apps on stores"
        problem = (beat.problem or beat.rounds.standing(works.clock.now()).problem) if beat else ""
        status = f"{watching}; {problem or 'all is well'}"
        return Signs(memory.turns, memory.written_at is not None, self.reloading.going_on, status)

    def start(self) -> None:
        self.scheduler.start()
        self.works.buttons.start()

    def mind_the_clock(self) -> None:
        self.scheduler.mind_the_clock()

    def reload(self) -> None:
        """Take the configuration as it is on the disk now, if it can be taken. Returns at once."""
        self.reloading.ask()

    def stop(self) -> tuple[str, ...]:
        """What is still under way after the time there was to finish it."""
        self.reloading.end()
        self.works.buttons.stop()
        self.works.relay.ends()
        return self.scheduler.stop()


@contextmanager
def open_daemon(loaded: Loaded, doors: Doors | None = None, net: Net | None = None) -> Iterator[Daemon]:
    """Open the database and every door; `net` is widened by reloads. Raises WrongConfiguration, StorageError, EdgeError."""
    settings, doors = loaded.settings, doors or Doors()
    with ExitStack() as stack:
        engine = open_engine(settings.database)
        tighten(
            loose(settings.database, *filter(None, [loaded.heartbeat_file]), *beside(loaded.path).paths())
        )
        stack.callback(engine.dispose)
        lock = stack.enter_context(SingleDaemonLock.beside(beside_database(engine)))
        upgrade(engine)
        works = wire(loaded, doors, engine, place=lock.place)
        limits = settings.limits
        scheduler = Scheduler(
            works,
            pass_workers=limits.pass_workers,
            halt_workers=limits.halt_workers,
            drain_seconds=limits.drain.total_seconds(),
        )
        stack.callback(_close_what_is_in_force, scheduler)
        watching = Watching(scheduler, OutboxTable(engine))
        stack.callback(watching.close)
        reloading = Reloading(
            loaded,
            scheduler,
            OutboxTable(engine),
            rewire=partial(rewire, engine=engine),
            net=net,
            configured=watching.configured,
        )
        stack.callback(reloading.close)
        stack.callback(_leave, scheduler)
        stack.callback(scheduler.stop)
        yield Daemon(scheduler, reloading, engine)


def _close_what_is_in_force(scheduler: Scheduler) -> None:
    scheduler.works.buttons.stop()
    scheduler.works.relay.close()
    scheduler.works.report.close()


def _leave(scheduler: Scheduler) -> None:
    """A daemon that ends on purpose says so; one that cannot say it is missed after its heartbeat's time. What it held is
    given away where nothing is under way any more; else its lease has to run out. Whom the database does not know any more
    writes nothing: where that was put back, the same number may be another one's by now."""
    works, under_way = scheduler.works, scheduler.stop()
    if scheduler.lost:
        return
    try:
        if not under_way:
            works.leases.give_all()
        works.presence.leave(works.epoch, works.wall.now())
    except StorageError as error:
        log.warning("that this daemon has stopped cannot be noted: %s", error)


def wire(loaded: Loaded, doors: Doors, engine: Engine, *, place: str = "") -> Works:
    """Claim the database and connect everything; nothing runs yet, and no lock is taken. `place`: of the lock that is held.

    Raises WrongConfiguration, StorageError, EdgeError.
    """
    settings, wall = loaded.settings, doors.wall or SystemClock()
    lock_step = _lock_step(settings, doors)
    clock: Clock = doors.clock or lock_step or wall
    presence, commands = Presence(engine), CommandBox(engine)
    terms = _terms(settings, engine)
    epoch, highwater = _claim(loaded, engine, presence, wall, place, terms)
    database = beside_database(engine)
    spool = Spool(spool_file(database) if database else None)
    watch, steady = ClockWatch(clock, doors.steady or _steady(clock)), doors.steady or elapsed
    leases = HeldLeases(
        Leases(engine), presence, epoch, place=_here(engine, place), wall=wall, steady=steady, terms=terms
    )
    recorder = Recorder(Journal(engine, highwater), LedgerTable(engine), leases.epoch, spool)
    doors = replace(doors, dates=watch, edits=EditsKnown(), calendars=Remembered())
    peers = Peers(engine, epoch, highwater, 1.5 * leases.beat) if leases.shared else None
    footing = KeptFooting(highwater, watch, peers)
    brakes = PulledBrakes(beside(loaded.path, settings.database), wall)
    bell, memory = Bell(), Memory()
    roster = open_roster(loaded, doors.slack)
    reconciler = Reconciler(
        recorder=recorder,
        hearer=Hearer(recorder),
        actuator=Actuator(Lanes(), clock),
        clock=clock,
        tenures=leases,
        footing=footing,
        brakes=brakes,
        deadline_seconds=settings.limits.pass_deadline.total_seconds(),
        bell=bell,
        people=roster,
        onlooker=memory,
    )
    passes = AppPasses(
        recorder=recorder,
        reconciler=reconciler,
        commands=commands,
        presence=presence,
        clock=clock,
        wall=wall,
        brakes=brakes,
    )
    listings = open_listings(loaded, doors, clock)
    leases.begin(listings)
    if peers:
        peers.look()
    return Works(
        listings=listings,
        passes=passes,
        relay=_relay(loaded, doors, engine, clock, leases),
        commands=commands,
        presence=presence,
        clock=clock,
        wall=wall,
        epoch=epoch,
        leases=leases,
        peers=peers,
        lock_step=lock_step,
        bell=bell,
        brakes=brakes,
        report=_report(loaded, doors, listings, clock, epoch, memory),
        memory=memory,
        pace=Spread() if isinstance(clock, SystemClock) else AsAsked(),
        doors=doors,
        buttons=_buttons(lambda: open_pressing(loaded, engine, passes, roster, doors.slack), leases),
        errands=open_errands(loaded, doors, engine, recorder, clock, leases.may_tell),
    )


def _claim(  # noqa: PLR0913, PLR0917 - who begins, where, and on what terms
    loaded: Loaded, engine: Engine, presence: Presence, wall: Clock, place: str, terms: Terms
) -> tuple[int, HighWater | None]:
    """The epoch from here on, and the mark, which is opened by what the daemon before has left. Raises StorageError.

    A file has one daemon at a time, whatever became of its lock file; a server has one in each place.
    """
    here = _here(engine, place)
    before = presence.of_place(here) or presence.current()
    info = {
        "version": __version__,
        "clock": loaded.settings.clock.value,
        **KEEPS_A_MARK,
        **({"place": place} if place else {}),
        **watched(loaded.settings),
        STEERS: steering(loaded),
    }
    info |= {SEALED_BY: before.info[SEALED_BY]} if before and SEALED_BY in before.info else {}
    info |= told_doubt(before) if before and before.place == here else {}  # until it has looked for itself
    highwater = open_highwater(engine, before)
    who = f"{socket.gethostname()}:{os.getpid()}"
    return presence.claim(who, wall.now(), info, place=here, lease=terms.lease), highwater


def _here(engine: Engine, place: str) -> str:
    """Of what tells the daemons of this database apart."""
    return place if may_be_shared(engine) else ""


def _terms(settings: Settings, engine: Engine) -> Terms:
    limits = settings.limits
    lease = limits.keeps_lease if may_be_shared(engine) else None
    return Terms(lease=lease, longest_request=limits.longest_request)


def rewire(loaded: Loaded, works: Works, *, engine: Engine) -> Works:
    """The same daemon by another configuration: what it knows of rollouts, halts and clocks stays, its apps, clients,
    channels and limits are new. `works` stay as they are. Raises WrongConfiguration.
    """
    listings, deadline = open_listings(loaded, works.doors, works.clock), loaded.settings.limits.pass_deadline
    people, deadline_seconds = open_roster(loaded, works.doors.slack), deadline.total_seconds()
    works.leases.go_by(_terms(loaded.settings, engine))
    known = works.passes.reconciler
    if isinstance(known.people, Roster):
        people.go_on_from(known.people)
    reconciler = replace(known, deadline_seconds=deadline_seconds, people=people)
    passes = replace(works.passes, reconciler=reconciler)
    return replace(
        works,
        listings=listings,
        passes=passes,
        buttons=_buttons(
            lambda: open_pressing(loaded, engine, passes, people, works.doors.slack), works.leases
        ),
        errands=open_errands(
            loaded, works.doors, engine, passes.recorder, works.clock, works.leases.may_tell
        ),
        relay=_relay(loaded, works.doors, engine, works.clock, works.leases),
        report=_report(loaded, works.doors, listings, works.clock, works.epoch, works.memory),
    )


def _report(  # noqa: PLR0913, PLR0917 - of a daemon that is wired, and of one that is wired anew
    loaded: Loaded, doors: Doors, apps: Iterable[StoreApp], clock: Clock, epoch: int, memory: Memory
) -> SelfReport:
    return open_report(
        loaded, apps, clock=clock, epoch=epoch, memory=memory, transport=doors.reports, http=doors.http
    )


def _buttons(open_buttons: Callable[[], Buttons], leases: Holdings) -> Buttons:
    """Where replicas share the work, they follow whoever tells people."""
    return AtTheDesk(open_buttons, leases.on_duty) if leases.shared else open_buttons()


def clock_of(settings: Settings, doors: Doors) -> Clock:
    """The clock that passes live by. Raises EdgeError where it is an emulator's that does not answer."""
    return doors.clock or _lock_step(settings, doors) or SystemClock()


def _steady(clock: Clock) -> Elapsed:
    """The machine's; a clock that is none of the machine's is its own, for real time says nothing of it."""
    return elapsed if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()


def _lock_step(settings: Settings, doors: Doors) -> LockStep | None:
    if settings.clock is not ClockSource.EMULATOR or doors.clock is not None:
        return None
    http = HttpClient(Endpoint("emulator", settings.emulator), transport=doors.http)
    kept = kept_beside(settings.database)  # each replica keeps its state in a folder of its own
    return EmulatorClock(http, hashlib.sha256(kept.encode()).hexdigest()[:12])


def _relay(loaded: Loaded, doors: Doors, engine: Engine, clock: Clock, leases: Holdings) -> Relay:
    channels, rows = open_channels(loaded, doors.slack, open_seal(loaded, engine)), OutboxTable(engine)
    first, second = channels.first, channels.second
    also = SecondChannel(rows, second, clock, first=first.channel) if second else None
    follower = None if doors.slack else open_illustrator(loaded)
    return Relay(rows, first, clock, second=also, follower=follower, may_tell=leases.may_tell)
