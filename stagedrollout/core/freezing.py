"""What forbids every raise at an instant: a dated freeze, a public holiday, an entry of an iCalendar, or an
iCalendar of which nobody knows what it says.

They are one value, because to a rule they are one thing: nothing is raised, not by hand either, and halts never look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

EVER = datetime.min.replace(tzinfo=UTC)
"""For what has not begun at any instant that counts."""


class Cause(StrEnum):
    DATED = "dated"
    HOLIDAY = "holiday"
    ICALENDAR = "icalendar"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Frozen:
    """From `begins` until before `ends`; None: nobody knows until when. `last`: its last day in the calendar's time
    zone, where it is whole days, for people to read."""

    cause: Cause
    reason: str
    begins: datetime
    ends: datetime | None
    last: date | None = None

    def during(self, first: datetime, last: datetime) -> bool:
        """Whether it freezes any instant from `first` to `last`, both included."""
        return self.begins <= last and (self.ends is None or first < self.ends)

    @property
    def code(self) -> str:
        """What nobody could read is another cause than what somebody wrote: it is for a person to mend."""
        return "calendar_unread" if self.cause is Cause.UNREAD else "freeze"

    @property
    def text(self) -> str:
        if self.last is not None:
            return f"frozen until {self.last} ({self.reason})"
        if self.ends is None:
            return f"frozen: {self.reason}"
        return f"frozen until {self.ends:%Y-%m-%d %H:%M} UTC ({self.reason})"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an iCalendar: whole days (`ends` is the day after the last), instants in UTC, or local times
    without a zone, which mean the calendar's own."""

    reason: str
    begins: date | datetime
    ends: date | datetime


def unread(why: str) -> Frozen:
    """Raises fail closed: what cannot be read may say that now is a freeze."""
    return Frozen(Cause.UNREAD, why, EVER, None)
