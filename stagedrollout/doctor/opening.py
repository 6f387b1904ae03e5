"""From the configuration to what is asked, through the daemon's own clients: there is no second wiring."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import AppSettings, AppStoreListing, PlayListing, SentrySource, SlackAccess
from stagedrollout.core.gates import Part
from stagedrollout.core.model import Release, Store, StoreApp
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.channels import OPENING, slack_app_call, slack_ask
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.listings import Clients, open_clients, open_listings
from stagedrollout.daemon.times import times_of
from stagedrollout.doctor import app_store, house, play, sentry, signals, slack
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.doctor.quiet import Quiet
from stagedrollout.doctor.rounds import REQUEST_SECONDS, Told, Unit, examined
from stagedrollout.doctor.sources import sources_of
from stagedrollout.doctor.templates import template_findings
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.sentry_survey import Seen, SentrySurvey
from stagedrollout.storage.private import loose
from stagedrollout.stores.google_play.survey import Survey

Questions = Callable[[], Iterator[Finding]]

AT_ONCE = 4
"""Apps that are asked about at once, of one service."""

CONFIGURATION, SENTRY, SLACK = "configuration", "sentry", "slack"


@dataclass(slots=True)
class Learned:
    """What was learned on the way, to be put side by side in the end. None: it could not be learned."""

    releases: tuple[Release, ...] | None = None
    seen: tuple[Seen, ...] | None = None


@dataclass(frozen=True, slots=True)
class Doctor:
    """One configuration, examined. `app` "" means all of them; `doors` replaces the network.

    Raises WrongConfiguration from `examine` where a key cannot be used; whatever a service does is a finding.
    """

    loaded: Loaded
    app: str = ""
    probing: bool = False
    doors: Doors = field(default_factory=Doors)

    def examine(self, told: Told) -> tuple[Finding, ...]:
        """Ask everybody at once, within bounds. `told` is called with what is still waited for."""
        loaded = _impatient(self.loaded)
        clock = times_of(loaded.settings, self.doors).clock
        clients, listings = open_clients(loaded, self.doors, clock), open_listings(loaded, self.doors, clock)
        turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        lanes = _lanes()
        apps = [
            _OneApp(loaded, clients, listings, each, self.probing, clock, turns, lanes)
            for each in self._apps()
        ]
        tell = Telling(CONFIGURATION)
        state = loose(loaded.settings.database, *filter(None, [loaded.heartbeat_file]))
        house_told = [
            *house.remarks(tell, loaded.settings),
            *house.files(tell, state),
            *self._unprobed(tell),
        ]
        units = [*chain.from_iterable(one.units() for one in apps), *_services(loaded, clients, clock)]
        found = examined(units, told)
        return (*house_told, *found, *chain.from_iterable(one.joined() for one in apps))

    def _unprobed(self, tell: Telling) -> Iterator[Finding]:
        if self.probing and not any(each.google_play for each in self._apps()):
            yield tell.note("probe", "no app on Google Play is asked about: only there is an edit to probe")

    def _apps(self) -> list[AppSettings]:
        return [each for each in self.loaded.settings.apps if self.app in ("", each.name)]


def _impatient(loaded: Loaded) -> Loaded:
    """The same, waiting no longer for one answer than a person at a terminal does."""
    limits = loaded.settings.limits
    timeout = min(limits.http_timeout, timedelta(seconds=REQUEST_SECONDS))
    return replace(loaded, settings=replace(loaded.settings, limits=replace(limits, http_timeout=timeout)))


def _services(loaded: Loaded, clients: Clients, clock: Clock) -> Iterator[Unit]:
    """What all apps share."""
    yield from _accounts(loaded, clients)
    access, channel = loaded.settings.sentry, loaded.settings.slack
    if access is not None and clients.sentry is not None:
        case = sentry.OrganizationCase(
            tell=Telling(SENTRY),
            survey=SentrySurvey(clients.sentry, access.organization),
            token=loaded.secret(access.token).reveal(),
            now=clock.now,
        )
        yield Unit(case.tell, lambda: sentry.about_organization(case))
    if channel is not None:
        named = (("channel", channel.channel), ("fallback channel", channel.fallback_channel))
        line = slack.SlackCase(
            tell=Telling(SLACK),
            ask=slack_ask(loaded, channel),
            channels=tuple(each for each in named if each[1]),
            open_socket=_socket_of(loaded, channel),
            groups=tuple(group.id for group in channel.user_groups) if channel.buttons else (),
        )
        yield Unit(line.tell, lambda: slack.questions(line))


def _socket_of(loaded: Loaded, access: SlackAccess) -> Callable[[], object] | None:
    if not access.buttons:
        return None
    call = slack_app_call(loaded, access)
    return lambda: call(OPENING, {})


def _accounts(loaded: Loaded, clients: Clients) -> Iterator[Unit]:
    """The two stores' keys."""
    apps, access = loaded.settings.apps, loaded.settings.app_store
    packages = frozenset(each.google_play.package for each in apps if each.google_play)
    app_ids = tuple(each.app_store.app_id for each in apps if each.app_store)
    if clients.reporting is not None and packages:
        account = play.AccountCase(
            tell=Telling(Store.GOOGLE_PLAY.value), reporting=clients.reporting, configured=packages
        )
        yield Unit(account.tell, lambda: play.about_account(account))
    if clients.app_store is not None and access is not None and app_ids:
        key = app_store.KeyCase(
            tell=Telling(Store.APP_STORE.value),
            client=clients.app_store,
            team=bool(access.issuer_id),
            configured=app_ids,
        )
        yield Unit(key.tell, lambda: app_store.about_key(key))


