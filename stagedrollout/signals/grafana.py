"""A query through one of Grafana's data sources, whatever that is: Grafana speaks with it, and answers in data frames.

Facts are those of Grafana's documentation and of its own client (grafana.com: "Data source HTTP API: Query a data
source"; @grafana/runtime, queryResponse):

- `POST /api/ds/query` with `queries` (each with `refId`, `datasource.uid` and the data source's own fields) and `from` and
  `to` as texts of milliseconds, with a service account's token as bearer.
- `results.<refId>` holds `frames`, or `error` and `status`; the HTTP status may then be 200, 207, 400 or 500. Both may be
  there at once, and an error is an error then.
- A frame's `schema.fields` name and type its columns, `data.values` holds them column by column, with null where JSON has
  no number; NaN and infinity are null there too, and named in `data.entities`.

No frames, a frame without rows, and null are how no data look. What the language of a query is nobody knows here, so only
plain characters of a version are written into it (letters, digits, and . _ + - ( ) and blanks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagedrollout.core.errors import Faulty, Rejected
from stagedrollout.core.hours import HOUR
from stagedrollout.http.answer import shortened
from stagedrollout.http.templates import filled_within, plain_text
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

SERVICE = "grafana"
DOING = "query a data source"
NO_DATA = "no frames, a frame without rows, or null"

_POINTS_MAX = 1_000
_NO_NUMBER = ("NaN", "Inf", "NegInf")


@dataclass(frozen=True, slots=True)
class Asked:
    """A data source by its uid, and the fields that its queries have by name (such as `expr` or `rawSql`)."""

    uid: str
    queries: Mapping[str, Mapping[str, Any]]


class GrafanaCounts(CountSource):
    """The queries `total` and `bad`, each one series of hours. `ends`: their times are the ends of the hours."""

    def __init__(self, setting: Setting, declared: Declaration, asked: Asked, *, ends: bool) -> None:
        super().__init__(setting)
        self.declared = declared
        self._asked = asked
        self._back = HOUR if ends else HOUR * 0

    def counts(self, release: Release, span: Span) -> list[Count]:
        frames = _frames(self, self._asked, release, Span(span.since, span.until + self._back))
        totals, bads = self._hours(frames["total"]), self._hours(frames["bad"])
        return [hour(start, total, bads.get(start)) for start, total in totals.items()]

    def _hours(self, frames: list[Any]) -> dict[datetime, float]:
        column = _column(frames)
        if column is None:
            return {}
        if column.times is None:
            raise Implausible("a frame without times: the query must give a series of hours")
        return {
            at - self._back: value
            for at, value in zip(column.times, column.values, strict=True)
            if value is not None
        }


class GrafanaValue(ValueSource):
    """The query `value`: one number, or a series whose newest number counts; and `sample`, where it is asked for."""

    def __init__(self, setting: Setting, declared: Declaration, asked: Asked) -> None:
        super().__init__(setting)
        self.declared = declared
        self._asked = asked

    def value(self, release: Release, span: Span) -> Measurement | None:
        frames = _frames(self, self._asked, release, span)
        newest = _newest(frames["value"])
        if newest is None:
            return None
        sample = None
        if "sample" in frames:
            told = _newest(frames["sample"])
            sample = count_of(told[0] if told else None)
        return Measurement(newest[0], sample, newest[1])


@dataclass(frozen=True, slots=True)
class _Column:
    values: list[float | None]
    times: list[datetime] | None


def _frames(
    source: CountSource | ValueSource, asked: Asked, release: Release, span: Span
) -> dict[str, list[Any]]:
    """The frames of every query, by its name. Raises EdgeError."""
    since, until = (str(int(at.timestamp() * 1_000)) for at in (span.since, span.until))
    times = {"start": since, "end": until, "window": f"{minutes(span)}m"}
    texts = texts_of(release, source.setting)
    queries = [
        {
            "intervalMs": int(HOUR.total_seconds() * 1_000),
            "maxDataPoints": _POINTS_MAX,
            **filled_within(dict(query), texts, times, plain_text),
            "refId": name,
            "datasource": {"uid": asked.uid},
        }
        for name, query in asked.queries.items()
    ]
    body = source.http.post_json(
        DOING, "/api/ds/query", {"queries": queries, "from": since, "to": until}
    ).body
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, dict):
        raise Faulty(SERVICE, DOING, "an answer that is not Grafana's")
    return {name: _frames_of(results.get(name)) for name in asked.queries}


def _frames_of(result: Any) -> list[Any]:
    """Raises EdgeError."""
    if not isinstance(result, dict):
        raise Faulty(SERVICE, DOING, "an answer without one of the queries")
    if result.get("error"):
        words = shortened(result["error"]) if isinstance(result["error"], str) else "no words"
        status = result.get("status")
        known = status if isinstance(status, int) else 0
        failed = Rejected if 400 <= known < 500 else Faulty
        raise failed(SERVICE, DOING, words, status=known)
    frames = result.get("frames")
    if frames is not None and not isinstance(frames, list):
        raise Faulty(SERVICE, DOING, "frames that are none")
    return frames or []


def _newest(frames: list[Any]) -> tuple[float, datetime | None] | None:
    """The newest number and its time; None where there is no number."""
    column = _column(frames)
    if column is None:
        return None
    times: list[datetime | None] = (
        list(column.times) if column.times is not None else [None] * len(column.values)
    )
    told = [(value, at) for value, at in zip(column.values, times, strict=True) if value is not None]
    if len(told) > 1 and column.times is None:
        raise Implausible(f"the query gives {len(told)} rows without times")
    return max(told, key=lambda pair: pair[1].timestamp() if pair[1] else 0.0) if told else None


def _column(frames: list[Any]) -> _Column | None:
    """The one column of numbers; None without any. Raises Faulty for what is no frame, Implausible for several."""
    found = [column for frame in frames if (column := _of_frame(frame)) is not None]
    if len(found) > 1:
        raise Implausible(f"the query gives {len(found)} series: add them up")
    return found[0] if found else None


def _of_frame(frame: Any) -> _Column | None:
    """Raises Faulty, Implausible."""
    schema, data = (frame.get("schema"), frame.get("data")) if isinstance(frame, dict) else (None, None)
    fields = schema.get("fields") if isinstance(schema, dict) else None
    values = data.get("values") if isinstance(data, dict) else None
    if not fields and not values:
        return None
    columns = isinstance(fields, list) and isinstance(values, list) and len(fields) == len(values)
    if not columns or not all(isinstance(column, list) for column in values or ()):
        raise Faulty(SERVICE, DOING, "a frame whose fields and values do not fit")
    if isinstance(data, dict) and _infinite(data.get("entities")):
        raise Implausible("a value that is infinite")
    kinds = [field.get("type") if isinstance(field, dict) else None for field in fields or ()]
    numbers = [place for place, kind in enumerate(kinds) if kind == "number"]
    if len(numbers) > 1:
        raise Implausible(f"a frame with {len(numbers)} columns of numbers")
    if not numbers or values is None or not values[numbers[0]]:
        return None
    times = [place for place, kind in enumerate(kinds) if kind == "time"]
    if times and len(values[times[0]]) != len(values[numbers[0]]):
        raise Faulty(SERVICE, DOING, "a frame whose columns are not of one length")
    return _Column(
        [number_of(value) for value in values[numbers[0]]],
        [instant_of(at, milliseconds=True) for at in values[times[0]]] if times else None,
    )


def _infinite(entities: Any) -> bool:
    """Whether a null stands for infinity. One that stands for NaN is no data."""
    marked = [each for each in entities if isinstance(each, dict)] if isinstance(entities, list) else []
    return any(each.get(kind) for each in marked for kind in _NO_NUMBER[1:])
