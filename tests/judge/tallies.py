"""What the daemon asked of the sessions' source for the evidence, and the counts that it knew after each answer.

Four questions: sessions by the hour and status, users by the day, what was normal in the week before a run, and once
a day which releases people use. Newer counts of a bucket replace older ones; numbers that cannot be right do not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from tests.judge.evidence import Record
from tests.judge.ledger import instant
from tests.judge.proof import HOUR, Bucket, hour_floor
from tests.judge.signals import left_out, lost_too_much, names_in

WEEK = timedelta(days=7)


class Kind(StrEnum):
    SESSIONS = "sessions"
    USERS = "users"
    RUNNING = "running"
    PAST = "past"


class Arm(NamedTuple):
    """Sessions (or users) of one release in one bucket; `abnormal` of them ended so."""

    total: int
    crashed: int
    abnormal: int = 0


NOBODY = Arm(0, 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or none (`ok` False); `slow`: one that may have come too late for whoever asked. `arms`: by release
    and beginning; None where a value was no number.

    `names`: of the releases asked for, the candidate's first where sessions or users are counted; for what people use,
    of those whose sessions were asked for next. `left_out`: statuses that were cut off in the middle of a release.
    `used`: each release's sessions in all. `past`: sessions, crashes and crashed users of the week before.
    """

    seq: int
    at: datetime
    kind: Kind
    ok: bool
    slow: bool
    projects: frozenset[str]
    names: tuple[str, ...]
    arms: Mapping[str, Mapping[datetime, Arm | None]]
    left_out: frozenset[str]
    used: Mapping[str, int]
    past: tuple[int, int, int | None]

    @property
    def spoke(self) -> bool:
        """Whether it told of anybody's sessions at all."""
        return any(arm and arm.total for series in self.arms.values() for arm in series.values())


def replies(requests: Iterable[Record]) -> list[Reply]:
    asked = (r for r in requests if r["service"] == "sentry" and r["path"].rstrip("/").endswith("/sessions"))
    found = [_reply(request, kind) for request in asked if (kind := _kind(request.get("query") or {}))]
    return list(_told_whom(reversed(found)))[::-1]


def _told_whom(latest_first: Iterable[Reply]) -> Iterator[Reply]:
    """What people use names nobody. It is asked for one release alone, right before its sessions, and no other release's
    watch hears it; nor does anybody who died before he asked for those."""
    asked_next: dict[frozenset[str], tuple[str, ...]] = {}
    for reply in latest_first:
        if reply.kind is Kind.SESSIONS:
            asked_next[reply.projects] = reply.names
        for_whom = asked_next.pop(reply.projects, ()) if reply.kind is Kind.RUNNING else reply.names
        yield replace(reply, names=for_whom)


def _kind(query: Mapping[str, list[str]]) -> Kind | None:
    """None: some other question, like the floors'."""
    if "session.status" in query.get("groupBy", ()):
        return Kind.SESSIONS
    if query.get("interval") == ["1d"]:
        return Kind.USERS
    if not query.get("query"):
        return Kind.RUNNING
    start, end = query.get("start"), query.get("end")
    return Kind.PAST if start and end and instant(end[0]) - instant(start[0]) == WEEK else None


def _reply(request: Record, kind: Kind) -> Reply:
    query, response = request.get("query") or {}, request.get("response")
    ok = request.get("status") == 200 and isinstance(response, Mapping) and "groups" in response
    groups: Sequence[Mapping[str, Any]] = response["groups"] if ok and isinstance(response, Mapping) else ()
    starts = [instant(text) for text in response["intervals"]] if ok and isinstance(response, Mapping) else []
    names = tuple(dict.fromkeys(n for n in names_in(query.get("query", [])) if n != "release"))
    lacking = left_out(groups, names) if kind is Kind.SESSIONS else frozenset[str]()
    counted = kind in (Kind.SESSIONS, Kind.USERS) and "crashed" not in lacking
    return Reply(
        seq=request["seq"],
        at=instant(request["at"]),
        kind=kind,
        ok=ok,
        slow=request.get("fault") == "slow",
        projects=frozenset(query.get("project", [])),
        names=names,
        arms=dict(_arms(groups, starts, kind)) if counted else {},
        left_out=lacking,
        used=_used(groups) if kind is Kind.RUNNING else {},
        past=_past(groups, names) if kind is Kind.PAST else (0, 0, None),
    )


