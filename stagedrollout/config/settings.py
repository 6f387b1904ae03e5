"""The settings of a daemon: what the configuration file is read into. There is no second model.

Every limit says its unit, its default and why; durations are written like 45s, 15m or 2h.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from stagedrollout.config.fields import (
    AppName,
    ChannelId,
    DatabaseUrl,
    EnvironmentName,
    FolderName,
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
from stagedrollout.core.model import Mode, OnNewRelease, Store
from stagedrollout.core.units import FromFile


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SentryAccess(FromFile):
    """Whom we are to Sentry, for all apps."""

    organization: Slug
    token: SecretReference
    """An internal integration's token; an organization token lacks the scope (sentry.md section 1)."""

    url: WebAddress = "https://sentry.io"
    """The region's address (https://us.sentry.io, https://de.sentry.io) or that of a self-hosted server."""

    allow_http: bool = False
    """Plain http to a self-hosted server beyond loopback. False: a token in clear text is a token lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackAccess(FromFile):
    """Where notices go."""

    token: SecretReference
    """A bot token with chat:write."""

    channel: ChannelId
    """An id, because names are ambiguous (slack.md section 1)."""

    endpoint: WebAddress = ""
    """The Web API's base address, ending in /api/. Empty: Slack's own. Others only on loopback."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings(FromFile):
    """One app in the stores it is published in."""

    name: AppName
    policy: PolicyName
    """The policy for releases that appear by themselves, and the default of `start`."""

    mode: Mode = Mode.OBSERVE
    """`observe` until somebody has seen it decide well; `act` is said per app."""

    on_new_release: OnNewRelease = OnNewRelease.WAIT
    google_play: PlayListing | None = None

    @property
    def stores(self) -> tuple[Store, ...]:
        """The stores this app is published in, at least one."""
        return (Store.GOOGLE_PLAY,) if self.google_play else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(FromFile):
    """Everything the daemon does is bounded; these are the bounds a team may have a reason to move."""

    pass_deadline: Annotated[timedelta, between("10s", "5m", example="45s")] = timedelta(seconds=45)
    """Time for one pass over one app. 45s: two slow calls and their repetition, far below a poll."""

    pass_workers: Annotated[int, count(1, 64, example="8")] = 8
    """Passes at the same time. 8: twenty apps with slow services still finish well within a poll."""

    halt_workers: Annotated[int, count(1, 16, example="4")] = 4
    """Halts at the same time, on threads no pass can occupy. 4: more apps failing at once is one cause."""

    http_timeout: Annotated[timedelta, between("1s", "2m", example="20s")] = timedelta(seconds=20)
    """Time for one request. 20s: Play's commits take several seconds, and a lost reply should cost one."""

    drain: Annotated[timedelta, between("1s", "5m", example="25s")] = timedelta(seconds=25)
    """Time to finish what is under way after SIGTERM. 25s: service managers kill after 30."""

    def __post_init__(self) -> None:
        if self.http_timeout >= self.pass_deadline:
            raise ValueError("http_timeout must be shorter than pass_deadline: a pass makes several requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(FromFile):
    """The whole configuration file."""

    database: DatabaseUrl
    """Where the journal is. A relative file is looked for beside the configuration."""

    apps: tuple[AppSettings, ...]

    poll: Annotated[timedelta, between("1m", "6h", example="15m")] = timedelta(minutes=15)
    """Time between two looks at an app, 1m to 6h. 15m: the sources count in hours, halts should not."""

    google_play: GooglePlayAccess | None = None
    sentry: SentryAccess | None = None
    slack: SlackAccess | None = None

    policies: tuple[FolderName, ...] = ()
    """Folders with policies of your own, beside the shipped ones; one of the same name takes precedence."""

    clock: ClockSource = ClockSource.SYSTEM
    """`emulator` is accepted only when every address is on loopback."""

    emulator: WebAddress = ""
    """The emulator whose clock counts; only with `clock: emulator`."""

    limits: Limits = Limits()

    def app(self, name: str) -> AppSettings | None:
        return next((app for app in self.apps if app.name == name), None)
