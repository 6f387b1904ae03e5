"""What a pass can know: what each signal reads of a release, and the whole of it at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite

from stagedrollout.core.declared import Declaration
from stagedrollout.core.model import Release, StoreState, Unread
from stagedrollout.core.units import PPM_ALL


class Metric(StrEnum):
    CRASH_FREE_SESSIONS = "crash_free_sessions"
    CRASH_FREE_USERS = "crash_free_users"

    @property
    def words(self) -> str:
        """As people say it: "crash-free sessions"."""
        return self.value.replace("crash_free_", "crash-free ")


@dataclass(frozen=True, slots=True)
class Counts:
    """`total` sessions (or users), `bad` of them crashed. 0 <= bad <= total."""

    total: int
    bad: int

    @property
    def good_ppm(self) -> int:
        """The crash-free share in ppm, rounded down so that it is never flattered. Needs total > 0."""
        return (self.total - self.bad) * PPM_ALL // self.total


@dataclass(frozen=True, slots=True)
class Bucket:
    """One hour of one arm, keyed by the time the sessions started."""

    start: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of the comparison. `buckets` is empty where hours do not add up (distinct users)."""

    name: str
    window: Counts
    buckets: tuple[Bucket, ...] = ()


class Gap(StrEnum):
    """Why there is no number: the source has nothing, it could not be asked, or it talks nonsense."""

    ABSENT = "absent"
    FAILED = "failed"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading with numbers. `as_of` is the end of the newest hour in which either arm has data,
    at most the moment of asking. `baseline` is None when there is no earlier release to compare with.
    """

    signal: str
    metric: Metric
    candidate: Arm
    baseline: Arm | None
    since: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A reading without numbers, and why. Never taken for health."""

    signal: str
    metric: Metric
    gap: Gap
    why: str


@dataclass(frozen=True, slots=True)
class Stars:
    """How many gave one, two, three, four and five stars."""

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != 5 or any(count < 0 for count in self.counts):
            raise ValueError("stars are five counts of 0 or more, from one star to five")

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def given(self) -> int:
        """All stars together."""
        return sum(stars * count for stars, count in enumerate(self.counts, start=1))

    @property
    def mean_milli(self) -> int:
        """The mean in thousandths of a star, 1000..5000, rounded down. Needs total > 0."""
        return self.given * 1_000 // self.total

    @property
    def one_star_ppm(self) -> int:
        """The share of one-star reviews in ppm, rounded down. Needs total > 0."""
        return self.counts[0] * PPM_ALL // self.total


LOW_STARS = 2
LOWEST_MAX = 3
TEXT_MAX = 280
"""Reviews of so many stars or fewer are quoted: the newest few, and so many characters of each."""


@dataclass(frozen=True, slots=True)
class Review:
    """One written review. `text` is foreign: bounded, without control characters, and never trusted."""

    id: str
    written_at: datetime
    stars: int
    text: str


@dataclass(frozen=True, slots=True)
class DayOfStars:
    """The candidate's reviews that were written on one UTC day, which begins at `start`."""

    start: datetime
    stars: Stars


@dataclass(frozen=True, slots=True)
class Reviews:
    """The written reviews of a release since `since`, and those of the ones before it; asked at `as_of`.

    They are a sample: nobody must write, stores show them late, and star-only ratings are not among them
    (google-play.md section 7, app-store-connect.md section 11). `baseline` is None where there is no earlier
    release to compare with or nothing of it could be read; `baseline_name` is what people call it. `lowest`: the
    newest with one or two stars. `cut_short`: some of what should count could not be read, on either side.
    `newest`: when the newest of the candidate's was written; None without any. `days`: the candidate's by day.
    """

    signal: str
    candidate: Stars
    baseline: Stars | None
    lowest: tuple[Review, ...]
    since: datetime
    as_of: datetime
    baseline_name: str = ""
    cut_short: bool = False
    newest: datetime | None = None
    days: tuple[DayOfStars, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreAverage:
    """A country's average over all ratings, star-only ones included, as the store's page shows it.

    Of all versions together and up to a day old (app-store-connect.md section 12), so it never decides.
    `recent`: what was rated between two looks, as count and mean in thousandths; None until it is known.
    """

    signal: str
    country: str
    version: str
    mean_milli: int
    ratings: int
    recent: tuple[int, int] | None
    as_of: datetime


class Opinion(StrEnum):
    """In which form people say what they think."""

    REVIEWS = "reviews"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Unheard:
    """Reviews or averages that could not be read, and why. Never taken for content users."""

    signal: str
    opinion: Opinion
    gap: Gap
    why: str


@dataclass(frozen=True, slots=True)
class Value:
    """One arm's value, in the signal's unit. `sample`: of how many it was made; None where the source does not tell.

    Raises ValueError for NaN and infinity, which are no values.
    """

    number: float
    sample: int | None = None

    def __post_init__(self) -> None:
        if not isfinite(self.number):
            raise ValueError("a value is a finite number")


@dataclass(frozen=True, slots=True)
class Valued:
    """What a team's own signal says, of the candidate and of what people run beside it, over `since` to `as_of`.

    `as_of`: how new it is; the older arm counts. `baseline` is None without an earlier release (then `baseline_name` is
    "" too), or where the source has nothing of it.
    """

    signal: str
    declared: Declaration
    candidate: Value
    baseline: Value | None
    since: datetime
    as_of: datetime
    baseline_name: str = ""


@dataclass(frozen=True, slots=True)
class Unvalued:
    """A team's own signal without a value, and why. Never taken for health."""

    signal: str
    declared: Declaration
    gap: Gap
    why: str


Reading = Measured | Unmeasured | Reviews | StoreAverage | Unheard | Valued | Unvalued


@dataclass(frozen=True, slots=True)
class SignalQuery:
    """What to ask a signal: the candidate against the baseline releases, from `since` to `until`."""

    candidate: Release
    baseline: tuple[Release, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything one pass knows, at ONE `now`."""

    now: datetime
    store: StoreState | Unread
    readings: tuple[Reading, ...]
