"""What Sentry's answers amount to in a ledger, as pure functions from JSON to buckets.

The rules (sentry.md sections 2.3, 2.4 and 3; decision-engine.md section 6):

- Sessions come by release and status. Statuses exclude each other, so their sum is the release's sessions; which
  ones there are differs between servers (four or five), and those that are unknown count as sessions.
- A release without a group had no sessions then. A bucket in which neither side has anything is no bucket.
- A release with any group has one for each status, of zeros where nothing was, also if every session crashed: Sentry
  makes them all at once. Without that of the healthy or of those that are counted the answer was cut off in the middle
  of the release, and would read as if all of it had crashed, or nothing: no reading of that measure.
- Counts are passed on as they are, be they negative or more crashes than sessions: the ledger judges those.
- A value that is no number spoils its bucket, for whoever counts it: the bucket is refused, with the raw values.
- What contradicts itself or the question is implausible as a whole; a shape that is not this API's is Faulty.

Sentry cuts its own numbers of healthy and errored sessions off at 0. In a release whose sessions report more than
one crash each, the sum of statuses can then be above the sessions that began, and crashes are at most the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagedrollout.core.ledger import Counted, LedgerQuery, Measure, Place, Refused, Tallied, Tally, Untallied
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap
from stagedrollout.signals.sentry_shape import (
    COUNT_MAX,
    NOTHING,
    SERVICE,
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
    whole,
)

STATUS = "session.status"
SESSION_MEASURES = (Measure.CRASHED, Measure.ABNORMAL)
_STATUS_OF = {Measure.CRASHED: "crashed", Measure.ABNORMAL: "abnormal"}
_RAW_LENGTH_MAX = 24
_WHY_LENGTH_MAX = 200
"""Characters of one foreign value, and of all that are told of a bucket."""

_Rows = Mapping[str, Mapping[datetime, Row | Refused]]
"""By Sentry's name of a release and by the start of a bucket."""

_Series = Mapping[str, Sequence[Any]]
"""By status."""


@dataclass(frozen=True, slots=True)
class AskedTallies:
    """What was asked for. `names`: Sentry's name of the candidate and of every release that can have one."""

    query: LedgerQuery
    names: Mapping[Release, str]
    window: Window

    @property
    def candidate(self) -> str:
        return self.names[self.query.candidate]

    @property
    def all_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.names.values()))

    def names_in(self, starts: Iterable[datetime]) -> Iterator[tuple[datetime, tuple[str, ...]]]:
        """Each bucket in order, with the candidate and whatever that is compared with there, each name once.

        What it is compared with is the same in hundreds of buckets.
        """
        names: tuple[str, ...] = (self.candidate,)
        before: tuple[Release, ...] = ()
        for start in sorted(starts):
            compared = self.query.compared_at(start)
            if compared is not before:
                baseline = dict.fromkeys(self.names[each] for each in compared if each in self.names)
                names, before = (self.candidate, *baseline), compared
            yield start, names


def untallied(measure: Measure, gap: Gap, why: str) -> Untallied:
    return Untallied(SERVICE, measure, gap, why)


def session_tallies(body: Any, asked: AskedTallies) -> tuple[Tallied | Untallied, ...]:
    """One reading per measure, in the order of SESSION_MEASURES. Raises Faulty for an answer of another shape."""
    intervals = instants(body)
    groups = [_status_group(group) for group in item(body, "groups", list)]
    try:
        starts = buckets_in(asked.window, intervals)
        statuses = _statuses(groups, starts, asked.all_names)
    except Implausible as problem:
        return tuple(untallied(measure, Gap.IMPLAUSIBLE, str(problem)) for measure in SESSION_MEASURES)
    return tuple(_of_sessions(measure, statuses, starts, asked) for measure in SESSION_MEASURES)


def _of_sessions(
    measure: Measure,
    statuses: Sequence[tuple[str, _Series]],
    starts: Sequence[datetime | None],
    asked: AskedTallies,
) -> Tallied | Untallied:
    for name, series in statuses:
        left_out = [status for status in (_STATUS_OF[measure], "healthy") if status not in series]
        if left_out:
            why = f"the answer was cut off: it tells of {name}, and not of its {left_out[0]} sessions"
            return untallied(measure, Gap.IMPLAUSIBLE, why)
    rows = {name: _session_rows(name, measure, series, starts) for name, series in statuses}
    return _tallied(measure, rows, asked)


def user_tally(body: Any, asked: AskedTallies) -> Tallied | Untallied:
    """The reading of crashed users, from distinct users and their crash-free share. Raises Faulty."""
    intervals = instants(body)
    groups = [_user_group(group) for group in item(body, "groups", list)]
    try:
        starts = buckets_in(asked.window, intervals)
        rows = _user_rows(groups, starts, asked.all_names)
    except Implausible as problem:
        return untallied(Measure.USERS, Gap.IMPLAUSIBLE, str(problem))
    return _tallied(Measure.USERS, rows, asked)


def without_ids(
    sessions: Sequence[Tallied | Untallied], users: Tallied | Untallied, candidate: str
) -> Tallied | Untallied:
    """The reading of users; absent, with the reason, where people use the candidate and none of them has an id.

    Its SDK then sends no user or installation id (section 2.4). What it is compared with alone is no reading of it.
    """
    people = sum(_of_candidate(each) for each in sessions)
    known = _of_candidate(users)
    if not people or known or (isinstance(users, Untallied) and users.gap is not Gap.ABSENT):
        return users
    why = f"no users of {candidate}, though it has sessions: its SDK sends no user or installation ids"
    return untallied(Measure.USERS, Gap.ABSENT, why)


