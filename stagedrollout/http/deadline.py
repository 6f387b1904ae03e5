"""An end to exchanges that take too long, whatever the service does meanwhile.

HTTP libraries bound single reads, so a server that drips one byte at a time would hold a caller for ever.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from stagedrollout.http.endpoint import Endpoint
from stagedrollout.http.peers import PeerRefused


class Deadline:
    """Ends an exchange that takes too long, by shutting its socket down under it.

    httpx reports each connection it makes through its `trace` extension, which `watch` is for. Without
    sockets (a transport in this process) nothing needs ending and no timer is started. With an `endpoint` it
    also ends what leads elsewhere (peers.py), before anything is sent; behind a proxy, whose host is another
    one, the proxy answers for that.
    """

    def __init__(self, seconds: float, endpoint: Endpoint | None = None) -> None:
        self._seconds = seconds
        self._endpoint = endpoint
        self._connecting_to = ""
        self._until = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @property
    def host(self) -> str:
        """Whom the exchange is with; "" where that does not matter."""
        return self._endpoint.host if self._endpoint else ""

    @property
    def words(self) -> str:
        """What to tell once the time is over; "" before."""
        return f"no whole answer within {self._seconds:g} s" if time.monotonic() >= self._until else ""

    @property
    def line(self) -> socket.socket | None:
        """What the exchange goes over, once there is a connection."""
        return self._socket

    def go_over(self, line: socket.socket) -> None:
        """The connection is one that served before, whose peer was looked at when it was made."""
        self._socket = line
        self._start()

    def watch(self, _event: str, info: Mapping[str, Any]) -> None:
        """httpx tells what it does. A stream just made (TCP, then TLS on top) is the one to shut down."""
        self._connecting_to = str(info.get("host", self._connecting_to))
        extra_info = getattr(info.get("return_value"), "get_extra_info", None)
        made = extra_info("socket") if extra_info else None
        if not isinstance(made, socket.socket):
            return
        self._socket = made
        self._look_at_peer(made)
        self._start()

    def _start(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(max(self._until - time.monotonic(), 0), self._end)
            self._timer.daemon = True
            self._timer.start()
        elif self.words:
            self._end()

    def _look_at_peer(self, made: socket.socket) -> None:
        if self._endpoint is None or self._connecting_to != self._endpoint.host:
            return
        if problem := self._endpoint.refuses(made.getpeername()[0]):
            made.close()
            raise PeerRefused(problem)

    def _end(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # closed already: then there is nothing to end
                # not SSLSocket's own shutdown, which drops the TLS state another thread is reading with
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is ended any more."""
        if self._timer is not None:
            self._timer.cancel()
