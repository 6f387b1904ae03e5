"""A policy's calendar: on which days, in which hours raises are allowed, and when nothing is raised at all.

What an instant means in it (gaps, folds, the next opening) is worked out in schedule.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stagedrollout.core.units import FromFile, Written


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
    def has_two_days_in_a_row(self) -> bool:
        """Whether a day with raises is ever followed by another."""
        days = tuple(Weekday)
        return any(day in self.weekdays and days[(n + 1) % 7] in self.weekdays for n, day in enumerate(days))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