def _arms(
    groups: Sequence[Mapping[str, Any]], starts: Sequence[datetime], kind: Kind
) -> Iterator[tuple[str, Mapping[datetime, Arm | None]]]:
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for group in groups:
        by_name.setdefault(str(group["by"]["release"]), []).append(group)
    arm: Callable[[list[Mapping[str, Any]], int], Arm | None] = _sessions if kind is Kind.SESSIONS else _users
    for name, rows in by_name.items():
        yield name, {start: arm(rows, place) for place, start in enumerate(starts)}


def _sessions(rows: list[Mapping[str, Any]], place: int) -> Arm | None:
    counts = {row["by"]["session.status"]: row["series"]["sum(session)"][place] for row in rows}
    if not all(_is_whole(count) for count in counts.values()):
        return None
    return Arm(sum(counts.values()), counts.get("crashed", 0), counts.get("abnormal", 0))


def _users(rows: list[Mapping[str, Any]], place: int) -> Arm | None:
    series = rows[0]["series"]
    return _rated(series["count_unique(user)"][place], series["crash_free_rate(user)"][place])


def _rated(count: Any, rate: Any) -> Arm | None:
    if not _is_whole(count) or count < 0 or (rate is None and count):
        return None
    if rate is None:
        return NOBODY
    if not isinstance(rate, (int, float)) or rate > 1:
        return None
    return Arm(count, round(min((1 - rate) * count, count + 1)))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _used(groups: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {str(group["by"]["release"]): int(group["totals"]["sum(session)"] or 0) for group in groups}


def _past(groups: Sequence[Mapping[str, Any]], names: Collection[str]) -> tuple[int, int, int | None]:
    """Of those that were asked for by name. Users are known only if they are of every release that crashed."""
    totals = [group["totals"] for group in groups if group["by"].get("release") in names]
    pairs = [
        (_rated(t["sum(session)"], t["crash_free_rate(session)"]), user)
        for t in totals
        if (user := _rated(t["count_unique(user)"], t["crash_free_rate(user)"]))
    ]
    sound = [(s, u) for s, u in pairs if s and s.crashed <= s.total and u.crashed <= u.total]
    known = any(u.total for _, u in sound) and all(u.total for s, u in sound if s.crashed)
    users = sum(u.crashed for _, u in sound)
    return sum(s.total for s, _ in sound), sum(s.crashed for s, _ in sound), users if known else None


@dataclass(slots=True)
class Books:
    """What is known of `candidate` and of what it is compared with: the newest counts of every bucket.

    `compared`: from when on with which releases, oldest first. `doubted`: of which questions an answer that nobody may
    have heard brought counts, and none has told of them again since.
    """

    candidate: str
    compared: list[tuple[datetime, tuple[str, ...]]] = field(default_factory=list)
    crashed: dict[datetime, Bucket] = field(default_factory=dict)
    abnormal: dict[datetime, Bucket] = field(default_factory=dict)
    users: dict[datetime, Bucket] = field(default_factory=dict)
    doubted: set[Kind] = field(default_factory=set)

    def compare(self, at: datetime, names: tuple[str, ...]) -> None:
        """With these from now on, if they are others than before; what was read stays compared with what it was."""
        if not names or (self.compared and set(self.compared[-1][1]) == set(names)):
            return
        hour = hour_floor(at)
        known = (self.crashed, self.abnormal, self.users) if self.compared else ()
        read = [start for buckets in known for start, b in buckets.items() if start >= hour and b.n_b]
        self.compared.append((max(read) + HOUR if read else hour, names))

    def begin_with(self, at: datetime, reply: Reply) -> None:
        """Nobody had told yet what people use: what was counted then was counted beside what was asked for."""
        if not self.compared:
            self.compare(at, tuple(name for name in reply.names if name != self.candidate))

    def enter(self, reply: Reply, *, heard: bool = True) -> tuple[datetime | None, bool]:
        """Since when something is otherwise than before (None: nothing is), and whether anything was bad data."""
        read, refused = self._both_arms(reply)
        if reply.kind is Kind.USERS:
            measures = [(self.users, {t: Bucket(*own[:2], *beside[:2]) for t, own, beside in read})]
        else:
            measures = [
                (self.crashed, {t: Bucket(*own[:2], *beside[:2]) for t, own, beside in read}),
                (self.abnormal, {t: Bucket(own[0], own[2], beside[0], beside[2]) for t, own, beside in read}),
            ][: 1 if "abnormal" in reply.left_out else 2]
        taken = [_take(known, buckets) for known, buckets in measures]
        since = min((at for at, _ in taken if at), default=None)
        refused = refused or bool(reply.left_out) or any(bad for _, bad in taken)
        if since and not heard:
            self.doubted.add(reply.kind)
        elif heard and read and not refused:
            self.doubted.discard(reply.kind)
        return since, refused

    def copied(self) -> Books:
        """What is compared with what is told to both."""
        kept = dict(self.crashed), dict(self.abnormal), dict(self.users)
        return Books(self.candidate, self.compared, *kept, set(self.doubted))

    def knows_as_much_as(self, other: Books) -> bool:
        counts = ((self.crashed, other.crashed), (self.abnormal, other.abnormal), (self.users, other.users))
        return all(own == its for own, its in counts)

    def _both_arms(self, reply: Reply) -> tuple[list[tuple[datetime, Arm, Arm]], bool]:
        """The buckets in which anybody has anything; and whether a value was no number, for then it is no bucket."""
        found: list[tuple[datetime, Arm, Arm]] = []
        refused = False
        for start in sorted({start for series in reply.arms.values() for start in series}):
            names = (self.candidate, *self._beside(reply, start))
            arms = [reply.arms.get(name, {}).get(start, NOBODY) for name in names]
            own, *others = [arm for arm in arms if arm is not None] or [NOBODY]
            if None in arms:
                refused = True
            elif any(map(any, (own, *others))):
                found.append((start, own, Arm(*map(sum, zip(NOBODY, *others, strict=True)))))
        return found, refused

    def _beside(self, reply: Reply, start: datetime) -> tuple[str, ...]:
        """What the bucket is compared with; what was asked for where nobody ever told what people use."""
        begun = [names for since, names in self.compared if since <= start] or [
            names for _, names in self.compared[:1]
        ]
        return begun[-1] if begun else tuple(name for name in reply.names if name != self.candidate)


def _take(known: dict[datetime, Bucket], read: Mapping[datetime, Bucket]) -> tuple[datetime | None, bool]:
    """Of an answer in which either arm has lost too much, only buckets in which nothing of that arm is gone: the few
    sessions of a release that was left out are not missed beside all others'."""
    sound = {start: b for start, b in read.items() if min(b) >= 0 and b.k_b <= b.n_b}
    refused = len(sound) < len(read)
    again = [start for start in sound if start in known]
    for arm in (0, 2):
        if lost_too_much(sum(known[start][arm] for start in again), sum(read[start][arm] for start in again)):
            refused = True
            sound = {t: b for t, b in sound.items() if b[arm] >= (known[t][arm] if t in known else 1)}
    changed = [start for start, bucket in sound.items() if known.get(start) != bucket]
    known.update(sound)
    return min(changed, default=None), refused


def leaves_out(users: Reply, sessions: Reply | None, candidate: str) -> bool:
    """Whether it tells of others' users and of none of the candidate's, which has just had sessions: no reading of it."""
    if users.kind is not Kind.USERS or sessions is None:
        return False
    counted = {
        name for name, series in users.arms.items() if any(arm and arm.total for arm in series.values())
    }
    people = sessions.arms.get(candidate, {}).values()
    return bool(counted) and candidate not in counted and any(arm and arm.total for arm in people)


def newest_end(
    buckets: Mapping[datetime, Bucket], since: datetime, width: timedelta = HOUR
) -> datetime | None:
    """The end of the newest bucket of this run in which anybody has data."""
    starts = [start for start, bucket in buckets.items() if start >= since and (bucket.n_c or bucket.n_b)]
    return max(starts) + width if starts else None
