"""A policy's calendar: on which days, in which hours raises are allowed, and when nothing is raised at all.

What an instant means in it (gaps, folds, the next opening) is worked out in schedule.py. Public holidays and
iCalendars stand in the file by name only; what they say is found out at the edges, and comes in as values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stagedrollout.core.freezing import Frozen, unread
from stagedrollout.core.units import FromFile, Percent, Written, ppm_from_percent


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
class Share(FromFile):
    """Other days or hours for raises to `at_least` so many percent: "1 % on Friday is fine, 10 % is not".

    By share and not in a stage: the same sentence then holds on the App Store, where Apple has its own stages.
    """

    at_least: Percent
    weekdays: tuple[Weekday, ...] | None = None
    hours: Hours | None = None

    def __post_init__(self) -> None:
        if self.weekdays is None and self.hours is None:
            raise ValueError("at_least alone changes nothing: add weekdays, hours or both")
        if self.weekdays == ():
            raise ValueError("without weekdays nothing would ever be raised so far")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays(FromFile):
    """The public holidays of a country and, if it is said, of one of its parts; each is a freeze of a day."""

    country: str
    subdivision: str = ""

    def __str__(self) -> str:
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar(FromFile):
    """When raises are allowed. Halts never look at it.

    `icalendars`: names from the configuration's `calendars`; each entry in them is a freeze.
    """

    time_zone: str = "UTC"
    weekdays: tuple[Weekday, ...] = EVERY_DAY
    hours: Hours | None = None
    shares: tuple[Share, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    icalendars: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {self.time_zone!r}: write it like Europe/Berlin") from None
        if not self.weekdays:
            raise ValueError("without weekdays nothing would ever be raised")
        for earlier, later in pairwise(share.at_least for share in self.shares):
            if later <= earlier:
                raise ValueError(f"shares must rise: at_least {later} comes after {earlier}")

    def for_share(self, exposure_ppm: int) -> Calendar:
        """The calendar for a raise to that share. Each entry of `shares` that it reaches changes what the ones before
        it said, and what an entry leaves out stays."""
        reached = [share for share in self.shares if ppm_from_percent(share.at_least) <= exposure_ppm]
        weekdays = [share.weekdays for share in reached if share.weekdays is not None]
        hours = [share.hours for share in reached if share.hours is not None]
        if not reached:
            return self
        return replace(
            self,
            weekdays=weekdays[-1] if weekdays else self.weekdays,
            hours=hours[-1] if hours else self.hours,
            shares=(),
        )

    @property
    def has_two_days_in_a_row(self) -> bool:
        """Whether a day with raises is ever followed by another."""
        days = tuple(Weekday)
        return any(day in self.weekdays and days[(n + 1) % 7] in self.weekdays for n, day in enumerate(days))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def closed(self) -> tuple[Frozen, ...]:
        """What freezes beside `freezes`. Here nobody has found that out yet."""
        return (_NOT_READ,) if self.holidays or self.icalendars else ()

    def with_holidays(self, public: tuple[Frozen, ...]) -> ReadCalendar:
        """The same calendar, now that it is known when those are."""
        return ReadCalendar(**{**_fields(self), "public": public})

    def with_entries(self, entries: tuple[Frozen, ...]) -> ReadCalendar:
        """The same calendar, now that its iCalendars have been read."""
        return ReadCalendar(**{**_fields(self), "entries": entries})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCalendar(Calendar):
    """A calendar with what others say of it. A type of its own, so that no file can write it: `public` are the
    holidays, `entries` those of the iCalendars; None: not found out yet, which freezes."""

    public: tuple[Frozen, ...] | None = None
    entries: tuple[Frozen, ...] | None = None

    @property
    def closed(self) -> tuple[Frozen, ...]:
        unknown = (self.public is None and self.holidays) or (self.entries is None and self.icalendars)
        return (*(self.public or ()), *(self.entries or ()), *((_NOT_READ,) if unknown else ()))


def _fields(calendar: Calendar) -> dict[str, Any]:
    return {entry.name: getattr(calendar, entry.name) for entry in fields(calendar)}


_NOT_READ = unread("its holidays and iCalendars have not been looked up yet")
