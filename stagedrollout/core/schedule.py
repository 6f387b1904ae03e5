"""When a stage is due: bake time, calendar and freezes. Instants in, instants out; nothing here asks the time.

Bake is the time elapsed between two recorded instants, so no clock change can shorten it. A calendar
speaks local time: a window that begins in a gap (clocks go forward) begins at the next valid instant, one
that begins in a fold (clocks go back) begins at the first of the two, once (promise R19).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache

from stagedrollout.core.calendar import Calendar, Weekday
from stagedrollout.core.freezing import EVER, Cause, Entry, Frozen
from stagedrollout.core.model import Store
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Policy, Stay
from stagedrollout.core.units import PPM_ALL

_DAYS_AHEAD_MAX = 800
_STEP = timedelta(hours=24)
_MONDAY_FIRST = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Window:
    """Whether raises are allowed at an instant, and if not, why and from when on.

    `opens_at` is the instant asked about when open; None when nothing opens within two years, or nobody knows.
    """

    open: bool
    freeze: Frozen | None
    opens_at: datetime | None


def opening(policy: Policy, store: Store, target_ppm: int, at: datetime) -> Window:
    """The calendar's answer to a raise to that share at `at`: where Apple is let take a step, its day counts too."""
    calendar = policy.calendar.for_share(target_ppm)
    guarded = store is Store.APP_STORE and policy.app_store.mode is Pacing.GUARDED
    return step_window(calendar, at) if guarded and target_ppm != PPM_ALL else window(calendar, at)


def window(calendar: Calendar, now: datetime) -> Window:
    """The calendar's answer at `now` (aware)."""
    today = now.astimezone(calendar.zone).date()
    freeze = frozen_at(calendar, now)
    if freeze is None and allowed_day(calendar, today) and _within_hours(calendar, now, today):
        return Window(open=True, freeze=None, opens_at=now)
    return Window(open=False, freeze=freeze, opens_at=_next_opening(calendar, now))


def step_window(calendar: Calendar, now: datetime) -> Window:
    """As `window`, for a raise that takes effect at any time within the next day (Apple's step): that day must be
    one on which raises are allowed as well, so that nothing grows while nobody is there."""
    asked = window(calendar, now)
    at, latest = (now if asked.open else asked.opens_at), now + timedelta(days=_DAYS_AHEAD_MAX)
    while at is not None and at < latest and not _allowed_for_a_day(calendar, at):
        at = _after_the_freeze(calendar, at) or _next_opening(calendar, at)
    if asked.open and at == now:
        return asked
    return Window(open=False, freeze=asked.freeze, opens_at=at if at and at < latest else None)


def _allowed_for_a_day(calendar: Calendar, at: datetime) -> bool:
    days = _days(calendar, at, at + _STEP)
    return all(allowed_day(calendar, day) for day in days) and not any(
        frozen_during(calendar, at, at + _STEP)
    )


def _after_the_freeze(calendar: Calendar, at: datetime) -> datetime | None:
    """The first opening after all that freezes the day from `at` on; None where nothing does, or nobody knows."""
    ends = [frozen.ends for frozen in frozen_during(calendar, at, at + _STEP)]
    known = [end for end in ends if end is not None]
    return window(calendar, max(known)).opens_at if known and len(known) == len(ends) else None


def bake_ends(stay: Stay, live_since: datetime) -> datetime:
    """The bake starts when people could really get the release, not when we asked for it."""
    return live_since + stay.bake


def frozen_at(calendar: Calendar, now: datetime) -> Frozen | None:
    """What freezes at `now`; the policy's own freezes are told first."""
    return next(frozen_during(calendar, now, now), None)


def thaw(calendar: Calendar, now: datetime) -> datetime | None:
    """When all freezes that follow each other from `now` on are over; None where nobody knows."""
    return _thaw(_spans(calendar), now)


def endless(calendar: Calendar, now: datetime) -> Frozen | None:
    """Where `thaw` has no answer: what freezes then, and nobody knows until when."""
    at = now
    for frozen in _in_order(calendar):
        if frozen.begins > at:
            return None
        if frozen.ends is None:
            return frozen
        at = max(at, frozen.ends)
    return None


_Span = tuple[datetime, datetime | None]
"""From when until when everything is frozen, by one freeze after the other."""


def _spans(calendar: Calendar) -> list[_Span]:
    """In order, with time between them. A year of days, one by one, is one of them: who looks for an opening asks about
    every day of two years."""
    spans: list[_Span] = []
    for frozen in _in_order(calendar):
        begins, ends = spans[-1] if spans else (frozen.begins, frozen.begins)
        if not spans or (ends is not None and frozen.begins > ends):
            spans.append((frozen.begins, frozen.ends))
        else:
            spans[-1] = (begins, None if ends is None or frozen.ends is None else max(ends, frozen.ends))
    return spans


