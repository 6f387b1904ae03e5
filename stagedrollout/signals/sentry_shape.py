"""What Sentry's answers about sessions are made of, and how their numbers are read (sentry.md sections 2.3 and 3).

A shape that is not this API's is a fault of the service: Faulty. Numbers that cannot be are Implausible; what
becomes of those is for each reader to say. Counts and rates come as Sentry has them, so a release can have more
crashes than sessions here (crash loops, crashes without their start).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.hours import DAY, HOUR, day_floor, hour_floor

SERVICE = "sentry"
DOING = "read sessions"

SESSIONS = "sum(session)"
SESSION_RATE = "crash_free_rate(session)"
USERS = "count_unique(user)"
USER_RATE = "crash_free_rate(user)"

COUNT_MAX = 10**12
"""More sessions than that are no sessions; up to here arithmetic with rates is exact enough."""

_MISSING = object()


class Implausible(Exception):
    """Numbers that cannot be; the message says which."""


@dataclass(frozen=True, slots=True)
class Row:
    """Counts as Sentry's numbers make them: `bad` is above `total` where crash-free is below 0."""

    total: int
    bad: int

    @property
    def sane(self) -> bool:
        return self.bad <= self.total


NOTHING = Row(0, 0)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole buckets of `width` (an hour or a day) from `start` to `end`, in UTC."""

    start: datetime
    end: datetime
    width: timedelta

    @property
    def bucket(self) -> str:
        return "hour" if self.width == HOUR else "day"

    @property
    def buckets(self) -> int:
        return (self.end - self.start) // self.width


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` as Sentry writes it, with the groups of all pages. `whole`: whether there are no more of them."""

    body: Any
    whole: bool


def floor(instant: datetime, width: timedelta) -> datetime:
    """The beginning of the UTC hour or day that holds `instant`."""
    instant = instant.astimezone(UTC)
    return day_floor(instant) if width == DAY else hour_floor(instant)


def row_of(count: Any, rate: Any, what: str) -> Row:
    """Counts from a number of `what` and its crash-free share. Raises Implausible."""
    total = whole_count(count, what)
    if rate is None:
        if total:
            raise Implausible(f"{total} {what}, but no crash-free rate of them")
        return NOTHING
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise Implausible(f"a crash-free rate of {what} that is no number")
    if (isinstance(rate, float) and not math.isfinite(rate)) or rate > 1:
        raise Implausible(f"a crash-free rate of {what} above 1")
    # the lowest rate a double can hold times a count is infinite: cut before rounding
    return Row(total, round(min((1 - rate) * total, total + 1)))


def whole_count(value: Any, what: str) -> int:
    """A number of `what`, 0 to COUNT_MAX. Raises Implausible."""
    count = whole(value)
    if count is None:
        raise Implausible(f"a number of {what} that is no whole number")
    if not 0 <= count <= COUNT_MAX:
        raise Implausible(f"a number of {what} below 0 or beyond belief")
    return count


def whole(value: Any) -> int | None:
    """The whole number that `value` is, also if it is written as a decimal; None if it is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def buckets_in(window: Window, intervals: Sequence[datetime]) -> list[datetime | None]:
    """The start of each bucket of an answer, None for those outside the window. Raises Implausible."""
    if any(start != floor(start, window.width) for start in intervals) or any(
        later - earlier != window.width for earlier, later in pairwise(intervals)
    ):
        raise Implausible(f"intervals that are not one {window.bucket} after the other")
    starts = [start if window.start <= start < window.end else None for start in intervals]
    if all(start is None for start in starts):
        raise Implausible("an answer for another time than was asked for")
    return starts


def item(value: Any, key: str, kind: type) -> Any:
    """`value[key]`, once it is there and of this kind. Raises Faulty."""
    if not isinstance(value, dict) or not isinstance(value.get(key, _MISSING), kind) or key not in value:
        raise Faulty(
            SERVICE, DOING, f"the answer is not of the known shape: {key!r} is missing or of another kind"
        )
    return value[key]


def instants(body: Any) -> list[datetime]:
    """Where the buckets of an answer begin, in UTC. Raises Faulty, also for one without a time zone."""
    return [_instant(text) for text in item(body, "intervals", list)]


def _instant(text: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Faulty(SERVICE, DOING, "the answer is not of the known shape: an interval is no instant")
