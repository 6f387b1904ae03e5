"""Whether every store app's passes end in time and do their work, by the clock that the passes live by."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core.model import StoreApp
from stagedrollout.core.units import duration_text

TROUBLED_POLLS_MAX = 2
"""Polls. For so long a store app's passes may fail to do their work (promise R21); one that hiccups is no alarm."""


class Pace(StrEnum):
    """STARTING says nothing yet: a daemon that dies in its first pass, again and again, must not look well.

    BEHIND: a pass is late or broke off, or its store app was not read for more than two polls.
    """

    STARTING = "starting"
    IN_TIME = "in_time"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Standing:
    """`next_due` is that of the store app that is due first; `problem` the worst one in words ("": none)."""

    pace: Pace
    next_due: datetime
    problem: str


@dataclass(frozen=True, slots=True)
class _Round:
    """The last pass over a store app that ended; `broke` if it did so with an error.

    `troubled_since` is when the first of the passes ended that could not do their work, up to this one.
    """

    due: datetime
    ended: bool = False
    broke: bool = False
    problem: str = ""
    troubled_since: datetime | None = None


class Rounds:
    """Safe from many threads. `apps` are due from `now` on, and late one `poll` after they were due."""

    def __init__(self, apps: Iterable[StoreApp], poll: timedelta, now: datetime) -> None:
        self._poll = poll
        self._guard = threading.Lock()
        self._rounds = {app: _Round(now) for app in apps}
        self._begun = now

    def holds(self, apps: Collection[StoreApp], now: datetime) -> None:
        """These and no others are passed over from now on; what is new among them is due now."""
        with self._guard:
            self._rounds = {app: self._rounds.get(app, _Round(now)) for app in apps}

    def ended(self, app: StoreApp, due: datetime, problem: str, now: datetime) -> None:
        self._note(app, _Round(due, ended=True, problem=problem), now)

    def broke_off(self, app: StoreApp, due: datetime, problem: str, now: datetime) -> None:
        self._note(app, _Round(due, ended=True, broke=True, problem=problem), now)

    def standing(self, now: datetime) -> Standing:
        with self._guard:
            rounds = dict(self._rounds)
        late = [app for app, last in rounds.items() if now > last.due + self._poll]
        broke = [app for app, last in rounds.items() if last.broke]
        long = [app for app, last in rounds.items() if self._long_troubled(last, now)]
        troubled = [app for app, last in rounds.items() if last.problem]
        next_due = min((last.due for last in rounds.values()), default=self._begun)
        if late:
            app = min(late, key=lambda one: rounds[one].due)
            problem = f"{app}: its pass is {duration_text(now - rounds[app].due)} late"
            return Standing(Pace.BEHIND, next_due, problem)
        problem = next((f"{app}: {rounds[app].problem}" for app in [*broke, *long, *troubled]), "")
        if broke or long:
            return Standing(Pace.BEHIND, next_due, problem)
        starting = any(not last.ended for last in rounds.values())
        return Standing(Pace.STARTING if starting else Pace.IN_TIME, next_due, problem)

    def lateness(self, now: datetime) -> dict[StoreApp, timedelta]:
        """For how long each store app's next pass has been due, also while it goes on; zero before."""
        with self._guard:
            rounds = dict(self._rounds)
        return {app: max(now - last.due, timedelta(0)) for app, last in rounds.items()}

    def _long_troubled(self, last: _Round, now: datetime) -> bool:
        return last.troubled_since is not None and now - last.troubled_since > TROUBLED_POLLS_MAX * self._poll

    def _note(self, app: StoreApp, last: _Round, now: datetime) -> None:
        with self._guard:
            before = self._rounds.get(app)
            if before is None:  # given away while its last pass was noted
                return
            since = min(before.troubled_since or now, now)  # clocks are set back
            troubled = last.broke or bool(last.problem)
            self._rounds[app] = replace(last, troubled_since=since if troubled else None)
