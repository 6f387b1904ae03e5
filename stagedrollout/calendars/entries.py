"""From the text of an iCalendar (RFC 5545) to the entries that freeze something, those that repeat included.

The two libraries that do it are an extra, and imported when the first calendar is read. They are lenient: what they
drop in silence would be a freeze that nobody sees, so a calendar with anything odd in it is refused as a whole. And they
expand whatever they are told to, so what repeats more often than daily is refused before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stagedrollout.core.freezing import Entry
from stagedrollout.core.plain import one_line

AHEAD = timedelta(days=400)
"""How far ahead entries are looked for: the calendar is read again long before that is over."""

BEHIND = timedelta(days=2)
"""What began before and still lasts is found too; this is only for the time zones."""

ENTRIES_MAX = 4_000
REPEATING_MAX = 200
_FIRST_YEAR = 1970
_SUMMARY_MAX = 120
_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")


class NoCalendar(ValueError):
    """Why a text cannot be taken for a calendar, in words for people."""


def entries(content: bytes, now: datetime) -> tuple[Entry, ...]:
    """What freezes from now on for the next 400 days, in order. Raises NoCalendar."""
    import recurring_ical_events  # noqa: PLC0415 - an extra
    from icalendar import Calendar  # noqa: PLC0415

    try:
        calendars = Calendar.from_ical(content.decode("utf-8"), multiple=True)
        found: list[Entry] = []
        for calendar in calendars:
            _look_over(calendar)
            occurrences = recurring_ical_events.of(calendar).between(now - BEHIND, now + AHEAD)
            found += [_entry(event) for event in occurrences if _counts(event)]
    except NoCalendar:
        raise
    except UnicodeDecodeError:
        raise NoCalendar("it is not text in UTF-8") from None
    except Exception as error:  # noqa: BLE001 - two parsers of foreign text: whatever they stumble over, it is not read
        raise NoCalendar(f"it cannot be read as an iCalendar ({type(error).__name__})") from None
    if not calendars:
        raise NoCalendar("there is no calendar in it")
    if len(found) > ENTRIES_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} entries in the next {AHEAD.days} days")
    return tuple(sorted(found, key=lambda entry: (str(entry.begins), entry.reason)))


def _look_over(calendar: Any) -> None:
    """Raises NoCalendar for what the libraries would drop, or never be done with."""
    if calendar.name != "VCALENDAR":
        raise NoCalendar("it does not begin with BEGIN:VCALENDAR")
    events = list(calendar.walk("VEVENT"))
    rules = [rule for event in events for rule in _rules(event)]
    if len(events) > ENTRIES_MAX or len(rules) > REPEATING_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} entries, or {REPEATING_MAX} that repeat")
    for event in events:
        if getattr(event, "errors", None):
            name, why = event.errors[0]
            raise NoCalendar(
                f"its entry {_title(event)} has a {name} that cannot be read: {one_line(str(why))[:80]}"
            )
        _look_at(event)


def _look_at(event: Any) -> None:
    begins = event.get("DTSTART")
    if begins is None:
        raise NoCalendar(f"its entry {_title(event)} has no beginning")
    for name in ("DTSTART", "DTEND"):
        told = event.get(name)
        zone = told.params.get("TZID") if told is not None else None
        if zone and isinstance(told.dt, datetime) and told.dt.tzinfo is None:
            raise NoCalendar(
                f"its entry {_title(event)} is in the time zone {one_line(str(zone))[:60]}, which nobody knows"
            )
    for rule in _rules(event):
        often = str((rule.get("FREQ") or [""])[0]).upper() in _OFTEN or any(
            key in rule for key in _WITHIN_A_DAY
        )
        if often or begins.dt.year < _FIRST_YEAR:
            raise NoCalendar(
                f"its entry {_title(event)} repeats more often than daily, or since before {_FIRST_YEAR}"
            )


def _rules(event: Any) -> Iterator[Any]:
    told = event.get("RRULE")
    yield from told if isinstance(told, list) else () if told is None else (told,)


def _counts(event: Any) -> bool:
    """Every entry freezes, also one that is marked as free time; only what was called off does not."""
    return str(event.get("STATUS", "")).upper() != "CANCELLED"


def _entry(event: Any) -> Entry:
    return Entry(_title(event), _instant(event["DTSTART"].dt), _instant(event["DTEND"].dt))


def _instant(told: date) -> date:
    """Aware times in UTC; what floats is left as it is, for it means the local time of whoever reads it."""
    if isinstance(told, datetime) and told.tzinfo is not None:
        return told.astimezone(UTC)
    return told


def _title(event: Any) -> str:
    return one_line(str(event.get("SUMMARY") or ""))[:_SUMMARY_MAX] or "without a title"
