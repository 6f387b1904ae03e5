"""The real adapter against the emulated world, in one process: for whole conversations and their end states."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httplib2
from play_fake import PACKAGE, free, key_file

from stagedrollout.core.model import Change, Outcome, StoreState
from stagedrollout.core.policy import HaltInReview
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.world import World
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from tests.emulator.calls import PlayCaller

ACCOUNT = "ours@example.invalid"


class Wire:
    """In the shape of an httplib2.Http. The world takes turns; `before` is called for each request by its operation."""

    def __init__(self, world: World, before: Callable[[str], None] = lambda operation: None) -> None:
        self.world = world
        self.before = before
        self.calls: list[str] = []
        self._guard = threading.Lock()
        self._token = world.credentials.issue(ACCOUNT)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        if "/token" in uri:
            answer = f'{{"access_token": "{self._token}", "expires_in": 3600}}'.encode()
            return httplib2.Response({"status": "200"}), answer
        request = Request.to(method, uri, headers=headers, body=(body or "").encode())
        operation = self._operation(method, request.path)
        self.before(operation)
        with self._guard:
            self.calls.append(operation)
            response = self.world.handle(request)
        return httplib2.Response({**response.headers, "status": str(response.status)}), response.body

    def _operation(self, method: str, path: str) -> str:
        return next(s for s in self.world._services if path.startswith(s.prefix)).operation(method, path)


class Desk:
    """One package as we steer it, and a look at the truth."""

    def __init__(self, world: World, wire: Wire | None = None) -> None:
        self.world = world
        self.wire = wire or Wire(world)
        self.client = PlayClient(key_file(), endpoint="http://127.0.0.1:9", open_http=lambda: self.wire)
        self.theirs = PlayCaller(world, "ci@example.invalid")

    def store(
        self, track: str = "production", halt_in_review: HaltInReview = HaltInReview.CANCEL_REVIEW
    ) -> GooglePlay:
        return GooglePlay(
            package=PACKAGE, track=track, client=self.client, clock=self, halt_in_review=halt_in_review
        )

    def now(self) -> Any:
        return self.world.timeline.now

    def seen(self, track: str = "production") -> StoreState:
        return self.store(track).read()

    def applies(self, change: Change, track: str = "production") -> Outcome:
        store = self.store(track)
        return store.apply(change, store.read().fingerprint, free)

    def halts(self, code: int, track: str = "production", **more: Any) -> Outcome:
        return self.store(track, **more).halt(str(code))

    def releases(self, track: str = "production") -> dict[int, dict[str, Any]]:
        """What is desired of each release, by its highest version code."""
        kept = self.world.play.apps[0].tracks[track].releases
        return {max(map(int, one["versionCodes"])): one for one in kept}
