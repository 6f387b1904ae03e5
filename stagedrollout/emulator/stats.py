"""A service as a team might have written it for itself: what happens at the till, release by release, as plain JSON.

    GET /stats/v1/apps/{package}/releases/{build}/checkout?start=<ISO 8601>&end=<ISO 8601>

`hours` are the hours of that time, `error_rate` is the share of failed attempts in percent over all of it, null without
any. A release that nobody has is a 404.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.metrics import Metrics, Series
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

PREFIX = "/stats/"
HOUR = 3_600
HOURS_MOST = 24 * 31


class Stats:
    """Answers requests under PREFIX."""

    name = "stats"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, metrics: Metrics, credentials: Credentials) -> None:
        self._metrics = metrics
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        match (method, *_segments(path)):
            case ("GET", "v1", "apps", _, "releases", _, "checkout"):
                return "checkout"
            case _:
                return "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return Reply(status, {"detail": f"emulated {status}"})

    def answer(self, call: Call) -> Reply:
        if call.request.bearer != self._credentials.signals_token:
            return Reply(401, {"detail": "who are you?"})
        if call.operation == "unknown":
            return Reply(404, {"detail": "no such page"})
        try:
            start, end = (_instant(call.request.first(name)) for name in ("start", "end"))
        except ValueError:
            return Reply(400, {"detail": "start and end are times"})
        segments = _segments(call.request.path)
        attempts, errors = (
            self._of(counter, app=segments[2], build=segments[4])
            for counter in ("checkout_attempts_total", "checkout_errors_total")
        )
        if attempts is None or errors is None or call.trouble == "no_data":
            return Reply(404, {"detail": "nobody has this release"})
        if end - start > HOURS_MOST * HOUR:
            return Reply(400, {"detail": f"at most {HOURS_MOST} hours"})
        return Reply(document=self._document(attempts, errors, start, self._metrics.until(end)))

    def _of(self, counter: str, *, app: str, build: str) -> Series | None:
        wanted = {"app": app, "build": build}
        return next(
            (
                series
                for series in self._metrics.series(counter)
                if all(series.labels[label] == value for label, value in wanted.items())
            ),
            None,
        )

    def _document(self, attempts: Series, errors: Series, start: float, end: float) -> dict[str, Any]:
        hours = list[dict[str, Any]]()
        since = start
        while since < end:
            until = min(end, (since // HOUR + 1) * HOUR)
            told = {"attempts": attempts.increase(since, until), "errors": errors.increase(since, until)}
            hours.append({"start": _text(since), **told})
            since = until
        total, bad = sum(hour["attempts"] for hour in hours), sum(hour["errors"] for hour in hours)
        return {
            "attempts": total,
            "errors": bad,
            "error_rate": 100 * bad / total if total else None,
            "newest": _text(end),
            "hours": hours,
        }


def _segments(path: str) -> list[str]:
    return [unquote(part) for part in path.removeprefix(PREFIX).strip("/").split("/")]


def _instant(text: str | None) -> float:
    read = datetime.fromisoformat(text or "")
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _text(instant: float) -> str:
    return iso(datetime.fromtimestamp(instant, UTC))
