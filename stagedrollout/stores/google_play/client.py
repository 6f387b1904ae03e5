"""Google's own client for Play, held so that many threads can use it and nothing is sent twice.

The client builds each request from Google's discovery document; how it travels is ours: a wire of its own
per request, the token from `tokens`, no retry, and every reply judged before the client looks at it (its
HttpError breaks on a message that is not text, and its retry logic logs whole bodies).
"""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import google.auth.exceptions
import httplib2
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

from stagedrollout.core.errors import Faulty, Unreachable
from stagedrollout.core.ports import Clearance
from stagedrollout.stores.google_play.errors import SERVICE, classified, words
from stagedrollout.stores.google_play.tokens import SCOPE, Tokens, credentials_from
from stagedrollout.stores.google_play.turns import Turns
from stagedrollout.stores.google_play.wire import (
    BODY_BYTES_MAX,
    TIMEOUT_SECONDS,
    BoundedHttp,
    HttpLike,
    OpenHttp,
    UnboundedReply,
)

if TYPE_CHECKING:
    from googleapiclient._apis.androidpublisher.v3 import AndroidPublisherResource
    from googleapiclient.http import HttpRequest

Ask = Callable[["AndroidPublisherResource"], "HttpRequest"]
"""Builds a request; it is built anew for each sending and does no IO."""

REVIEWS_PER_PAGE = 100
"""The most that Play gives (google-play.md section 7)."""

WRITTEN_MAX = 16
"""Edits of a package that are remembered as written to: a raise and the halts that overtake it each write to one."""


@dataclass(frozen=True, slots=True)
class Api:
    """One of Google's APIs, by its discovery document, and the scope that its tokens need (section 2)."""

    name: str
    version: str
    scope: str


PUBLISHER = Api("androidpublisher", "v3", SCOPE)


class PlayClient:
    """One account at one endpoint, shared by all packages and threads.

    `info` is a parsed key file. `endpoint` "" means Google's. `open_http` replaces the network.
    Raises WrongConfiguration if the key cannot be used.
    """

    def __init__(
        self,
        info: Mapping[str, Any],
        *,
        endpoint: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        open_http: OpenHttp | None = None,
        api: Api = PUBLISHER,
    ) -> None:
        self.account = words(str(info.get("client_email", "")))
        """The service account's name, which is no secret."""
        self._api = api
        self._tokens = Tokens(credentials_from(info, api.scope))
        self._endpoint = endpoint
        self._open_http = open_http or partial(BoundedHttp, timeout_seconds)
        self.turns = Turns()
        """Who may have an edit open when, by package: edits belong to the account."""
        self._written: dict[str, deque[str]] = {}
        self._building = threading.Lock()
        self._service: AndroidPublisherResource | None = None

    def writes_to(self, package: str, edit: str) -> None:
        """Note, before it is written to, that what this edit shows will be our wish and not what is deployed."""
        self._written.setdefault(package, deque(maxlen=WRITTEN_MAX)).append(edit)

    def wrote_to(self, package: str, edit: str) -> bool:
        """Whether this edit was written to lately, by whichever thread."""
        return edit in tuple(self._written.get(package, ()))

    def send(self, ask: Ask, doing: str, clearance: Clearance) -> Any:
        """Send one request and return its parsed reply ("" for none).

        `clearance` is called right before anything leaves, a token request included; what it raises
        passes through. Everything else that can go wrong is raised as EdgeError.
        """
        request = ask(self._client())
        line = _Line(self._open_http(), self._tokens, doing, clearance)
        try:
            return request.execute(http=line, num_retries=0)  # type: ignore[arg-type] # httplib2-like
        except UnboundedReply as flood:
            raise Faulty(SERVICE, doing, f"answered with {flood}") from None
        except (ValueError, RecursionError):
            raise Faulty(SERVICE, doing, "the answer cannot be read") from None
        except (
            OSError,
            httplib2.HttpLib2Error,
            http.client.HTTPException,
            google.auth.exceptions.GoogleAuthError,
        ) as failure:
            # Only the kind: the text of such errors can quote what was sent.
            raise Unreachable(SERVICE, doing, f"no answer ({type(failure).__name__})") from None

    def reviews(self, package: str, page: str = "") -> Any:
        """One page of the written reviews of the last week, newest first; `page` is the token of the next one.

        Needs the permission "Reply to reviews" (google-play.md sections 2 and 7). Raises EdgeError.
        """
        most = REVIEWS_PER_PAGE

        def ask(play: AndroidPublisherResource) -> HttpRequest:
            if page:
                return play.reviews().list(packageName=package, maxResults=most, token=page)
            return play.reviews().list(packageName=package, maxResults=most)

        return self.send(ask, "reading reviews", _unconditionally)

    def _client(self) -> AndroidPublisherResource:
        with self._building:
            if self._service is None:
                service: Any = build(  # the stubs know the type by literal names only
                    self._api.name,
                    self._api.version,
                    credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
                    static_discovery=True,
                    cache_discovery=False,
                    client_options={"api_endpoint": self._endpoint} if self._endpoint else None,
                )
                self._service = service
            return self._service


def _unconditionally() -> None:
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
