"""The two clocks a daemon can live by: the machine's, or an emulator's in lock-step.

An emulator's clock stands still while anybody is working and jumps when the daemon says it is idle, so a
release week passes in seconds and yet no schedule is shortened (architecture.md section 2). Only decisions
live by it; sockets, tokens, retries and wake-ups use real time.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.http.client import HttpClient

log = logging.getLogger(__name__)


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """The emulator's answer: the instant it has jumped to, whether its story is over, and whether others live by it."""

    now: datetime
    finished: bool
    shared: bool


class LockStep(Protocol):
    """A clock that moves only when told that nobody is working."""

    def now(self) -> datetime: ...

    def begins(self) -> None:
        """Somebody may be working from now on."""
        ...

    def idle(self, next_due: datetime) -> Tick: ...


class EmulatorClock:
    """`now` is the last instant the emulator named; where others live by it too, it is asked, for they may have been let go on
    while this one was stopped in the middle of its work. `idle` lets it go on, once all who live by it are idle. `who`: which
    of them this is, the same after each start."""

    def __init__(self, http: HttpClient, who: str = "") -> None:
        self._http, self._who = http, who
        self._guard = threading.Lock()
        self._named = (("who", who),) if who else ()
        tick = self._read(self._named)
        self._now, self._shared = tick.now, tick.shared

    def now(self) -> datetime:
        self._catches_up(())
        with self._guard:
            return self._now

    def begins(self) -> None:
        self._catches_up(self._named)

    def _catches_up(self, named: tuple[tuple[str, str], ...]) -> None:
        """`named`: whoever says that it is at work."""
        if not self._shared:
            return
        try:
            self._is(self._read(named))
        except EdgeError as error:
            log.warning("%s", error)

    def idle(self, next_due: datetime) -> Tick:
        """Nothing is due before `next_due`: jump. Raises EdgeError."""
        body = {"next_due": next_due.isoformat(), **({"who": self._who} if self._who else {})}
        tick = self._tick(self._http.post_json("letting its clock go on", "/_emulator/idle", body).body)
        self._is(tick)
        return tick

    def _read(self, named: tuple[tuple[str, str], ...]) -> Tick:
        return self._tick(self._http.get_json("reading its clock", "/_emulator/clock", named).body)

    def _is(self, tick: Tick) -> None:
        with self._guard:
            self._now, self._shared = max(self._now, tick.now), tick.shared

    def _tick(self, body: object) -> Tick:
        if not isinstance(body, dict) or not isinstance(body.get("now"), str):
            raise Faulty("emulator", "reading its clock", "the answer names no instant")
        try:
            now = datetime.fromisoformat(body["now"]).astimezone(UTC)
        except ValueError as error:
            raise Faulty("emulator", "reading its clock", "the answer names no instant") from error
        return Tick(now, body.get("finished") is True, body.get("shared") is True)
