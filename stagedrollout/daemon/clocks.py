"""The two clocks a daemon can live by: the machine's, or an emulator's in lock-step.

An emulator's clock stands still while anybody is working and jumps when the daemon says it is idle, so a
release week passes in seconds and yet no schedule is shortened (architecture.md section 2). Only decisions
live by it; sockets, tokens, retries and wake-ups use real time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from stagedrollout.core.errors import Faulty
from stagedrollout.http.client import HttpClient


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """The emulator's answer: the instant it has jumped to, and whether its story is over."""

    now: datetime
    finished: bool


class LockStep(Protocol):
    """A clock that moves only when told that nobody is working."""

    def now(self) -> datetime: ...

    def idle(self, next_due: datetime) -> Tick: ...


class EmulatorClock:
    """`now` is the last instant the emulator named; `idle` lets it go on, once all who live by it are idle. `who`: which of
    them this is, the same after each start."""

    def __init__(self, http: HttpClient, who: str = "") -> None:
        self._http, self._who = http, who
        self._guard = threading.Lock()
        named = (("who", who),) if who else ()
        self._now = self._tick(http.get_json("reading its clock", "/_emulator/clock", named).body).now

    def now(self) -> datetime:
        with self._guard:
            return self._now

    def idle(self, next_due: datetime) -> Tick:
        """Nothing is due before `next_due`: jump. Raises EdgeError."""
        body = {"next_due": next_due.isoformat(), **({"who": self._who} if self._who else {})}
        tick = self._tick(self._http.post_json("letting its clock go on", "/_emulator/idle", body).body)
        with self._guard:
            self._now = max(self._now, tick.now)
        return tick

    def _tick(self, body: object) -> Tick:
        if not isinstance(body, dict) or not isinstance(body.get("now"), str):
            raise Faulty("emulator", "reading its clock", "the answer names no instant")
        return Tick(datetime.fromisoformat(body["now"]).astimezone(UTC), body.get("finished") is True)
