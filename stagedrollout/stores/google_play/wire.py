"""Bytes to Google and back: bounded, sent once, never redirected.

httplib2 left alone reads a body of any size for any time, follows redirects with our token in hand, and,
when a server hangs up instead of answering, sends the request a second time. For `edits.commit` that is
the one thing which must not happen (google-play.md section 5.4), and it does not ask `num_retries`.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httplib2

from stagedrollout.core.ports import Dates
from stagedrollout.http.deadline import Deadline
from stagedrollout.http.idle import Idle, quiet
from stagedrollout.http.peers import PeerRefused, peer_problem

BODY_BYTES_MAX = 4 * 1024 * 1024
"""Far above any track: 20 releases with notes of 500 characters in 80 languages stay below 2 MiB."""

TIMEOUT_SECONDS = 20.0
"""For connecting, for each silence, and again for a whole body."""

EXCHANGE_TIMEOUTS = 2
"""How many of those a request with its whole answer may take, however it drips."""

_READ_BYTES = 65_536
_PLAIN = ("", "identity")


class HttpLike(Protocol):
    """The part of httplib2.Http that is used here; tests and emulated runs bring their own."""

    def request(  # noqa: PLR0913, PLR0917 - httplib2's signature, not ours
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Send once and return the whole reply. Raises OSError, HttpLib2Error or HTTPException."""
        ...


OpenHttp = Callable[[], HttpLike]
"""A wire for one request: an httplib2.Http must not be shared (python.md section 2.2)."""


class Dated:
    """A wire whose answers' dates are told on."""

    def __init__(self, wire: HttpLike, dates: Dates, service: str) -> None:
        self._wire = wire
        self._dates = dates
        self._service = service

    def request(  # noqa: PLR0913, PLR0917 - httplib2's signature, not ours
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        asked = self._dates.asked()
        response, content = self._wire.request(uri, method, body, headers, redirections, connection_type)
        self._dates.answered(self._service, asked, response.get("date"))
        return response, content


class UnboundedReply(http.client.HTTPException):
    """A reply was larger, slower or packed in another way than we are ready to read."""


class _BoundedReply(http.client.HTTPResponse):
    """A reply whose body is read up to a size and up to an instant, and no further."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._read_by = time.monotonic() + (sock.gettimeout() or TIMEOUT_SECONDS)

    def read(self, amt: int | None = None) -> bytes:  # noqa: ARG002 - httplib2 always wants everything
        if (self.getheader("content-encoding") or "").strip().lower() not in _PLAIN:
            # We ask for plain bytes; a packed reply could unpack to any size.
            raise UnboundedReply("a packed reply")
        body = bytearray()
        while chunk := self.read1(_READ_BYTES):
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise UnboundedReply(f"a reply of more than {BODY_BYTES_MAX} bytes")
            if time.monotonic() > self._read_by:
                raise UnboundedReply("a reply that drips")
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)
        super().read()  # there is no more; only so the connection learns that it may take the next request
        return bytes(body)


class _SpeaksOnce:
    """Sends each request once: httplib2's own second attempt, which begins with connecting anew, meets a closed door."""

    response_class: type[http.client.HTTPResponse] = _BoundedReply
    _spoken = False
    _deadline: Deadline | None = None

    def connect(self) -> None:
        if self._spoken:
            raise ConnectionResetError("the server hung up without an answer")
        super().connect()  # type: ignore[misc] # a mixin: the connection comes next in the order
        connected: Any = self
        if not _proxied(connected):
            _looked_at(connected)
        self._begin()

    def _begin(self) -> None:
        """http.client would read headers, and answers before the answer, for as long as they keep coming."""
        connected: Any = self
        self._deadline = Deadline(EXCHANGE_TIMEOUTS * (connected.timeout or TIMEOUT_SECONDS))
        self._deadline.watch("connected", {"return_value": _Stream(connected.sock)})

    @property
    def too_late(self) -> bool:
        return bool(self._deadline and self._deadline.words)

    @property
    def usable(self) -> bool:
        """Whether the exchange is over and the other side may take another one."""
        line: Any = self
        return line.sock is not None and not self.too_late and quiet(line.sock)

    def rest(self) -> None:
        """The exchange is over, in time."""
        if self._deadline is not None:
            self._deadline.close()

    def close(self) -> None:
        self.rest()
        super().close()  # type: ignore[misc] # likewise

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self._spoken:
            self._begin()
        try:
            super().request(*args, **kwargs)  # type: ignore[misc] # likewise
        finally:
            self._spoken = True


def _proxied(connection: Any) -> bool:
    """Behind a proxy the peer is the proxy's own affair."""
    proxy = connection.proxy_info
    return bool(proxy and proxy.isgood() and proxy.applies_to(connection.host))


def _looked_at(connection: Any) -> None:
    """Raises PeerRefused, before anything is sent, where Google cannot be."""
    problem = peer_problem(connection.sock.getpeername()[0], host=connection.host, inside=False)
    if problem:
        connection.sock.close()
        raise PeerRefused(problem)


@dataclass(frozen=True, slots=True)
class _Stream:
    """A socket in the shape in which a Deadline is told of one."""

    made: socket.socket

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.made


class _Plain(_SpeaksOnce, httplib2.HTTPConnectionWithTimeout):
    pass


class _Tls(_SpeaksOnce, httplib2.HTTPSConnectionWithTimeout):
    """httplib2 reads all certificates that this machine trusts for each connection anew, and that takes ten times as long
    as the rest of a request. They are read once, and again when their file has changed."""

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        timeout: float | None = None,
        proxy_info: Any = None,
        ca_certs: str | None = None,
        **_never: Any,
    ) -> None:
        self.ca_certs = ca_certs or httplib2.CA_CERTS
        self.disable_ssl_certificate_validation = False
        self.proxy_info = proxy_info("https") if callable(proxy_info) else proxy_info
        context = _trusting(self.ca_certs, Path(self.ca_certs).stat().st_mtime_ns)
        http.client.HTTPSConnection.__init__(self, host, port=port, timeout=timeout, context=context)


