"""The settings of a daemon: what the configuration file is read into. There is no second model.

Every limit says its unit, its default and why; durations are written like 45s, 15m or 2h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from stagedrollout.config.database import STATE
from stagedrollout.config.escalation import Digest, Escalation, Reminders
from stagedrollout.config.fields import (
    AppName,
    AppStoreId,
    BundleId,
    CalendarName,
    ChannelId,
    CountryCode,
    DatabaseUrl,
    EnvironmentName,
    FolderName,
    IssuerId,
    KeyId,
    ListenAddress,
    PackageName,
    PolicyName,
    ReleaseTemplate,
    Slug,
    TrackName,
    WebAddress,
    between,
    count,
)
from stagedrollout.config.secrets import SecretReference
from stagedrollout.config.signals import (
    GrafanaAccess,
    NewRelicAccess,
    PrometheusAccess,
    SignalSettings,
)
from stagedrollout.core.linking import Link
from stagedrollout.core.model import Mode, OnNewRelease, Store, Supersede
from stagedrollout.core.people import EVERY_RIGHT, GroupName, Person, Right, SlackGroupId, doubles
from stagedrollout.core.units import FromFile
from stagedrollout.http.database import SQLITE


class ClockSource(StrEnum):
    """Whose time counts: the machine's, or (for rehearsals only) the emulator's."""

    SYSTEM = "system"
    EMULATOR = "emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class GooglePlayAccess(FromFile):
    """Whom we are to Google Play, for all apps."""

    credentials: SecretReference
    """The JSON key of a service account (google-play.md section 1)."""

    endpoint: WebAddress = ""
    """The publisher API's base address. Empty: Google's own. Others only on loopback."""

    reporting_endpoint: WebAddress = ""
    """Where vitals are read. Empty: Google's own. Others only on loopback."""

    storage_endpoint: WebAddress = ""
    """Where the bucket of `ratings_csv` is. Empty: Google's own. Others only on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStoreAccess(FromFile):
    """Whom we are to App Store Connect, for all apps (app-store-connect.md section 2)."""

    key: SecretReference
    """The .p8 file of an API key; App Manager is the least role that may pause and release."""

    key_id: KeyId
    issuer_id: IssuerId = ""
    """Of the team whose key it is. Empty: it is an individual key, which has its user's apps and role."""

    endpoint: WebAddress = ""
    """The API's base address. Empty: Apple's own. Others only on loopback."""

    lookup_endpoint: WebAddress = ""
    """Where the public averages are looked up. Empty: Apple's own. Others only on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentryAccess(FromFile):
    """Whom we are to Sentry, for all apps."""

    organization: Slug
    token: SecretReference
    """An internal integration's token with org:read and project:read; with event:read too, new crashes are told below
    each halt. An organization token lacks the scopes (sentry.md section 1)."""

    url: WebAddress = "https://sentry.io"
    """The region's address (https://us.sentry.io, https://de.sentry.io) or that of a self-hosted server."""

    allow_http: bool = False
    """Plain http to a self-hosted server beyond loopback. False: a token in clear text is a token lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackGroup(FromFile):
    """The members of a Slack user group, as far as they are not listed under `people` themselves."""

    id: SlackGroupId
    groups: tuple[GroupName, ...] = ()
    rights: tuple[Right, ...] = EVERY_RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackAccess(FromFile):
    """Where notices go."""

    token: SecretReference
    """A bot token with chat:write; with files:write too, a picture follows each halt."""

    channel: ChannelId
    """An id, because names are ambiguous (slack.md section 1)."""

    fallback_channel: ChannelId = ""
    """Another channel's id: halts and alarms go there too while `channel` does not take them. Empty: the log."""

    endpoint: WebAddress = ""
    """The Web API's base address, ending in /api/. Empty: Slack's own. Others only on loopback."""

    buttons: bool = False
    """Whether messages can be answered by pressing: halt, hold, approve, resume. Whoever may is listed."""

    app_token: SecretReference | None = None
    """An app-level token (xapp-...) with connections:write, by which presses come in: Socket Mode (slack.md section 6)."""

    user_groups: tuple[SlackGroup, ...] = ()
    """Whose members may press too; the bot token needs usergroups:read for it."""

    def __post_init__(self) -> None:
        if self.buttons and self.app_token is None:
            raise ValueError("buttons needs app_token: presses come in by Socket Mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentrySource(FromFile):
    """Where one app's crash-free rates are."""

    project: Slug
    """Slug or number of the project; a number is written in quotes."""

    environment: EnvironmentName = "production"

    release: ReleaseTemplate = "{package}@{version}+{build}"
    """How the app names its releases in Sentry; the default is the mobile SDKs' (sentry.md section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayListing(FromFile):
    """One app on Google Play."""

    package: PackageName
    sentry: SentrySource
    track: TrackName = "production"
    signals: tuple[SignalSettings, ...] = ()
    """The team's own signals of this app; policies have gates on them by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStoreListing(FromFile):
    """One iOS app on the App Store."""

    app_id: AppStoreId
    """The app's number in App Store Connect; the API knows no other name for it (section 3)."""

    bundle_id: BundleId
    sentry: SentrySource
    countries: tuple[CountryCode, ...] = ()
    """Whose public rating averages are shown. Empty: none is looked up."""

    signals: tuple[SignalSettings, ...] = ()
    """The team's own signals of this app; policies have gates on them by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings(FromFile):
    """One app in the stores it is published in."""

    name: AppName
    policy: PolicyName
    """The policy for releases that appear by themselves, and the default of `start`."""

    mode: Mode = Mode.OBSERVE
    """`observe` until somebody has seen it decide well; `act` is said per app."""

    on_new_release: OnNewRelease = OnNewRelease.WAIT

    supersede: Supersede = Supersede.FINISH
    """What becomes of a rollout when a newer release waits to be started. Per app and not per policy: two releases
    meet in it, each perhaps under a policy of its own, and before the newer one is started nobody knows which.
    `finish`: what appears by itself, such as a nightly draft, neither stops nor replaces a rollout on evidence."""

    google_play: PlayListing | None = None
    app_store: AppStoreListing | None = None
    link: Link | None = None
    """Roll it out on both stores as one: one store leads, and a halt on either holds the other. Left out: each store
    goes its own way."""

    @property
    def stores(self) -> tuple[Store, ...]:
        """The stores this app is published in, at least one."""
        listings = {Store.GOOGLE_PLAY: self.google_play, Store.APP_STORE: self.app_store}
        return tuple(store for store, listing in listings.items() if listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(FromFile):
    """Everything the daemon does is bounded; these are the bounds a team may have a reason to move."""

    pass_deadline: Annotated[timedelta, between("10s", "5m", example="45s")] = timedelta(seconds=45)
    """Time for one pass over one app. 45s: two slow calls and their repetition, far below a poll."""

    pass_workers: Annotated[int, count(1, 64, example="8")] = 8
    """Passes at the same time, while none hangs: a pass waits for its place 1 s at most, so that no halt waits for
    another app. With apps on both stores each store has half of them, so that one that hangs takes none of the other's.
    8: they take turns at the processor and the database."""

    halt_workers: Annotated[int, count(1, 16, example="4")] = 4
    """Halts of one app at the same time, on threads that no pass and no other app can occupy. 4: more releases of one
    app are hardly ever out at once."""

    http_timeout: Annotated[timedelta, between("1s", "2m", example="20s")] = timedelta(seconds=20)
    """Time for one request. 20s: Play's commits take several seconds, and a lost reply should cost one."""

    drain: Annotated[timedelta, between("1s", "5m", example="25s")] = timedelta(seconds=25)
    """Time to finish what is under way after SIGTERM. 25s: service managers kill after 30."""

    lease: Annotated[timedelta, between("10s", "10m", example="60s")] = timedelta(seconds=60)
    """Of several replicas on PostgreSQL, how long one that falls silent keeps its apps. 60s: a request that it sent right
    before is over by then. Never less than that takes: 2.4 times http_timeout, and 9 s."""

    def __post_init__(self) -> None:
        if self.http_timeout >= self.pass_deadline:
            raise ValueError("http_timeout must be shorter than pass_deadline: a pass makes several requests")

    @property
    def longest_request(self) -> timedelta:
        """What a request of a raise takes at most: Google's client waits for an answer's beginning and for its end, and before
        that for a connection (stores/google_play/wire.py)."""
        return 2 * self.http_timeout + timedelta(seconds=5)

    @property
    def keeps_lease(self) -> timedelta:
        """How long a lease lasts after a sign of life, of which there are six in it: also right before the next one there is
        time for a request."""
        return max(self.lease, 1.2 * (self.longest_request + timedelta(seconds=2)))

    @property
    def left_open(self) -> timedelta:
        """How long at most a server may keep the locks of a process that has stopped in the middle of a transaction: half a
        lease. One that stops right before its next sign of life has them no more when its lease is over."""
        return self.keeps_lease / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings(FromFile):
    """What the daemon tells about itself, and where. What is left out is not told."""

    sentry_dsn: SecretReference | None = None
    """Where its own mistakes go (sentry.md section 9)."""

    environment: EnvironmentName = "production"

    monitor: Slug = ""
    """The slug of a cron monitor, which the first check-in makes. It alarms within two polls of the last sign."""

    heartbeat_file: str = ""
    """Written every 10 s, on a local disk. A relative file is looked for beside the configuration."""

    dead_man_url: SecretReference | None = None
    """Asked for once a minute while every app is looked at in time: whoever misses it raises the alarm. A secret, for
    whoever knows the address can say so too."""

    listen: ListenAddress = ""
    """Where /healthz, /readyz and /metrics are answered, like 127.0.0.1:9464. Nobody is asked for a password."""

    allow_network: bool = False
    """Beyond this machine too. False: whoever reaches the port reads the names of apps and releases, and how they do."""

    def __post_init__(self) -> None:
        if self.monitor and self.sentry_dsn is None:
            raise ValueError("monitor needs sentry_dsn: its check-ins are sent there")
        if self.monitor and not re.fullmatch(r"(?![0-9]+\Z)[a-z0-9_-]{1,50}", self.monitor):
            raise ValueError("monitor takes up to 50 small letters, digits, - and _, like stagedrollout")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSettings(FromFile):
    """An iCalendar whose entries are freezes, for the policies that name it (`calendar: {icalendars: [name]}`)."""

    name: CalendarName
    file: str = ""
    """A relative one is looked for beside the configuration."""

    url: WebAddress = ""
    """https only, except on loopback. Read without a credential; redirects are not followed."""

    secret_url: SecretReference | None = None
    """An address that is a secret itself, because whoever knows it reads the calendar (Google's "secret address")."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.file, self.url, self.secret_url))) != 1:
            raise ValueError("a calendar is in one place: write file, url or secret_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(FromFile):
    """The whole configuration file."""

    database: DatabaseUrl
    """Where the journal is: a file, which is looked for beside the configuration, or a database of PostgreSQL."""

    apps: tuple[AppSettings, ...]

    poll: Annotated[timedelta, between("1m", "6h", example="15m")] = timedelta(minutes=15)
    """Time between two looks at an app, 1m to 6h. 15m: the sources count in hours, halts should not."""

    retention: Annotated[timedelta, between("90d", "3650d", example="400d")] = timedelta(days=3650)
    """How long a rollout stays in the database after it was over, 90d to 3650d; then `stagedrollout db prune` archives it.
    3650d: a journal grows by a few megabytes a year for each app, and nothing is lost that somebody might ask for."""

    database_password: SecretReference | None = None
    """Of postgresql://. Left out: none is needed, or libpq finds it (PGPASSWORD, PGPASSFILE)."""

    state: FolderName = STATE
    """Folder, beside this file, for what must outlive a database of PostgreSQL: the high-water mark, halts that wait for
    the journal, the seal of buttons. Keep it on a disk that stays. Beside SQLite's file they stand without it."""

    google_play: GooglePlayAccess | None = None
    app_store: AppStoreAccess | None = None
    sentry: SentryAccess | None = None
    slack: SlackAccess | None = None
    prometheus: PrometheusAccess | None = None
    grafana: GrafanaAccess | None = None
    new_relic: NewRelicAccess | None = None

    policies: tuple[FolderName, ...] = ()
    """Folders with policies of your own, beside the shipped ones; one of the same name takes precedence."""

    calendars: tuple[CalendarSettings, ...] = ()
    """iCalendars with freezes. Here and not in a policy: they are addresses, and one is read once for all policies."""

    clock: ClockSource = ClockSource.SYSTEM
    """`emulator` is accepted only when every address is on loopback."""

    emulator: WebAddress = ""
    """The emulator whose clock counts; only with `clock: emulator`."""

    people: tuple[Person, ...] = ()
    """Who may order what. Empty: rights are not managed, and whoever can write the database may order everything."""

    escalation: Escalation | None = None
    """Whom to wake where nobody answers. Left out: nobody."""

    reminders: Reminders | None = None
    digest: Digest | None = None

    limits: Limits = Limits()
    health: HealthSettings = HealthSettings()

    def __post_init__(self) -> None:
        if wrong := doubles(self.people):
            raise ValueError("; ".join(wrong))
        if self.database_password and self.database.startswith(SQLITE):
            raise ValueError("database_password is for postgresql:// only: a file has none")
        slack = self.slack
        if slack is None and self.escalation and self.escalation.channel:
            raise ValueError("escalation.channel needs a section slack, with a token")
        if slack and slack.buttons and not (slack.user_groups or any(p.slack for p in self.people)):
            raise ValueError(
                "slack.buttons needs somebody who may press: people with slack, or slack.user_groups"
            )

    def app(self, name: str) -> AppSettings | None:
        return next((app for app in self.apps if app.name == name), None)
