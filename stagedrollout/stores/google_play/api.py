"""One account at one of Google's APIs, through Google's own client, so that many threads can use it.

The client builds each request from Google's discovery document; how it travels is ours: a wire that nobody
else uses meanwhile, the token from `tokens`, no retry, and every reply judged before the client looks at it (its
HttpError breaks on a message that is not text, and its retry logic logs whole bodies).
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import httplib2
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

from stagedrollout.core.errors import Faulty, Unreachable
from stagedrollout.core.ports import Clearance, Dates
from stagedrollout.http.peers import PeerRefused
from stagedrollout.http.tally import CALLS
from stagedrollout.stores.google_play.errors import SERVICE, classified, words
from stagedrollout.stores.google_play.tokens import Tokens, credentials_from
from stagedrollout.stores.google_play.wire import (
    BODY_BYTES_MAX,
    TIMEOUT_SECONDS,
    Dated,
    HttpLike,
    OpenHttp,
    UnboundedReply,
    Wires,
)

if TYPE_CHECKING:
    from googleapiclient.http import HttpRequest

Resource = TypeVar("Resource")
"""What Google's client calls an API: the root of its methods."""


@dataclass(frozen=True, slots=True)
class Api:
    """A discovery document by name and version, the one scope that is asked for, and what stands between the host
    and its paths (google-play.md sections 2 and 10)."""

    name: str
    version: str
    scope: str
    below: str = ""


class GoogleApi(Generic[Resource]):
    """One account at one API. `info` is a parsed key file. `endpoint` "" means Google's. `open_http` replaces the
    network. `steady` counts the seconds that pass, by which tokens grow old.

    Raises WrongConfiguration if the key cannot be used.
    """

    api: ClassVar[Api]

    def __init__(  # noqa: PLR0913 - whose, where, and three seams
        self,
        info: Mapping[str, Any],
        *,
        endpoint: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        open_http: OpenHttp | None = None,
        dates: Dates | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = words(str(info.get("client_email", "")))
        """The service account's name, which is no secret."""
        self._tokens = Tokens(credentials_from(info, self.api.scope), steady=steady)
        self._endpoint = endpoint
        opened: OpenHttp = open_http or Wires(timeout_seconds).open
        self._open_http = opened if dates is None else lambda: Dated(opened(), dates, SERVICE)

    def send(self, ask: Callable[[Resource], HttpRequest], doing: str, clearance: Clearance) -> Any:
        """Send one request and return its parsed reply ("" for none). `ask` builds it, anew for each sending and
        without IO.

        `clearance` is called right before anything leaves, a token request included; what it raises
        passes through. Everything else that can go wrong is raised as EdgeError.
        """
        with CALLS.counted(SERVICE):
            return self._send(ask, doing, clearance)

    def _send(self, ask: Callable[[Resource], HttpRequest], doing: str, clearance: Clearance) -> Any:
        client = cast("Resource", _service(self.api.name, self.api.version, self._address))
        try:
            request = ask(client)
        except (
            UnicodeError
        ):  # an edit's id or a page's token that Play handed out is no text that can be sent
            raise Faulty(SERVICE, doing, "the answer before it cannot be written into a request") from None
        line = _Line(self._open_http(), self._tokens, doing, clearance)
        try:
            return request.execute(http=line, num_retries=0)  # type: ignore[arg-type] # httplib2-like
        except UnboundedReply as flood:
            raise Faulty(SERVICE, doing, f"answered with {flood}") from None
        except PeerRefused as refused:
            raise Unreachable(SERVICE, doing, f"no connection: {refused}") from None
        except (ValueError, RecursionError):
            raise Faulty(SERVICE, doing, "the answer cannot be read") from None
        except (OSError, httplib2.HttpLib2Error, http.client.HTTPException) as failure:
            # Only the kind: the text of such errors can quote what was sent.
            raise Unreachable(SERVICE, doing, f"no answer ({type(failure).__name__})") from None

    @property
    def _address(self) -> str:
        """An address of one's own replaces the path below the host as well (google-play.md section 10)."""
        below = self.api.below
        return f"{self._endpoint.rstrip('/')}/{below}" if self._endpoint and below else self._endpoint


_BUILDING = threading.Lock()


def _service(name: str, version: str, address: str) -> _Kept:
    """The API at this address. It holds nothing of an account, and each request brings a wire of its own, so all share
    one; of two threads one waits for the other, for building it takes as long as many requests."""
    with _BUILDING:
        return _built(name, version, address)


@cache
def _built(name: str, version: str, address: str) -> _Kept:
    built: Any = build(
        name,
        version,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": address} if address else None,
    )
    return _Kept(built)


class _Kept:
    """A resource whose own resources are made once. Google's client makes them, with all of their methods, again
    each time one is named, which takes longer than the rest of a request."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._resource, name)
        if getattr(found, "__is_resource__", False):
            kept = _Kept(found())
            found = lambda: kept  # noqa: E731 - in the shape of what it replaces
        setattr(self, name, found)
        return found


def unconditionally() -> None:
    """Reading needs nobody's clearance."""


class _Line:
    """What Google's client takes for an httplib2.Http: the wire of one request, with token and judgement."""

    def __init__(self, wire: HttpLike, tokens: Tokens, doing: str, clearance: Clearance) -> None:
        self._wire = wire
        self._tokens = tokens
        self._doing = doing
        self._clearance = clearance

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[httplib2.Response, bytes]:
        """Send with a token; once more with a fresh one if that is refused (E26: then nothing was done)."""
        cleared = _Cleared(self._wire, self._clearance)
        token = self._tokens.current(cleared)
        response, content = cleared.request(uri, method, body, _dressed(headers, token))
        if response.status == 401:
            token = self._tokens.instead_of(token, cleared)
            response, content = cleared.request(uri, method, body, _dressed(headers, token))
        if len(content) > BODY_BYTES_MAX:
            raise UnboundedReply(f"a reply of more than {BODY_BYTES_MAX} bytes")
        if response.status >= 300:
            raise classified(self._doing, response.status, response, _without(token, content))
        return response, content


class _Cleared:
    """A wire that asks for clearance right before each sending, and never follows a redirect."""

    def __init__(self, wire: HttpLike, clearance: Clearance) -> None:
        self._wire = wire
        self._clearance = clearance

    def request(  # noqa: PLR0913, PLR0917 - httplib2's signature, not ours
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002 - never, whatever is asked
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        self._clearance()
        return self._wire.request(
            uri, method, body=body, headers=headers, redirections=0, connection_type=connection_type
        )


def _dressed(headers: Mapping[str, str] | None, token: str) -> dict[str, str]:
    """Plain bytes are asked for, because a packed body could unpack to any size."""
    return {**(headers or {}), "accept-encoding": "identity", "authorization": f"Bearer {token}"}


def _without(token: str, content: bytes) -> bytes:
    """The body with our token masked: some proxies repeat the request. One too short to be a secret would
    be found in innocent words."""
    return content.replace(token.encode(), b"***") if len(token) >= 8 else content