def _of_candidate(read: Tallied | Untallied) -> int:
    """How many of the candidate were counted, in all buckets."""
    return sum(bucket.tally.n_c for bucket in read.buckets) if isinstance(read, Tallied) else 0


def _tallied(measure: Measure, rows: _Rows, asked: AskedTallies) -> Tallied | Untallied:
    counted, refused = list[Counted](), list[Refused]()
    for start, names in asked.names_in({start for by_start in rows.values() for start in by_start}):
        found = [rows.get(name, {}).get(start, NOTHING) for name in names]
        wrong = [each for each in found if isinstance(each, Refused)]
        own, *others = (each if isinstance(each, Row) else NOTHING for each in found)
        tally = Tally(own.total, own.bad, sum(o.total for o in others), sum(o.bad for o in others))
        if wrong:
            refused += wrong
        elif any((tally.n_c, tally.k_c, tally.n_b, tally.k_b)):
            counted.append(Counted(Place(start), tally))
    if counted:
        as_of = min(counted[-1].place.start + measure.width, asked.query.until.astimezone(UTC))
        return Tallied(SERVICE, measure, tuple(counted), as_of, tuple(refused))
    if refused:
        return untallied(measure, Gap.IMPLAUSIBLE, refused[0].why)
    since = f"{asked.window.start:%Y-%m-%d %H:%M} UTC"
    why = f"no {measure.unit} of {asked.candidate} since {since}, nor of what it is compared with"
    return untallied(measure, Gap.ABSENT, why)


def _statuses(
    groups: Iterable[tuple[str, str, Sequence[Any]]], starts: Sequence[datetime | None], names: Sequence[str]
) -> tuple[tuple[str, _Series], ...]:
    """The sessions of each release that was asked for, by status. Raises Implausible."""
    found: dict[str, dict[str, Sequence[Any]]] = {}
    for name, status, series in groups:
        if name not in names:
            continue
        by_status = found.setdefault(name, {})
        if status in by_status:
            raise Implausible(f"{status} sessions of {name} come twice in one answer")
        if len(series) != len(starts):
            raise Implausible(f"{len(starts)} hours, but {len(series)} counts of sessions")
        by_status[status] = series
    return tuple(found.items())


def _session_rows(
    name: str, measure: Measure, series: _Series, starts: Sequence[datetime | None]
) -> Mapping[datetime, Row | Refused]:
    return {
        start: _session_row(
            start, name, measure, {status: values[place] for status, values in series.items()}
        )
        for place, start in enumerate(starts)
        if start is not None
    }


def _session_row(start: datetime, name: str, measure: Measure, by_status: Mapping[str, Any]) -> Row | Refused:
    counts = {
        status: count for status, value in by_status.items() if (count := _believable(value)) is not None
    }
    if len(counts) < len(by_status):
        raw = ", ".join(f"{_raw(status)} {_raw(value)}" for status, value in by_status.items())
        return Refused(start, f"sessions of {name} that are no whole numbers: {raw[:_WHY_LENGTH_MAX]}")
    return Row(sum(counts.values()), counts.get(_STATUS_OF[measure], 0))


def _user_rows(
    groups: Iterable[tuple[str, Sequence[Any], Sequence[Any]]],
    starts: Sequence[datetime | None],
    names: Sequence[str],
) -> _Rows:
    """The users of each release that was asked for. Raises Implausible."""
    found: dict[str, Mapping[datetime, Row | Refused]] = {}
    for name, users, rates in groups:
        if name not in names:
            continue
        if name in found:
            raise Implausible(f"{name} comes twice in one answer")
        if len(users) != len(starts) or len(rates) != len(starts):
            raise Implausible(f"{len(starts)} days, but {len(users)} counts and {len(rates)} rates of users")
        days = zip(starts, users, rates, strict=True)
        found[name] = {start: _user_row(start, name, n, rate) for start, n, rate in days if start is not None}
    return found


def _user_row(start: datetime, name: str, users: Any, rate: Any) -> Row | Refused:
    try:
        return row_of(users, rate, "users")
    except Implausible as problem:
        return Refused(start, f"{name}: {problem} ({_raw(users)} users, crash-free {_raw(rate)})")


def _believable(value: Any) -> int | None:
    count = whole(value)
    return None if count is None or abs(count) > COUNT_MAX else count


def _raw(value: Any) -> str:
    """A foreign value in a few characters, none of them invisible."""
    if isinstance(value, int) and abs(value) > COUNT_MAX:
        return "beyond belief"
    if value is None or isinstance(value, (int, float)):
        return str(value)
    return ascii(value[:_RAW_LENGTH_MAX]) if isinstance(value, str) else f"a {type(value).__name__}"


def _status_group(group: Any) -> tuple[str, str, Sequence[Any]]:
    """Release, status and sessions, once the shape is the API's. Raises Faulty."""
    by, series = item(group, "by", dict), item(group, "series", dict)
    return item(by, "release", str), item(by, STATUS, str), item(series, SESSIONS, list)


def _user_group(group: Any) -> tuple[str, Sequence[Any], Sequence[Any]]:
    """Release, users and their crash-free share, once the shape is the API's. Raises Faulty."""
    series = item(group, "series", dict)
    release = item(item(group, "by", dict), "release", str)
    return release, item(series, USERS, list), item(series, USER_RATE, list)
