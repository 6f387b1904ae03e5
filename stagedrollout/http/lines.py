"""Connections to one service, as httpx makes them: one client for each, so that a deadline can end what goes over it.

httpx tells of a connection when it makes it and not when it takes it again, and an exchange whose socket nobody knows could
be held for ever (deadline.py).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from stagedrollout.http.deadline import Deadline
from stagedrollout.http.idle import IDLE_SECONDS, Idle, quiet

KEPT = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS)
NOT_KEPT = httpx.Limits(max_keepalive_connections=0)

OpenClient = Callable[[httpx.Limits], httpx.Client]


class Line:
    """One connection at most. For one thread at a time."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.made = time.monotonic()
        self._socket: socket.socket | None = None

    @property
    def usable(self) -> bool:
        return self._socket is not None and quiet(self._socket)

    def close(self) -> None:
        self.client.close()

    @contextmanager
    def exchange(self, deadline: Deadline) -> Iterator[httpx.Client]:
        if self._socket is not None:
            deadline.go_over(self._socket)
        yield self.client
        self._socket = deadline.line


class Lines:
    """May be shared by threads. `open_client` opens another client of the service."""

    def __init__(self, open_client: OpenClient) -> None:
        self._open_client = open_client
        self._idle = Idle[Line]()

    @contextmanager
    def lent(self, deadline: Deadline) -> Iterator[httpx.Client]:
        """For one exchange; kept for the next one unless it raises."""
        line = self._idle.take() or Line(self._open_client(KEPT))
        try:
            with line.exchange(deadline) as client:
                yield client
        except BaseException:
            line.close()
            raise
        if deadline.words:  # it may just be ending what goes over it
            line.close()
        else:
            self._idle.give(line)

    def close(self) -> None:
        self._idle.close()
