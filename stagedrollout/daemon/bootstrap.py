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
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from stagedrollout import __version__
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import (
    AppSettings,
    AppStoreListing,
    ClockSource,
    GooglePlayAccess,
    PlayListing,
    SentrySource,
    Settings,
)
from stagedrollout.core.errors import StorageError, WrongConfiguration
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.ports import Clearance, Clock, Signal
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.channels import open_channels
from stagedrollout.daemon.clocks import EmulatorClock, LockStep, SystemClock
from stagedrollout.daemon.health.opening import open_report
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.lease import Lease
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.scheduler import Scheduler, Works
from stagedrollout.http.client import HttpClient, Limits, Transport
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.notify.slack import Call
from stagedrollout.signals.app_store_reviews import AppStoreReviews
from stagedrollout.signals.play_reviews import PlayReviews
from stagedrollout.signals.sentry import SentryProject, SentrySessions
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.store_average import APPLE as LOOKUP
from stagedrollout.signals.store_average import StoreAverages
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, database_file, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.presence import Presence
from stagedrollout.stores.app_store import ApiKey, AppStore, AppStoreClient
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from stagedrollout.stores.google_play.wire import OpenHttp

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport as ReportTransport

log = logging.getLogger(__name__)

Access = TypeVar("Access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Ways to the world outside; None: the real one."""

    play: OpenHttp | None = None
    http: Transport | None = None
    slack: Call | None = None
    clock: Clock | None = None
    reports: ReportTransport | None = None


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
        stack.callback(works.report.close)
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
        "watching": [str(StoreApp(app.name, store)) for app in settings.apps for store in app.stores],
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
    listings = _listings(loaded, doors, clock)
    return Works(
        listings=listings,
        passes=passes,
        relay=_relay(loaded, doors, engine, clock),
        commands=commands,
        presence=presence,
        clock=clock,
        wall=wall,
        epoch=epoch,
        lock_step=lock_step,
        report=open_report(loaded, listings, clock=clock, epoch=epoch, transport=doors.reports),
    )


def _lock_step(settings: Settings, doors: Doors) -> LockStep | None:
    if settings.clock is not ClockSource.EMULATOR or doors.clock is not None:
        return None
    http = HttpClient(Endpoint("emulator", settings.emulator), transport=doors.http)
    return EmulatorClock(http)


def _listings(loaded: Loaded, doors: Doors, clock: Clock) -> Mapping[StoreApp, Listing]:
    vendors = _Vendors(
        sentry=_sentry_http(loaded, doors),
        clock=clock,
        play=_play_client(loaded, doors),
        app_store=_app_store_client(loaded, doors, clock),
        lookup=_lookup_http(loaded, doors),
    )
    apps = loaded.settings.apps
    found = [_play_listing(loaded, app, app.google_play, vendors) for app in apps if app.google_play]
    found += [_app_store_listing(loaded, app, app.app_store, vendors) for app in apps if app.app_store]
    return {listing.id: listing for listing in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vendors:
    """One client per service, shared by all apps; None where there is no access to it."""

    sentry: HttpClient
    clock: Clock
    play: PlayClient | None
    app_store: AppStoreClient | None
    lookup: HttpClient | None


def _play_listing(loaded: Loaded, app: AppSettings, play_app: PlayListing, vendors: _Vendors) -> Listing:
    play = _access(vendors.play)
    return Listing(
        id=StoreApp(app.name, Store.GOOGLE_PLAY),
        mode=app.mode,
        on_new_release=app.on_new_release,
        policy=app.policy,
        policies=loaded.policies,
        store=GooglePlay(
            package=play_app.package,
            track=play_app.track,
            client=play,
            clock=vendors.clock,
            halt_in_review=loaded.policies[app.policy].halt_in_review,
        ),
        signals=(_sentry_sessions(loaded, play_app.package, play_app.sentry, vendors),),
        poll=loaded.settings.poll,
        opinions=(PlayReviews(partial(play.reviews, play_app.package)),),
    )


def _app_store_listing(
    loaded: Loaded, app: AppSettings, ios_app: AppStoreListing, vendors: _Vendors
) -> Listing:
    connect = _access(vendors.app_store)
    opinions: tuple[Signal, ...] = (AppStoreReviews(connect, ios_app.app_id),)
    if ios_app.countries:
        opinions += (StoreAverages(_access(vendors.lookup), ios_app.app_id, ios_app.countries),)
    return Listing(
        id=StoreApp(app.name, Store.APP_STORE),
        mode=app.mode,
        on_new_release=app.on_new_release,
        policy=app.policy,
        policies=loaded.policies,
        store=AppStore(app_id=ios_app.app_id, client=connect, clock=vendors.clock),
        signals=(_sentry_sessions(loaded, ios_app.bundle_id, ios_app.sentry, vendors),),
        poll=loaded.settings.poll,
        opinions=opinions,
    )


def _sentry_sessions(loaded: Loaded, package: str, source: SentrySource, vendors: _Vendors) -> SentrySessions:
    organization = _access(loaded.settings.sentry).organization
    return SentrySessions(
        vendors.sentry,
        SentryProject(organization, source.project, source.environment),
        ReleaseNames(package, source.release),
    )


def _access(access: Access | None) -> Access:
    """The configuration's own check leaves no app without the access its stores and signals need."""
    if access is None:
        raise WrongConfiguration("an app uses a service whose access is not configured")
    return access


def _play_client(loaded: Loaded, doors: Doors) -> PlayClient | None:
    access = loaded.settings.google_play
    if access is None:
        return None
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    return PlayClient(
        _key(loaded, access), endpoint=access.endpoint, timeout_seconds=timeout, open_http=doors.play
    )


def _app_store_client(loaded: Loaded, doors: Doors, clock: Clock) -> AppStoreClient | None:
    access = loaded.settings.app_store
    if access is None:
        return None
    return AppStoreClient(
        ApiKey(loaded.secret(access.key).reveal(), access.key_id, access.issuer_id),
        clock=clock,
        endpoint=access.endpoint,
        timeout_seconds=loaded.settings.limits.http_timeout.total_seconds(),
        transport=doors.http,
    )


def _key(loaded: Loaded, access: GooglePlayAccess) -> Mapping[str, Any]:
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


def _lookup_http(loaded: Loaded, doors: Doors) -> HttpClient | None:
    access = loaded.settings.app_store
    if access is None:
        return None
    return HttpClient(
        Endpoint("itunes", access.lookup_endpoint or LOOKUP),
        limits=Limits(timeout_seconds=loaded.settings.limits.http_timeout.total_seconds()),
        transport=doors.http,
    )


def _relay(loaded: Loaded, doors: Doors, engine: Engine, clock: Clock) -> Relay:
    channels, rows = open_channels(loaded, doors.slack), OutboxTable(engine)
    first, second = channels.first, channels.second
    also = SecondChannel(rows, second, clock, first=first.channel) if second else None
    return Relay(rows, first, clock, second=also)
