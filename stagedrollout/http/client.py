"""How this package speaks HTTP with everything but Google; beside it only lines.py, which is part of it, imports httpx.

httpx is little maintained and has a fork; whoever needs HTTP gets it from here, so that a change of library
is a change of these two files. What every caller can rely on:

- A credential goes to the host of the base URL and nowhere else: no redirect is followed, no cookie is kept,
  and in front of a service on this machine no proxy from the environment is used.
- Everything is bounded: connecting, the whole exchange, the size and the depth of an answer. httpx bounds
  single reads only, and a server that drips a byte at a time would hold it for ever (`Deadline`).
  The one thing not bounded here is the system's own name resolution, which has its own limits.
- Callers see JSON or one of our errors. An error holds what happened, the service's words (shortened, without
  control characters, without the credential) and the HTTP status; never a URL, a header or a query.
- An answer is judged by its content, never by its Content-Type (Sentry sends JSON as text/html).

This module only classifies; whether and when to try again is decided elsewhere.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from stagedrollout import __version__
from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Unreachable, WrongConfiguration
from stagedrollout.core.ports import Dates
from stagedrollout.http.answer import NotJson, json_value, refusal, shortened, without_secret, words_of
from stagedrollout.http.deadline import Deadline
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.http.lines import NOT_KEPT, Lines
from stagedrollout.http.peers import PeerRefused
from stagedrollout.http.tally import CALLS

__all__ = [
    "DEFAULT_LIMITS",
    "Endpoint",
    "Handle",
    "HttpClient",
    "JsonReply",
    "Limits",
    "Params",
    "Refusal",
    "Transport",
    "in_process",
]

Transport = httpx.BaseTransport
"""What carries a request; None means real sockets."""

Handle = Callable[[str, str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], bytes]]
"""method, path and query as on the wire, headers (lower case), body -> status, headers, body.

Raises ConnectionError to drop the connection and TimeoutError to answer too late.
"""

Params = Sequence[tuple[str, str]]
"""Query parameters in order; a name may occur several times."""

Refusal = Callable[[str, int, Mapping[str, str], bytes], EdgeError]
"""What was attempted, status, headers (lower case) and body of an answer outside 2xx -> the error it amounts to.

