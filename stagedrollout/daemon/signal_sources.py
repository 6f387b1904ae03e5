"""From the configuration to a team's own signals: the sources of ours, and their clients.

What installed packages bring along is opened in signal_packages.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from stagedrollout.config.crosscheck_signals import OTHER_KIND
from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.signals import (
    GrafanaSource,
    HttpJsonSource,
    NewRelicSource,
    PrometheusSource,
    RatingsCsvSource,
    SignalSettings,
    Times,
    VitalsSource,
)
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Store
from stagedrollout.core.play_reports import Vital
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import NamedCounts, NamedValues
from stagedrollout.daemon import signal_packages
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.google_access import play_buckets, play_reporting
from stagedrollout.daemon.named_signals import SECONDS_MAX
from stagedrollout.http.client import HttpClient, Limits
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.signals import grafana, http_json, new_relic, prometheus
from stagedrollout.signals.base import CountSource, Setting, Source, ValueSource
from stagedrollout.signals.compared import ComparedCounts, ComparedValues
from stagedrollout.signals.patience import Patience
from stagedrollout.signals.ratings_csv import DailyRatings
from stagedrollout.signals.vitals import VitalRate
from stagedrollout.stores.google_play.reports import PlayBuckets, PlayReporting

REQUEST_SECONDS_MAX = 5.0
"""Of one request: a look makes several, and a pass waits for them."""

BYTES_MAX = 2 * 1024 * 1024
"""Of one answer. Some hundred hours of a few series take some ten thousand."""

T = TypeVar("T")

Ours = PrometheusSource | GrafanaSource | NewRelicSource | HttpJsonSource


@dataclass(frozen=True, slots=True)
class OwnSignals:
    """The signals of one app in one store, by what they bring."""

    counts: tuple[NamedCounts, ...] = ()
    values: tuple[NamedValues, ...] = ()


@dataclass(slots=True)
class Sources:
    """Opens the sources of a configuration; one client per service, shared by all of them."""

    loaded: Loaded
    doors: Doors
    _clients: dict[str, HttpClient] = field(default_factory=dict)
    _reporting: PlayReporting | None = None
    _buckets: PlayBuckets | None = None

    def of(self, app: str, store: Store, signals: Iterable[SignalSettings]) -> OwnSignals:
        """`app`: package name or bundle id. Raises WrongConfiguration."""
        counts, values = list[NamedCounts](), list[NamedValues]()
        for written in signals:
            source, patience = self._open(Setting(name=written.name, app=app, store=store), written)
            if isinstance(source, CountSource):
                counts.append(ComparedCounts(source, patience))
            elif isinstance(source, ValueSource):
                values.append(ComparedValues(source, patience))
        return OwnSignals(tuple(counts), tuple(values))

    def _open(self, setting: Setting, written: SignalSettings) -> tuple[Source, Patience | None]:
        """A source, and how long it is waited for where it is code of others."""
        if plugin := written.plugin:
            http = None
            if plugin.url:
                endpoint = Endpoint(f"signal {written.name}", plugin.url, plugin.allow_http, inside=True)
                http = self._client(endpoint, plugin.token)
            source = signal_packages.opened(replace(setting, http=http), plugin)
            return source, Patience(written.name, SECONDS_MAX)
        if written.prometheus:
            return self._prometheus(setting, written.prometheus), None
        if written.grafana:
            return self._grafana(setting, written.grafana), None
        if written.new_relic:
            return self._new_relic(setting, written.new_relic), None
        if written.http_json:
            return self._http_json(setting, written.http_json), None
        if written.vitals:
            return self._vitals(setting, written.vitals), None
        if written.ratings_csv:
            return self._ratings_csv(setting, written.ratings_csv), None
        raise WrongConfiguration(f"signal {written.name}: it names no source")

    def _prometheus(self, setting: Setting, asked: PrometheusSource) -> Source:
        setting = replace(setting, http=self._prometheus_http())
        declared = _declared(asked, prometheus.NO_DATA)
        if asked.counts:
            return prometheus.PrometheusCounts(setting, declared, total=asked.total, bad=asked.bad)
        return prometheus.PrometheusValue(
            setting, declared, value=asked.value, sample=asked.sample, as_of=asked.as_of
        )

    def _grafana(self, setting: Setting, asked: GrafanaSource) -> Source:
        setting = replace(setting, http=self._grafana_http())
        declared = _declared(asked, grafana.NO_DATA)
        written = {"total": asked.total, "bad": asked.bad, "value": asked.value, "sample": asked.sample}
        queries = grafana.Asked(asked.uid, {name: query for name, query in written.items() if query})
        if asked.counts:
            return grafana.GrafanaCounts(setting, declared, queries, ends=asked.times_are is Times.ENDS)
        return grafana.GrafanaValue(setting, declared, queries)

    def _new_relic(self, setting: Setting, asked: NewRelicSource) -> Source:
        setting = replace(setting, http=self._new_relic_http())
        declared = _declared(asked, new_relic.NO_DATA)
        access = self.loaded.settings.new_relic
        account = access.account if access else 0
        kind = new_relic.NewRelicCounts if asked.counts else new_relic.NewRelicValue
        return kind(setting, declared, account=account, query=asked.counts_query or asked.value_query)

    def _http_json(self, setting: Setting, asked: HttpJsonSource) -> Source:
        http = self._client(
            Endpoint(f"signal {setting.name}", asked.url, asked.allow_http, inside=True), asked.token
        )
        setting, declared = replace(setting, http=http), _declared(asked, http_json.NO_DATA)
        request = http_json.Asked(path=asked.path, body=asked.body or None, no_data=asked.no_data)
        if asked.counts:
            places = (asked.start, asked.total, asked.bad)
            return http_json.HttpJsonCounts(setting, declared, request, rows=asked.rows, places=places)
        return http_json.HttpJsonValue(
            setting, declared, request, places=(asked.value, asked.sample, asked.as_of)
        )

    def _vitals(self, setting: Setting, asked: VitalsSource) -> Source:
        _on_play(setting)
        if self._reporting is None:
            self._reporting = play_reporting(self.loaded, self.doors, self._seconds)
        of_crashes = asked.metric in (Vital.CRASH_RATE, Vital.USER_PERCEIVED_CRASH_RATE)
        kind = self._reporting.crashes if of_crashes else self._reporting.anrs
        return VitalRate(setting, kind(setting.app), asked.metric, asked.period, can_halt=asked.can_halt)

    def _ratings_csv(self, setting: Setting, asked: RatingsCsvSource) -> Source:
        _on_play(setting)
        if self._buckets is None:
            self._buckets = play_buckets(self.loaded, self.doors, self._seconds)
        return DailyRatings(setting, self._buckets.named(asked.bucket_name))

    def _prometheus_http(self) -> HttpClient:
        access = _given(self.loaded.settings.prometheus, "prometheus")
        if "prometheus" not in self._clients:
            secret, user = self.loaded.secret(access.token) if access.token else None, access.user
            self._clients["prometheus"] = HttpClient(
                Endpoint("prometheus", access.url, access.allow_http, inside=True),
                authorization=(lambda: prometheus.credential(user, secret.reveal())) if secret else None,
                refused=prometheus.refused,
                limits=self._limits,
                transport=self.doors.http,
            )
        return self._clients["prometheus"]

    def _grafana_http(self) -> HttpClient:
        access = _given(self.loaded.settings.grafana, "grafana")
        if "grafana" not in self._clients:
            endpoint = Endpoint("grafana", access.url, access.allow_http, inside=True)
            self._clients["grafana"] = self._client(endpoint, access.token)
        return self._clients["grafana"]

    def _new_relic_http(self) -> HttpClient:
        access = _given(self.loaded.settings.new_relic, "new_relic")
        if "new_relic" not in self._clients:
            self._clients["new_relic"] = HttpClient(
                Endpoint("new_relic", access.url),
                authorization=self.loaded.secret(access.key).reveal,
                credential_header="API-Key",
                limits=self._limits,
                transport=self.doors.http,
            )
        return self._clients["new_relic"]

    def _client(self, endpoint: Endpoint, token: SecretRef | None) -> HttpClient:
        secret = self.loaded.secret(token) if token else None
        return HttpClient(
            endpoint,
            authorization=(lambda: f"Bearer {secret.reveal()}") if secret else None,
            limits=self._limits,
            transport=self.doors.http,
        )

    @property
    def _limits(self) -> Limits:
        """Of every client of such a signal: a pass waits for it."""
        return Limits(timeout_seconds=self._seconds, bytes_max=BYTES_MAX)

    @property
    def _seconds(self) -> float:
        return min(REQUEST_SECONDS_MAX, self.loaded.settings.limits.http_timeout.total_seconds())


def problems(loaded: Loaded) -> Iterator[str]:
    """What is wrong with the signals of each app, as far as only opening them shows it. Asks no service."""
    sources = Sources(loaded, Doors())
    for app in loaded.settings.apps:
        for store, listing in ((Store.GOOGLE_PLAY, app.google_play), (Store.APP_STORE, app.app_store)):
            for written in listing.signals if listing else ():
                try:
                    own = sources.of(app.name, store, (written,))
                except WrongConfiguration as problem:
                    yield str(problem)
                else:
                    yield from _unfit(loaded.policies[app.policy], written.name, counts=bool(own.counts))


def _unfit(policy: Policy, name: str, *, counts: bool) -> Iterator[str]:
    """The policy's gate on the signal, if it is of the other kind: it would hold for ever."""
    for gate in policy.signals:
        if gate.signal == name and gate.by_evidence is not counts:
            wrong, right = OTHER_KIND[counts]
            yield f"policy {policy.name}: its gate on {name} does not fit: {wrong}; {right}"


def _declared(asked: Ours, no_data: str) -> Declaration:
    return Declaration(
        unit=asked.unit, lag=asked.lag, can_halt=asked.can_halt, no_data=no_data, better=asked.better
    )


def _on_play(setting: Setting) -> None:
    if setting.store is not Store.GOOGLE_PLAY:
        raise WrongConfiguration(f"signal {setting.name}: its source knows apps on Google Play only")


def _given(access: T | None, service: str) -> T:
    """The configuration's own check leaves no signal without the access it needs."""
    if access is None:
        raise WrongConfiguration(f"a signal uses {service}, whose access is not configured")
    return access