@lru_cache(maxsize=4)
def _trusting(ca_certs: str, _changed_ns: int) -> ssl.SSLContext:
    """As httplib2 makes it. Raises OSError."""
    made: ssl.SSLContext = vars(httplib2.HTTPSConnectionWithTimeout("127.0.0.1", ca_certs=ca_certs))[
        "_context"
    ]
    return made


class BoundedHttp(httplib2.Http):
    """The real wire. What `is_kept` tells may wait for another request after one that was answered; else its connection is
    closed at the request's end. For one thread at a time.

    `timeout_seconds` > 0 bounds connecting, each silence, and the whole body once more.
    """

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS, *, is_kept: bool = False) -> None:
        super().__init__(timeout=timeout_seconds)
        self.follow_redirects = False
        self._is_kept = is_kept
        self.made = time.monotonic()

    def request(  # noqa: PLR0913, PLR0917 - httplib2's signature, not ours
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        kind = connection_type or (_Tls if uri.lower().startswith("https:") else _Plain)
        answered = False
        try:
            response, content = super().request(uri, method, body, headers, redirections, kind)
            if any(connection.too_late for connection in self.connections.values()):
                raise UnboundedReply(
                    "a reply that drips"
                )  # headers cut off at the deadline read like whole ones
            answered = True
        finally:
            self._end(is_kept=answered and self._is_kept)
        return response, content

    @property
    def usable(self) -> bool:
        return bool(self.connections) and all(line.usable for line in self.connections.values())

    def _end(self, *, is_kept: bool) -> None:
        if not is_kept:
            self.close()
        for connection in self.connections.values():
            connection.rest()


class Wires:
    """Wires for one account, whose connections serve for several requests where that can do no harm. May be shared by
    threads."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._idle: dict[str, Idle[BoundedHttp]] = {}

    def open(self) -> HttpLike:
        return self

    def close(self) -> None:
        """What waits for another request, and what comes back later."""
        for idle in self._idle.values():
            idle.close()

    def request(  # noqa: PLR0913, PLR0917 - httplib2's signature, not ours
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        told = (uri, method, body, headers, redirections, connection_type)
        if _once_only(uri):
            return BoundedHttp(self._timeout_seconds).request(*told)
        idle = self._idle.setdefault(_place(uri), Idle())
        wire = idle.take() or BoundedHttp(self._timeout_seconds, is_kept=True)
        answer = wire.request(*told)
        idle.give(wire)
        return answer


def _once_only(uri: str) -> bool:
    """A commit is never repeated, so that it is not sent where it may get lost. All else of a conversation is repeated from its
    start (google-play.md section 5.4)."""
    return urlsplit(uri).path.endswith(":commit")


def _place(uri: str) -> str:
    """Tokens come from another host than the API's."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
