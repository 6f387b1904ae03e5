"""A scenario: the story a world plays, as values. `scenario_file.py` reads it from YAML.

Times are durations from the start. Percentages are kept as integer parts per million.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PPM = 1_000_000
GOOGLE_PLAY = "google_play"
APP_STORE = "app_store"
STORES = (GOOGLE_PLAY, APP_STORE)
REVIEWS_PER_MILLION_SESSIONS = 15.0
ABNORMAL_PPM = 1_000
CHECKOUT_ERRORS_PPM = 10_000


@dataclass(frozen=True, slots=True)
class RolledOut:
    """The team's CI rolls the release out at `at`; the store reviews it for `review`."""

    at: timedelta
    exposure_ppm: int
    review: timedelta


@dataclass(frozen=True, slots=True)
class Submitted:
    """The team submits a version to the App Store at `at`; Apple reviews it for `review`.

    `release_type` is manual (it then waits for a release request), after_approval or scheduled.
    `processing` lies between a release and the moment people can get it.
    """

    at: timedelta
    review: timedelta
    release_type: str = "after_approval"
    phased: bool = True
    processing: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Onset:
    """From `at` on, `crash_free_ppm` of the release's sessions end without a crash."""

    at: timedelta
    crash_free_ppm: int


@dataclass(frozen=True, slots=True)
class StarsOnset:
    """From `at` on, people give the release `stars` on average, 1 to 5."""

    at: timedelta
    stars: float


@dataclass(frozen=True, slots=True)
class RatingsBefore:
    """What a store has of an app when the story begins: `count` ratings in all countries, `stars` on average.

    The default is the sample of app-store-connect.md section 12.
    """

    count: int = 18_234
    stars: float = 4.66


@dataclass(frozen=True, slots=True)
class ReleaseStory:
    """The first release of an app is out to everyone before the story begins; others begin as drafts.

    `rolled_out` is for Google Play, `submitted` for the App Store.
    `stars`: what people give it on average, 1 to 5; None: it follows from how often it crashes.
    `abnormal_ppm`: how many of the sessions that do not crash freeze or are killed by the system.
    `issues`: titles of the crashes that Sentry first sees in it, those of most people first; from its onset on, if it
    has one.
    `checkout_errors_ppm`: how many of those who check out do not come through.
    `anr_ppm`: how many of a day's users meet an ANR that Play's vitals tell of, and no SDK; None: as many as have a
    session that ends abnormally.
    """

    version: str
    code: int
    crash_free_ppm: int
    rolled_out: RolledOut | None = None
    onset: Onset | None = None
    stars: float | None = None
    stars_onset: StarsOnset | None = None
    submitted: Submitted | None = None
    abnormal_ppm: int = ABNORMAL_PPM
    checkout_errors_ppm: int = CHECKOUT_ERRORS_PPM
    anr_ppm: int | None = None
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkStory:
    """The daemon is to roll the app out on both stores as one, led by `lead` up to `after_ppm`."""

    lead: str
    after_ppm: int


@dataclass(frozen=True, slots=True)
class AppStory:
    """One app on one store; the same app on both stores is two of these with one name.

    `population`: daily users on this store. `uptake`: time constant with which offered users update.
    `package` is the bundle id on the App Store, `app_id` (digits) its number there; `track` is Play's.
    `manual_share_ppm`: who updates by hand as soon as a version is out, whatever its phase (App Store).
    `reviews_per_million_sessions`: how many people write a review; ten times as many give stars only.
    `policy` "": the scenario's. `countries`: whose averages the daemon is to look up (App Store).
    `link` is said once for both stores of an app.
    """

    name: str
    store: str
    package: str
    track: str
    population: int
    sessions_per_user: float
    uptake: timedelta
    review: timedelta
    releases: tuple[ReleaseStory, ...]
    reviews_per_million_sessions: float = REVIEWS_PER_MILLION_SESSIONS
    ratings: RatingsBefore = RatingsBefore()
    app_id: str = ""
    processing: timedelta = timedelta(minutes=30)
    manual_share_ppm: int = 0
    policy: str = ""
    countries: tuple[str, ...] = ()
    link: LinkStory | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does in a store's console. Fields that an act does not use are None."""

    app: str
    act: str
    exposure_ppm: int | None = None
    version: str | None = None
    code: int | None = None
    crash_free_ppm: int | None = None
    store: str = GOOGLE_PLAY


@dataclass(frozen=True, slots=True)
class PlannedAct:
    at: timedelta
    act: Act


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the team: `os_user` on the daemon's machine, `slack` by id. `rights` None: all there are."""

    name: str
    os_user: str = ""
    slack: str = ""
    groups: tuple[str, ...] = ()
    rights: tuple[str, ...] | None = None

    def account(self, via: str) -> str:
        """What they are called there; "" where they are not."""
        return self.slack if via == "slack" else self.os_user


@dataclass(frozen=True, slots=True)
class Ordered:
    """What somebody of the team tells the daemon at `at`. The emulator only hands it out; "" and None: not said."""

    at: timedelta
    by: str
    verb: str
    app: str
    store: str
    release: str
    reason: str
    to_ppm: int | None = None
    lasts: timedelta | None = None
    policy: str = ""
    via: str = "cli"


@dataclass(frozen=True, slots=True)
class Outage:
    """A service fails from `begins` until `ends` (None: to the end of the story)."""

    service: str
    begins: timedelta
    ends: timedelta | None
    kind: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """What a narrator says at `at`, for those who watch."""

    at: timedelta
    text: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """`path` is the file it came from; policies given as a path are looked for beside it."""

    name: str
    story: str
    seed: int
    start: datetime
    until: timedelta
    poll: timedelta
    policy: str
    mode: str
    on_new_release: str
    apps: tuple[AppStory, ...]
    people: tuple[PlannedAct, ...] = ()
    team: tuple[Member, ...] = ()
    orders: tuple[Ordered, ...] = ()
    outages: tuple[Outage, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    switches: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    source: str = ""

    @property
    def ends(self) -> datetime:
        return self.start + self.until


def usual_store(apps: tuple[AppStory, ...], name: str) -> str:
    """Where an act on the app called `name` is meant when nobody says so: Google Play if it is there."""
    stores = {story.store for story in apps if story.name == name}
    return APP_STORE if stores == {APP_STORE} else GOOGLE_PLAY
