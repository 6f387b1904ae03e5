"""The emulated services with both stores and every signal, and the daemon's own clients in front of them.

Each example has a world and clients of its own, so that none is led astray by what another one left behind.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httplib2

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import PlayListing
from stagedrollout.config.signals import (
    GrafanaAccess,
    NewRelicAccess,
    PrometheusAccess,
    RatingsCsvSource,
    SignalSettings,
    VitalsSource,
)
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Comparison, LedgerQuery
from stagedrollout.core.model import Release, Store, StoreApp
from stagedrollout.core.observation import SignalQuery
from stagedrollout.core.play_reports import Period, Vital
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.listings import open_listings
from stagedrollout.emulator.play_bucket import BUCKET
from stagedrollout.emulator.request import Request, Response
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World
from stagedrollout.http.client import in_process
from stagedrollout.stores.google_play import api
from stagedrollout.stores.google_play.tokens import credentials_from
from tests.fuzz.spoiling import Spoil
from tests.signals.own.emulated import counts, values
from tests.simulation import setting
from tests.simulation.doors import HOST, URL, VirtualClock

TOKEN = SecretRef(env="SIGNALS_TOKEN")
STORY = """\
name: fuzz
seed: 7
start: 2026-03-02T06:00:00Z
until: 12d
policy: standard
apps:
  - name: acme
    store: google_play
    package: com.acme.app
    population: 2000000
    uptake_hours: 12
    reviews_per_million_sessions: 3
    releases:
      - {version: 5.1.0, code: 5010, crash_free: 99.8, stars: 4.4}
      - version: 5.2.0
        code: 5020
        crash_free: 99.8
        stars: 3.1
        checkout_errors: 6
        rolled_out: {at: 1h, percent: 10, review: 3h}
      - {version: 5.3.0, code: 5030, crash_free: 99.8}
  - name: acme
    store: app_store
    package: com.acme.app
    app_id: "6448311069"
    countries: [us, de]
    population: 1000000
    uptake_hours: 12
    reviews_per_million_sessions: 3
    releases:
      - {version: 5.1.0, code: 33310, crash_free: 99.8, stars: 4.4}
      - {version: 5.2.0, code: 33417, crash_free: 99.8, stars: 3.1, rolled_out: {at: 1h, review: 3h}}
"""
RELEASES = {
    Store.GOOGLE_PLAY: (Release("5020", "5.2.0", "5020"), Release("5010", "5.1.0", "5010")),
    Store.APP_STORE: (Release("5.2.0", "5.2.0", "33417"), Release("5.1.0", "5.1.0", "33310")),
}
KINDS = ("prometheus", "grafana", "new_relic", "http_json")


@lru_cache(maxsize=1)
def _template() -> tuple[World, Loaded]:
    """Two days after the release went out."""
    scenario = parse_scenario(STORY, Path("fuzz.yaml"))
    world = World(scenario)
    with tempfile.TemporaryDirectory() as folder:
        loaded = setting.loaded(scenario, world, Path(folder))
    world.timeline.advance(world.timeline.now + timedelta(hours=60))
    return world, _with_signals(loaded, world.credentials.signals_token)


@lru_cache(maxsize=4)
def _account(key: str, scope: str) -> Any:
    """Reading the key takes longer than all the rest."""
    return credentials_from(json.loads(key), scope)


def _fresh(info: Mapping[str, Any], scope: str) -> Any:
    return _account(json.dumps(dict(info)), scope)


def _with_signals(loaded: Loaded, token: str) -> Loaded:
    settings = loaded.settings
    (app,) = settings.apps
    assert isinstance(app.google_play, PlayListing)
    own = [replace(counts()[kind], name=f"{kind}_counts") for kind in KINDS]
    own += [replace(values()[kind], name=f"{kind}_value") for kind in KINDS]
    own += [
        SignalSettings(name="crashes", vitals=VitalsSource(metric=Vital.CRASH_RATE, period=Period.HOURLY)),
        SignalSettings(name="anrs", vitals=VitalsSource(metric=Vital.ANR_RATE)),
        SignalSettings(name="stars", ratings_csv=RatingsCsvSource(bucket=f"gs://{BUCKET}/stats/ratings/")),
    ]
    settings = replace(
        settings,
        apps=(replace(app, google_play=replace(app.google_play, signals=tuple(own))),),
        prometheus=PrometheusAccess(url=f"{URL}/prometheus", token=TOKEN),
        grafana=GrafanaAccess(url=f"{URL}/grafana", token=TOKEN),
        new_relic=NewRelicAccess(account=1_234_567, key=TOKEN, url=f"{URL}/newrelic"),
    )
    environ = {**loaded.environ, "SIGNALS_TOKEN": token}
    return replace(loaded, settings=settings, environ=environ)


@dataclass
class Line:
    """Hands every request to the world and spoils what comes back: answer by answer, in turn. None: left as it is."""

    world: World
    spoils: Sequence[Spoil | None]
    recorded: dict[tuple[str, str, bytes], Response] | None = None
    answers: int = 0

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        response = self._said(method, target, headers, body)
        status, told, content = response.status, dict(response.headers), response.body
        if "/oauth2" in target:
            return status, told, content
        spoil = self.spoils[self.answers % len(self.spoils)]
        self.answers += 1
        if spoil is None:
            return status, told, content
        told = {name: value for name, value in told.items() if name != "content-length"} | dict(spoil.headers)
        return spoil.status or status, told, spoil.of(content)

    def _said(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        asked = Request.to(method, target, headers={**headers, "host": HOST}, body=body)
        if self.recorded is None:
            return self.world.handle(asked)
        question = (method, target, body)
        if question not in self.recorded:
            self.recorded[question] = self.world.handle(asked)
        return self.recorded[question]

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        """In the shape of an httplib2.Http."""
        sent = body.encode() if isinstance(body, str) else body or b""
        status, told, content = self.answer(method, uri, headers or {}, sent)
        told = {name: value for name, value in told.items() if name != "content-length"}
        return httplib2.Response({**told, "status": str(status)}), content

    def plain(
        self, method: str, target: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        return self.answer(method, f"{target}?{query}" if query else target, headers, body)


@dataclass
class Fuzzed:
    line: Line
    listings: Mapping[StoreApp, Listing]

    @property
    def now(self) -> datetime:
        return self.line.world.timeline.now

    def listing(self, store: Store) -> Listing:
        return self.listings[StoreApp("acme", store)]

    def asks(self, store: Store) -> SignalQuery:
        new, old = RELEASES[store]
        return SignalQuery(new, (old,), hour_floor(self.now) - timedelta(hours=30), self.now)

    def counts(self, store: Store) -> LedgerQuery:
        asked = self.asks(store)
        compared = (Comparison(asked.since, asked.baseline),)
        return LedgerQuery(asked.candidate, compared, asked.since, asked.until, users=True)


_RECORDED: dict[tuple[str, str, bytes], Response] = {}


def opened(spoils: Sequence[Spoil | None], *, recorded: bool = False) -> Fuzzed:
    """`recorded`: nothing is written, so what was answered once is answered again."""
    template, loaded = _template()
    world = template if recorded else copy.deepcopy(template)
    line = Line(world, spoils or [None], _RECORDED if recorded else None)
    clock = VirtualClock(world)
    doors = Doors(play=lambda: line, http=in_process(line.plain), clock=clock)
    with patch.object(api, "credentials_from", _fresh):
        listings = open_listings(loaded, doors, clock)
    return Fuzzed(line, listings)
