"""From the configuration to store apps under watch: one client per service, shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import TypeVar

from stagedrollout.config.addresses import self_hosted
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import (
    AppSettings,
    AppStoreListing,
    PlayListing,
    SentrySource,
)
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clock, Signal
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.google_access import play_client, play_reporting
from stagedrollout.daemon.icalendars import policies_now
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.pacing import groups
from stagedrollout.daemon.signal_sources import Sources
from stagedrollout.http.client import HttpClient, Limits
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.signals.app_store_reviews import AppStoreReviews
from stagedrollout.signals.play_reviews import PlayReviews
from stagedrollout.signals.sentry import SentryProject, SentrySessions
from stagedrollout.signals.sentry_issues import SentryIssues
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.sentry_tallies import SentryTallies
from stagedrollout.signals.sentry_together import Together
from stagedrollout.signals.store_average import APPLE as LOOKUP
from stagedrollout.signals.store_average import StoreAverages
from stagedrollout.stores.app_store import ApiKey, AppStore, AppStoreClient
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from stagedrollout.stores.google_play.reports import PlayReporting

Access = TypeVar("Access")

LOOKUP_SECONDS = 5.0
"""How long the lookup of averages may take at most: they decide nothing, and a pass waits for them."""

ISSUES_SECONDS = 5.0
"""The same for what crashed in a release that fails: it is asked after everybody has acted."""


def open_listings(loaded: Loaded, doors: Doors, clock: Clock) -> Mapping[StoreApp, Listing]:
    """Every app in every store it is in, with its doors. Raises WrongConfiguration."""
    apps = loaded.settings.apps
    paces, together = _shared(loaded, doors)
    vendors = _Vendors(
        together=together,
        sentry=_sentry_http(loaded, doors),
        issues=_sentry_http(loaded, doors, seconds_max=ISSUES_SECONDS),
        clock=clock,
        play=play_client(loaded, doors),
        app_store=app_store_client(loaded, doors, clock),
        lookup=_lookup_http(loaded, doors),
        sources=Sources(loaded, doors),
        policies=policies_now(loaded, doors, clock),
    )
    found = [_play_listing(loaded, app, app.google_play, vendors) for app in apps if app.google_play]
    found += [_app_store_listing(loaded, app, app.app_store, vendors) for app in apps if app.app_store]
    return {listing.id: replace(listing, pace=paces.get(listing.id, "")) for listing in found}


def _shared(loaded: Loaded, doors: Doors) -> tuple[Mapping[StoreApp, str], Mapping[SentryProject, Together]]:
    """Which store apps are looked at at the same instants, and the projects about which several ask. Nobody waits for anybody
    where a door stands in for the network: there is no request to be saved."""
    if doors.http is not None:
        return {}, {}
    projects = {
        StoreApp(app.name, store): _project(loaded, listed.sentry)
        for app in loaded.settings.apps
        for store, listed in ((Store.GOOGLE_PLAY, app.google_play), (Store.APP_STORE, app.app_store))
        if listed is not None
    }
    paces = groups({app: f"{project.project} {project.environment}" for app, project in projects.items()})
    return paces, {projects[app]: Together() for app in paces}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The same clients for who asks about the access itself (`doctor`); None where there is none.

    `reporting`: Play's other API, which tells what the account can see.
    """

    play: PlayClient | None
    reporting: PlayReporting | None
    app_store: AppStoreClient | None
    sentry: HttpClient | None


