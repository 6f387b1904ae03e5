"""A query against Prometheus, or whatever speaks its HTTP API (Thanos, Mimir, VictoriaMetrics, Grafana Cloud).

Facts are those of Prometheus' own documentation of its HTTP API (prometheus.io/docs/prometheus/latest/querying/api):

- `/api/v1/query` answers at one instant, `/api/v1/query_range` at each step; both say `status`, `data.resultType` and
  `data.result`. Numbers come as texts ("0.25", "NaN", "+Inf"). An empty result is how no data look.
- 400, 422 and 503 carry `errorType` and `error`. `warnings` come with data that may be partial (a store behind Thanos or
  Mimir did not answer): such an answer is an error here. `infos` are about the query's style and change nothing.
- A query for one number must give one series: several are not added up here, for nobody knows what they are.

Counts are taken at the ends of hours: `increase(x[1h])` at 13:00 is what happened from 12:00 on. The hour that goes on is
asked for at its end, which lies ahead: then it holds what there is so far, and grows from look to look. `increase`
extrapolates, so counts are rounded; and it misses what happened before a series' first sample, in both arms alike.

A query over a window tells no age: an exporter that died an hour ago still has most of a day in `[24h]`. Where that
matters, `as_of` is a second query for the newest sample's time: `max(timestamp(x{version="{version}"}))`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.http.answer import NotJson, json_value, refusal, shortened, words_of
from stagedrollout.http.templates import filled, promql_text
from stagedrollout.signals.base import (
    Count,
    CountSource,
    Declaration,
    Implausible,
    Measurement,
    Release,
    Setting,
    Span,
    ValueSource,
)
from stagedrollout.signals.numbers import count_of, hour, instant_of, minutes, number_of, texts_of

SERVICE = "prometheus"
NO_DATA = "an empty result, or NaN"
DOING = "run a query"

_STEP = int(HOUR.total_seconds())


def refused(doing: str, status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
    """The error behind an answer outside 2xx, in Prometheus' own words where it has some."""
    try:
        body = json_value(content, 8)
    except NotJson:
        body = None
    told = body.get("error") if isinstance(body, dict) else None
    words = told if isinstance(told, str) else words_of(content)
    return refusal(SERVICE, doing, status, headers, shortened(words))


class PrometheusCounts(CountSource):
    """`total` and `bad`: queries for what happened in one hour, like `sum(increase(x{version="{version}"}[1h]))`."""

    def __init__(self, setting: Setting, declared: Declaration, *, total: str, bad: str) -> None:
        super().__init__(setting)
        self.declared = declared
        self._total, self._bad = total, bad

    def counts(self, release: Release, span: Span) -> list[Count]:
        totals = self._hours(self._total, release, span)
        if not totals:
            return []
        bads = self._hours(self._bad, release, span)
        return [hour(start, total, bads.get(start)) for start, total in totals.items()]

    def _hours(self, query: str, release: Release, span: Span) -> dict[datetime, float]:
        """By the beginning of each hour. Raises EdgeError, Implausible."""
        first, last = span.since + HOUR, hour_floor(span.until - timedelta(microseconds=1)) + HOUR
        if last < first:
            return {}
        params = [
            ("query", _written(query, release, self.setting, span)),
            ("start", str(int(first.timestamp()))),
            ("end", str(int(last.timestamp()))),
            ("step", str(_STEP)),
        ]
        body = self.http.get_json(DOING, "/api/v1/query_range", params).body
        series = _series(body, "matrix")
        found: dict[datetime, float] = {}
        for at, value in _samples(series.get("values") if series else []):
            if value is not None:
                found[at - HOUR] = value
        return found


class PrometheusValue(ValueSource):
    """`value`, and where wanted `sample` and `as_of`: queries for one number at one instant."""

    def __init__(
        self, setting: Setting, declared: Declaration, *, value: str, sample: str = "", as_of: str = ""
    ) -> None:
        super().__init__(setting)
        self.declared = declared
        self._value, self._sample, self._as_of = value, sample, as_of

    def value(self, release: Release, span: Span) -> Measurement | None:
        number = self._now(self._value, release, span)
        if number is None:
            return None
        sample = self._now(self._sample, release, span) if self._sample else None
        as_of = self._now(self._as_of, release, span) if self._as_of else None
        if self._as_of and as_of is None:
            return None
        return Measurement(
            number,
            count_of(sample) if self._sample else None,
            instant_of(as_of) if as_of is not None else None,
        )

    def _now(self, query: str, release: Release, span: Span) -> float | None:
        """Raises EdgeError, Implausible."""
        params = [
            ("query", _written(query, release, self.setting, span)),
            ("time", str(int(span.until.timestamp()))),
        ]
        body = self.http.get_json(DOING, "/api/v1/query", params).body
        if _kind(body) == "scalar":
            return _sample(_data(body).get("result"))[1]
        series = _series(body, "vector")
        return _sample(series.get("value"))[1] if series else None


def credential(user: str, secret: str) -> str:
    """The Authorization header: basic with a user (as Grafana Cloud wants), else a bearer token."""
    if not user:
        return f"Bearer {secret}"
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def _written(query: str, release: Release, setting: Setting, span: Span) -> str:
    times = {
        "start": str(int(span.since.timestamp())),
        "end": str(int(span.until.timestamp())),
        "window": f"{minutes(span)}m",
    }
    return filled(query, texts_of(release, setting), times, promql_text)


def _data(body: Any) -> dict[str, Any]:
    """What was answered. Raises Faulty for what is no answer of this API, and for one that is partial."""
    if (
        not isinstance(body, dict)
        or body.get("status") != "success"
        or not isinstance(body.get("data"), dict)
    ):
        told = body.get("error") if isinstance(body, dict) else None
        words = shortened(told) if isinstance(told, str) else "an answer that is not Prometheus'"
        raise Faulty(SERVICE, DOING, words)
    if body.get("warnings"):
        first = body["warnings"][0] if isinstance(body["warnings"], list) else ""
        words = shortened(first) if isinstance(first, str) else "no words"
        raise Faulty(SERVICE, DOING, f"the answer may be partial: {words}")
    data: dict[str, Any] = body["data"]
    return data


def _kind(body: Any) -> str:
    return str(_data(body).get("resultType", ""))[:20]


def _series(body: Any, kind: str) -> dict[str, Any] | None:
    """The one series of the answer; None for an empty one. Raises Faulty, Implausible."""
    data = _data(body)
    result = data.get("result")
    if data.get("resultType") != kind or not isinstance(result, list):
        raise Faulty(SERVICE, DOING, f"an answer that is no {kind}")
    if len(result) > 1:
        raise Implausible(f"the query gives {len(result)} series: add them up, for example with sum()")
    if not result:
        return None
    if not isinstance(result[0], dict):
        raise Faulty(SERVICE, DOING, "a series that is none")
    return result[0]


def _samples(values: Any) -> list[tuple[datetime, float | None]]:
    """Raises Faulty, Implausible."""
    if not isinstance(values, list):
        raise Faulty(SERVICE, DOING, "a series without values")
    return [_sample(each) for each in values]


def _sample(pair: Any) -> tuple[datetime, float | None]:
    """Raises Faulty, Implausible."""
    if not isinstance(pair, list) or len(pair) != 2:
        raise Faulty(SERVICE, DOING, "a sample that is none")
    return instant_of(pair[0]), number_of(pair[1])
