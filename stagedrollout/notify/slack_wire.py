"""Slack's own client on a line of ours: bounded, one host, no second try of its own.

slack_sdk alone would follow a redirect with the token to any host, read an answer of any size for as long as
it drips, use the environment's proxy in front of this machine, repeat a POST after a reset, and log what it
sends. Its one seam is the method that carries out a request, which is replaced here; `open_call` refuses a
slack_sdk without it, rather than fall back to that. Imported only where Slack is used: slack_sdk is heavy.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import (
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.base_client import BaseClient

from stagedrollout.core.errors import EdgeError, Faulty, Rejected, Unreachable, WrongConfiguration
from stagedrollout.http.answer import NotJson, json_value
from stagedrollout.http.deadline import Deadline
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.http.tally import CALLS
from stagedrollout.notify.slack_answer import SERVICE, failure, no_answer

ANSWER_BYTES_MAX = 1024 * 1024
ANSWER_DEPTH_MAX = 32
_CHUNK_BYTES = 64 * 1024
_SEAM = "_perform_urllib_http_request_internal"
_FORMS = "files."
"""Methods that take no JSON, whatever their documentation says (slack.md section 4)."""

_UPLOADING = "uploading a file"

_silent = logging.getLogger("stagedrollout.notify.slack_sdk")
_silent.setLevel(logging.CRITICAL + 1)  # slack_sdk logs payloads, answers and a proxy's URL

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
Ask = Callable[[str, dict[str, Any]], tuple[dict[str, Any], dict[str, str]]]
Upload = Callable[[str, bytes], None]


def wired_call(token: str, endpoint: Endpoint, timeout_seconds: float) -> Call:
    """See `slack.open_call`."""
    ask = wired_ask(token, endpoint, timeout_seconds)
    return lambda method, payload: ask(method, payload)[0]


def wired_ask(token: str, endpoint: Endpoint, timeout_seconds: float) -> Ask:
    """The same, with the answer's headers (in small letters), which tell what the token may."""
    if not hasattr(BaseClient, _SEAM):
        raise WrongConfiguration(
            "this slack_sdk cannot be used safely: install the version in constraints.txt"
        )
    client = _Client(token, endpoint, timeout_seconds)

    def ask(method: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        with CALLS.counted(SERVICE):
            return asked(method, payload)

    def asked(method: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        problem: EdgeError
        sent: dict[str, Any] = (
            {"data": _form(payload)} if method.startswith(_FORMS) else {"json": dict(payload)}
        )
        try:
            response = client.api_call(method, **sent)
        except SlackApiError as refused:
            problem = _refused(method, refused)
        except SlackClientError as error:
            problem = Rejected(SERVICE, method, f"slack_sdk refuses it ({type(error).__name__})")
        else:
            answer = response.data
            return dict(answer) if isinstance(answer, dict) else {}, _lower(response.headers)
        # outside the handlers: slack_sdk's own errors hold the request with its token
        raise problem

    return ask


def _form(payload: Mapping[str, Any]) -> dict[str, str]:
    """Structures are JSON inside a field."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in payload.items()}


def wired_upload(endpoint: Endpoint, timeout_seconds: float) -> Upload:
    """See `slack_files.open_upload`."""
    line = _Line(endpoint, timeout_seconds)

    def upload(url: str, content: bytes) -> None:
        if not _is_slacks(url, endpoint):
            raise Faulty(SERVICE, _UPLOADING, "an upload address that is not Slack's own")
        headers = {"Content-Type": "application/octet-stream"}
        request = Request(url, data=content, method="POST", headers=headers)  # noqa: S310 - looked at above
        with CALLS.counted(SERVICE):
            status, answered, _ = line.sent(_UPLOADING, request)
            if status != 200:
                raise failure(_UPLOADING, status, answered, {})

    return upload


def _is_slacks(url: str, endpoint: Endpoint) -> bool:
    """Whether the address is below the host that the token belongs to; on this machine, that very port."""
    try:
        asked, base = urlsplit(url), urlsplit(endpoint.base_url)
        if endpoint.loopback:
            return (asked.scheme, asked.netloc) == (base.scheme, base.netloc)
        host = asked.hostname or ""
        port_is_usual = asked.port in (None, 443)
    except ValueError:
        return False
    below = host == base.hostname or host.endswith(f".{base.hostname}")
    return asked.scheme == "https" and port_is_usual and below and "@" not in asked.netloc


def _refused(method: str, refused: SlackApiError) -> EdgeError:
    response = refused.response
    answer = response.data if isinstance(response.data, dict) else {}
    return failure(method, response.status_code, _lower(response.headers), answer)


class _Client(WebClient):
    def __init__(self, token: str, endpoint: Endpoint, timeout_seconds: float) -> None:
        super().__init__(
            token=token,
            base_url=endpoint.base_url.rstrip("/") + "/",
            logger=_silent,
            retry_handlers=[],
        )
        self._line = _Line(endpoint, timeout_seconds, secret=token)

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """One request, one answer of whatever status, as slack_sdk wants it: a JSON object, or our error."""
        doing = url.rpartition("/")[2]
        status, headers, content = self._line.sent(doing, req)
        answer = _object(doing, status, headers, content)
        return {"status": status, "headers": headers, "body": json.dumps(answer)}


class _Line:
    """One request, one answer, within `seconds`. `secret` is taken out of what is answered."""

    def __init__(self, endpoint: Endpoint, seconds: float, *, secret: str = "") -> None:
        self._seconds = seconds
        self._secret = secret.encode("ascii")
        self._endpoint = endpoint
        self._tls = ssl.create_default_context() if endpoint.base_url.startswith("https:") else None

    def sent(self, doing: str, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer. Raises EdgeError."""
        with Deadline(self._seconds, self._endpoint) as deadline:
            try:
                answer = self._exchange(request, deadline)
            except (OSError, HTTPException) as error:
                words = deadline.words
                raise Unreachable(SERVICE, doing, words) if words else no_answer(doing, error) from None
            except ValueError:
                words = "the request cannot be sent: is a proxy setting in the environment wrong?"
                raise Rejected(SERVICE, doing, words) from None
            if deadline.words:
                raise Unreachable(SERVICE, doing, deadline.words)
        return answer

    def _exchange(self, request: Request, deadline: Deadline) -> tuple[int, dict[str, str], bytes]:
        opener = self._opener(deadline)
        content = bytearray()
        with opener.open(request, timeout=self._seconds) as response:
            while len(content) <= ANSWER_BYTES_MAX and not deadline.words:
                chunk = response.read1(_CHUNK_BYTES)
                if not chunk:
                    break
                content += chunk
            told = bytes(content.replace(self._secret, b"***") if self._secret else content)
            return response.status, _lower(response.headers), told

    def _opener(self, deadline: Deadline) -> OpenerDirector:
        """Not urllib's own set of handlers: that opens files and follows redirects."""
        opener = OpenerDirector()
        opener.add_handler(ProxyHandler({} if self._endpoint.loopback else None))
        opener.add_handler(_Https(deadline, self._tls) if self._tls else _Http(deadline))
        opener.add_handler(_AnyStatus())
        return opener


def _object(doing: str, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The JSON object that was answered. Raises EdgeError for anything else."""
    why = f"an answer of more than {ANSWER_BYTES_MAX} bytes"
    if len(content) <= ANSWER_BYTES_MAX:
        try:
            answer = json_value(content, ANSWER_DEPTH_MAX)
        except NotJson as error:
            why = str(error)
        else:
            if isinstance(answer, dict):
                return answer
            why = "JSON that is no object"
    if 200 <= status < 300:
        raise Faulty(SERVICE, doing, f"{why} (HTTP {status})", status=status)
    raise failure(doing, status, headers, {})


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _AnyStatus(HTTPErrorProcessor):
    """Every status is an answer. Redirects are not followed: they would carry the token along."""

    def http_response(self, request: Request, response: Any) -> Any:  # noqa: ARG002 - urllib's signature
        return response

    https_response = http_response


class _Connected:
    """A socket in the shape in which a Deadline is told of one."""

    def __init__(self, made: socket.socket) -> None:
        self._made = made

    def get_extra_info(self, _name: str) -> socket.socket:
        return self._made


def _connected(connection: HTTPConnection, deadline: Deadline) -> dict[str, Any]:
    """Behind a proxy the peer is the proxy's own affair."""
    tunnelled = connection._tunnel_host  # type: ignore[attr-defined] # noqa: SLF001 - the only sign of one
    below = connection.host == deadline.host or connection.host.endswith(f".{deadline.host}")
    host = deadline.host if below and not tunnelled else ""
    return {"host": host, "return_value": _Connected(connection.sock)}


class _PlainConnection(HTTPConnection):
    def __init__(self, host: str, *, deadline: Deadline, **options: Any) -> None:
        super().__init__(host, **options)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch("connected", _connected(self, self._deadline))


class _TlsConnection(HTTPSConnection):
    def __init__(self, host: str, *, deadline: Deadline, **options: Any) -> None:
        super().__init__(host, **options)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch("connected", _connected(self, self._deadline))


class _Http(HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_PlainConnection, deadline=self._deadline), req)


class _Https(HTTPSHandler):
    def __init__(self, deadline: Deadline, tls: ssl.SSLContext) -> None:
        super().__init__(context=tls)
        self._deadline = deadline
        self._tls = tls

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_TlsConnection, deadline=self._deadline, context=self._tls), req)
