"""What a run is judged by, and the courses of its evidence by one account of what the daemon heard.

A daemon that was killed over an answer, or stood still while it came, may have heard it or not; and which counts it takes
from the next one, and which it refuses as bad data, goes by the counts that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.judge.proof import (
    SHARES,
    Course,
    Stage,
    against_baseline,
    against_baseline_by_people,
    against_floor,
    hour_floor,
    tolerated,
)
from tests.judge.runs import Run
from tests.judge.tallies import Books, Kind, Reply
from tests.judge.terms import Weighed

DAY = timedelta(days=1)
_PAST_LEAST = 1_000


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a run is judged by from its first hour to its last."""

    p_ref: float | None
    s: float
    rho0: float
    floor: float | None
    weights: Mapping[str, float]


def agreed_on(past: tuple[int, int, int | None] | None, weighed: Weighed, *, with_ratings: bool) -> Agreed:
    """The terms of section 2, from sessions, crashes and crashed users of the baseline's last seven days."""
    total, crashed, users = past or (0, 0, None)
    p_ref = max(min(crashed, total), 0.5) / total if total >= _PAST_LEAST else None
    floor = weighed.floor or (min(1.0, 2 * p_ref) if p_ref else weighed.fallback)
    needs = {"floor": floor is not None, "ratings": with_ratings}
    able = [name for name in weighed.required if needs.get(name, p_ref is not None)]
    share = sum(SHARES[name] for name in able)
    return Agreed(
        p_ref=p_ref,
        s=min(max(1.1, crashed / users), 5.0) if users and crashed else 2.0,
        rho0=tolerated(weighed.margin, p_ref),
        floor=floor,
        weights={name: SHARES[name] / share for name in able},
    )


def _courses(agreed: Agreed) -> dict[str, Course]:
    found: dict[str, Course] = {}
    s, p_ref = agreed.s, agreed.p_ref
    if p_ref is not None:
        beside = against_baseline(agreed.rho0, s)
        found["crashed_sessions"] = Course(beside, s, p_ref=p_ref)
        found["crashed_users"] = Course(against_baseline_by_people(agreed.rho0, 1.1), 1.1, hours=24)
        found["abnormal_sessions"] = Course(beside, s)
    if agreed.floor:
        found["floor"] = Course(against_floor(agreed.floor, s), s, p_ref=p_ref, guarded=True)
    return found


class Reading:
    """The courses of the run that a look belongs to, by one account of when runs and stages began."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self.run: Run | None = None
        self.stages: tuple[Stage, ...] = ()
        self.agreed: Agreed | None = None
        self.courses: dict[str, Course] = {}

    @property
    def first_day(self) -> datetime:
        return self._runs[0].first_bucket(daily=True)

    def turn_to(self, at: datetime) -> None:
        """The run that looks at this time belong to."""
        begun = [run for run in self._runs if run.begun <= at]
        if begun and begun[-1] is not self.run:
            self.run, self.stages, self.agreed, self.courses = begun[-1], (), None, {}

    def follow(self, books: Books, changed: datetime | None, look: Reply) -> None:
        if self.agreed is None or self.run is None:
            return
        since = changed
        if not self.courses:
            self.courses, since = _courses(self.agreed), self.run.since - DAY
        stages = tuple(stage for stage in self.run.stages if _had_begun(stage, look))
        if stages != self.stages:
            newest = hour_floor(stages[-1].at)
            self.stages, since = stages, min(since, newest) if since else newest
        if since is None:
            return
        for name, course in self.courses.items():
            daily = name == "crashed_users"
            known = books.users if daily else books.abnormal if name == "abnormal_sessions" else books.crashed
            from_ = self.run.first_bucket(daily=daily)
            own = {start: bucket for start, bucket in known.items() if start >= from_}
            course.follow(own, () if daily else stages, since - DAY if daily else since)

    def anew(self) -> Reading:
        """The same, with nothing counted yet."""
        other = Reading(self._runs)
        other.run, other.agreed = self.run, self.agreed
        return other


@dataclass(slots=True)
class Account:
    """`changed`: since when something is otherwise than after the look before; `bad`: whether anything was bad data;
    `bad_users`: whether the last that was told of users was, who are asked for less often than there are looks."""

    books: Books
    readings: Sequence[Reading]
    changed: datetime | None = None
    bad: bool = False
    bad_users: bool = False

    def enter(self, reply: Reply, *, heard: bool) -> datetime | None:
        """Since when something is otherwise; None: nothing is."""
        since, refused = self.books.enter(reply, heard=heard)
        self.changed = min((t for t in (self.changed, since) if t), default=None)
        self.bad = self.bad or refused
        self.bad_users = refused if reply.kind is Kind.USERS else self.bad_users
        return since

    def looked(self) -> None:
        self.changed, self.bad = None, False

    def without_more(self) -> Account:
        """The account of who hears nothing of what comes next."""
        readings = [reading.anew() for reading in self.readings]
        return Account(self.books.copied(), readings, bad=self.bad, bad_users=self.bad_users)


def _had_begun(stage: Stage, look: Reply) -> bool:
    return stage.at <= look.at if stage.request is None else stage.request < look.seq
