"""What a pass would read of a rehearsed world: rows for the evidence, and readings for the floors.

The rows are made from the world's counts as core.evidence.course.rows_of makes them from a ledger: hours for sessions,
UTC days for users, stages and incidents marked. Users are read once an hour, as the daemon does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import sub

from stagedrollout.core import floors
from stagedrollout.core.evidence import course
from stagedrollout.core.evidence.course import Row, StageStart
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, LN_HOLD, SignalId, Terms
from stagedrollout.core.evidence.weighing import Run, Weighing, merged
from stagedrollout.core.gates import Gate
from stagedrollout.core.hours import HOUR, day_floor, hour_floor
from stagedrollout.core.ledger import Measure, Tallied, Tally
from stagedrollout.core.observation import Arm, Bucket, Counts, Measured, Metric
from stagedrollout.rehearsal.gathering import Gathering, gathering
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, Crowd, Totals, distinct

LIVE = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""When a rehearsed release goes live: nine o'clock (UTC) on a Monday, as in `policy show`."""

POLL = timedelta(hours=1) / POLLS_PER_HOUR
SIGNAL = "rehearsal"

_HOURS_TO_MIDNIGHT = 24 - LIVE.hour
_OF_CRASHES = (SignalId.CRASHED_SESSIONS, SignalId.FLOOR)


@lru_cache(maxsize=8192)
def at(poll: int) -> datetime:
    """The instant of a poll; poll 0 is the moment the release goes live."""
    return LIVE + poll * POLL


