"""Grafana's query API in front of one data source, the Prometheus of the same world (grafana.com, "Query a data source").

Answers are data frames. Range queries are aligned to their step, as Grafana's Prometheus source aligns them.
"""

from __future__ import annotations

import math
from typing import Any

from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.metrics import Metrics
from stagedrollout.emulator.promql import Labels, ParseError, Result, evaluate
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

PREFIX = "/grafana/"
DATA_SOURCE = "emulated"
"""The uid of the one data source."""

_POINTS_MOST = 11_000


class _Failed(ValueError):
    """A query that its data source refuses: status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Grafana:
    """Answers requests under PREFIX."""

    name = "grafana"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, metrics: Metrics, credentials: Credentials) -> None:
        self._metrics = metrics
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        return "query" if (method, path) == ("POST", f"{PREFIX}api/ds/query") else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return Reply(status, {"message": f"emulated {status}", "traceID": ""})

    def answer(self, call: Call) -> Reply:
        if call.request.bearer != self._credentials.signals_token:
            return Reply(401, {"message": "Invalid API key"})
        if call.operation == "unknown":
            return Reply(404, {"message": "Not found"})
        try:
            asked = call.request.json()
            queries, since, until = asked["queries"], int(asked["from"]) / 1_000, int(asked["to"]) / 1_000
            names = [str(query["refId"]) for query in queries]
        except (ValueError, TypeError, KeyError):
            return Reply(400, {"message": "bad request data"})
        results = {
            name: self._result(call, query, since, until) for name, query in zip(names, queries, strict=True)
        }
        failed = any("error" in result for result in results.values())
        return Reply(400 if failed else 200, {"results": results})

    def _result(self, call: Call, query: dict[str, Any], since: float, until: float) -> dict[str, Any]:
        try:
            frames = [] if call.trouble == "no_data" else self._frames(query, since, until)
        except ParseError as problem:
            return {"error": f"bad_data: {problem}", "errorSource": "downstream", "status": 400}
        except _Failed as problem:
            return {"error": str(problem), "errorSource": "downstream", "status": problem.status}
        return {"status": 200, "frames": frames}

    def _frames(self, query: dict[str, Any], since: float, until: float) -> list[dict[str, Any]]:
        source = query.get("datasource")
        if not isinstance(source, dict) or source.get("uid") != DATA_SOURCE:
            raise _Failed(404, "data source not found")
        expr = str(query.get("expr", ""))
        if query.get("instant"):
            found = {until: evaluate(expr, self._metrics, until)}
        else:
            found = {at: evaluate(expr, self._metrics, at) for at in _aligned(query, since, until)}
        return [_frame(str(query["refId"]), labels, values) for labels, values in _by_labels(found).items()]


def _aligned(query: dict[str, Any], since: float, until: float) -> list[float]:
    step = max(1.0, float(query.get("intervalMs", 60_000)) / 1_000)
    first, last = math.floor(since / step), math.floor(until / step)
    if last - first >= _POINTS_MOST:
        raise _Failed(400, f"exceeded maximum resolution of {_POINTS_MOST:,} points per timeseries")
    return [place * step for place in range(first, last + 1)]


def _by_labels(found: dict[float, Result]) -> dict[Labels, dict[float, float]]:
    series: dict[Labels, dict[float, float]] = {}
    for at, result in found.items():
        for labels, value in ({(): result} if isinstance(result, float) else result).items():
            series.setdefault(labels, {})[at] = value
    return series


def _frame(name: str, labels: Labels, values: dict[float, float]) -> dict[str, Any]:
    """JSON has no NaN and no infinity: they are null, and named beside."""
    numbers = list(values.values())
    odd = {
        "NaN": [place for place, value in enumerate(numbers) if math.isnan(value)],
        "Inf": [place for place, value in enumerate(numbers) if value == math.inf],
        "NegInf": [place for place, value in enumerate(numbers) if value == -math.inf],
    }
    told = {kind: places for kind, places in odd.items() if places}
    data: dict[str, Any] = {
        "values": [
            [int(at * 1_000) for at in values],
            [value if math.isfinite(value) else None for value in numbers],
        ]
    }
    if told:
        data["entities"] = [None, told]
    fields = [
        {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}},
        {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": dict(labels)},
    ]
    return {"schema": {"refId": name, "fields": fields}, "data": data}
