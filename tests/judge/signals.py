"""What the crash-free source answered, judged afresh: counts in, one word per gate out.

Rates arrive rounded and the start of a monitoring run is a matter of minutes, so an answer may be read in
more than one way. All plausible readings are kept: a raise is excused by any of them, a missing halt is
blamed only when all of them say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor
from typing import Any

from tests.judge.evidence import Record
from tests.judge.ledger import instant
from tests.judge.terms import PPM_ALL, Gate

HOUR = timedelta(hours=1)
GRACE = timedelta(seconds=60)
"""What may pass between the daemon's `now` and the answer it waited for."""

ROUNDED_PPM = (50, -50)
"""Rates come as decimals with as few as four digits: so far down or up."""

_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s\[\],:()"]+)')
_UNIT = {"crash_free_sessions": "session", "crash_free_users": "user"}
_COUNT = {"session": "sum(session)", "user": "count_unique(user)"}


class Word(StrEnum):
    """What one gate says. INSUFFICIENT means: healthy as far as one can see, but too little to say so.
    DOUBT is the evidence's alone: something speaks against it, not loud enough for a halt."""

    PASS = "pass"
    INSUFFICIENT = "insufficient"
    STALE = "stale"
    MISSING = "missing"
    ERROR = "error"
    DOUBT = "doubt"
    BREACH = "breach"