The body comes without the credential that the request carried.
"""

_NO_PAYLOAD: Mapping[str, Any] = MappingProxyType({})

_FAILURE_BYTES_MAX = 64 * 1024
"""How much of a refusal is read: it is only shown to people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on connecting, on the whole exchange, and on the size and nesting of an answer."""

    connect_seconds: float = 5.0
    timeout_seconds: float = 20.0
    bytes_max: int = 8 * 1024 * 1024
    depth_max: int = 32


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class JsonReply:
    """A 2xx answer: `headers` with lower-case names, `body` the parsed JSON (bounded depth, no NaN)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A 2xx answer as it came, but for the credential."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class HttpClient:
    """Speaks JSON with one service. May be shared by threads.

    `authorization` gives the Authorization header for each request ("Bearer …"), so that the secret stays
    with its owner and short-lived tokens can be renewed; some services want it under another name
    (`credential_header`). `refused` reads the refusals of a service that has
    words of its own for them. Raises WrongConfiguration if the environment names a proxy or a certificate
    file that cannot be used.
    """

    def __init__(  # noqa: PLR0913 - a service, its keys and its bounds
        self,
        endpoint: Endpoint,
        *,
        authorization: Callable[[], str] | None = None,
        credential_header: str = "Authorization",
        refused: Refusal | None = None,
        limits: Limits = DEFAULT_LIMITS,
        transport: Transport | None = None,
        dates: Dates | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._authorization = authorization
        self._credential_header = credential_header
        self._refused = refused
        self._limits = limits
        self._dates = dates
        self._lines: Lines | None = None
        try:
            # read once: it takes as long as many requests
            trusted = httpx.create_ssl_context() if transport is None else None
            self._client = _client(endpoint, limits, transport, NOT_KEPT, trusted)
            if transport is None:
                self._lines = Lines(lambda kept: _client(endpoint, limits, None, kept, trusted))
        except (ValueError, ImportError, OSError, httpx.InvalidURL):
            raise WrongConfiguration(
                f"{endpoint.service}: a proxy or certificate setting in the environment cannot be used"
                " (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR)"
            ) from None

    def get_json(self, doing: str, path: str, params: Params = ()) -> JsonReply:
        """GET `path` (percent-encoded, below the base URL); `doing` says in errors what was attempted.

        Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        with CALLS.counted(self.endpoint.service):
            return self._in_json(doing, self._exchange(doing, "GET", path, params=params))

    def get_bytes(self, doing: str, path: str, params: Params = (), *, accept: str) -> bytes:
        """GET what is no JSON; whoever asked reads it. Raises like `get_json`."""
        with CALLS.counted(self.endpoint.service):
            return self._exchange(doing, "GET", path, params=params, accept=accept).content

    def post_json(self, doing: str, path: str, body: Any) -> JsonReply:
        """POST `body` as JSON. Raises like `get_json`; after Unreachable or Faulty it may be applied."""
        with CALLS.counted(self.endpoint.service):
            return self._in_json(doing, self._exchange(doing, "POST", path, payload={"json": body}))

    def tell(self, doing: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        """POST `content` as it is, with headers of the caller's own; the status of an answer that nobody reads. Raises like
        `post_json`."""
        payload = {"content": content}
        with CALLS.counted(self.endpoint.service):
            return self._exchange(doing, "POST", path, payload=payload, more=headers).status

    def patch_json(self, doing: str, path: str, body: Any) -> JsonReply:
        """PATCH `path` with `body` as JSON. Raises like `post_json`."""
        with CALLS.counted(self.endpoint.service):
            return self._in_json(doing, self._exchange(doing, "PATCH", path, payload={"json": body}))

    def close(self) -> None:
        self._client.close()
        if self._lines:
            self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(  # noqa: PLR0913 - a request in all its parts
        self,
        doing: str,
        method: str,
        path: str,
        *,
        params: Params = (),
        payload: Mapping[str, Any] = _NO_PAYLOAD,
        accept: str = "application/json",
        more: Mapping[str, str] = _NO_PAYLOAD,
    ) -> _Reply:
        service, url = self.endpoint.service, self.endpoint.url(path)
        credential = self._credential(doing)
        # identity: an answer that unpacks to gigabytes cannot be sent to who accepts nothing packed
        headers = {
            "Accept": accept,
            "Accept-Encoding": "identity",
            "User-Agent": f"stagedrollout/{__version__}",
            **more,
        }
        if credential:
            headers[self._credential_header] = credential
        deadline = Deadline(self._limits.timeout_seconds, self.endpoint)
        asked = self._dates.asked() if self._dates else 0.0
        try:
            with (
                self._lent(method, deadline) as client,
                deadline,
                client.stream(
                    method,
                    _asked(url, params),
                    headers=headers,
                    extensions={"trace": deadline.watch},
                    **payload,
                ) as response,
            ):
                if self._dates:
                    self._dates.answered(service, asked, response.headers.get("date"))
                content, whole = self._content(response, deadline)
        except (httpx.InvalidURL, UnicodeError):
            raise Rejected(service, doing, "the request cannot be written as an address") from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise Unreachable(service, doing, deadline.words or _transport_words(error)) from None
        if deadline.words:
            raise Unreachable(service, doing, deadline.words)
        return self._judged(doing, response, content, whole=whole, credential=credential)

    def _lent(self, method: str, deadline: Deadline) -> AbstractContextManager[httpx.Client]:
        """A connection that served before carries what changes nothing, for some are closed in that very moment: whoever reads
        may ask again, and of what was to be changed nobody could say whether it was."""
        if self._lines is not None and method == "GET":
            return self._lines.lent(deadline)
        return nullcontext(self._client)

    def _credential(self, doing: str) -> str:
        value = self._authorization() if self._authorization else ""
        if not value.isascii() or not value.isprintable():
            raise Denied(
                self.endpoint.service, doing, "the credential holds characters that no header can carry"
            )
        return value

    def _content(self, response: httpx.Response, deadline: Deadline) -> tuple[bytes, bool]:
        """The body as sent, and whether that is all of it."""
        most = self._limits.bytes_max if response.is_success else _FAILURE_BYTES_MAX
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > most:
                return bytes(content[:most]), False
            if deadline.words:
                break
        return bytes(content), True

    def _judged(
        self, doing: str, response: httpx.Response, content: bytes, *, whole: bool, credential: str
    ) -> _Reply:
        service, status = self.endpoint.service, response.status_code
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not response.is_success:
            if self._refused:
                raise self._refused(doing, status, headers, without_secret(content, credential))
            words = shortened(words_of(content), without=credential)
            raise refusal(service, doing, status, headers, words)
        if not whole:
            detail = f"an answer of more than {self._limits.bytes_max} bytes (HTTP {status})"
            raise Faulty(service, doing, detail, status=status)
        if headers.get("content-encoding", "identity") != "identity":
            raise Faulty(
                service, doing, f"a packed answer, though none was accepted (HTTP {status})", status=status
            )
        # some errors come with a 200, and are told
        return _Reply(status, headers, without_secret(content, credential))

    def _in_json(self, doing: str, reply: _Reply) -> JsonReply:
        try:
            body = json_value(reply.content, self._limits.depth_max)
        except NotJson as error:
            told = f"{error} (HTTP {reply.status})"
            raise Faulty(self.endpoint.service, doing, told, status=reply.status) from None
        return JsonReply(reply.status, reply.headers, body)


def _client(
    endpoint: Endpoint,
    limits: Limits,
    transport: Transport | None,
    connections: httpx.Limits,
    trusted: ssl.SSLContext | None,
) -> httpx.Client:
    if transport is None and endpoint.loopback:
        # a transport of one's own is what keeps httpx from asking the environment for proxies
        transport = httpx.HTTPTransport(verify=trusted or True, limits=connections)
    return httpx.Client(
        transport=transport,
        verify=trusted or True,
        follow_redirects=False,
        timeout=httpx.Timeout(limits.timeout_seconds, connect=limits.connect_seconds),
        limits=connections,
        cookies=_NoCookies(DefaultCookiePolicy(allowed_domains=[])),
    )


class _NoCookies(CookieJar):
    """Takes none, and does not look for any either."""

    def extract_cookies(self, response: object, request: object) -> None:
        pass


def _asked(url: str, params: Params) -> httpx.URL:
    """Whole at once: httpx takes an address apart again for what is added to it."""
    return httpx.URL(f"{url}?{urlencode(params)}") if params else _address(url)


@lru_cache(maxsize=256)
def _address(url: str) -> httpx.URL:
    """Read once: few addresses are asked over and over."""
    return httpx.URL(url)


def _transport_words(error: Exception) -> str:
    """Why there is no answer, without host, address or URL (httpx's own messages can hold them)."""
    match error:
        case PeerRefused():
            return f"no connection: {error}"
        case httpx.ConnectTimeout():
            words = "no connection in time"
        case httpx.TimeoutException():
            words = "no answer in time"
        case httpx.ProxyError():
            words = "the proxy refused"
        case httpx.ConnectError():
            words = "no connection"
        case httpx.NetworkError():
            words = "the connection broke"
        case httpx.RemoteProtocolError():
            words = "the connection broke, or does not speak HTTP"
        case _:
            words = f"no usable answer ({type(error).__name__})"
    cause = _system_words(error)
    return f"{words}: {cause}" if cause else words


def _system_words(error: BaseException | None) -> str:
    """The operating system's or TLS's own reason, found below the libraries' wrappings."""
    for _ in range(8):
        match error:
            case None:
                break
            case ssl.SSLCertVerificationError():
                return f"TLS, {str(error.verify_message).split(',', 1)[0]}"
            case ssl.SSLError():
                return f"TLS, {str(error.reason or 'handshake failed').replace('_', ' ').lower()}"
            case socket.gaierror():
                return "the host name does not resolve"
            case OSError(errno=int(number)):
                return os.strerror(number)
        error = error.__cause__ or error.__context__
    return ""


class _InProcess(httpx.BaseTransport):
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            status, answered, body = self._handle(request.method, path, query, headers, request.read())
        except TimeoutError:
            raise httpx.ReadTimeout("no answer") from None
        except ConnectionError:
            raise httpx.ReadError("connection dropped") from None
        return httpx.Response(status, headers=dict(answered), stream=httpx.ByteStream(body))


def in_process(handle: Handle) -> Transport:
    """A transport that calls `handle` instead of opening a socket."""
    return _InProcess(handle)
