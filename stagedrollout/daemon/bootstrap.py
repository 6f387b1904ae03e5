"""The composition root: the one place where real things are wired together (store apps in listings.py).

Everything that touches the world outside comes in through `Doors`; tests and the simulation bring their own,
`open_daemon` alone uses sockets, the machine's clock and its threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from stagedrollout.buttons.roster import Roster
from stagedrollout.calendars.readings import Remembered
from stagedrollout.config.load import Loaded
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.alarming import open_errands
from stagedrollout.daemon.allowed import Net
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.at_the_desk import AtTheDesk
from stagedrollout.daemon.bells_of_others import BellsOfOthers
from stagedrollout.daemon.brakes import PulledBrakes
from stagedrollout.daemon.channels import open_channels
from stagedrollout.daemon.claiming import Claim, claimed, terms_of
from stagedrollout.daemon.clock_watch import ClockWatch
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.copied import refuse_a_copy
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.footing import KeptFooting
from stagedrollout.daemon.health.opening import open_report
from stagedrollout.daemon.health.report import SelfReport
from stagedrollout.daemon.health.service_manager import Signs
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.lease import Holdings
from stagedrollout.daemon.listings import open_listings
from stagedrollout.daemon.pacing import AsAsked, Spread
from stagedrollout.daemon.picturing import open_illustrator
from stagedrollout.daemon.pressed import Buttons
from stagedrollout.daemon.pressing import open_pressing, open_roster, open_seal
from stagedrollout.daemon.put_back import PutBack
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.reloading import Reloading
from stagedrollout.daemon.scheduler import Scheduler
from stagedrollout.daemon.spool import Spool, spool_file
from stagedrollout.daemon.times import Times, times_of
from stagedrollout.daemon.watched.memory import Memory
from stagedrollout.daemon.watched.watching import Watching
from stagedrollout.daemon.works import Works
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.storage.brakes import beside
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, beside_database, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.leases import NOTICES
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
        left_open = settings.limits.left_open.total_seconds()
        engine = open_engine(settings.database, left_open_seconds=left_open)
        tighten(
            loose(settings.database, *filter(None, [loaded.heartbeat_file]), *beside(loaded.path).paths())
        )
        stack.callback(engine.dispose)
        lock = stack.enter_context(SingleDaemonLock.beside(beside_database(engine)))
        upgrade(engine)
        if may_be_shared(engine):
            refuse_a_copy(lock, Presence(engine), terms_of(settings, engine).beat)
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
    times = times_of(loaded.settings, doors)
    claim = claimed(loaded, engine, times, place)
    watch, memory, people = (
        ClockWatch(times.clock, times.of_passes),
        Memory(),
        open_roster(loaded, doors.slack),
    )
    footing = KeptFooting(claim.highwater, watch, claim.peers)
    passes = _passes(loaded, engine, times, claim, footing, people, memory)
    doors = replace(doors, dates=watch, edits=EditsKnown(), calendars=Remembered())
    listings = open_listings(loaded, doors, times.clock)
    claim.begin(listings)
    return Works(
        listings=listings,
        passes=passes,
        relay=_relay(loaded, doors, engine, times.clock, claim.leases, claim.reach),
        commands=passes.commands,
        presence=claim.presence,
        clock=times.clock,
        wall=times.wall,
        epoch=claim.epoch,
        leases=claim.leases,
        peers=claim.peers,
        lock_step=times.lock_step,
        bell=passes.reconciler.bell,
        bells_of_others=BellsOfOthers(Journal(engine)),
        brakes=passes.brakes,
        report=_report(loaded, doors, listings, times.clock, claim.epoch, memory),
        memory=memory,
        reach=claim.reach,
        put_back=PutBack(footing.of_the_journal, OutboxTable(engine), times.clock, claim.leases.on_duty),
        pace=Spread() if isinstance(times.clock, SystemClock) else AsAsked(),
        doors=doors,
        buttons=_buttons(lambda: open_pressing(loaded, engine, passes, people, doors.slack), claim.leases),
        errands=open_errands(loaded, doors, engine, passes.recorder, times.clock, claim.leases.may_tell),
    )


def _passes(  # noqa: PLR0913, PLR0917 - whose, when, and what they go by
    loaded: Loaded,
    engine: Engine,
    times: Times,
    claim: Claim,
    footing: KeptFooting,
    people: Roster,
    memory: Memory,
) -> AppPasses:
    recorder = _recorder(engine, claim)
    brakes = PulledBrakes(beside(loaded.path, loaded.settings.database), times.wall)
    reconciler = Reconciler(
        recorder=recorder,
        hearer=Hearer(recorder),
        actuator=Actuator(Lanes(), times.clock),
        clock=times.clock,
        tenures=claim.leases,
        footing=footing,
        brakes=brakes,
        deadline_seconds=loaded.settings.limits.pass_deadline.total_seconds(),
        people=people,
        onlooker=memory,
        reach=claim.reach,
    )
    return AppPasses(
        recorder=recorder,
        reconciler=reconciler,
        commands=CommandBox(engine),
        presence=claim.presence,
        clock=times.clock,
        wall=times.wall,
        brakes=brakes,
    )


def _recorder(engine: Engine, claim: Claim) -> Recorder:
    """With a spool beside the database, for halts that it does not take."""
    database = beside_database(engine)
    spool = Spool(spool_file(database) if database else None)
    return Recorder(Journal(engine, claim.highwater), LedgerTable(engine), claim.leases.epoch, spool)


def rewire(loaded: Loaded, works: Works, *, engine: Engine) -> Works:
    """The same daemon by another configuration: what it knows of rollouts, halts and clocks stays, its apps, clients,
    channels and limits are new. `works` stay as they are. Raises WrongConfiguration.
    """
    listings, deadline = open_listings(loaded, works.doors, works.clock), loaded.settings.limits.pass_deadline
    people, deadline_seconds = open_roster(loaded, works.doors.slack), deadline.total_seconds()
    works.leases.go_by(terms_of(loaded.settings, engine))
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
        relay=_relay(loaded, works.doors, engine, works.clock, works.leases, works.reach),
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


def _relay(  # noqa: PLR0913, PLR0917 - as `_report`
    loaded: Loaded, doors: Doors, engine: Engine, clock: Clock, leases: Holdings, reach: Reach
) -> Relay:
    channels, rows = open_channels(loaded, doors.slack, open_seal(loaded, engine)), OutboxTable(engine)
    first, second = channels.first, channels.second
    also = SecondChannel(rows, second, clock, first=first.channel) if second else None
    follower = None if doors.slack else open_illustrator(loaded)
    met = partial(reach.met, NOTICES)
    return Relay(rows, first, clock, second=also, follower=follower, may_tell=leases.may_tell, met=met)