@dataclass(frozen=True, slots=True)
class Tally:
    """`bad` of `total` crashed, at most all of them (crash loops count twice); None without a rate."""

    total: int
    bad: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one release had: sessions per hour, distinct users over the whole answer (they do not add up).

    `sane` is False when a number cannot be: a negative count, or more than everybody free of crashes.
    """

    sessions: tuple[Tally, ...]
    users: Tally

    @property
    def sane(self) -> bool:
        return all(t.total >= 0 and (t.bad is None or t.bad >= 0) for t in (*self.sessions, self.users))


@dataclass(frozen=True, slots=True)
class Poll:
    """One question to the crash-free source. `ok` is False when it failed or was cut short. Each store's app
    has a project of its own there; `projects` are those asked. `by_status`: for counts of sessions by the hour. `damaged`: of
    which releases, where rates were asked for, the sessions came in numbers that cannot be. `counts`: by the day, of whatever runs, or of the week before a newer release, which no floor looks at. `heard`:
    whether it tells of anybody who was asked for by name. `slow`: it may have come too late for whoever asked."""

    seq: int
    at: datetime
    ok: bool
    projects: frozenset[str]
    asked: frozenset[str]
    fields: frozenset[str]
    by_status: bool
    damaged: frozenset[str]
    counts: bool
    heard: bool
    slow: bool
    hours: tuple[datetime, ...]
    answers: Mapping[str, Answer]

    def about(self, release: str, metric: str) -> bool:
        unit = _UNIT.get(metric, metric)
        return release in self.asked and any(f"({unit})" in field for field in self.fields)

    @property
    def as_of(self) -> datetime | None:
        """The end of the newest hour in which anybody has data, at most the moment of the answer."""
        newest = [
            start
            for position, start in enumerate(self.hours)
            if any(position < len(a.sessions) and a.sessions[position].total for a in self.answers.values())
        ]
        return min(newest[-1] + HOUR, self.at) if newest else None


def polls(requests: Iterable[Record]) -> list[Poll]:
    found = [
        _poll(request)
        for request in requests
        if request["service"] == "sentry" and request["path"].rstrip("/").endswith("/sessions")
    ]
    return sorted(found, key=lambda poll: poll.seq)


def _poll(request: Record) -> Poll:
    query: Mapping[str, list[str]] = request.get("query") or {}
    response = request.get("response")
    whole = isinstance(response, Mapping) and "groups" in response and "intervals" in response
    named = frozenset(names_in(query.get("query", [])))
    by_status = "session.status" in query.get("groupBy", ())
    ok = request.get("status") == 200 and whole
    if ok and by_status and isinstance(response, Mapping):
        ok = "crashed" not in left_out(response["groups"], named)
    groups = response["groups"] if isinstance(response, Mapping) and ok else []
    hours = response["intervals"] if isinstance(response, Mapping) and ok else []
    answers = _answers(groups, len(hours))
    return Poll(
        seq=request["seq"],
        at=instant(request["at"]),
        ok=ok,
        projects=frozenset(query.get("project", [])),
        asked=named | answers.keys(),
        fields=frozenset(query.get("field", [])),
        by_status=by_status,
        damaged=frozenset[str]() if by_status else named & {_name(g) for g in groups if _cannot_be(g)},
        counts=query.get("interval") == ["1d"] or not query.get("query") or _is_of_a_week(query),
        heard=not named or any(_has_data(answers[name]) for name in named & answers.keys()),
        slow=request.get("fault") == "slow",
        hours=tuple(map(instant, hours)),
        answers=answers,
    )


def _name(group: Mapping[str, Any]) -> str:
    return str(group["by"].get("release", ""))


def _cannot_be(group: Mapping[str, Any]) -> bool:
    series: Mapping[str, list[Any]] = group.get("series") or {}
    counts, rates = series.get("sum(session)", []), series.get("crash_free_rate(session)", [])
    return any(
        count is None or (rate is None and count) or (rate is not None and rate > 1)
        for count, rate in zip(counts, rates, strict=False)
    )


def _has_data(answer: Answer) -> bool:
    return any(tally.total for tally in answer.sessions)


def _is_of_a_week(query: Mapping[str, list[str]]) -> bool:
    start, end = query.get("start"), query.get("end")
    return bool(start and end) and instant(end[0]) - instant(start[0]) == timedelta(days=7)


def left_out(groups: Iterable[Mapping[str, Any]], names: Iterable[str]) -> frozenset[str]:
    """What cannot be counted, crashed or abnormal sessions, for an answer by status that was cut off in the middle of one
    of these releases: any that has a group has one for each status, of zeros too."""
    by_release: dict[str, set[str]] = {}
    for group in groups:
        by = group["by"]
        by_release.setdefault(str(by.get("release", "")), set()).add(str(by.get("session.status", "")))
    told = [by_release[name] for name in names if name in by_release]
    return frozenset(each for each in ("crashed", "abnormal") if any({each, "healthy"} - t for t in told))


def cumulated(found: Iterable[Poll], release: str) -> list[Poll]:
    """Each poll with everything that was told of the release's hours until then: questions can be for the newest
    hours alone. An answer that tells of nobody, or only of others than were asked for, says nothing new of the old."""
    known: dict[datetime, Tally] = {}
    whole = []
    for poll in found:
        if not (poll.ok and poll.heard):
            whole.append(poll)
            continue
        answer = poll.answers.get(release)
        known |= _uncut(known, dict(zip(poll.hours, answer.sessions, strict=False))) if answer else {}
        hours = sorted({*known, *poll.hours})
        sessions = tuple(known.get(hour, Tally(0, None)) for hour in hours)
        users = answer.users if answer else Tally(0, None)
        answers = {**poll.answers, release: Answer(sessions, users)} if known else poll.answers
        whole.append(replace(poll, hours=tuple(hours), answers=answers))
    return whole


def _uncut(known: Mapping[datetime, Tally], told: Mapping[datetime, Tally]) -> Mapping[datetime, Tally]:
    """Of an answer in which what was known is gone by more than a fifth: the hours in which nothing is."""
    again = known.keys() & told.keys()
    if not lost_too_much(sum(known[h].total for h in again), sum(told[h].total for h in again)):
        return told
    return {h: tally for h, tally in told.items() if tally.total >= (known[h].total if h in known else 1)}


def lost_too_much(before: int, now: int) -> bool:
    """Counts grow, and corrections take a fifth of them at most; more is bad data."""
    return now * 5 < before * 4


_EXACT = 1e-6
"""What a rate loses of a whole number of crashes on its way."""


def names_in(searches: Iterable[str]) -> Iterable[str]:
    for search in searches:
        for quoted, bare in _NAME.findall(search):
            yield quoted or bare


def _answers(groups: Iterable[Mapping[str, Any]], hours: int) -> dict[str, Answer]:
    by_release: dict[str, list[Mapping[str, Any]]] = {}
    for group in groups:
        by_release.setdefault(_name(group), []).append(group)
    return {name: _answer(rows, hours) for name, rows in by_release.items()}


def _answer(rows: list[Mapping[str, Any]], hours: int) -> Answer:
    """One row with a rate, or one row per session status; both say the same."""
    sessions = tuple(
        _tally([_at(row["series"], hour) for row in rows], rows, "session") for hour in range(hours)
    )
    return Answer(sessions, _tally([row["totals"] for row in rows], rows, "user"))


def _at(series: Mapping[str, list[Any]], hour: int) -> dict[str, Any]:
    return {field: values[hour] if hour < len(values) else None for field, values in series.items()}


def _tally(cells: list[Mapping[str, Any]], rows: list[Mapping[str, Any]], unit: str) -> Tally:
    counts = [int(cell.get(_COUNT[unit]) or 0) for cell in cells]
    statuses = [row["by"].get("session.status") for row in rows]
    if any(statuses):
        crashed = [count for count, status in zip(counts, statuses, strict=True) if status == "crashed"]
        return Tally(sum(counts), sum(crashed))
    free, crash = cells[0].get(f"crash_free_rate({unit})"), cells[0].get(f"crash_rate({unit})")
    if free is None and crash is None:
        return Tally(counts[0], None)
    share = 1 - float(free) if free is not None else float(crash or 0)
    return Tally(counts[0], counts[0] * min(share, 1))


def word(
    gate: Gate, poll: Poll, release: str, run_since: datetime, settle: timedelta, rounded_ppm: int
) -> Word:
    """The gate's word about `release` after `poll`, looking back over its window or to `run_since`, with a floor that is
    lower by `rounded_ppm`.

    A breach counts every session; a pass only hours that have settled, and only fresh data. Half a crash, which the rate
    of an hour that was cut short gives, is none yet: whoever rounds it down sees no breach. An answer that tells nonsense of
    another release does not say that there is nobody yet.
    """
    answer = poll.answers.get(release)
    if not poll.ok or (answer and not answer.sane):
        return Word.ERROR
    everything, settled = _weigh(gate, poll, answer, run_since, settle) if answer else (None, None)
    if everything is None or settled is None or everything.bad is None or everything.total == 0:
        return Word.ERROR if poll.damaged - {release} else Word.MISSING
    surely = replace(everything, bad=floor(everything.bad + _EXACT))
    if everything.total >= gate.min_sample and _free_ppm(surely) < gate.floor_ppm - rounded_ppm:
        return Word.BREACH
    if poll.as_of is None or poll.at - poll.as_of > gate.freshness + GRACE:
        return Word.STALE
    enough = settled.total >= gate.min_sample and settled.bad is not None
    return Word.PASS if enough and _free_ppm(settled) >= gate.floor_ppm - rounded_ppm else Word.INSUFFICIENT


def _weigh(
    gate: Gate, poll: Poll, answer: Answer, run_since: datetime, settle: timedelta
) -> tuple[Tally, Tally]:
    if gate.metric == "crash_free_users":
        users = answer.users if poll.hours and poll.hours[0] >= run_since else Tally(0, None)
        return users, users
    since = max(run_since, hour_floor(poll.at - gate.window))
    everything = between(poll, answer, since, poll.at)
    return everything, between(poll, answer, since, poll.at - settle - HOUR)


def between(poll: Poll, answer: Answer, since: datetime, last_start: datetime) -> Tally:
    """All sessions of the hours that start from `since` to `last_start`."""
    hours = zip(poll.hours, answer.sessions, strict=False)
    counted = [tally for start, tally in hours if since <= start <= last_start and tally.total]
    known = [tally.bad for tally in counted if tally.bad is not None]
    bad = sum(known) if len(known) == len(counted) else None
    return Tally(sum(tally.total for tally in counted), bad)


def _free_ppm(tally: Tally) -> float:
    return PPM_ALL * (1 - (tally.bad or 0) / tally.total) if tally.total else 0


def hour_floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def hour_ceil(at: datetime) -> datetime:
    floor = hour_floor(at)
    return floor if floor == at else floor + HOUR
