"""Google's own client for Play's publisher API, held so that many threads can use it and nothing is sent twice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stagedrollout.core.ports import Dates
from stagedrollout.stores.google_play.api import Api, GoogleApi, unconditionally
from stagedrollout.stores.google_play.tokens import PUBLISHER_SCOPE
from stagedrollout.stores.google_play.turns import Turns
from stagedrollout.stores.google_play.wire import TIMEOUT_SECONDS, OpenHttp

if TYPE_CHECKING:
    from googleapiclient._apis.androidpublisher.v3 import AndroidPublisherResource
    from googleapiclient.http import HttpRequest

Ask = Callable[["AndroidPublisherResource"], "HttpRequest"]
"""Builds a request; it is built anew for each sending and does no IO."""

PUBLISHER = Api("androidpublisher", "v3", PUBLISHER_SCOPE)

REVIEWS_PER_PAGE = 100
"""The most that Play gives (google-play.md section 7)."""

WRITTEN_MAX = 16
"""Edits of a package that are remembered as written to: a raise and the halts that overtake it each write to one."""


class EditsKnown:
    """What this process knows of an account's edits. It outlives a client: another one may take its place (a reload)
    while the first still talks to Play."""

    def __init__(self) -> None:
        self.turns = Turns()
        """Who may have an edit open when, by package: edits belong to the account."""
        self._written: dict[str, deque[str]] = {}
        self._first: dict[str, str] = {}

    def writes_to(self, package: str, edit: str) -> None:
        """Note, before it is written to, that what this edit shows will be our wish and not what is deployed."""
        self._written.setdefault(package, deque(maxlen=WRITTEN_MAX)).append(edit)

    def wrote_to(self, package: str, edit: str) -> bool:
        """Whether this edit was written to lately, by whichever thread."""
        return edit in tuple(self._written.get(package, ()))

    def opened(self, package: str, edit: str) -> None:
        """Note that this edit is used from here on."""
        self._first.setdefault(package, edit)

    def opened_first(self, package: str, edit: str) -> bool:
        """Whether it is the first edit of the package that this process used. Play may have handed out the one of a
        process that died a moment ago, and what that one wrote is remembered by nobody; the next edit is another one."""
        return self._first.get(package) == edit


class PlayClient(GoogleApi["AndroidPublisherResource"]):
    """One account at one endpoint, shared by all packages and threads.

    `info` is a parsed key file. `endpoint` "" means Google's. `open_http` replaces the network;
    `steady` counts the seconds that pass. `edits`: what an earlier client of the account knew, some of whose
    conversations may still go on.
    Raises WrongConfiguration if the key cannot be used.
    """

    api = PUBLISHER

    def __init__(  # noqa: PLR0913 - as its base
        self,
        info: Mapping[str, Any],
        *,
        endpoint: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        open_http: OpenHttp | None = None,
        dates: Dates | None = None,
        steady: Callable[[], float] = time.monotonic,
        edits: EditsKnown | None = None,
    ) -> None:
        super().__init__(
            info,
            endpoint=endpoint,
            timeout_seconds=timeout_seconds,
            open_http=open_http,
            dates=dates,
            steady=steady,
        )
        self.edits = edits or EditsKnown()

    @property
    def turns(self) -> Turns:
        """Who may have an edit open when, by package."""
        return self.edits.turns

    def writes_to(self, package: str, edit: str) -> None:
        self.edits.writes_to(package, edit)

    def wrote_to(self, package: str, edit: str) -> bool:
        return self.edits.wrote_to(package, edit)

    def opened(self, package: str, edit: str) -> None:
        self.edits.opened(package, edit)

    def opened_first(self, package: str, edit: str) -> bool:
        return self.edits.opened_first(package, edit)

    def reviews(self, package: str, page: str = "") -> Any:
        """One page of the written reviews of the last week, newest first; `page` is the token of the next one.

        Needs the permission "Reply to reviews" (google-play.md sections 2 and 7). Raises EdgeError.
        """
        most = REVIEWS_PER_PAGE

        def ask(play: AndroidPublisherResource) -> HttpRequest:
            if page:
                return play.reviews().list(packageName=package, maxResults=most, token=page)
            return play.reviews().list(packageName=package, maxResults=most)

        return self.send(ask, "reading reviews", unconditionally)
