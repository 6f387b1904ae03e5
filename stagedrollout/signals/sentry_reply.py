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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagedrollout.core.hours import HOUR
from stagedrollout.core.observation import Arm, Bucket, Counts, Gap, Measured, Metric, Reading, Unmeasured
from stagedrollout.signals.sentry_shape import (
    NOTHING,
    SERVICE,
    SESSION_RATE,
    SESSIONS,
    USER_RATE,
    USERS,
    Implausible,
    Row,
    Window,
    buckets_in,
    instants,
    item,
    row_of,
)

METRICS = (Metric.CRASH_FREE_SESSIONS, Metric.CRASH_FREE_USERS)
FIELDS = (SESSIONS, USERS, SESSION_RATE, USER_RATE)


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
    def window(self) -> Window:
        return Window(self.start, self.end, HOUR)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.candidate.name, *(named.name for named in self.baseline))


_Hours = dict[datetime, Row]


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Sessions of every release that has a group, hour by hour."""

    hours_by_name: Mapping[str, _Hours]
    as_of: datetime | None


def unmeasured(metric: Metric, gap: Gap, why: str) -> Unmeasured:
    return Unmeasured(SERVICE, metric, gap, why)


def readings(body: Any, asked: Asked) -> tuple[Reading, ...]:
    """One reading per metric, in the order of METRICS. Raises Faulty for an answer of another shape."""
    intervals = instants(body)
    groups = [_group(group) for group in item(body, "groups", list)]
    try:
        by_name = _one_each(groups, asked.names)
        hours = buckets_in(asked.window, intervals)
        sessions = _sessions(by_name, hours, asked)
    except Implausible as problem:
        return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, str(problem)) for metric in METRICS)
    if sessions.as_of is None or not _total(sessions.hours_by_name.get(asked.candidate.name, {}).values()):
        why = f"no sessions of {asked.candidate.name} since {asked.start:%Y-%m-%d %H:%M} UTC"
        return tuple(unmeasured(metric, Gap.ABSENT, why) for metric in METRICS)
    return (_session_reading(sessions, sessions.as_of, asked), _user_reading(by_name, sessions.as_of, asked))


def _session_reading(sessions: _Sessions, as_of: datetime, asked: Asked) -> Reading:
    own = sessions.hours_by_name[asked.candidate.name]
    candidate = _session_arm(asked.candidate.label, {start: _clamped(row) for start, row in own.items()})
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
    except Implausible as problem:
        return unmeasured(metric, Gap.IMPLAUSIBLE, str(problem))
    own = users[asked.candidate.name]
    if not own.total:
        why = f"no users of {asked.candidate.name}, though it has sessions: its SDK sends no user ids"
        return unmeasured(metric, Gap.ABSENT, why)
    present = [
        (named.label, row)
        for named in asked.baseline
        if (row := users.get(named.name, NOTHING)).sane and row.total
    ]
    baseline = None
    if present:
        counts = Counts(_total(row for _, row in present), sum(row.bad for _, row in present))
        baseline = Arm(", ".join(label for label, _ in present), counts)
    return Measured(SERVICE, metric, Arm(asked.candidate.label, _clamped(own)), baseline, asked.start, as_of)


def _session_arm(label: str, hours: Mapping[datetime, Counts]) -> Arm:
    buckets = tuple(Bucket(start, hours[start]) for start in sorted(hours))
    window = Counts(sum(b.counts.total for b in buckets), sum(b.counts.bad for b in buckets))
    return Arm(label, window, buckets)


def _sessions(
    by_name: Mapping[str, Mapping[str, Any]], hours: Sequence[datetime | None], asked: Asked
) -> _Sessions:
    found = {name: _session_hours(group, hours) for name, group in by_name.items()}
    with_data = [start for rows in found.values() for start, row in rows.items() if row.total]
    as_of = min(max(with_data) + HOUR, asked.until) if with_data else None
    return _Sessions(found, as_of)


def _session_hours(group: Mapping[str, Any], hours: Sequence[datetime | None]) -> _Hours:
    totals, rates = group["series"][SESSIONS], group["series"][SESSION_RATE]
    if len(totals) != len(hours) or len(rates) != len(hours):
        raise Implausible(f"{len(hours)} hours, but {len(totals)} counts and {len(rates)} rates of sessions")
    rows = [row_of(total, rate, "sessions") for total, rate in zip(totals, rates, strict=True)]
    return {start: row for start, row in zip(hours, rows, strict=True) if start is not None}


def _users(group: Mapping[str, Any]) -> Row:
    return row_of(group["totals"][USERS], group["totals"][USER_RATE], "users")


def _one_each(groups: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The groups that were asked for, by release. Raises Implausible if one comes twice."""
    by_name: dict[str, Mapping[str, Any]] = {}
    for group in groups:
        name = group["by"]["release"]
        if name in by_name:
            raise Implausible(f"{name} comes twice in one answer")
        if name in names:
            by_name[name] = group
    return by_name


def _group(group: Any) -> Mapping[str, Any]:
    """`group`, once its shape is the API's. Raises Faulty."""
    item(item(group, "by", dict), "release", str)
    totals, series = item(group, "totals", dict), item(group, "series", dict)
    for name in (USERS, USER_RATE):
        item(totals, name, object)
    for name in (SESSIONS, SESSION_RATE):
        item(series, name, list)
    return dict(group)


def _clamped(row: Row) -> Counts:
    return Counts(row.total, min(row.bad, row.total))


def _total(rows: Iterable[Row]) -> int:
    return sum(row.total for row in rows)
