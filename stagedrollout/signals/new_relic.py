"""A query in NRQL, asked through NerdGraph, New Relic's GraphQL API.

Facts are those of New Relic's documentation (docs.newrelic.com: "NerdGraph tutorial: Query your data using NRQL", "NRQL
syntax"):

- `POST /graphql` at api.newrelic.com, or api.eu.newrelic.com for accounts of the EU region, with a user key in the header
  `API-Key`. The query goes in as the variable `$nrql`, the account as `$account`.
- What is wrong with a query comes as HTTP 200 with `errors`, and `data` may be there beside it: an error all the same.
- `results` is a list of objects with the aliases of the query. With TIMESERIES each has `beginTimeSeconds`; at most 366
  buckets. A percentile is an object with one number in it.
- A window shorter than its buckets is an error of NRDB, so counts are asked for from an hour earlier on.
- `count(*)` of nothing is 0, not null: no data look like zeros. Averages and percentiles of nothing are null.

Not verified here against a real account: that buckets begin at SINCE when that is a full hour (one that begins elsewhere
is refused as implausible), and the classes of errors (one that is not known is taken for an error that may pass).
"""

from __future__ import annotations

from typing import Any

from stagedrollout.core.errors import Denied, Faulty, Rejected
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.http.answer import shortened
from stagedrollout.http.templates import filled, plain_text
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

SERVICE = "new_relic"
DOING = "run a query"
NO_DATA = "counts of 0, or null"
HOURS_MAX = 366

_QUERY = (
    "query ($account: Int!, $nrql: Nrql!) "
    "{ actor { account(id: $account) { nrql(query: $nrql) { results } } } }"
)


class NewRelicCounts(CountSource):
    """`query`: NRQL with the aliases `total` and `bad`; the time and TIMESERIES are added to it."""

    def __init__(self, setting: Setting, declared: Declaration, *, account: int, query: str) -> None:
        super().__init__(setting)
        self.declared = declared
        self._account, self._query = account, query

    def counts(self, release: Release, span: Span) -> list[Count]:
        since = max(span.since, hour_floor(span.until) - (HOURS_MAX - 3) * HOUR) - HOUR
        times = f"SINCE {_milliseconds(since)} UNTIL {_milliseconds(span.until)} TIMESERIES 1 hour"
        rows = _asked(self, self._account, f"{_written(self._query, release, self.setting, span)} {times}")
        if len(rows) > HOURS_MAX:
            raise Implausible(f"more than {HOURS_MAX} buckets")
        return [
            hour(instant_of(_of(row, "beginTimeSeconds")), _number(row, "total"), _number(row, "bad"))
            for row in rows
        ]


class NewRelicValue(ValueSource):
    """`query`: NRQL with the alias `value`, and `sample` where it is known; the time is added to it."""

    def __init__(self, setting: Setting, declared: Declaration, *, account: int, query: str) -> None:
        super().__init__(setting)
        self.declared = declared
        self._account, self._query = account, query

    def value(self, release: Release, span: Span) -> Measurement | None:
        times = f"SINCE {_milliseconds(span.since)} UNTIL {_milliseconds(span.until)}"
        rows = _asked(self, self._account, f"{_written(self._query, release, self.setting, span)} {times}")
        if len(rows) > 1:
            raise Implausible(f"the query gives {len(rows)} rows: no FACET, no TIMESERIES")
        number = _number(rows[0], "value") if rows else None
        if number is None:
            return None
        sample = count_of(_number(rows[0], "sample")) if "sample" in rows[0] else None
        return None if sample == 0 else Measurement(number, sample)


def _asked(source: CountSource | ValueSource, account: int, nrql: str) -> list[dict[str, Any]]:
    """The rows of the answer. Raises EdgeError."""
    variables = {"account": account, "nrql": nrql}
    body = source.http.post_json(DOING, "/graphql", {"query": _QUERY, "variables": variables}).body
    if not isinstance(body, dict):
        raise Faulty(SERVICE, DOING, "an answer that is not NerdGraph's")
    if body.get("errors"):
        raise _error(body["errors"])
    rows: Any = body
    for step in ("data", "actor", "account", "nrql", "results"):
        rows = rows.get(step) if isinstance(rows, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Faulty(SERVICE, DOING, "an answer without results: may the key read this account?")
    return rows


def _error(errors: Any) -> Faulty | Denied | Rejected:
    """What an answer of 200 with `errors` amounts to. An error class that is not known may pass."""
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    kind = extensions.get("errorClass") if isinstance(extensions, dict) else None
    words = shortened(first["message"]) if isinstance(first.get("message"), str) else "no words"
    match kind:
        case "ACCESS_DENIED" | "UNAUTHORIZED" | "FORBIDDEN":
            return Denied(SERVICE, DOING, words)
        case "NRDB:1100000" | "GRAPHQL_VALIDATION_ERROR" | "BAD_USER_INPUT":
            return Rejected(SERVICE, DOING, words)
        case _:
            return Faulty(SERVICE, DOING, words)


def _written(query: str, release: Release, setting: Setting, span: Span) -> str:
    times = {
        "start": str(_milliseconds(span.since)),
        "end": str(_milliseconds(span.until)),
        "window": f"{minutes(span)} minutes",
    }
    return filled(query, texts_of(release, setting), times, plain_text)


def _milliseconds(at: Any) -> int:
    return int(at.timestamp() * 1_000)


def _of(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        raise Implausible(f"the query gives no {name}: does it say AS {name}?")
    return row[name]


def _number(row: dict[str, Any], name: str) -> float | None:
    """A number of a row, also the one number of a percentile. Raises Implausible."""
    value = _of(row, name)
    if isinstance(value, dict):
        if len(value) != 1:
            raise Implausible(f"{name} holds {len(value)} numbers")
        value = next(iter(value.values()))
    return number_of(value)
