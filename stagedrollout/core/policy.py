"""A policy: the schedule, the gates, the calendar, and what to do when nobody knows.

These dataclasses are what a policy file is read into; there is no second model. Whatever a field cannot
say alone (order of stages, a calendar that never opens) is checked in `__post_init__`, in words for the
person who wrote the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stagedrollout.core.observation import Metric
from stagedrollout.core.units import PPM_ALL, Duration, FromFile, Percent, Written, ppm_from_percent


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


EVERY_DAY = tuple(Weekday)


def _clock_time(text: object) -> time:
    if isinstance(text, time):
        return text
    try:
        clock = time.fromisoformat(str(text))
    except ValueError:
        raise ValueError('a time of day is written like "09:00"') from None
    if clock.tzinfo is not None:
        raise ValueError('a time of day is written like "09:00"; the zone stands in time_zone')
    return clock


def _day(text: object) -> date:
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ValueError("a day is written like 2026-12-20") from None


TimeOfDay = Annotated[time, Written(_clock_time, "09:00")]
Day = Annotated[date, Written(_day, "2026-12-20")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(FromFile):
    """Stay at `percent` for at least `bake`, with at least `min_sample` candidate sessions seen in it."""

    percent: Percent
    bake: Duration = timedelta(0)
    min_sample: int = 0

    def __post_init__(self) -> None:
        if self.percent <= 0:
            raise ValueError("a stage reaches somebody: percent must be more than 0")
        if self.min_sample < 0:
            raise ValueError("min_sample counts sessions: 0 or more")
        if self.percent < 100 and self.bake <= timedelta(0):
            raise ValueError("a stage below 100 % needs a bake time, for example bake: 24h")
        if self.percent == 100 and (self.bake or self.min_sample):
            raise ValueError("after 100 % there is nothing to wait for: use watch instead of bake")

    @property
    def exposure_ppm(self) -> int:
        return ppm_from_percent(self.percent)


class Role(StrEnum):
    """REQUIRED gates hold and halt; ADVISORY ones are shown and never decide."""

    REQUIRED = "required"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(FromFile):
    """A catastrophe floor: FAIL when `metric` over the last `window` is under `floor` percent.

    It speaks only from `min_sample` sessions (or users) on, passes only while the newest data are at
    most `freshness` old, and fails only after `confirm` consecutive polls.
    """

    metric: Metric
    floor: Percent
    min_sample: int
    window: Duration = timedelta(hours=24)
    freshness: Duration = timedelta(hours=2)
    confirm: int = 2
    role: Role = Role.REQUIRED

    def __post_init__(self) -> None:
        if not 0 < self.floor < 100:
            raise ValueError("floor is a crash-free percentage between 0 and 100, for example 99.0")
        if self.min_sample < 1:
            raise ValueError("min_sample must be at least 1: a gate without data knows nothing")
        if not 1 <= self.confirm <= 100:
            raise ValueError("confirm is a number of polls from 1 to 100")
        if not timedelta(hours=1) <= self.window <= timedelta(days=14):
            raise ValueError("window must be from 1h to 14d: the sources count in hours")
        if self.freshness < timedelta(minutes=30):
            raise ValueError("freshness must be at least 30m: the sources need that to settle")

    @property
    def floor_ppm(self) -> int:
        return ppm_from_percent(self.floor)

    @property
    def name(self) -> str:
        return self.metric.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(FromFile):
    """From `start` until `end`, local time. `end: "00:00"` means the end of the day."""

    start: TimeOfDay
    end: TimeOfDay

    def __post_init__(self) -> None:
        if self.end != time(0) and self.end <= self.start:
            raise ValueError("hours must end after they start, on the same day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(FromFile):
    """No raise from the first day to the last one, both included, in the calendar's time zone."""

    first: Day
    last: Day
    reason: str

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a freeze's last day is before its first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar(FromFile):
    """When raises are allowed. Halts never look at it."""

    time_zone: str = "UTC"
    weekdays: tuple[Weekday, ...] = EVERY_DAY
    hours: Hours | None = None
    freezes: tuple[Freeze, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {self.time_zone!r}: write it like Europe/Berlin") from None
        if not self.weekdays:
            raise ValueError("without weekdays nothing would ever be raised")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class OnUnknown(StrEnum):
    HOLD = "hold"
    HALT = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownData(FromFile):
    """When required data stay missing, stale or erroneous for `after`: keep holding, or halt."""

    action: OnUnknown = OnUnknown.HOLD
    after: Duration = timedelta(hours=24)


class Completion(StrEnum):
    """Whether the daemon itself may go from the last stage to everyone."""

    AUTOMATIC = "automatic"
    BY_HAND = "by_hand"


class HaltInReview(StrEnum):
    """When a halt meets changes that are in review: cancel that review at once, or ask a human."""

    CANCEL_REVIEW = "cancel_review"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(FromFile):
    """`settle`: sessions younger than this may halt, but do not count as evidence for a raise,
    because crashes are reported at the next launch (sentry.md section 4)."""

    name: str
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...]
    description: str = ""
    completion: Completion = Completion.BY_HAND
    watch: Duration = timedelta(hours=72)
    settle: Duration = timedelta(hours=1)
    calendar: Calendar = Calendar()
    unknown_data: UnknownData = UnknownData()
    halt_in_review: HaltInReview = HaltInReview.CANCEL_REVIEW

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a policy needs at least one stage")
        if not any(gate.role is Role.REQUIRED for gate in self.gates):
            raise ValueError("a policy needs at least one required gate: it never raises without evidence")
        percents = [stage.percent for stage in self.stages]
        for earlier, later in pairwise(percents):
            if later <= earlier:
                raise ValueError(f"stages must rise: {later} % comes after {earlier} %")
        metrics = [gate.metric for gate in self.gates]
        if len(set(metrics)) != len(metrics):
            raise ValueError("two gates on one metric contradict each other")
        if self.completion is Completion.AUTOMATIC and percents[-1] != Decimal(100):
            raise ValueError("completion: automatic needs a last stage of percent: 100")

    def next_stage(self, exposure_ppm: int) -> Stage | None:
        """The first stage above what the store shows; None when there is none. Never skips one."""
        return next((stage for stage in self.stages if stage.exposure_ppm > exposure_ppm), None)

    def stage_at(self, exposure_ppm: int) -> Stage:
        """The stage whose bake and sample count at this exposure: the highest one at or below it.

        Below the first stage (somebody started lower by hand) the first stage's terms hold.
        """
        reached = [stage for stage in self.stages if stage.exposure_ppm <= exposure_ppm < PPM_ALL]
        return reached[-1] if reached else self.stages[0]