def open_clients(loaded: Loaded, doors: Doors, clock: Clock) -> Clients:
    """Raises WrongConfiguration; sends nothing."""
    seconds = loaded.settings.limits.http_timeout.total_seconds()
    return Clients(
        play=play_client(loaded, doors),
        reporting=play_reporting(loaded, doors, seconds) if loaded.settings.google_play else None,
        app_store=app_store_client(loaded, doors, clock),
        sentry=_sentry_http(loaded, doors) if loaded.settings.sentry else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vendors:
    """One client per service, shared by all apps; None where there is no access to it."""

    together: Mapping[SentryProject, Together]
    sentry: HttpClient
    issues: HttpClient
    clock: Clock
    play: PlayClient | None
    app_store: AppStoreClient | None
    lookup: HttpClient | None
    sources: Sources
    policies: Mapping[str, Policy]


def _play_listing(loaded: Loaded, app: AppSettings, play_app: PlayListing, vendors: _Vendors) -> Listing:
    play = _access(vendors.play)
    own = vendors.sources.of(play_app.package, Store.GOOGLE_PLAY, play_app.signals)
    return Listing(
        id=StoreApp(app.name, Store.GOOGLE_PLAY),
        mode=app.mode,
        on_new_release=app.on_new_release,
        supersede=app.supersede,
        policy=app.policy,
        policies=vendors.policies,
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
        tallies=_sentry_tallies(loaded, play_app, vendors),
        link=app.link,
        issues=_sentry_issues(loaded, play_app.package, play_app.sentry, vendors),
        counts=own.counts,
        values=own.values,
    )


def _app_store_listing(
    loaded: Loaded, app: AppSettings, ios_app: AppStoreListing, vendors: _Vendors
) -> Listing:
    connect = _access(vendors.app_store)
    own = vendors.sources.of(ios_app.bundle_id, Store.APP_STORE, ios_app.signals)
    opinions: tuple[Signal, ...] = (AppStoreReviews(connect, ios_app.app_id),)
    if ios_app.countries:
        opinions += (StoreAverages(_access(vendors.lookup), ios_app.app_id, ios_app.countries),)
    return Listing(
        id=StoreApp(app.name, Store.APP_STORE),
        mode=app.mode,
        on_new_release=app.on_new_release,
        supersede=app.supersede,
        policy=app.policy,
        policies=vendors.policies,
        store=AppStore(app_id=ios_app.app_id, client=connect, clock=vendors.clock),
        signals=(_sentry_sessions(loaded, ios_app.bundle_id, ios_app.sentry, vendors),),
        poll=loaded.settings.poll,
        opinions=opinions,
        tallies=_sentry_tallies(loaded, ios_app, vendors),
        link=app.link,
        issues=_sentry_issues(loaded, ios_app.bundle_id, ios_app.sentry, vendors),
        counts=own.counts,
        values=own.values,
    )


def _sentry_sessions(loaded: Loaded, package: str, source: SentrySource, vendors: _Vendors) -> SentrySessions:
    return SentrySessions(vendors.sentry, _project(loaded, source), ReleaseNames(package, source.release))


def _sentry_tallies(loaded: Loaded, app: PlayListing | AppStoreListing, vendors: _Vendors) -> SentryTallies:
    project = _project(loaded, app.sentry)
    if isinstance(app, PlayListing):
        names, store = ReleaseNames(app.package, app.sentry.release), Store.GOOGLE_PLAY
    else:
        names, store = ReleaseNames(app.bundle_id, app.sentry.release), Store.APP_STORE
    return SentryTallies(vendors.sentry, project, names, store, vendors.together.get(project))


def _sentry_issues(loaded: Loaded, package: str, source: SentrySource, vendors: _Vendors) -> SentryIssues:
    return SentryIssues(vendors.issues, _project(loaded, source), ReleaseNames(package, source.release))


def _project(loaded: Loaded, source: SentrySource) -> SentryProject:
    organization = _access(loaded.settings.sentry).organization
    return SentryProject(organization, source.project, source.environment)


def _access(access: Access | None) -> Access:
    """The configuration's own check leaves no app without the access its stores and signals need."""
    if access is None:
        raise WrongConfiguration("an app uses a service whose access is not configured")
    return access


def app_store_client(loaded: Loaded, doors: Doors, clock: Clock) -> AppStoreClient | None:
    """The one client of all iOS apps; None where no access to App Store Connect is configured."""
    access = loaded.settings.app_store
    if access is None:
        return None
    return AppStoreClient(
        ApiKey(loaded.secret(access.key).reveal(), access.key_id, access.issuer_id),
        clock=clock,
        endpoint=access.endpoint,
        timeout_seconds=loaded.settings.limits.http_timeout.total_seconds(),
        transport=doors.http,
        dates=doors.dates,
        steady=elapsed,
    )


def _sentry_http(loaded: Loaded, doors: Doors, *, seconds_max: float = inf) -> HttpClient:
    """`seconds_max`: what one request may take at most, be the configuration's limit longer."""
    access = _access(loaded.settings.sentry)
    token = loaded.secret(access.token)
    return HttpClient(
        Endpoint("sentry", access.url, access.allow_http, inside=self_hosted(access.url)),
        authorization=lambda: f"Bearer {token.reveal()}",
        limits=Limits(timeout_seconds=min(seconds_max, loaded.settings.limits.http_timeout.total_seconds())),
        transport=doors.http,
        dates=doors.dates,
    )


def _lookup_http(loaded: Loaded, doors: Doors) -> HttpClient | None:
    access, timeout = loaded.settings.app_store, loaded.settings.limits.http_timeout.total_seconds()
    if access is None:
        return None
    return HttpClient(
        Endpoint("itunes", access.lookup_endpoint or LOOKUP),
        limits=Limits(timeout_seconds=min(LOOKUP_SECONDS, timeout)),
        transport=doors.http,
    )
