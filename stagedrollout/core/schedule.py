"""When a stage is due: bake time and calendar. Instants in, instants out; nothing here asks the time.

Bake is the time elapsed between two recorded instants, so no clock change can shorten it. A calendar
speaks local time: a window that begins in a gap (clocks go forward) begins at the next valid instant, one
that begins in a fold (clocks go back) begins at the first of the two, once (promise R19).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from stagedrollout.core.calendar import Calendar, Freeze, Weekday
from stagedrollout.core.policy import Stay

_DAYS_AHEAD_MAX = 800
_STEP = timedelta(hours=24)
_MONDAY_FIRST = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Window:
    """Whether raises are allowed at an instant, and if not, why and from when on.

    `opens_at` is the instant asked about when open; None when nothing opens within two years.
    """

    open: bool
    freeze: Freeze | None
    opens_at: datetime | None


def window(calendar: Calendar, now: datetime) -> Window:
    """The calendar's answer at `now` (aware)."""
    today = now.astimezone(calendar.zone).date()
    freeze = _freeze_on(calendar, today)
    if freeze is None and _allowed_day(calendar, today) and _within_hours(calendar, now, today):
        return Window(open=True, freeze=None, opens_at=now)
    return Window(open=False, freeze=freeze, opens_at=_next_opening(calendar, now, today))


def step_window(calendar: Calendar, now: datetime) -> Window:
    """As `window`, for a raise that takes effect at any time within the next day (Apple's step): that day must be
    one on which raises are allowed as well, so that nothing grows while nobody is there."""
    asked = window(calendar, now)
    at, latest = (now if asked.open else asked.opens_at), now + timedelta(days=_DAYS_AHEAD_MAX)
    while at is not None and at < latest and not _allowed_on(calendar, at + _STEP):
        at = _next_opening(calendar, at, at.astimezone(calendar.zone).date())
    if asked.open and at == now:
        return asked
    return Window(open=False, freeze=asked.freeze, opens_at=at if at and at < latest else None)


def _allowed_on(calendar: Calendar, instant: datetime) -> bool:
    day = instant.astimezone(calendar.zone).date()
    return _allowed_day(calendar, day) and _freeze_on(calendar, day) is None


def bake_ends(stay: Stay, live_since: datetime) -> datetime:
    """The bake starts when people could really get the release, not when we asked for it."""
    return live_since + stay.bake


def _freeze_on(calendar: Calendar, day: date) -> Freeze | None:
    return next((freeze for freeze in calendar.freezes if freeze.first <= day <= freeze.last), None)


def _allowed_day(calendar: Calendar, day: date) -> bool:
    return _MONDAY_FIRST[day.weekday()] in calendar.weekdays


def _within_hours(calendar: Calendar, now: datetime, today: date) -> bool:
    """Compared as instants: what the clock on the wall shows twice is not allowed twice."""
    opens, closes = _hours_of(calendar, today)
    return calendar.hours is None or opens <= now < closes


def _hours_of(calendar: Calendar, day: date) -> tuple[datetime, datetime]:
    """From when until when, in UTC. The same instant twice where a gap swallows all of the hours."""
    start, end = (calendar.hours.start, calendar.hours.end) if calendar.hours else (time(0), time(0))
    ends_on = day + timedelta(days=1) if end == time(0) else day
    opens = first_instant(datetime.combine(day, start), calendar)
    return opens, first_instant(datetime.combine(ends_on, end), calendar)


def _next_opening(calendar: Calendar, now: datetime, today: date) -> datetime | None:
    for ahead in range(_DAYS_AHEAD_MAX):
        day = today + timedelta(days=ahead)
        if _freeze_on(calendar, day) is None and _allowed_day(calendar, day):
            opens, closes = _hours_of(calendar, day)
            if now < opens < closes:
                return opens
    return None


def first_instant(wall: datetime, calendar: Calendar) -> datetime:
    """The first instant at or after the local time `wall` (naive) in the calendar's zone, in UTC."""
    zone = calendar.zone
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
