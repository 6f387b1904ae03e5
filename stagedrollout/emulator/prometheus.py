"""Prometheus' HTTP API over the counters of a world: instant and range queries (prometheus.io, "HTTP API").

Served under /prometheus, as behind a proxy, because another service of this world has /api/ for itself.
"""

from __future__ import annotations

import math
from typing import Any

from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.metrics import Metrics
from stagedrollout.emulator.promql import Labels, ParseError, Result, evaluate
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.service import Call

PREFIX = "/prometheus/"
POINTS_MOST = 11_000
"""Prometheus refuses a range with more."""

_OPERATIONS = {f"{PREFIX}api/v1/query": "query", f"{PREFIX}api/v1/query_range": "query_range"}
_PARTIAL = "some stores did not answer: the result may be partial"


class _Bad(ValueError):
    """A parameter that is missing or wrong."""


class Prometheus:
    """Answers requests under PREFIX."""

    name = "prometheus"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, metrics: Metrics, credentials: Credentials) -> None:
        self._metrics = metrics
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        return _OPERATIONS.get(path, "unknown") if method in ("GET", "POST") else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return _error(status, "unavailable" if status >= 500 else "bad_data", f"emulated {status}")

    def answer(self, call: Call) -> Reply:
        if call.request.bearer != self._credentials.signals_token:
            return Reply(401, text="Unauthorized")
        if call.operation == "unknown":
            return Reply(404, text="404 page not found")
        try:
            data = self._data(call)
        except ParseError as problem:
            return _error(400, "bad_data", f'invalid parameter "query": {problem}')
        except _Bad as problem:
            return _error(400, "bad_data", str(problem))
        document: dict[str, Any] = {"status": "success", "data": data}
        if call.trouble == "partial":
            document["warnings"] = [_PARTIAL]
        return Reply(document=document)

    def _data(self, call: Call) -> dict[str, Any]:
        query = _parameter(call.request, "query")
        if call.operation == "query":
            at = _instant(call.request, "time", self._metrics.now)
            found: Result = {} if call.trouble == "no_data" else evaluate(query, self._metrics, at)
            return _vector(found, at)
        instants = _instants(call.request)
        if call.trouble == "no_data":
            return {"resultType": "matrix", "result": []}
        return _matrix({at: evaluate(query, self._metrics, at) for at in instants})


def _parameter(request: Request, name: str) -> str:
    found = request.first(name) or request.form().get(name)
    if not found:
        raise _Bad(f'invalid parameter "{name}": it is empty')
    return found


def _instant(request: Request, name: str, default: float | None = None) -> float:
    written = request.first(name) or request.form().get(name)
    try:
        instant = float(written) if written else default
    except ValueError:
        instant = None
    if instant is None or not math.isfinite(instant):
        raise _Bad(f'invalid parameter "{name}": cannot parse it to a valid timestamp')
    return instant


def _instants(request: Request) -> list[float]:
    start, end, step = (_instant(request, name) for name in ("start", "end", "step"))
    if step <= 0 or end < start:
        raise _Bad("end timestamp must not be before start time, and the step must be positive")
    count = int((end - start) // step) + 1
    if count > POINTS_MOST:
        raise _Bad(f"exceeded maximum resolution of {POINTS_MOST:,} points per timeseries")
    return [start + place * step for place in range(count)]


def _vector(found: Result, at: float) -> dict[str, Any]:
    if isinstance(found, float):
        return {"resultType": "scalar", "result": [at, number_text(found)]}
    series = [{"metric": dict(labels), "value": [at, number_text(v)]} for labels, v in sorted(found.items())]
    return {"resultType": "vector", "result": series}


def _matrix(found: dict[float, Result]) -> dict[str, Any]:
    by_labels: dict[Labels, list[list[Any]]] = {}
    for at, result in found.items():
        values = {(): result} if isinstance(result, float) else result
        for labels, value in values.items():
            by_labels.setdefault(labels, []).append([at, number_text(value)])
    series = [{"metric": dict(labels), "values": values} for labels, values in sorted(by_labels.items())]
    return {"resultType": "matrix", "result": series}


def number_text(value: float) -> str:
    """As Go writes a float: "0.25", "NaN", "+Inf"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _error(status: int, kind: str, words: str) -> Reply:
    return Reply(status, {"status": "error", "errorType": kind, "error": words})
