"""What is refused before anything is worked out: whatever the libraries would drop or mend in silence, for that would be
a freeze that nobody sees, and what they would never be done with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stagedrollout.core.plain import one_line

ENTRIES_MAX = 4_000
"""Entries of a calendar, and as many dates more that are put in or taken out one by one (RDATE, EXDATE)."""

REPEATING_MAX = 200
_FIRST_YEAR = 1970
_SUMMARY_MAX = 120
_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
_DATES = ("RDATE", "EXDATE")


class NoCalendar(ValueError):
    """Why a text cannot be taken for a calendar, in words for people."""


def look_over(calendars: Sequence[Any]) -> None:
    """Raises NoCalendar, in words."""
    if not calendars:
        raise NoCalendar("there is no calendar in it")
    events: list[Any] = []
    for calendar in calendars:
        if calendar.name != "VCALENDAR":
            raise NoCalendar("it does not begin with BEGIN:VCALENDAR")
        if calendar.walk("VFREEBUSY"):
            raise NoCalendar("it has busy times (VFREEBUSY); only entries (VEVENT) are understood")
        own = calendar.walk("VEVENT")
        _no_two_are_one(own)
        events += own
    _not_too_many(events)
    for event in events:
        _look_at(event)


def repeats(calendars: Iterable[Any]) -> bool:
    """Whether any entry of them does so by a rule."""
    return any(True for calendar in calendars for event in calendar.walk("VEVENT") for _ in _rules(event))


def title(event: Any) -> str:
    return one_line(str(event.get("SUMMARY") or ""))[:_SUMMARY_MAX] or "without a title"


def _not_too_many(events: Sequence[Any]) -> None:
    rules = sum(1 for event in events for _ in _rules(event))
    if len(events) > ENTRIES_MAX or rules > REPEATING_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} entries, or {REPEATING_MAX} that repeat")
    if sum(len(told.dts) for event in events for told in _lists(event)) > ENTRIES_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} dates that are put in or taken out one by one")


def _no_two_are_one(events: Sequence[Any]) -> None:
    """Of two entries under one UID, the library keeps one."""
    known: set[tuple[str, date | None]] = set()
    for event in events:
        uid, told = str(event.get("UID") or ""), event.get("RECURRENCE-ID")
        which = (uid, _comparable(told.dt) if told is not None else None)
        if uid and which in known:
            raise NoCalendar(f"its entry {title(event)} has the same UID as another one")
        known.add(which)


def _comparable(told: date) -> date:
    aware = isinstance(told, datetime) and told.tzinfo is not None
    return told.astimezone(UTC) if isinstance(told, datetime) and aware else told


def _look_at(event: Any) -> None:
    if getattr(event, "errors", None):
        name, why = event.errors[0]
        raise NoCalendar(
            f"its entry {title(event)} has a {name} that cannot be read: {one_line(str(why))[:80]}"
        )
    if event.get("DTSTART") is None:
        raise NoCalendar(f"its entry {title(event)} has no beginning")
    _knows_its_zones(event)
    _lasts(event)
    for rule in _rules(event):
        _ends_some_time(event, rule)


def _knows_its_zones(event: Any) -> None:
    told = [event[name] for name in ("DTSTART", "DTEND", "RECURRENCE-ID") if name in event]
    dated = [(each, [each.dt]) for each in told]
    dated += [(each, [item.dt for item in each.dts]) for each in _lists(event)]
    for each, instants in dated:
        zone = each.params.get("TZID")
        if zone and any(_floats(instant) for instant in instants):
            raise NoCalendar(
                f"its entry {title(event)} is in the time zone {one_line(str(zone))[:60]}, which nobody knows"
            )


def _floats(told: Any) -> bool:
    first = told[0] if isinstance(told, tuple) else told  # a period has two
    return isinstance(first, datetime) and first.tzinfo is None


def _lasts(event: Any) -> None:
    """Raises NoCalendar for one that would freeze nothing: without an end, or with one that comes before it begins."""
    begins, lasts = event["DTSTART"].dt, event.get("DURATION")
    ends = event["DTEND"].dt if "DTEND" in event else None
    if ends is not None and (
        isinstance(begins, datetime) != isinstance(ends, datetime) or _has_zone(begins) != _has_zone(ends)
    ):
        raise NoCalendar(f"its entry {title(event)} begins and ends in two forms that cannot be compared")
    timed = isinstance(begins, datetime)
    if timed and ends is None and lasts is None:
        raise NoCalendar(
            f"its entry {title(event)} begins at a time of day and has no end: give it DTEND or DURATION"
        )
    if ends is not None and (ends < begins or (timed and ends == begins)):
        raise NoCalendar(f"its entry {title(event)} ends before it lasts any time")
    if lasts is not None and lasts.dt <= timedelta(0):
        raise NoCalendar(f"its entry {title(event)} has a DURATION that is no time at all")


def _has_zone(told: date) -> bool:
    return isinstance(told, datetime) and told.tzinfo is not None


def _ends_some_time(event: Any, rule: Any) -> None:
    often = str((rule.get("FREQ") or [""])[0]).upper() in _OFTEN or any(key in rule for key in _WITHIN_A_DAY)
    if often or event["DTSTART"].dt.year < _FIRST_YEAR:
        raise NoCalendar(
            f"its entry {title(event)} repeats more often than daily, or since before {_FIRST_YEAR}"
        )
    for key in ("INTERVAL", "COUNT"):
        if any(not isinstance(told, int) or told < 1 for told in _all(rule.get(key))):
            raise NoCalendar(f"its entry {title(event)} repeats by a rule whose {key} is not 1 or more")


def _rules(event: Any) -> Iterator[Any]:
    yield from _all(event.get("RRULE"))


def _lists(event: Any) -> Iterator[Any]:
    for name in _DATES:
        yield from _all(event.get(name))


def _all(told: Any) -> Iterable[Any]:
    return told if isinstance(told, list) else () if told is None else (told,)