@dataclass(slots=True)
class _OneApp:
    """One app in every store it is in."""

    loaded: Loaded
    clients: Clients
    listings: Mapping[StoreApp, Listing]
    app: AppSettings
    probing: bool
    clock: Clock
    turns: Mapping[str, threading.Lock]
    lanes: Mapping[str, threading.Semaphore]
    _learned: dict[Store, Learned] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        return self.loaded.policies[self.app.policy]

    def units(self) -> Iterator[Unit]:
        for store, listing in _stores(self.app):
            tell, learned = Telling(str(StoreApp(self.app.name, store))), Learned()
            self._learned[store] = learned
            asked = [self._store(tell, listing, learned), self._sources(tell, store, learned)]
            yield Unit(tell, _in(self.lanes[store.value], asked))
            yield Unit(tell, _in(self.lanes[SENTRY], [self._sentry(tell, listing.sentry, learned)]), SENTRY)

    def joined(self) -> Iterator[Finding]:
        """What shows only when store and Sentry are put side by side."""
        for store, listing in _stores(self.app):
            learned, package = self._learned[store], _package(listing)
            if learned.seen is not None:
                tell = Telling(str(StoreApp(self.app.name, store)))
                names = ReleaseNames(package, listing.sentry.release)
                yield from template_findings(tell, names, store, learned.releases, learned.seen)

    def _store(self, tell: Telling, listing: PlayListing | AppStoreListing, learned: Learned) -> Questions:
        def keep(releases: tuple[Release, ...]) -> None:
            learned.releases = releases

        if isinstance(listing, PlayListing):
            return self._play(tell, listing, keep)
        client = self.clients.app_store
        if client is None:
            return lambda: iter(())
        case = app_store.AppStoreCase(
            tell=tell,
            client=client,
            app_id=listing.app_id,
            bundle_id=listing.bundle_id,
            policy=self.policy,
            learned=keep,
        )
        return lambda: app_store.questions(case)

    def _play(
        self, tell: Telling, listing: PlayListing, keep: Callable[[tuple[Release, ...]], None]
    ) -> Questions:
        client, reporting = self.clients.play, self.clients.reporting
        if client is None or reporting is None:
            return lambda: iter(())
        app, quiet = StoreApp(self.app.name, Store.GOOGLE_PLAY), Quiet(self.loaded.settings.database)
        case = play.PlayCase(
            tell=tell,
            survey=Survey(client, listing.package, listing.track),
            reporting=reporting,
            policy=self.policy,
            probing=self.probing,
            disturbed=lambda: quiet.disturbed(app, probing=self.probing),
            turn=self.turns[listing.package],
            learned=keep,
        )
        return lambda: play.questions(case)

    def _sentry(self, tell: Telling, source: SentrySource, learned: Learned) -> Questions:
        access, evidence = self.loaded.settings.sentry, self.policy.evidence
        if access is None or self.clients.sentry is None:
            return lambda: iter(())

        def keep(seen: tuple[Seen, ...]) -> None:
            learned.seen = seen

        case = sentry.ProjectCase(
            tell=tell,
            survey=SentrySurvey(self.clients.sentry, access.organization),
            project=source.project,
            environment=source.environment,
            crashed_users=evidence is not None and evidence.signals.crashed_users is not Part.OFF,
            learned=keep,
        )
        return lambda: sentry.about_project(case)

    def _sources(self, tell: Telling, store: Store, learned: Learned) -> Questions:
        """Asked about the newest release, once it is known."""
        listing = self.listings[StoreApp(self.app.name, store)]

        def ask() -> Iterator[Finding]:
            if learned.releases:
                now = self.clock.now()
                asked = list(sources_of(listing, self.policy, learned.releases, now))
                yield from signals.questions(tell, asked)

        return ask


def _stores(app: AppSettings) -> Iterator[tuple[Store, PlayListing | AppStoreListing]]:
    if app.google_play:
        yield Store.GOOGLE_PLAY, app.google_play
    if app.app_store:
        yield Store.APP_STORE, app.app_store


def _package(listing: PlayListing | AppStoreListing) -> str:
    return listing.package if isinstance(listing, PlayListing) else listing.bundle_id


def _in(lane: threading.Semaphore, asked: Sequence[Questions]) -> Questions:
    """One after the other, once there is room in the lane."""

    def questions() -> Iterator[Finding]:
        with lane:
            for each in asked:
                yield from each()

    return questions


def _lanes() -> Mapping[str, threading.Semaphore]:
    """Services limit how much they are asked at once (sentry.md section 7)."""
    return defaultdict(lambda: threading.Semaphore(AT_ONCE))
