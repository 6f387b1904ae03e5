"""Counting sessions and users for one question, and writing them down as Sentry does (sentry.md 2.3, 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagedrollout.emulator.population import Crowd, Tally, together
from stagedrollout.emulator.scenario import APP_STORE, AppStory
from stagedrollout.emulator.sentry_query import COUNTS, STATUSES, SessionsQuery

ENVIRONMENT = "production"


def project_slug(app: AppStory) -> str:
    """The project of an iOS app is a project of its own."""
    return f"{app.name}-ios" if app.store == APP_STORE else app.name


@dataclass(frozen=True, slots=True)
class NewIssues:
    """What is first seen in one release, by its code, from `since` on (seconds since 1970): titles, those of most people
    first."""

    code: int
    titles: tuple[str, ...]
    since: float


@dataclass(frozen=True, slots=True)
class Project:
    """One Sentry project per app and store. `crowd`: its people. `issues`: what crashes."""

    id: int
    slug: str
    package: str
    crowd: Crowd
    platform: str = "android"
    issues: tuple[NewIssues, ...] = ()

    def releases(self) -> dict[str, int]:
        """Release names as mobile SDKs send them, and their version codes."""
        crowd = self.crowd
        return {f"{self.package}@{crowd.version(code)}+{code}": code for code in crowd.codes}


@dataclass(frozen=True, slots=True)
class Member:
    """One release of one project: the smallest thing that is grouped."""

    project: Project
    release: str
    code: int

    def by(self, groups: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
        facts = {"project": self.project.id, "release": self.release, "environment": ENVIRONMENT}
        return tuple((group, facts[group]) for group in groups if group in facts)


@dataclass(frozen=True, slots=True)
class Count:
    sessions: Tally
    users: Tally

    def __add__(self, other: Count) -> Count:
        return Count(self.sessions + other.sessions, self.users + other.users)


@dataclass(frozen=True, slots=True)
class _Row:
    by: dict[str, Any]
    total: Count
    series: list[Count]


NOTHING = Count(Tally(0, 0), Tally(0, 0))


def groups(
    query: SessionsQuery,
    members: list[Member],
    seen: float,
    *,
    with_users: bool,
    statuses: tuple[str, ...] = STATUSES,
) -> list[dict[str, Any]]:
    """All groups of the answer in order, as they were known at `seen` (seconds since 1970).

    `statuses`: those that this server knows.
    """
    if query.statuses == ():
        return []
    rows = [row for row in _rows(query, members, seen) if row.total.sessions.sessions]
    named = any(group != "session.status" for group in query.groups)
    if not rows and not named:
        rows = [_Row({}, NOTHING, [NOTHING for _ in query.window.starts])]
    if "session.status" in query.groups:
        asked = [status for status in statuses if query.statuses is None or status in query.statuses]
        return [_written(query, row, (status,), with_users) for row in rows for status in asked]
    written = [_written(query, row, query.statuses, with_users) for row in rows]
    field = query.order.removeprefix("-")
    written.sort(key=lambda group: _rank(group["totals"][field]), reverse=query.order.startswith("-"))
    return written


def _rows(query: SessionsQuery, members: list[Member], seen: float) -> list[_Row]:
    grouped: dict[tuple[tuple[str, Any], ...], _Row] = {}
    for member in members:
        row = _counted(query, member, seen)
        before = grouped.get(member.by(query.groups))
        if before is not None:
            series = [a + b for a, b in zip(before.series, row.series, strict=True)]
            row = _Row(row.by, before.total + row.total, series)
        grouped[member.by(query.groups)] = row
    return list(grouped.values())


def _counted(query: SessionsQuery, member: Member, seen: float) -> _Row:
    crowd, window = member.project.crowd, query.window
    tallies = [crowd.tally(member.code, start, start + window.interval, seen=seen) for start in window.starts]
    series = [
        Count(tally, crowd.users(member.code, start, start + window.interval, tally))
        for start, tally in zip(window.starts, tallies, strict=True)
    ]
    whole = together(tallies)
    total = Count(whole, crowd.users(member.code, window.start, window.end, whole))
    return _Row(dict(member.by(query.groups)), total, series)


def _written(
    query: SessionsQuery,
    row: _Row,
    statuses: tuple[str, ...] | None,
    with_users: bool,  # noqa: FBT001
) -> dict[str, Any]:
    by = dict(row.by)
    if "session.status" in query.groups and statuses:
        by["session.status"] = statuses[0]
    totals = {field: _value(field, row.total, statuses, with_users) for field in query.fields}
    series = {
        field: [_value(field, count, statuses, with_users) for count in row.series] for field in query.fields
    }
    return {"by": by, "totals": totals, "series": series}


def _value(
    field: str,
    count: Count,
    statuses: tuple[str, ...] | None,
    with_users: bool,  # noqa: FBT001
) -> float | None:
    """A rate without anything to divide by is None, never 0 or 1."""
    users = count.users if with_users else Tally(0, 0)
    if field == "sum(session)":
        return _of_statuses(count.sessions, statuses)
    if field == "count_unique(user)":
        return _of_statuses(users, statuses)
    if field.endswith("(session.duration)"):
        return None
    tally = count.sessions if field.endswith("(session)") else users
    if not tally.sessions:
        return None
    if field.startswith("crash_free_rate"):
        return 1 - tally.crashed / tally.sessions
    return _bad(field, tally) / tally.sessions


def _bad(field: str, tally: Tally) -> int:
    """Those that a rate is about. Whoever ends abnormally here did so in the foreground; nothing else goes wrong."""
    if field.startswith("crash_rate"):
        return tally.crashed
    if field.startswith("unhealthy_rate"):
        return tally.crashed + tally.abnormal
    return tally.abnormal if field.startswith(("abnormal_rate", "anr_rate", "foreground_anr_rate")) else 0


def _of_statuses(tally: Tally, statuses: tuple[str, ...] | None) -> int:
    if statuses is None:
        return tally.sessions
    # as in Sentry, what is left for healthy is never below 0: people can have both a crash and a frozen session
    counts = {
        "healthy": max(0, tally.sessions - tally.crashed - tally.abnormal),
        "crashed": tally.crashed,
        "abnormal": tally.abnormal,
    }
    return sum(counts.get(status, 0) for status in statuses)


def _rank(value: float | None) -> float:
    return float("-inf") if value is None else value


def make_negative(shown: list[dict[str, Any]]) -> None:
    """What repeated crash updates of one session can do: rates below 0, or nothing but crashes (sentry.md section 3).

    By status, Sentry cuts what is left for healthy off at 0, so that crashes are all there is.
    """
    for group in shown:
        for field in ("crash_free_rate(session)", "crash_free_rate(user)"):
            if group["totals"].get(field) is not None:
                group["totals"][field] = -0.02
                group["series"][field] = [None if v is None else -0.02 for v in group["series"][field]]
    crashed = {_beside(group): group for group in shown if group["by"].get("session.status") == "crashed"}
    for group in shown:
        if group["by"].get("session.status") == "healthy" and _beside(group) in crashed:
            _move(group, crashed[_beside(group)])


def _beside(group: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What a group shares with those of the other statuses."""
    return tuple(each for each in group["by"].items() if each[0] != "session.status")


def _move(healthy: dict[str, Any], crashed: dict[str, Any]) -> None:
    for field in COUNTS:
        if field not in healthy["series"]:
            continue
        series = healthy["series"][field]
        crashed["series"][field] = [a + b for a, b in zip(crashed["series"][field], series, strict=True)]
        crashed["totals"][field] += healthy["totals"][field]
        healthy["series"][field] = [0 for _ in series]
        healthy["totals"][field] = 0