def _thaw(spans: list[_Span], now: datetime) -> datetime | None:
    before = bisect_right(spans, now, key=lambda span: span[0])
    ends = spans[before - 1][1] if before else now
    return None if ends is None else max(now, ends)


def _in_order(calendar: Calendar) -> list[Frozen]:
    """Everything that ever freezes, what begins first before the others."""
    dated = [
        whole_days(calendar, Cause.DATED, freeze.reason, freeze.first, freeze.last)
        for freeze in calendar.freezes
    ]
    return sorted((*dated, *calendar.closed), key=lambda frozen: frozen.begins)


def whole_days(calendar: Calendar, cause: Cause, reason: str, first: date, last: date) -> Frozen:
    """A freeze from the first day to the last one, both included, in the calendar's time zone."""
    begins, ends = _edges(calendar.time_zone, first, last)
    return Frozen(cause, reason, begins, ends, last)


def frozen_by(entry: Entry, calendar: Calendar, name: str) -> Frozen:
    """What an entry of the iCalendar of that name freezes, in the calendar's time zone where it has none of its own."""
    reason, begins, ends = f"{entry.reason}, in the calendar {name}", entry.begins, entry.ends
    if not (isinstance(begins, datetime) and isinstance(ends, datetime)):
        first, last = _day(begins), _day(ends) - timedelta(days=1)
        return whole_days(calendar, Cause.ICALENDAR, reason, first, max(first, last))
    if begins.tzinfo is None:
        begins = first_instant(begins, calendar)
    if ends.tzinfo is None:
        ends = _last_instant(ends, calendar)
    return Frozen(Cause.ICALENDAR, reason, begins, ends)


def _day(told: date) -> date:
    return told.date() if isinstance(told, datetime) else told


@lru_cache(maxsize=1024)
def _edges(time_zone: str, first: date, last: date) -> tuple[datetime, datetime | None]:
    """From the first beginning of the first day until the last end of the last one. Beyond the years that there are
    nobody knows."""
    calendar = Calendar(time_zone=time_zone)
    begins = EVER if first.year <= MINYEAR else first_instant(_midnight(first), calendar)
    if last.year >= MAXYEAR:
        return begins, None
    return begins, _last_instant(_midnight(last + timedelta(days=1)), calendar)


def _last_instant(wall: datetime, calendar: Calendar) -> datetime:
    """Where clocks go back, what the clock on the wall shows twice is frozen twice."""
    again = wall.replace(tzinfo=calendar.zone, fold=1).astimezone(UTC)
    return max(first_instant(wall, calendar), again)


def frozen_during(calendar: Calendar, first: datetime, last: datetime) -> Iterator[Frozen]:
    """Everything that freezes an instant from `first` to `last`, both included."""
    for freeze in calendar.freezes:
        dated = whole_days(calendar, Cause.DATED, freeze.reason, freeze.first, freeze.last)
        if dated.during(first, last):
            yield dated
    yield from (frozen for frozen in calendar.closed if frozen.during(first, last))


def _days(calendar: Calendar, first: datetime, last: datetime) -> tuple[date, ...]:
    """The local days from one instant to another. Clocks that go forward can leave a day out of a day's time."""
    begin, end = (instant.astimezone(calendar.zone).date() for instant in (first, last))
    return tuple(begin + timedelta(days=n) for n in range((end - begin).days + 1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0))


def allowed_day(calendar: Calendar, day: date) -> bool:
    return _MONDAY_FIRST[day.weekday()] in calendar.weekdays


def _within_hours(calendar: Calendar, now: datetime, today: date) -> bool:
    """Compared as instants: what the clock on the wall shows twice is not allowed twice."""
    opens, closes = hours_of(calendar, today)
    return calendar.hours is None or opens <= now < closes


def hours_of(calendar: Calendar, day: date) -> tuple[datetime, datetime]:
    """From when until when, in UTC. The same instant twice where a gap swallows all of the hours."""
    start, end = (calendar.hours.start, calendar.hours.end) if calendar.hours else (time(0), time(0))
    ends_on = day + timedelta(days=1) if end == time(0) else day
    opens = first_instant(datetime.combine(day, start), calendar)
    return opens, first_instant(datetime.combine(ends_on, end), calendar)


def _next_opening(calendar: Calendar, now: datetime) -> datetime | None:
    """The first instant after `now` at which it opens: hours begin, or a freeze within them ends."""
    today, spans = now.astimezone(calendar.zone).date(), _spans(calendar)
    for ahead in range(_DAYS_AHEAD_MAX):
        day = today + timedelta(days=ahead)
        if not allowed_day(calendar, day):
            continue
        opens, closes = hours_of(calendar, day)
        at = _thaw(spans, max(now, opens))
        if at is None:
            return None
        if now < at < closes:
            return at
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
