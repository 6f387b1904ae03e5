"""Connections that wait for their next request: few, and not for long.

A handshake takes as long as the request itself, and ten times its processor. So one that has carried a whole exchange is
kept for the next, for less time than any server keeps it: what is sent into one that is just being closed is lost, and nobody can
tell whether it was carried out. That is why only what can be asked again is sent on them at all; who takes one says what it
is for.
"""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

IDLE_SECONDS = 4.0
"""The shortest that servers are known to keep an idle connection is 5 s (Node's default)."""

IDLE_MOST = 16
"""Per service. As many as are under way at once are made anew all the same: nobody waits for a connection."""

LIFE_SECONDS = 60.0
"""However often it is used: whom a name leads to, and whom this machine trusts, is asked again with each connection."""


class Wire(Protocol):
    """Carries one exchange at a time."""

    @property
    def made(self) -> float:
        """When, in seconds as `Idle` counts them."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the other side may still take a request; see `quiet`."""
        ...

    def close(self) -> None: ...


W = TypeVar("W", bound=Wire)


class Idle(Generic[W]):
    """Safe from many threads; whoever takes one has it alone. `seconds` only goes forward."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._guard = threading.Lock()
        self._waiting: list[tuple[float, W]] = []
        self._closed = False

    def take(self) -> W | None:
        """The one that was given back last and is usable; None where there is none."""
        while (wire := self._last()) is not None:
            if wire.usable:
                return wire
            wire.close()
        return None

    def give(self, wire: W) -> None:
        """To be kept, or closed where it cannot be used again or enough are kept."""
        usable, now = wire.usable, self._seconds()
        with self._guard:
            dropped = [each for since, each in self._waiting if now - since >= IDLE_SECONDS]
            self._waiting = [each for each in self._waiting if now - each[0] < IDLE_SECONDS]
            young = now - wire.made < LIFE_SECONDS
            if usable and young and not self._closed and len(self._waiting) < IDLE_MOST:
                self._waiting.append((now, wire))
            else:
                dropped.append(wire)
        for each in dropped:
            each.close()

    def close(self) -> None:
        """All, and whatever is given back later."""
        with self._guard:
            self._closed, waiting = True, self._waiting
            self._waiting = []
        for _, wire in waiting:
            wire.close()

    def __del__(self) -> None:
        """A client that another one has taken the place of (a reload) is closed by nobody, for some may still use it."""
        self.close()

    def _last(self) -> W | None:
        with self._guard:
            since, wire = self._waiting.pop() if self._waiting else (-math.inf, None)
        if wire is not None and self._seconds() - since >= IDLE_SECONDS:
            wire.close()
            return self._last()
        return wire


def quiet(line: socket.socket) -> bool:
    """Whether nothing has come since the last exchange: what comes then is the other side's goodbye."""
    look = select.poll()
    try:
        look.register(line, select.POLLIN)
        return not look.poll(0)
    except (OSError, ValueError):  # closed already
        return False
