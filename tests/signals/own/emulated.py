"""A world whose new release fails at the till and nowhere else, and every source of ours that can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import AppSettings, PlayListing, SentryAccess, SentrySource, Settings
from stagedrollout.config.signals import (
    GrafanaAccess,
    GrafanaSource,
    HttpJsonSource,
    NewRelicAccess,
    NewRelicSource,
    PrometheusAccess,
    PrometheusSource,
    SignalSettings,
)
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Comparison, LedgerQuery, Tallied, Tally, Untallied
from stagedrollout.core.model import Release, Store
from stagedrollout.core.observation import SignalQuery, Unvalued, Valued
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.signal_sources import OwnSignals, Sources
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.world import World
from stagedrollout.http.client import Transport, in_process
from tests.emulator.calls import PACKAGE, world_at

URL = "http://127.0.0.1:9"
TOKEN = SecretRef(env="SIGNALS_TOKEN")
NEW, OLD = Release("5020", "5.2.0", "5020"), Release("5010", "5.1.0", "5010")
NAME = "checkout_errors"

LABELS = '{app="{package}",version="{version}",build="{build}"}'
TOTAL = f"sum(increase(checkout_attempts_total{LABELS}[1h]))"
BAD = f"sum(increase(checkout_errors_total{LABELS}[1h]))"
WINDOWED = "sum(increase(checkout_%s_total" + LABELS + "[{window}]))"
RATE = f"100 * {WINDOWED % 'errors'} / {WINDOWED % 'attempts'}"
WHERE = "FROM Checkout WHERE appId = '{package}' AND appVersion = '{version}' AND appBuild = '{build}'"
PATH = "/stats/v1/apps/{package}/releases/{build}/checkout?start={start}&end={end}"

Handle = Callable[[str, str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], bytes]]


def counts() -> dict[str, SignalSettings]:
    """The same counts from every source, by its name."""
    how: dict[str, Any] = {"unit": "checkouts"}
    nrql = f"SELECT count(*) AS total, filter(count(*), WHERE failed IS true) AS bad {WHERE}"
    paths = {"rows": "hours", "start": "start", "total": "attempts", "bad": "/errors"}
    return {
        "prometheus": SignalSettings(name=NAME, prometheus=PrometheusSource(total=TOTAL, bad=BAD, **how)),
        "grafana": SignalSettings(
            name=NAME, grafana=GrafanaSource(uid="emulated", total={"expr": TOTAL}, bad={"expr": BAD}, **how)
        ),
        "new_relic": SignalSettings(name=NAME, new_relic=NewRelicSource(counts_query=nrql, **how)),
        "http_json": SignalSettings(
            name=NAME, http_json=HttpJsonSource(url=URL, path=PATH, token=TOKEN, **paths, **how)
        ),
    }


def values() -> dict[str, SignalSettings]:
    """The same value from every source, by its name: the share of checkouts that fail, in percent."""
    how: dict[str, Any] = {"unit": "% of checkouts"}
    nrql = f"SELECT percentage(count(*), WHERE failed IS true) AS value, count(*) AS sample {WHERE}"
    sample = WINDOWED % "attempts"
    return {
        "prometheus": SignalSettings(
            name=NAME, prometheus=PrometheusSource(value=RATE, sample=sample, as_of=_NEWEST, **how)
        ),
        "grafana": SignalSettings(
            name=NAME,
            grafana=GrafanaSource(
                uid="emulated",
                value={"expr": RATE, "instant": True},
                sample={"expr": sample, "instant": True},
                **how,
            ),
        ),
        "new_relic": SignalSettings(name=NAME, new_relic=NewRelicSource(value_query=nrql, **how)),
        "http_json": SignalSettings(
            name=NAME,
            http_json=HttpJsonSource(
                url=URL, path=PATH, token=TOKEN, value="error_rate", sample="attempts", as_of="newest", **how
            ),
        ),
    }


_NEWEST = f"max(timestamp(checkout_attempts_total{LABELS}))"


def settings(signals: tuple[SignalSettings, ...]) -> Settings:
    listing = PlayListing(package=PACKAGE, sentry=SentrySource(project="acme"), signals=signals)
    return Settings(
        database="sqlite:///x.db",
        apps=(AppSettings(name="acme", policy="standard", google_play=listing),),
        sentry=SentryAccess(organization="acme", token=TOKEN, url=URL),
        prometheus=PrometheusAccess(url=f"{URL}/prometheus", token=TOKEN),
        grafana=GrafanaAccess(url=f"{URL}/grafana", token=TOKEN),
        new_relic=NewRelicAccess(account=1_234_567, key=TOKEN, url=f"{URL}/newrelic"),
    )


def opened(
    *signals: SignalSettings, transport: Transport, token: str = "a-token-of-this-test", release: str = ""
) -> OwnSignals:
    loaded = Loaded(settings(signals), {}, Path("stagedrollout.yaml"), {"SIGNALS_TOKEN": token})
    return Sources(loaded, Doors(http=transport)).of(PACKAGE, Store.GOOGLE_PLAY, signals)


class Emulated:
    """Two days after the release went out, unless said otherwise."""

    def __init__(
        self, *signals: SignalSettings, hours: float = 60, release: str = "checkout_errors: 6"
    ) -> None:
        self.world: World = world_at(hours, release)
        self.asked: list[tuple[str, str, str, bytes]] = []
        token = self.world.credentials.signals_token
        self.own = opened(*signals, transport=in_process(self.handle), token=token)

    @property
    def now(self) -> datetime:
        return self.world.timeline.now

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.asked.append((method, path, query, body))
        response = self.world.handle(Request.to(method, f"{path}?{query}", headers=headers, body=body))
        return response.status, response.headers, response.body

    def counts(self, *, hours: int = 24, candidate: Release = NEW) -> Tallied | Untallied:
        since = self.now.replace(minute=0) - hours * HOUR
        query = LedgerQuery(candidate, (Comparison(since, (OLD,)),), since, self.now, users=False)
        (source,) = self.own.counts
        return source.read(query)

    def value(self, *, hours: int = 24, candidate: Release = NEW) -> Valued | Unvalued:
        since = self.now.replace(minute=0) - hours * HOUR
        (source,) = self.own.values
        return source.read(SignalQuery(candidate, (OLD,), since, self.now))


def added_up(read: Tallied) -> Tally:
    return sum((bucket.tally for bucket in read.buckets), Tally(0, 0, 0, 0))


def answering(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Transport:
    """A service that says one thing, whatever it is asked."""
    return in_process(lambda *_: (status, headers or {"content-type": "application/json"}, body))


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VALUE_QUERY = SignalQuery(NEW, (OLD,), NOON - timedelta(hours=24), NOON)
COUNT_QUERY = LedgerQuery(
    NEW, (Comparison(NOON - timedelta(hours=24), (OLD,)),), NOON - timedelta(hours=24), NOON, users=False
)
