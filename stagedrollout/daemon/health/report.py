"""The narrow door through which the daemon tells how it fares. Nothing behind it can raise or hold anything up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from stagedrollout.core.errors import StagedRolloutError
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.health.dead_man import DeadMan
from stagedrollout.daemon.health.errors import OwnSentry
from stagedrollout.daemon.health.heartbeat import HeartbeatFile
from stagedrollout.daemon.health.rounds import Pace, Rounds
from stagedrollout.daemon.watched.memory import Memory, PassEnded

BEAT = timedelta(seconds=10)
"""The least time between two heartbeats, however often `beat` is called."""


class SelfReport(Protocol):
    """No method raises, and none waits for a network; all are safe from many threads."""

    def passed(self, app: StoreApp, due: datetime, problem: str) -> None:
        """A pass ended; `due` is when the next one is, `problem` why it could not do its work ("": it could)."""

    def broke_off(self, app: StoreApp, due: datetime, error: BaseException, problem: str) -> None:
        """A pass ended with an error; `problem` has the words for it."""

    def stumbled(self, doing: str, error: BaseException) -> None:
        """Something else ended with an error."""

    def holds(self, apps: Collection[StoreApp]) -> None:
        """Of several replicas, this one passes over these from now on, and over no others."""

    def beat(self, now: datetime, problem: str = "") -> None:
        """Still here, at the machine's time `now`; `problem` concerns the daemon as a whole ("": it is well).

        A daemon with such a problem is not well, however punctual its passes are.
        """

    def close(self) -> None:
        """Say what is left to say, for two seconds at most."""


class Silent:
    """Tells nobody: nothing is configured."""

    def passed(self, app: StoreApp, due: datetime, problem: str) -> None: ...

    def broke_off(self, app: StoreApp, due: datetime, error: BaseException, problem: str) -> None: ...

    def stumbled(self, doing: str, error: BaseException) -> None: ...

    def holds(self, apps: Collection[StoreApp]) -> None: ...

    def beat(self, now: datetime, problem: str = "") -> None: ...

    def close(self) -> None: ...


class OwnHealth:
    """Tells the heartbeat file, Sentry, a dead man's switch, and the memory of who asks. `clock` is what the passes live by."""

    def __init__(  # noqa: PLR0913 - everybody who is told
        self,
        rounds: Rounds,
        clock: Clock,
        *,
        file: HeartbeatFile | None = None,
        sentry: OwnSentry | None = None,
        dead_man: DeadMan | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._rounds = rounds
        self._clock = clock
        self._file = file
        self._sentry = sentry
        self._dead_man = dead_man
        self._memory = memory or Memory()
        self._beaten_at: datetime | None = None

    def passed(self, app: StoreApp, due: datetime, problem: str) -> None:
        self._rounds.ended(app, due, problem, self._clock.now())
        self._memory.passed(app, PassEnded.TROUBLED if problem else PassEnded.DONE, problem)

    def broke_off(self, app: StoreApp, due: datetime, error: BaseException, problem: str) -> None:
        self._rounds.broke_off(app, due, problem, self._clock.now())
        self._memory.passed(app, PassEnded.BROKE_OFF, problem)
        self.stumbled(f"the pass over {app}", error)

    def stumbled(self, doing: str, error: BaseException) -> None:
        """Only what nobody foresaw: our own errors tell of services and files, not of mistakes in the daemon."""
        if self._sentry and not isinstance(error, StagedRolloutError):
            self._sentry.report(doing, error)

    def holds(self, apps: Collection[StoreApp]) -> None:
        self._rounds.holds(apps, self._clock.now())

    def beat(self, now: datetime, problem: str = "") -> None:
        self._memory.beaten(self._rounds, problem)
        last = self._beaten_at
        if last is not None and timedelta(0) <= now - last < BEAT:  # a clock that was set back delays nothing
            return
        self._beaten_at = now
        standing = self._rounds.standing(self._clock.now())
        if problem:
            standing = replace(standing, pace=Pace.BEHIND, problem=problem)
        if self._file:
            self._file.beat(now, standing)
        if self._sentry:
            self._sentry.check_in(standing.pace)
        if self._dead_man:
            self._dead_man.beat(standing.pace)

    def close(self) -> None:
        if self._sentry:
            self._sentry.close()
