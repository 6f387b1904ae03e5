"""What Sentry's answer about sessions means, as a pure function from JSON to readings.

The rules (sentry.md sections 2.3, 2.4 and 3):

- Absent, zero and null are "no data" and never health. A release without sessions has no group at all.
- A number that cannot be (a rate above 1, a negative count, a rate missing where sessions are counted) makes
  the reading implausible. What spoils sessions spoils users too, for sessions say how fresh both are.
- A shape that is not this API's is a fault of the service: Faulty.
- Crash-free below 0 is a known quirk (crash loops, crashes without their start). The candidate's hour then
  counts as crashed whole, which can only make a halt nearer; a baseline's hour is left out, since counting it
  would make the candidate look better.
- Hours add up, distinct users do not: users are read from the totals of the window, without hours. Somebody
  who used two baseline releases in the window is counted in both.
- Releases that were not asked for, and hours outside the window, are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.observation import Arm, Bucket, Counts, Gap, Measured, Metric, Reading, Unmeasured

SERVICE = "sentry"
DOING = "read sessions"
METRICS = (Metric.CRASH_FREE_SESSIONS, Metric.CRASH_FREE_USERS)

_SESSIONS = "sum(session)"
_SESSION_RATE = "crash_free_rate(session)"
_USERS = "count_unique(user)"
_USER_RATE = "crash_free_rate(user)"
FIELDS = (_SESSIONS, _USERS, _SESSION_RATE, _USER_RATE)

COUNT_MAX = 10**12
"""More sessions than that are no sessions; up to here arithmetic with rates is exact enough."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Named:
    """A release by Sentry's name and by the one people use."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: whole hours from `start` to `end`, read at `until`. All instants in UTC."""

    candidate: Named
    baseline: tuple[Named, ...]
    start: datetime
    end: datetime
    until: datetime

    @property
    def names(self) -> tuple[str, ...]:
        return (self.candidate.name, *(named.name for named in self.baseline))


class _Implausible(Exception):
    """Numbers that cannot be; the message says which."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Counts as Sentry's numbers make them: `bad` is above `total` where crash-free is below 0."""

    total: int
    bad: int

    @property
    def sane(self) -> bool:
        return self.bad <= self.total

    def clamped(self) -> Counts:
        return Counts(self.total, min(self.bad, self.total))


