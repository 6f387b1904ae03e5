"""The composition root: the one place where real things are wired together.

Everything that touches the world outside comes in through `Doors`; tests and the simulation bring their own,
`open_daemon` alone uses sockets, the machine's clock and its threads.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stagedrollout import __version__
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import AppSettings, ClockSource, PlayListing, Settings
from stagedrollout.core.errors import StorageError, WrongConfiguration
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.clocks import EmulatorClock, LockStep, SystemClock
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.lease import Lease
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.scheduler import Scheduler, Works
from stagedrollout.http.client import HttpClient, Limits, Transport
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.slack import Call, Slack, open_call
from stagedrollout.signals.sentry import SentryProject, SentrySessions
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, database_file, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from stagedrollout.stores.google_play.wire import OpenHttp

log = logging.getLogger(__name__)

Access = TypeVar("Access")

SLACK_API = "https://slack.com/api/"
"""Slack's own (slack.md section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Ways to the world outside; None: the real one."""

    play: OpenHttp | None = None
    http: Transport | None = None
    slack: Call | None = None
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon ready to run: what it does (`works`) and what sets it in motion (`scheduler`)."""

    works: Works
    scheduler: Scheduler
    engine: Engine = field(repr=False)

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

    def start(self) -> None:
        self.scheduler.start()

    def stop(self) -> None:
        self.scheduler.stop()


@contextmanager
def open_daemon(loaded: Loaded, doors: Doors | None = None) -> Iterator[Daemon]:
    """Open the database and every door. Raises WrongConfiguration, StorageError, EdgeError."""
    settings, doors = loaded.settings, doors or Doors()
    with ExitStack() as stack:
        engine = open_engine(settings.database)
        stack.callback(engine.dispose)
        stack.enter_context(SingleDaemonLock.beside(database_file(engine)))
        upgrade(engine)
        works = wire(loaded, doors, engine)
        limits = settings.limits
        scheduler = Scheduler(
            works,
            pass_workers=limits.pass_workers,
            halt_workers=limits.halt_workers,
            drain_seconds=limits.drain.total_seconds(),
        )
        stack.callback(_leave, works)
        stack.callback(scheduler.stop)
        yield Daemon(works, scheduler, engine)


def _leave(works: Works) -> None:
    """A daemon that ends on purpose says so; one that cannot say it is missed after its heartbeat's time."""
    try:
        works.presence.leave(works.epoch, works.wall.now())
    except StorageError as error:
        log.warning("that this daemon has stopped cannot be noted: %s", error)


def wire(loaded: Loaded, doors: Doors, engine: Engine) -> Works:
    """Claim the database and connect everything; nothing runs yet, and no lock is taken.

    Raises WrongConfiguration, StorageError, EdgeError.
    """
    settings, wall = loaded.settings, SystemClock()
    lock_step = _lock_step(settings, doors)
    clock: Clock = doors.clock or lock_step or wall
    presence, commands = Presence(engine), CommandBox(engine)
    info = {
        "version": __version__,
        "clock": settings.clock.value,
        "poll_seconds": int(settings.poll.total_seconds()),
    }
    epoch = presence.claim(f"{socket.gethostname()}:{os.getpid()}", wall.now(), info)
    recorder = Recorder(Journal(engine), epoch)
    still_ours: Clearance = Lease(presence, epoch).check
    reconciler = Reconciler(
        recorder=recorder,
        actuator=Actuator(Lanes(), clock),
        clock=clock,
        still_ours=still_ours,
        deadline_seconds=settings.limits.pass_deadline.total_seconds(),
    )
    passes = AppPasses(recorder=recorder, reconciler=reconciler, commands=commands, clock=clock, wall=wall)
    return Works(
        listings=_listings(loaded, doors, clock),
        passes=passes,
        relay=Relay(OutboxTable(engine), _channel(loaded, doors), clock),
        commands=commands,
        presence=presence,
        clock=clock,
        wall=wall,
        epoch=epoch,
        lock_step=lock_step,
    )


def _lock_step(settings: Settings, doors: Doors) -> LockStep | None:
    if settings.clock is not ClockSource.EMULATOR or doors.clock is not None:
        return None
    http = HttpClient(Endpoint("emulator", settings.emulator), transport=doors.http)
    return EmulatorClock(http)


def _listings(loaded: Loaded, doors: Doors, clock: Clock) -> Mapping[StoreApp, Listing]:
    vendors = _Vendors(_play_client(loaded, doors), _sentry_http(loaded, doors), clock)
    apps = loaded.settings.apps
    found = [_play_listing(loaded, app, app.google_play, vendors) for app in apps if app.google_play]
    return {listing.id: listing for listing in found}


@dataclass(frozen=True, slots=True)
class _Vendors:
    """One client per service, shared by all apps."""

    play: PlayClient
    sentry: HttpClient
    clock: Clock


def _play_listing(loaded: Loaded, app: AppSettings, play_app: PlayListing, vendors: _Vendors) -> Listing:
    source = play_app.sentry
    return Listing(
        id=StoreApp(app.name, Store.GOOGLE_PLAY),
        mode=app.mode,
        on_new_release=app.on_new_release,
        policy=app.policy,
        policies=loaded.policies,
        store=GooglePlay(
            package=play_app.package,
            track=play_app.track,
            client=vendors.play,
            clock=vendors.clock,
            halt_in_review=loaded.policies[app.policy].halt_in_review,
        ),
        signal=SentrySessions(
            vendors.sentry,
            SentryProject(_access(loaded.settings.sentry).organization, source.project, source.environment),
            ReleaseNames(play_app.package, source.release),
        ),
        poll=loaded.settings.poll,
    )


def _access(access: Access | None) -> Access:
    """The configuration's own check leaves no app without the access its stores and signals need."""
    if access is None:
        raise WrongConfiguration("an app uses a service whose access is not configured")
    return access


def _play_client(loaded: Loaded, doors: Doors) -> PlayClient:
    access = _access(loaded.settings.google_play)
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    return PlayClient(_key(loaded), endpoint=access.endpoint, timeout_seconds=timeout, open_http=doors.play)


def _key(loaded: Loaded) -> Mapping[str, Any]:
    access = _access(loaded.settings.google_play)
    try:
        key = json.loads(loaded.secret(access.credentials).reveal())
    except ValueError:
        raise WrongConfiguration(f"google_play: {access.credentials} is no JSON key file") from None
    if not isinstance(key, dict):
        raise WrongConfiguration(f"google_play: {access.credentials} is no JSON key file")
    return key


def _sentry_http(loaded: Loaded, doors: Doors) -> HttpClient:
    access = _access(loaded.settings.sentry)
    token = loaded.secret(access.token)
    return HttpClient(
        Endpoint("sentry", access.url, access.allow_http),
        authorization=lambda: f"Bearer {token.reveal()}",
        limits=Limits(timeout_seconds=loaded.settings.limits.http_timeout.total_seconds()),
        transport=doors.http,
    )


def _channel(loaded: Loaded, doors: Doors) -> Slack | LogChannel:
    access = loaded.settings.slack
    if access is None:
        return LogChannel()
    endpoint = Endpoint("slack", access.endpoint or SLACK_API)
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    call = doors.slack or open_call(loaded.secret(access.token).reveal(), endpoint, timeout)
    return Slack(call, access.channel)
