"""New Relic's NerdGraph over the counters of a world: one kind of GraphQL query, and a small part of NRQL in it.

    SELECT <function> AS name, ... FROM MobileSession | Checkout WHERE appVersion = '...' AND appBuild = '...'
    SINCE <ms> UNTIL <ms> [TIMESERIES 1 hour]

with count(*), filter(count(*), WHERE failed IS true) and percentage(count(*), WHERE failed IS true). `failed` is a crash
of a session, or a checkout that did not come through.
"""

from __future__ import annotations

import re
from typing import Any

from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.metrics import Metrics
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

PREFIX = "/newrelic/"
ACCOUNT = 1_234_567
HOUR = 3_600
BUCKETS_MOST = 366

_QUERY = re.compile(
    r"SELECT\s+(?P<what>.+?)\s+FROM\s+(?P<event>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"\s+SINCE\s+(?P<since>\d+)\s+UNTIL\s+(?P<until>\d+)(?P<series>\s+TIMESERIES\s+1\s+hour)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_FUNCTIONS = (
    "count(*)",
    "filter(count(*), where failed is true)",
    "percentage(count(*), where failed is true)",
)
_COLUMN = re.compile(
    r"\s*(?P<function>[^,(]+\((?:[^()]|\([^()]*\))*\))\s+AS\s+'?(?P<name>\w+)'?\s*(?:,|$)", re.IGNORECASE
)
_CONDITION = re.compile(
    r"\s*(?P<label>appVersion|appBuild|appId)\s*=\s*'(?P<value>[^'\\]*)'\s*(?:AND|$)", re.IGNORECASE
)
_LABELS = {"appversion": "version", "appbuild": "build", "appid": "app"}
_COUNTERS = {
    "mobilesession": ("app_sessions_total", "app_crashes_total"),
    "checkout": ("checkout_attempts_total", "checkout_errors_total"),
}


class _Refused(ValueError):
    """The query is none; the message is New Relic's way to say so."""


class NerdGraph:
    """Answers requests under PREFIX."""

    name = "new_relic"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, metrics: Metrics, credentials: Credentials) -> None:
        self._metrics = metrics
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        return "graphql" if (method, path) == ("POST", f"{PREFIX}graphql") else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return Reply(status, {"errors": [{"message": f"emulated {status}"}]})

    def answer(self, call: Call) -> Reply:
        if call.operation == "unknown":
            return Reply(404, text="not found")
        if call.request.headers.get("api-key") != self._credentials.signals_token:
            return Reply(401, _errors("The API key provided is invalid", "UNAUTHORIZED"))
        try:
            asked = call.request.json()
            variables = asked["variables"]
            account, nrql = variables["account"], str(variables["nrql"])
        except (ValueError, TypeError, KeyError):
            return Reply(document=_errors("Argument is required", "GRAPHQL_VALIDATION_ERROR"))
        if account != ACCOUNT:
            return Reply(document=_errors("Access denied.", "ACCESS_DENIED", account=None))
        if call.trouble == "errors":
            return Reply(document=_errors("NRDB Query Timeout", "SERVER_ERROR", account={"nrql": None}))
        try:
            results = [] if call.trouble == "no_data" else self._results(nrql)
        except _Refused as problem:
            return Reply(document=_errors(str(problem), "NRDB:1100000", account={"nrql": None}))
        return Reply(document={"data": {"actor": {"account": {"nrql": {"results": results}}}}})

    def _results(self, nrql: str) -> list[dict[str, Any]]:
        read = _QUERY.fullmatch(nrql.strip())
        counters = _COUNTERS.get(read["event"].lower()) if read else None
        if read is None:
            raise _Refused("NRQL Syntax Error: Error at line 1 position 1")
        columns = _columns(read["what"])
        since, until = int(read["since"]) / 1_000, int(read["until"]) / 1_000
        if not read["series"]:
            return [self._row(counters, read["where"], columns, since, until)]
        buckets = int(-(-(until - since) // HOUR))
        if until - since < HOUR:
            raise _Refused("NRDB:1101001: TIMESERIES step size is larger than current time window")
        if buckets > BUCKETS_MOST:
            raise _Refused(f"TIMESERIES supports a maximum of {BUCKETS_MOST} buckets")
        starts = [since + place * HOUR for place in range(buckets)]
        return [
            {
                "beginTimeSeconds": int(start),
                "endTimeSeconds": int(min(start + HOUR, until)),
                **self._row(counters, read["where"], columns, start, min(start + HOUR, until)),
            }
            for start in starts
        ]

    def _row(
        self,
        counters: tuple[str, str] | None,
        where: str | None,
        columns: dict[str, str],
        since: float,
        until: float,
    ) -> dict[str, Any]:
        wanted, until = _conditions(where), self._metrics.until(until)
        totals = [0, 0]
        for place, counter in enumerate(counters or ()):
            for series in self._metrics.series(counter):
                if until > since and all(series.labels[label] == value for label, value in wanted.items()):
                    totals[place] += series.increase(since, until)
        total, bad = totals
        told = (total, bad, 100 * bad / total if total else None)
        values = dict(zip(_FUNCTIONS, told, strict=True))
        return {name: values[function] for name, function in columns.items()}


def _columns(what: str) -> dict[str, str]:
    """By alias, which function."""
    columns, at = dict[str, str](), 0
    while at < len(what):
        found = _COLUMN.match(what, at)
        function = " ".join(found["function"].lower().split()) if found else ""
        if found is None or function not in _FUNCTIONS:
            raise _Refused(f"NRQL Syntax Error: Error at line 1 position {at + 8}")
        columns[found["name"]] = function
        at = found.end()
    return columns


def _conditions(where: str | None) -> dict[str, str]:
    wanted, at = dict[str, str](), 0
    while where and at < len(where):
        found = _CONDITION.match(where, at)
        if found is None:
            raise _Refused("NRQL Syntax Error: Error in WHERE")
        wanted[_LABELS[found["label"].lower()]] = found["value"]
        at = found.end()
    return wanted


_NOTHING = object()


def _errors(message: str, kind: str, *, account: Any = _NOTHING) -> dict[str, Any]:
    """What is wrong comes with status 200, and with what data there are."""
    error = {"message": message, "path": ["actor", "account", "nrql"], "extensions": {"errorClass": kind}}
    if account is _NOTHING:
        return {"errors": [error]}
    return {"data": {"actor": {"account": account}}, "errors": [error]}
