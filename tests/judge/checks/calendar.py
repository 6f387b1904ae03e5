"""Raises keep to the calendar. A person may raise outside the hours, nobody during a freeze (R11).

What counts is when we asked: Apple may take hours to let a released version go live. Its own steps keep to no
calendar, and are not ours.
"""

from __future__ import annotations

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import Change
from tests.judge.signals import GRACE

CHECK = "raises_outside_calendar"


def check(case: Case) -> list[Finding]:
    found = [(raised, _why_closed(case, raised)) for raised in case.raises()]
    return [
        Finding(CHECK, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised {why}")
        for raised, why in found
        if why
    ]


def _why_closed(case: Case, raised: Change) -> str:
    """Closed a minute ago as well: a pass that began in time may end a moment late."""
    calendar, asked = case.terms(raised.key, raised.asked_at).calendar, raised.asked_at
    begun = asked - GRACE
    freeze = calendar.freeze_at(asked)
    if freeze and calendar.freeze_at(begun):
        return f"during the freeze {freeze.reason!r}"
    to = raised.after_ppm
    closed = not calendar.open_at(asked, to) and not calendar.open_at(begun, to)
    if closed and case.order_behind(raised) is None:
        local = asked.astimezone(calendar.zone)
        return f"outside the calendar's hours ({local:%a %H:%M} {calendar.zone.key})"
    return ""
