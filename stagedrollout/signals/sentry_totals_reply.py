"""What Sentry's totals say of releases over one window: which ones people use, and what was normal for them.

A shape that is not this API's, and a release that comes twice, are faults of the service: Faulty. A release
whose numbers cannot be is left out, for nothing can be compared with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.ledger import Past
from stagedrollout.signals.sentry_shape import (
    DOING,
    SERVICE,
    SESSION_RATE,
    SESSIONS,
    USER_RATE,
    USERS,
    Implausible,
    Row,
    item,
    row_of,
    whole_count,
)

PAST_FIELDS = (SESSIONS, USERS, SESSION_RATE, USER_RATE)


def used(body: Any) -> tuple[tuple[str, int], ...]:
    """The releases that had sessions, and how many: most used first. Raises Faulty."""
    found = list[tuple[str, int]]()
    for name, totals in _totals(body, (SESSIONS,)).items():
        try:
            found.append((name, whole_count(totals[SESSIONS], "sessions")))
        except Implausible:
            continue
    return tuple(sorted((each for each in found if each[1]), key=lambda each: -each[1]))


def past(body: Any, names: Collection[str]) -> Past:
    """What these releases had together. Raises Faulty.

    Users are known only if they are of every release that crashed: crashes per crashed user would else count
    crashes of people who are not counted.
    """
    rows = [
        row
        for name, totals in _totals(body, PAST_FIELDS).items()
        if name in names and (row := _sound(totals)) is not None
    ]
    crashed_users = sum(users.bad for _, users in rows)
    known = any(users.total for _, users in rows) and all(
        users.total for sessions, users in rows if sessions.bad
    )
    return Past(
        sessions=sum(sessions.total for sessions, _ in rows),
        crashed=sum(sessions.bad for sessions, _ in rows),
        crashed_users=crashed_users if known else None,
    )


def _sound(totals: Mapping[str, Any]) -> tuple[Row, Row] | None:
    """Sessions and users of a release; None if either cannot be."""
    try:
        sessions = row_of(totals[SESSIONS], totals[SESSION_RATE], "sessions")
        users = row_of(totals[USERS], totals[USER_RATE], "users")
    except Implausible:
        return None
    return (sessions, users) if sessions.sane and users.sane else None


def _totals(body: Any, fields: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """The totals of each release, with these fields. Raises Faulty."""
    found: dict[str, Mapping[str, Any]] = {}
    for group in item(body, "groups", list):
        name = item(item(group, "by", dict), "release", str)
        totals = item(group, "totals", dict)
        if name in found:
            raise Faulty(SERVICE, DOING, "the answer holds one release twice")
        found[name] = {field: item(totals, field, object) for field in fields}
    return found
