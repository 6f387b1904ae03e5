"""From the text of an iCalendar (RFC 5545) to the entries that freeze something, those that repeat included.

The two libraries that do it are an extra, and imported when the first calendar is read. They are lenient, so a calendar
with anything odd in it is refused as a whole (oddities.py). And a rule may be one that they look for until the year
9999: what repeats is worked out apart (apart.py), by a process that can be stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stagedrollout.calendars.oddities import ENTRIES_MAX, NoCalendar, look_over, repeats, title
from stagedrollout.core.freezing import Entry

AHEAD = timedelta(days=400)
"""How far ahead entries are looked for: the calendar is read again long before that is over."""

BEHIND = timedelta(days=2)
"""What began before and still lasts is found too; this is only for the time zones."""

PARTS_MAX = 4 * ENTRIES_MAX
"""BEGINs in a text: an entry has parts of its own, its alarms; one in another costs the parser more each time."""

Apart = Callable[[bytes, datetime], tuple[Entry, ...]]
"""`worked_out`, by somebody who can be stopped. Raises NoCalendar."""


def entries(content: bytes, now: datetime, apart: Apart) -> tuple[Entry, ...]:
    """What freezes from now on for the next 400 days, in order. Raises NoCalendar."""
    calendars = _parsed(content)
    return apart(content, now) if repeats(calendars) else _found(calendars, now)


def worked_out(content: bytes, now: datetime) -> tuple[Entry, ...]:
    """The same here; there are rules that keep it for as long as one lets it. Raises NoCalendar."""
    return _found(_parsed(content), now)


def _parsed(content: bytes) -> Sequence[Any]:
    from icalendar import Calendar  # noqa: PLC0415 - an extra

    if content.upper().count(b"BEGIN:") > PARTS_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} entries")
    try:
        calendars = Calendar.from_ical(content.decode("utf-8"), multiple=True)
        look_over(calendars)
    except NoCalendar:
        raise
    except UnicodeDecodeError:
        raise NoCalendar("it is not text in UTF-8") from None
    except Exception as error:  # noqa: BLE001 - a parser of foreign text: whatever it stumbles over, it is not read
        raise _unreadable(error) from None
    return list(calendars)


def _found(calendars: Sequence[Any], now: datetime) -> tuple[Entry, ...]:
    import recurring_ical_events  # noqa: PLC0415 - an extra

    found: list[Entry] = []
    try:
        for calendar in calendars:
            occurrences = recurring_ical_events.of(calendar).between(now - BEHIND, now + AHEAD)
            found += [_entry(event) for event in occurrences if _counts(event)]
    except Exception as error:  # noqa: BLE001 - the same
        raise _unreadable(error) from None
    if len(found) > ENTRIES_MAX:
        raise NoCalendar(f"it has more than {ENTRIES_MAX} entries in the next {AHEAD.days} days")
    return tuple(sorted(found, key=lambda entry: (str(entry.begins), entry.reason)))


def _unreadable(error: Exception) -> NoCalendar:
    return NoCalendar(f"it cannot be read as an iCalendar ({type(error).__name__})")


def _counts(event: Any) -> bool:
    """Every entry freezes, also one that is marked as free time; only what was called off does not."""
    return str(event.get("STATUS", "")).upper() != "CANCELLED"


def _entry(event: Any) -> Entry:
    return Entry(title(event), _instant(event["DTSTART"].dt), _instant(event["DTEND"].dt))


def _instant(told: date) -> date:
    """Aware times in UTC; what floats is left as it is, for it means the local time of whoever reads it."""
    if isinstance(told, datetime) and told.tzinfo is not None:
        return told.astimezone(UTC)
    return told
