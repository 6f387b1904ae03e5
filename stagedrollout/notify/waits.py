"""How long to wait after a failure, and whether that wait is still on: the same for every channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled
from stagedrollout.core.notice import PUT_OFF_MAX

WAIT_MIN = timedelta(seconds=5)
WAIT_MAX = timedelta(minutes=5)
HUMAN_WAIT = timedelta(minutes=10)


def wait_after(error: EdgeError, attempts: int) -> timedelta:
    """As long as asked for; ten minutes where a human must act; else doubling from 5 s to 5 min."""
    match error:
        case Throttled() if error.wait_seconds > 0:
            return min(timedelta(seconds=error.wait_seconds), PUT_OFF_MAX)
        case Denied() | Rejected():
            return HUMAN_WAIT
        case _:
            return min(WAIT_MIN * (1 << min(attempts, 10)), WAIT_MAX)


def to_come(until: datetime | None, now: datetime) -> datetime | None:
    """`until`, if it is still to come. A clock that was set back does not prolong a wait."""
    if until is None or not timedelta(0) < until - now <= PUT_OFF_MAX:
        return None
    return until
