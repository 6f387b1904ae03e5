"""What an iCalendar freezes, read by the judge itself: whole days, or hours in a named zone, once or weekly.

That is all the stories' calendars have; anything else is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.judge.evidence import Unreadable

WEEKS = 60
_EVENT = re.compile(r"BEGIN:VEVENT\s(.*?)END:VEVENT", re.DOTALL)
_KNOWN = {"UID", "DTSTAMP", "DTSTART", "DTEND", "RRULE", "SUMMARY"}


@dataclass(frozen=True, slots=True)
class Entry:
    begins: datetime
    ends: datetime
    reason: str


def entries(text: str, zone: ZoneInfo) -> tuple[Entry, ...]:
    """Raises Unreadable."""
    return tuple(entry for event in _EVENT.findall(text) for entry in _entries(event, zone))


def _entries(event: str, zone: ZoneInfo) -> Iterator[Entry]:
    lines = [line.partition(":") for line in event.splitlines() if line.strip()]
    told = {head.partition(";")[0]: (head.partition(";")[2], value) for head, _, value in lines}
    rule = told.get("RRULE", ("", ""))[1]
    if not set(told) <= _KNOWN or rule not in ("", "FREQ=WEEKLY"):
        raise Unreadable(f"the judge does not read such an entry: {sorted(told)} {rule}")
    for week in range(WEEKS if rule else 1):
        begins, ends = (_instant(*told[name], zone, timedelta(weeks=week)) for name in ("DTSTART", "DTEND"))
        yield Entry(begins, ends, told.get("SUMMARY", ("", ""))[1])


def _instant(how: str, value: str, zone: ZoneInfo, later: timedelta) -> datetime:
    if how == "VALUE=DATE":
        day = date.fromisoformat(value) + later
        return datetime.combine(day, time(0), zone).astimezone(UTC)
    if not how.startswith("TZID="):
        raise Unreadable(f"the judge does not read such a time: {how} {value}")
    wall = datetime.strptime(value, "%Y%m%dT%H%M%S") + later  # noqa: DTZ007 - its zone comes next
    return wall.replace(tzinfo=ZoneInfo(how.removeprefix("TZID="))).astimezone(UTC)