@dataclass(slots=True)
class Books:
    """Everything counted of one rollout. `stages`: those that have begun; `terms` None: nothing is weighed."""

    crowd: Crowd
    terms: Terms | None
    stages: tuple[StageStart, ...] = ()
    _signals: dict[SignalId, Gathering] = field(default_factory=dict)
    _buckets: list[Bucket] = field(default_factory=list)
    _reached: int = 0
    _day: int = 0
    _users: Row | None = None
    _by_hour: tuple[SignalId, ...] = ()

    def __post_init__(self) -> None:
        if self.terms is not None:
            found = {signal: gathering(self.terms, signal) for signal in self.terms.computed}
            self._signals = {signal: each for signal, each in found.items() if each is not None}
            self._by_hour = tuple(s for s in self._signals if s is not SignalId.CRASHED_USERS)

    def count(self, poll: int) -> None:
        """Take note of what happened by this poll; to be called for each, in order."""
        self.crowd.until(poll)
        if poll % POLLS_PER_HOUR == 0:
            self._close_hour(poll)
            self._read_users(poll)

    def suspected(self, poll: int) -> bool:
        """Whether any signal's own evidence is 10 : 1 or more at this poll."""
        begun = poll - poll % POLLS_PER_HOUR
        seen = _tallies(self._between(begun, poll)) if begun < poll else {}
        if self._users is not None:
            seen[SignalId.CRASHED_USERS] = self._users.strata[0]
        if not any(each.may_suspect(seen.get(signal)) for signal, each in self._signals.items()):
            return False
        opened = self._opened(poll)
        return any(each.ln_e(opened.get(signal)) >= LN_HOLD for signal, each in self._signals.items())

    def pends(self, poll: int) -> bool:
        """Whether the evidence forbids raises at this poll, and no more: from 10 : 1 on, below 100 : 1."""
        if self.terms is None:
            return False
        opened = self._opened(poll)
        found = {signal: each.ln_e(opened.get(signal)) for signal, each in self._signals.items()}
        together = merged(self.terms, found)
        loudest = max((found.get(w.signal, 0.0) for w in self.terms.weights), default=0.0)
        return together < LN_HALT and max(together, loudest) >= LN_HOLD

    def breached(self, gate: Gate, poll: int) -> bool:
        """Whether the gate's floor is breached by what is known at this poll."""
        return floors.breaches(gate, self._of(gate.metric, gate.window, poll))

    def safe(self, stage_at: datetime, settled_until: datetime) -> bool:
        """Whether what the stage must rule out is ruled out by the hours that ended by `settled_until`."""
        crashed = self._signals.get(SignalId.CRASHED_SESSIONS)
        if crashed is None:
            return False
        settled = min(len(crashed.rows), (settled_until - LIVE) // HOUR)
        begun = settled > 0 and crashed.rows[settled - 1].start >= hour_floor(stage_at)
        return begun and crashed.states[settled].ln_e_advance >= LN_ADVANCE

    def sessions(self, since: datetime, until: datetime) -> int:
        """The candidate's, in the hours that began at `since` or later and ended by `until`."""
        first, last = -((LIVE - since) // HOUR), (until - LIVE) // HOUR
        if last <= first:
            return 0
        totals = self.crowd.totals
        return totals[last * POLLS_PER_HOUR].n_c - totals[first * POLLS_PER_HOUR].n_c

    def weighing(self, run: Run, poll: int) -> Weighing:
        """All signals, weighed at this poll."""
        opened = self._opened(poll)
        folds = {s: each.fold(opened.get(s)) for s, each in self._signals.items() if each.rows or s in opened}
        return Weighing(run, "", folds)

    def readings(self, horizon: timedelta, poll: int) -> tuple[Measured, ...]:
        """What the floors are judged by, over the longest window of the gates."""
        first = _window_start(horizon, poll)
        since, now = at(first), at(poll)
        sessions, users = (self._of(metric, horizon, poll) for metric in Metric)
        hours = self._buckets[first // POLLS_PER_HOUR :]
        if poll % POLLS_PER_HOUR:
            begun = poll - poll % POLLS_PER_HOUR
            lately = self._between(begun, poll)
            hours.append(Bucket(at(begun), Counts(lately.n_c, lately.k_c)))
        by_hour = Arm("candidate", sessions, tuple(hours))
        return (
            Measured(SIGNAL, Metric.CRASH_FREE_SESSIONS, by_hour, None, since, now),
            Measured(SIGNAL, Metric.CRASH_FREE_USERS, Arm("candidate", users), None, since, now),
        )

    @property
    def users_read(self) -> tuple[Row, ...]:
        """The days of users as they were read last, the one that goes on included."""
        users = self._signals.get(SignalId.CRASHED_USERS)
        return (*(users.rows if users else ()), *([self._users] if self._users is not None else ()))

    def tallied(self, now: datetime) -> tuple[Tallied, ...]:
        """Every measure was read in every pass: this world has no failures, and somebody always opens the app."""
        return tuple(Tallied(SIGNAL, each, (), now) for each in _MEASURES) if self.terms is not None else ()

    def _between(self, first: int, last: int) -> Totals:
        totals = self.crowd.totals
        return Totals._make(map(sub, totals[last], totals[first]))

    def _of(self, metric: Metric, window: timedelta, poll: int) -> Counts:
        seen, before = self.crowd.totals[poll], self.crowd.totals[_window_start(window, poll)]
        sessions = seen.n_c - before.n_c
        if metric is Metric.CRASH_FREE_SESSIONS:
            return Counts(sessions, seen.k_c - before.k_c)
        people = self.crowd.world.daily_users * self.crowd.share(poll)
        users = distinct(sessions, people)
        return Counts(users, min(users, distinct(seen.loops_c - before.loops_c, people)))

    def _close_hour(self, poll: int) -> None:
        begun = poll - POLLS_PER_HOUR
        lately = self._between(begun, poll)
        self._buckets.append(Bucket(at(begun), Counts(lately.n_c, lately.k_c)))
        for signal, row in self._rows(begun, lately).items():
            self._signals[signal].close(row)
        self._reached = len(self.stages)

    def _opened(self, poll: int) -> dict[SignalId, Row]:
        """The open bucket of each signal that has one."""
        begun = poll - poll % POLLS_PER_HOUR
        rows = self._rows(begun, self._between(begun, poll)) if begun < poll else {}
        if self._users is not None:
            rows[SignalId.CRASHED_USERS] = self._users
        return rows

    def _rows(self, begun: int, seen: Totals) -> dict[SignalId, Row]:
        """One hour's rows of the signals that are counted by the hour, as a ledger's would be."""
        start, stage = at(begun), len(self.stages) > self._reached
        tallies = _tallies(seen)
        rows = {signal: Row(start, (tallies[signal],), stage, None) for signal in self._by_hour}
        off = self._off(rows)
        for signal in rows.keys() & off:
            rows[signal] = rows[signal]._replace(incident=True)
        if SignalId.CRASHED_SESSIONS in rows:
            rho = course.rho_advance(self.stages[-1].ppm)
            rows[SignalId.CRASHED_SESSIONS] = rows[SignalId.CRASHED_SESSIONS]._replace(rho_advance=rho)
        return rows

    def _off(self, rows: dict[SignalId, Row]) -> tuple[SignalId, ...]:
        """The signals of crashed sessions while the baseline itself is off, none of them while it is not."""
        told = [signal for signal in _OF_CRASHES if signal in rows]
        if not told or self.terms is None:
            return ()
        before = self._signals[told[0]].rows[-2:]
        off = course.incident(before, rows[told[0]], self.terms.p_ref, self.terms.s)
        return tuple(told) if off else ()

    def _read_users(self, poll: int) -> None:
        """The day so far; at midnight it is over."""
        users = self._signals.get(SignalId.CRASHED_USERS)
        if users is None:
            return
        seen, world = self._between(self._day, poll), self.crowd.world
        of_candidate = world.daily_users * self.crowd.share(poll)
        of_baseline = world.daily_users - of_candidate
        n_c, n_b = distinct(seen.n_c, of_candidate), distinct(seen.n_b, of_baseline)
        k_c, k_b = distinct(seen.loops_c, of_candidate), distinct(seen.loops_b, of_baseline)
        row = Row(day_floor(at(self._day)), (Tally(n_c, min(k_c, n_c), n_b, min(k_b, n_b)),), False, None)  # noqa: FBT003 - a row's own form
        self._users = row
        if (poll // POLLS_PER_HOUR - _HOURS_TO_MIDNIGHT) % 24 == 0:
            users.close(row)
            self._day, self._users = poll, None


_MEASURES = (Measure.CRASHED, Measure.ABNORMAL, Measure.USERS)


def _tallies(seen: Totals) -> dict[SignalId, Tally]:
    crashed = Tally(seen.n_c, seen.k_c, seen.n_b, seen.k_b)
    abnormal = Tally(seen.n_c, seen.abnormal_c, seen.n_b, seen.abnormal_b)
    return {
        SignalId.CRASHED_SESSIONS: crashed,
        SignalId.FLOOR: crashed,
        SignalId.ABNORMAL_SESSIONS: abnormal,
    }


def _window_start(window: timedelta, poll: int) -> int:
    """The poll at which the first full hour of the newest `window` begins; not before the release is live."""
    first = at(poll) - window
    return max(0, (first - LIVE) // HOUR * POLLS_PER_HOUR)
