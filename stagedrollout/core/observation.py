"""What a pass can know: what each signal reads of a release, and the whole of it at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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


Reading = Measured | Unmeasured


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