_NOTHING = _Row(0, 0)
_Hours = dict[datetime, _Row]


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Sessions of every release that has a group, hour by hour."""

    hours_by_name: Mapping[str, _Hours]
    as_of: datetime | None


def unmeasured(metric: Metric, gap: Gap, why: str) -> Unmeasured:
    return Unmeasured(SERVICE, metric, gap, why)


def readings(body: Any, asked: Asked) -> tuple[Reading, ...]:
    """One reading per metric, in the order of METRICS. Raises Faulty for an answer of another shape."""
    intervals = [_instant(text) for text in _item(body, "intervals", list)]
    groups = [_group(group) for group in _item(body, "groups", list)]
    try:
        by_name = _one_each(groups, asked.names)
        hours = _hours_in_window(intervals, asked)
        sessions = _sessions(by_name, hours, asked)
    except _Implausible as problem:
        return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, str(problem)) for metric in METRICS)
    if sessions.as_of is None or not _total(sessions.hours_by_name.get(asked.candidate.name, {}).values()):
        why = f"no sessions of {asked.candidate.name} since {asked.start:%Y-%m-%d %H:%M} UTC"
        return tuple(unmeasured(metric, Gap.ABSENT, why) for metric in METRICS)
    return (_session_reading(sessions, sessions.as_of, asked), _user_reading(by_name, sessions.as_of, asked))


def _session_reading(sessions: _Sessions, as_of: datetime, asked: Asked) -> Reading:
    own = sessions.hours_by_name[asked.candidate.name]
    candidate = _session_arm(asked.candidate.label, {start: row.clamped() for start, row in own.items()})
    added: dict[datetime, Counts] = {}
    labels = []
    for named in asked.baseline:
        hours = {s: row for s, row in sessions.hours_by_name.get(named.name, {}).items() if row.sane}
        if not _total(hours.values()):
            continue
        labels.append(named.label)
        for start, row in hours.items():
            before = added.get(start, Counts(0, 0))
            added[start] = Counts(before.total + row.total, before.bad + row.bad)
    baseline = _session_arm(", ".join(labels), added) if labels else None
    return Measured(SERVICE, Metric.CRASH_FREE_SESSIONS, candidate, baseline, asked.start, as_of)


def _user_reading(by_name: Mapping[str, Mapping[str, Any]], as_of: datetime, asked: Asked) -> Reading:
    metric = Metric.CRASH_FREE_USERS
    try:
        users = {name: _users(group) for name, group in by_name.items()}
    except _Implausible as problem:
        return unmeasured(metric, Gap.IMPLAUSIBLE, str(problem))
    own = users[asked.candidate.name]
    if not own.total:
        why = f"no users of {asked.candidate.name}, though it has sessions: its SDK sends no user ids"
        return unmeasured(metric, Gap.ABSENT, why)
    present = [
        (named.label, row)
        for named in asked.baseline
        if (row := users.get(named.name, _NOTHING)).sane and row.total
    ]
    baseline = None
    if present:
        counts = Counts(_total(row for _, row in present), sum(row.bad for _, row in present))
        baseline = Arm(", ".join(label for label, _ in present), counts)
    return Measured(SERVICE, metric, Arm(asked.candidate.label, own.clamped()), baseline, asked.start, as_of)


def _session_arm(label: str, hours: Mapping[datetime, Counts]) -> Arm:
    buckets = tuple(Bucket(start, hours[start]) for start in sorted(hours))
    window = Counts(sum(b.counts.total for b in buckets), sum(b.counts.bad for b in buckets))
    return Arm(label, window, buckets)


def _sessions(
    by_name: Mapping[str, Mapping[str, Any]], hours: Sequence[datetime | None], asked: Asked
) -> _Sessions:
    found = {name: _session_hours(group, hours) for name, group in by_name.items()}
    with_data = [start for rows in found.values() for start, row in rows.items() if row.total]
    as_of = min(max(with_data) + _HOUR, asked.until) if with_data else None
    return _Sessions(found, as_of)


def _session_hours(group: Mapping[str, Any], hours: Sequence[datetime | None]) -> _Hours:
    totals, rates = group["series"][_SESSIONS], group["series"][_SESSION_RATE]
    if len(totals) != len(hours) or len(rates) != len(hours):
        raise _Implausible(f"{len(hours)} hours, but {len(totals)} counts and {len(rates)} rates of sessions")
    rows = [_row(total, rate, "sessions") for total, rate in zip(totals, rates, strict=True)]
    return {start: row for start, row in zip(hours, rows, strict=True) if start is not None}


def _users(group: Mapping[str, Any]) -> _Row:
    return _row(group["totals"][_USERS], group["totals"][_USER_RATE], "users")


def _row(count: Any, rate: Any, what: str) -> _Row:
    """Counts from a number of `what` and its crash-free share. Raises _Implausible."""
    total = _count(count, what)
    if rate is None:
        if total:
            raise _Implausible(f"{total} {what}, but no crash-free rate of them")
        return _NOTHING
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise _Implausible(f"a crash-free rate of {what} that is no number")
    if (isinstance(rate, float) and not math.isfinite(rate)) or rate > 1:
        raise _Implausible(f"a crash-free rate of {what} above 1")
    # the lowest rate a double can hold times a count is infinite: cut before rounding
    return _Row(total, round(min((1 - rate) * total, total + 1)))


def _count(value: Any, what: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Implausible(f"a number of {what} that is no whole number")
    if not 0 <= value <= COUNT_MAX:
        raise _Implausible(f"a number of {what} below 0 or beyond belief")
    return value


def _hours_in_window(intervals: Sequence[datetime], asked: Asked) -> list[datetime | None]:
    """The start of each hour, None for those outside the window. Raises _Implausible."""
    if any(start.minute or start.second or start.microsecond for start in intervals) or any(
        later - earlier != _HOUR for earlier, later in pairwise(intervals)
    ):
        raise _Implausible("intervals that are not one hour after the other")
    hours = [start if asked.start <= start < asked.end else None for start in intervals]
    if all(start is None for start in hours):
        raise _Implausible("an answer for another time than was asked for")
    return hours


def _one_each(groups: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The groups that were asked for, by release. Raises _Implausible if one comes twice."""
    by_name: dict[str, Mapping[str, Any]] = {}
    for group in groups:
        name = group["by"]["release"]
        if name in by_name:
            raise _Implausible(f"{name} comes twice in one answer")
        if name in names:
            by_name[name] = group
    return by_name


def _group(group: Any) -> Mapping[str, Any]:
    """`group`, once its shape is the API's. Raises Faulty."""
    _item(_item(group, "by", dict), "release", str)
    totals, series = _item(group, "totals", dict), _item(group, "series", dict)
    for name in (_USERS, _USER_RATE):
        _item(totals, name, object)
    for name in (_SESSIONS, _SESSION_RATE):
        _item(series, name, list)
    return dict(group)


def _item(value: Any, key: str, kind: type) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get(key, _MISSING), kind) or key not in value:
        raise Faulty(
            SERVICE, DOING, f"the answer is not of the known shape: {key!r} is missing or of another kind"
        )
    return value[key]


_MISSING = object()


def _instant(text: Any) -> datetime:
    """An instant of the answer in UTC. Raises Faulty, also if it has no time zone."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Faulty(SERVICE, DOING, "the answer is not of the known shape: an interval is no instant")


def _total(rows: Iterable[_Row]) -> int:
    return sum(row.total for row in rows)
