"""A team's own signals in the configuration: what each is called, where it comes from, and who we are there.

Each source is a section of its own, so that every key in it is checked and every mistake told with its place, as in the
rest of the file. A source brings either counts or a value, by which keys it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from stagedrollout.config.fields import WebAddress, count, matching
from stagedrollout.config.secrets import SecretReference
from stagedrollout.core.declared import LAG_MAX, UNIT_LENGTH_MAX, Better, is_unit
from stagedrollout.core.named_gates import SignalName
from stagedrollout.core.play_reports import Period, Vital
from stagedrollout.core.units import Duration, FromFile, Written
from stagedrollout.http.endpoint import plain_path
from stagedrollout.http.templates import (
    LENGTH_MAX,
    RELEASE_PLACES,
    TIME_PLACES,
    filled,
    promql_problem,
    tells_releases_apart,
)

_APART = "needs {version} or {build}, or every release would be asked for the same"


def _promql(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not 0 < len(value) <= LENGTH_MAX:
        raise ValueError(f"write a query of up to {LENGTH_MAX} characters")
    if problem := promql_problem(value):
        raise ValueError(problem)
    return value


def _query(value: Any) -> Any:
    if isinstance(value, str) and not 0 < len(value) <= LENGTH_MAX:
        raise ValueError(f"write a query of up to {LENGTH_MAX} characters")
    return value


def _unit(value: Any) -> Any:
    if isinstance(value, str) and not is_unit(value):
        raise ValueError(f"write the unit in a word or two of up to {UNIT_LENGTH_MAX} characters, like ms")
    return value


def _path(value: Any) -> Any:
    if isinstance(value, str) and (not value.startswith("/") or "#" in value or len(value) > LENGTH_MAX):
        raise ValueError("write a path below the url, like /v1/releases/{version}")
    if isinstance(value, str) and not plain_path(_as_filled(value.partition("?")[0])):
        places = ", ".join(f"{{{place}}}" for place in (*RELEASE_PLACES, *TIME_PLACES))
        raise ValueError(f"a path holds plain characters, percent-encoded ones, and the places {places}")
    return value


def _as_filled(path: str) -> str:
    """The path as it is sent for some release."""
    return filled(path, dict.fromkeys(RELEASE_PLACES, "x"), dict.fromkeys(TIME_PLACES, "x"), str)


PromQL = Annotated[str, Written(_promql, """'sum(increase(errors_total{version="{version}"}[1h]))'""")]
Nrql = Annotated[
    str, Written(_query, """"SELECT count(*) AS value FROM Crash WHERE appVersion = '{version}'\"""")
]
RequestPath = Annotated[str, Written(_path, '"/v1/releases/{version}"')]
AccountId = Annotated[int, count(1, 10**12, example="1234567")]
Unit = Annotated[str, Written(_unit, "ms")]
DataSourceUid = Annotated[
    str,
    matching(
        r"[A-Za-z0-9_-]{1,40}",
        "write the data source's uid, as in its address in Grafana",
        "P1809F7CD0C75ACF3",
    ),
]
BucketUri = Annotated[
    str,
    matching(
        r"(gs://)?pubsite_prod(_rev)?_[0-9]{5,40}(/[ -~]{0,200})?",
        "copy the URI from Play Console (Download reports: Statistics), like gs://pubsite_prod_rev_0123456789",
        "gs://pubsite_prod_rev_0123456789",
    ),
]
EntryPointName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}",
        "write the name of an entry point of the group stagedrollout.signals, like crashlytics",
        "crashlytics",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAccess(FromFile):
    """Where Prometheus is, or whatever speaks its HTTP API."""

    url: WebAddress
    """Without /api/v1: https://prometheus.example.com, or https://…grafana.net/api/prom."""

    token: SecretReference | None = None
    """A bearer token, or with `user` the password of basic authentication. Left out: none is sent."""

    user: str = ""
    """The user of basic authentication, as Grafana Cloud wants it."""

    allow_http: bool = False
    """Plain http beyond loopback, for a server inside a network of your own."""

    def __post_init__(self) -> None:
        if self.user and self.token is None:
            raise ValueError("user needs token: the password, by reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaAccess(FromFile):
    """Whom we are to Grafana."""

    url: WebAddress
    token: SecretReference
    """Of a service account that may query the data sources (role Viewer)."""

    allow_http: bool = False
    """Plain http beyond loopback, for a server inside a network of your own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelicAccess(FromFile):
    """Whom we are to New Relic."""

    account: AccountId
    key: SecretReference
    """A user key; license and browser keys cannot query."""

    url: WebAddress = "https://api.newrelic.com"
    """https://api.eu.newrelic.com for accounts of the EU region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declares(FromFile):
    """What every source of ours must be told, since its service does not know."""

    unit: Unit
    """Of the value ("ms"), or what is counted ("checkouts")."""

    lag: Duration = timedelta(0)
    """How old the newest data usually are. It is allowed for before they count as stale."""

    can_halt: bool = True
    """Whether it is sure enough to stop a release. False: it holds at most, however bad it is."""

    better: Better = Better.LOWER
    """Of a value: whether lower or higher is better. Counts are of what is bad."""

    def _check(self, *templates: Any) -> None:
        if self.lag > LAG_MAX:
            raise ValueError("lag is at most 4d: what comes later than that stops nothing")
        if not tells_releases_apart(*templates):
            raise ValueError(f"the query {_APART}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSource(_Declares):
    """Queries in PromQL: `total` and `bad` of one hour for counts, or `value`."""

    total: PromQL = ""
    bad: PromQL = ""
    value: PromQL = ""
    sample: PromQL = ""
    """Of how many the value was made."""

    as_of: PromQL = ""
    """The time of the newest sample, for a value over a window: max(timestamp(...))."""

    def __post_init__(self) -> None:
        _one_kind(counts=(self.total, self.bad), value=self.value, names="total and bad")
        for query in filter(None, (self.total, self.bad, self.value, self.sample, self.as_of)):
            self._check(query)

    @property
    def counts(self) -> bool:
        return bool(self.total)


class Times(StrEnum):
    """What the times of a series of hours stand for."""

    STARTS = "starts"
    ENDS = "ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaSource(_Declares):
    """Queries of a data source, with the fields that it has for them: `total` and `bad` by hour, or `value`."""

    uid: DataSourceUid
    total: dict[str, Any] = field(default_factory=dict)
    bad: dict[str, Any] = field(default_factory=dict)
    value: dict[str, Any] = field(default_factory=dict)
    sample: dict[str, Any] = field(default_factory=dict)
    times_are: Times = Times.ENDS
    """Whether the times of a series are the ends of its hours, as with Prometheus, or their starts."""

    def __post_init__(self) -> None:
        _one_kind(counts=(self.total, self.bad), value=self.value, names="total and bad")
        for query in filter(None, (self.total, self.bad, self.value, self.sample)):
            self._check(query)

    @property
    def counts(self) -> bool:
        return bool(self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelicSource(_Declares):
    """A query in NRQL without its time: with the aliases total and bad for counts, or the alias value."""

    counts_query: Nrql = ""
    value_query: Nrql = ""

    def __post_init__(self) -> None:
        if bool(self.counts_query) is bool(self.value_query):
            raise ValueError("a signal brings counts or a value: write counts_query or value_query")
        self._check(self.counts_query or self.value_query)

    @property
    def counts(self) -> bool:
        return bool(self.counts_query)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpJsonSource(_Declares):
    """An answer in JSON, and where its numbers stand: `rows`, `start`, `total` and `bad` for counts, or `value`."""

    url: WebAddress
    path: RequestPath
    """What is asked below the url, with places; what stands after ? is sent as its query."""

    token: SecretReference | None = None
    """Sent as a bearer token."""

    allow_http: bool = False
    """Plain http beyond loopback. False: a token in clear text is a token lost."""

    body: dict[str, Any] = field(default_factory=dict)
    """Posted as JSON, with places in its texts. Left out: a plain GET."""

    no_data: tuple[Annotated[int, count(400, 499, example="404")], ...] = (404,)
    """Statuses that mean that there is nothing of this release."""

    rows: str = ""
    start: str = ""
    total: str = ""
    bad: str = ""
    value: str = ""
    sample: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        _one_kind(counts=(self.start, self.total, self.bad), value=self.value, names="start, total and bad")
        self._check(self.path, self.body)

    @property
    def counts(self) -> bool:
        return bool(self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsSource(FromFile):
    """One of Play's own crash and ANR rates, in percent of users. It is read with google_play's credentials; its lag is
    known, and so is which direction is better."""

    metric: Vital
    period: Period = Period.DAILY
    """Days are 1 to 4 days late. Hours come sooner, and fewer people stand behind each."""

    can_halt: bool = True
    """Whether it may stop a release: it is late, but of everybody. False: it holds at most, however bad it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingsCsvSource(FromFile):
    """The average stars of a release on Google Play, from the files in the account's bucket. It never halts: a day's
    average comes without the number of ratings."""

    bucket: BucketUri
    """As copied from Play Console; what stands behind its name is left out."""

    @property
    def bucket_name(self) -> str:
        return self.bucket.removeprefix("gs://").partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSource(FromFile):
    """A source that an installed package brings along (stagedrollout/signals/base.py)."""

    source: EntryPointName
    """Its entry point in the group `stagedrollout.signals`."""

    url: WebAddress = ""
    """The one service it speaks with, where it speaks with any."""

    token: SecretReference | None = None
    """Sent to that service as a bearer token."""

    allow_http: bool = False
    """Plain http beyond loopback. False: a token in clear text is a token lost."""

    options: dict[str, Any] = field(default_factory=dict)
    """What the source itself asks for; it is checked when the daemon starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSettings(FromFile):
    """One of an app's own signals: a name, and one section that says where it comes from."""

    name: SignalName
    """What policies call it."""

    prometheus: PrometheusSource | None = None
    grafana: GrafanaSource | None = None
    new_relic: NewRelicSource | None = None
    http_json: HttpJsonSource | None = None
    vitals: VitalsSource | None = None
    ratings_csv: RatingsCsvSource | None = None
    plugin: PluginSource | None = None

    def __post_init__(self) -> None:
        names = [entry.name for entry in fields(self) if entry.name != "name"]
        if sum(getattr(self, name) is not None for name in names) != 1:
            raise ValueError(f"a signal comes from one source: write one of {', '.join(names)}")

    @property
    def source(self) -> str:
        """Where it comes from, as the file calls it."""
        if self.plugin is not None:
            return self.plugin.source
        return next(
            entry.name for entry in fields(self) if entry.name != "name" and getattr(self, entry.name)
        )


def _one_kind(*, counts: tuple[Any, ...], value: Any, names: str) -> None:
    """Raises ValueError unless there are all of the counts or a value, and not both."""
    if any(counts) is bool(value) or (any(counts) and not all(counts)):
        raise ValueError(f"a signal brings counts or a value: write {names}, or value")
