"""The public iTunes lookup: what a storefront shows of an app (app-store-connect.md section 12).

- One country at a time, `us` unless said; where the app is not sold, nothing is found, with 200.
- Averages and counts are those of all versions, also where they claim to be the current version's.
- What was told for a URL is told again for a day; another URL, an added parameter will do, is fresh.
- More than 20 calls in a minute of virtual time get a 403 without a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.emulator.appstore_state import AppStoreApp, Version
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.opinions import Opinions
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.scenario import APP_STORE
from stagedrollout.emulator.service import Call
from stagedrollout.emulator.switches import Switches

PREFIX = "/lookup"
CALLS_A_MINUTE = 20
URLS_KEPT = 1_000
SCRIPT = "text/javascript; charset=utf-8"
_USUAL_COUNTRY = "us"
_APP_ENTITIES = ("software", "iPadSoftware")
_MINUTE = timedelta(minutes=1)

Document = dict[str, Any]
Url = tuple[tuple[str, tuple[str, ...]], ...]
"""The part of a URL that tells one question from another."""


class ITunes:
    """Answers GET /lookup. Nobody needs a key for it."""

    name = "itunes"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(
        self, store: AppStoreStore, opinions: Opinions, timeline: Timeline, switches: Callable[[], Switches]
    ) -> None:
        self._store = store
        self._opinions = opinions
        self._timeline = timeline
        self._switches = switches
        self._calls: deque[datetime] = deque(maxlen=CALLS_A_MINUTE)
        self._told: dict[Url, tuple[datetime, Reply]] = {}

    def operation(self, method: str, path: str) -> str:
        return "lookup" if (method, path) == ("GET", PREFIX) else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        if status in (401, 403, 429):
            return Reply(status, text="")
        return Reply(status, text=f"<html><title>{status}</title><h1>Http/1.1 {status}</h1></html>")

    def answer(self, call: Call) -> Reply:
        if call.operation == "unknown":
            return Reply(404, text="<html><title>404 Not Found</title></html>")
        now = self._timeline.now
        if len(self._calls) == CALLS_A_MINUTE and now - self._calls[0] < _MINUTE:
            return Reply(403, text="")
        self._calls.append(now)
        url = tuple((name, tuple(values)) for name, values in call.request.query.items())
        told = self._told.get(url)
        if told is not None and now - told[0] < timedelta(hours=self._switches().lookup_stale_hours):
            return told[1]
        reply = self._fresh(call.request)
        self._told.pop(url, None)
        if len(self._told) >= URLS_KEPT:
            del self._told[next(iter(self._told))]
        self._told[url] = (now, reply)
        return reply

    def _fresh(self, request: Request) -> Reply:
        country = (request.first("country") or _USUAL_COUNTRY).lower()
        if len(country) != 2 or not country.isascii() or not country.isalpha():
            refused = {"errorMessage": "Invalid value(s) for key(s): [country]", "queryParameters": {}}
            return Reply(400, refused, headers={"content-type": SCRIPT})
        results: list[Document] = []
        if request.first("entity") in (None, *_APP_ENTITIES):
            ids = (request.first("id") or "").split(",")
            bundles = (request.first("bundleId") or "").split(",")
            wanted = [app for app in self._store.apps if app.id in ids or app.bundle_id in bundles]
            results = [found for app in wanted if (found := self._result(app, country)) is not None]
        document = {"resultCount": len(results), "results": results}
        return Reply(document=document, headers={"content-type": SCRIPT})

    def _result(self, app: AppStoreApp, country: str) -> Document | None:
        """What the country's storefront shows; None where it does not sell the app."""
        live, opinions = app.live, self._opinions.of(APP_STORE, app.bundle_id)
        if live is None or app.removed or opinions is None:
            return None
        stars = opinions.ratings(country, self._opinions.now)
        if stars is None:
            return None
        average = round(stars.average, 5)
        return {
            "wrapperType": "software",
            "kind": "software",
            "trackId": int(app.id),
            "bundleId": app.bundle_id,
            "trackName": app.name,
            "version": live.version,
            "currentVersionReleaseDate": _released(live),
            "averageUserRating": average,
            "userRatingCount": stars.count,
            "averageUserRatingForCurrentVersion": average,
            "userRatingCountForCurrentVersion": stars.count,
        }


def _released(version: Version) -> str:
    """To the second, as the lookup writes it; a version without phases is dated by its making."""
    phased = version.phased
    out = phased.start if phased is not None and phased.start is not None else version.created
    return out.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
