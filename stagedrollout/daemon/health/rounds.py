"""Whether every store app's passes come to an end in time, by the clock that the passes live by."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core.model import StoreApp
from stagedrollout.core.units import duration_text


class Pace(StrEnum):
    """STARTING says nothing yet: a daemon that dies in its first pass, again and again, must not look well."""

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
    """The last pass over a store app that ended; `broke` if it did so with an error."""

    due: datetime
    ended: bool = False
    broke: bool = False
    problem: str = ""


class Rounds:
    """Safe from many threads. `apps` are due from `now` on, and late one `poll` after they were due."""

    def __init__(self, apps: Iterable[StoreApp], poll: timedelta, now: datetime) -> None:
        self._poll = poll
        self._guard = threading.Lock()
        self._rounds = {app: _Round(now) for app in apps}
        self._begun = now

    def ended(self, app: StoreApp, due: datetime, problem: str) -> None:
        self._note(app, _Round(due, ended=True, problem=problem))

    def broke_off(self, app: StoreApp, due: datetime, problem: str) -> None:
        self._note(app, _Round(due, ended=True, broke=True, problem=problem))

    def standing(self, now: datetime) -> Standing:
        with self._guard:
            rounds = dict(self._rounds)
        late = [app for app, last in rounds.items() if now > last.due + self._poll]
        broke = [app for app, last in rounds.items() if last.broke]
        troubled = [app for app, last in rounds.items() if last.problem]
        next_due = min((last.due for last in rounds.values()), default=self._begun)
        if late:
            app = min(late, key=lambda one: rounds[one].due)
            problem = f"{app}: its pass is {duration_text(now - rounds[app].due)} late"
            return Standing(Pace.BEHIND, next_due, problem)
        problem = next((f"{app}: {rounds[app].problem}" for app in [*broke, *troubled]), "")
        if broke:
            return Standing(Pace.BEHIND, next_due, problem)
        starting = any(not last.ended for last in rounds.values())
        return Standing(Pace.STARTING if starting else Pace.IN_TIME, next_due, problem)

    def _note(self, app: StoreApp, last: _Round) -> None:
        with self._guard:
            self._rounds[app] = last
