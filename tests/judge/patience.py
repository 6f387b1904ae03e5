"""How long the daemon has for what it owes: one poll and a minute, counted again where it was hindered.

Counted by the machine's clocks: where they run slow, nothing on it tells so. Hindered: the store failed or refused it,
or it was killed; one of several also where another was, whose lease had to run out first. While its process stands still no time passes; over an answer that came too late for that, it is
hindered as by a store that fails. A daemon that tries at every poll is always in time, one that stopped trying after
the first failure is not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from functools import lru_cache

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.ledger import APP_STORE, Key, instant

SLACK = timedelta(seconds=60)
_PLAY = ("google_play", "oauth")
_APPLE = ("app_store",)
_REFUSED = (401, 403, 429)
"""Apple's words for a store that will not be used right now (app-store-connect.md section 8)."""


PATIENCE = timedelta(seconds=20)
"""No request waits longer for its answer."""

ONE_WAY = timedelta(seconds=3)
"""So long a request or its answer is under way at most."""


def a_poll(case: Case) -> timedelta:
    return case.poll + SLACK


def deadline(case: Case, key: Key, since: datetime, *, patience: timedelta, until: datetime) -> datetime:
    """By when something owed since `since` has to be true; nothing after `until` is looked at."""
    due = _after(case, since, patience)
    stops = [
        (max(begun, since), ended) for begun, ended in _nobody_there(case) if since < ended and begun <= until
    ]
    obstacles = [(at, at) for at in _obstacles(case, key, since, until)]
    for begun, ended in sorted([*stops, *obstacles]):
        if begun <= due:
            due = due + (ended - begun) if begun < ended else max(due, _after(case, ended, a_poll(case)))
    return due


def awake_for(case: Case, since: datetime, span: timedelta) -> datetime:
    """When a process has run for so long that may have stood still meanwhile."""
    until = since + span
    for begun, ended in stood_still(case):
        if since <= begun <= until:
            until += ended - begun
    return until


def _after(case: Case, since: datetime, span: timedelta) -> datetime:
    """When `span` has passed by the machine's clocks. Where those run slow no clock that it has says so, and what waits
    for an hour by them waits for longer; none waits longer where they run fast."""
    due = since + span
    for begun, ended, pace in _slow(case):
        first = max(begun, since)
        if first < min(due, ended):
            due += min((due - first) * (1 / pace - 1), (ended - first) * (1 - pace))
    return due


@lru_cache(maxsize=2)
def _slow(case: Case) -> list[tuple[datetime, datetime, float]]:
    """While the machine's clocks ran slow, in order, and how fast they went."""
    spans = sorted(span.split() for span in case.evidence.slow)
    return [(instant(begun), instant(ended), float(pace)) for begun, ended, pace in spans]


def deadline_of_the_living(
    case: Case, key: Key, since: datetime, *, patience: timedelta, until: datetime
) -> datetime | None:
    """As `deadline`; but who was not heard of in all that time was not alive, and owes it within a poll of the
    first sign of life. None: there was none."""
    due = deadline(case, key, since, patience=patience, until=until)
    place = bisect_right(case.heard, since)
    again = case.heard[place] if place < len(case.heard) else None
    if again is not None and again <= due:
        return due
    return deadline(case, key, again, patience=max(patience, a_poll(case)), until=until) if again else None


def hindered_between(case: Case, key: Key, first: datetime, last: datetime) -> bool:
    return bool(_obstacles(case, key, first, last))


@lru_cache(maxsize=2)
def stood_still(case: Case) -> list[tuple[datetime, datetime]]:
    """While the process stood still. That time is not counted."""
    spans = (span.split() for span in case.evidence.stopped)
    return [(instant(begun), instant(ended)) for begun, ended in spans]


@lru_cache(maxsize=2)
def _nobody_there(case: Case) -> list[tuple[datetime, datetime]]:
    """While nothing could be done: of several daemons one that stands still is waited for no longer than its lease is, and
    that is counted as a death."""
    if not case.evidence.lease_seconds:
        return stood_still(case)
    return [(instant(begun), instant(ended)) for begun, ended in map(str.split, case.evidence.nobody)]


def late_until(case: Case, at: datetime) -> datetime | None:
    """The process stood still while this request or its answer was under way, and for so long that it may have used up
    the patience for both: until then, when it learned that the answer had come too late."""
    spans = (
        ended
        for begun, ended in stood_still(case)
        if begun <= at + ONE_WAY and at - ONE_WAY <= ended and ended - begun >= PATIENCE - 2 * ONE_WAY
    )
    return max(spans, default=None)


def _obstacles(case: Case, key: Key, since: datetime, until: datetime) -> list[datetime]:
    known = _hindrances(case, key.store)
    return known[bisect_left(known, since) : bisect_right(known, until)]


@lru_cache(maxsize=2)
def _hindrances(case: Case, store: str) -> list[datetime]:
    """Every instant at which the store failed, or its answer came too late, or the daemon died, in order."""
    services = _APPLE if store == APP_STORE else _PLAY
    asked = [request for request in case.evidence.requests if request["service"] in services]
    silent = [instant(request["at"]) for request in asked if failed(request)]
    late = [until for request in asked if (until := late_until(case, instant(request["at"])))]
    return sorted((*silent, *late, *map(instant, case.evidence.deaths)))


def failed(request: Record) -> bool:
    """Whether the store did not answer it, or would not be used."""
    status = request.get("status")
    if request.get("fault") or status is None or status >= 500:
        return True
    return request["service"] in _APPLE and status in _REFUSED
