"""The Play Developer Reporting API v1beta1: crash and ANR rates of the same people, late and by the rules of
google-play.md section 8.

- Data end some days (hours) ago; whoever asks for later ones is refused.
- Days are Los Angeles', hours UTC's. A version code with few users on a day has no row.
- Rates are decimal texts, the number of users is rounded. How many users are too few is not documented: a switch.
- Of crashes and freezes USER_PERCEIVED_SHARE are perceived. A session that ends abnormally counts as an ANR, unless the
  story says how many of a release's users meet one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.draws import binomial, source
from stagedrollout.emulator.play_releases import DRAFT
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.scenario import GOOGLE_PLAY, PPM, Scenario
from stagedrollout.emulator.service import Call
from stagedrollout.emulator.switches import Switches

PREFIX = "/v1beta1/"
LOS_ANGELES, UTC_ZONE = ZoneInfo("America/Los_Angeles"), ZoneInfo("UTC")
USER_PERCEIVED_SHARE = 0.8
PAGE_USUAL, PAGE_MOST = 1_000, 10_000
PERIODS_MOST = 24 * 60

_SETS = {"crashRateMetricSet": "crash", "anrRateMetricSet": "anr"}
_METRICS = {
    "crash": ("crashRate", "userPerceivedCrashRate"),
    "anr": ("anrRate", "userPerceivedAnrRate"),
}
_WEIGHTED = ("7dUserWeighted", "28dUserWeighted")
_COHORTS = ("USER_COHORT_UNSPECIFIED", "OS_PUBLIC", "OS_BETA", "APP_TESTERS")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query asks for, understood and allowed."""

    kind: str
    daily: bool
    starts: tuple[datetime, ...]
    metrics: tuple[str, ...]
    by_code: bool
    code: int | None
    public: bool


class PlayVitals:
    """The vitals of all apps, below PREFIX; who may ask is settled before (play_reporting.py)."""

    def __init__(self, store: PlayStore, timeline: Timeline, scenario: Scenario) -> None:
        self._store = store
        self._timeline = timeline
        self._seed = scenario.seed
        self._anrs = {
            (app.package, release.code): release.anr_ppm
            for app in scenario.apps
            if app.store == GOOGLE_PLAY
            for release in app.releases
        }

    def operation(self, method: str, path: str) -> str:
        match (method, *_parts(path)):
            case ("GET", _, "", "fetchReleaseFilterOptions"):
                return "releases.options"
            case ("GET", _, ("crashRateMetricSet" | "anrRateMetricSet") as kind, ""):
                return f"{_SETS[kind]}.get"
            case ("POST", _, ("crashRateMetricSet" | "anrRateMetricSet") as kind, "query"):
                return f"{_SETS[kind]}.query"
            case _:
                return "unknown"

    def answer(self, call: Call) -> Reply:
        """Raises PlayError."""
        package = _parts(call.request.path)[0]
        app = self._store.app(package)
        if self._switches.play_account == "not_invited":
            raise no.not_permitted()
        if app is None:
            raise no.package_not_found(package)
        if call.operation == "releases.options":
            return Reply(document=_releases(app))
        if call.operation.endswith(".get"):
            return Reply(document=self._metric_set(app, call.operation.partition(".")[0]))
        return Reply(document=self._queried(call, app))

    @property
    def _switches(self) -> Switches:
        return self._store.switches()

    def _metric_set(self, app: PlayApp, kind: str) -> Document:
        name = next(name for name, its in _SETS.items() if its == kind)
        told = [
            {"aggregationPeriod": word, "latestEndTime": _told(self._latest(daily=daily), daily=daily)}
            for word, daily in (("DAILY", True), ("HOURLY", False))
        ]
        return {"name": f"apps/{app.package}/{name}", "freshnessInfo": {"freshnesses": told}}

    def _latest(self, *, daily: bool) -> datetime:
        """Up to when there are data, exclusive, as UTC."""
        now = self._timeline.now
        if not daily:
            late = now - timedelta(hours=self._switches.vitals_hours_late)
            return late.replace(minute=0, second=0, microsecond=0)
        today = now.astimezone(LOS_ANGELES).date()
        return _midnight(today - timedelta(days=self._switches.vitals_days_late - 1))

    def _queried(self, call: Call, app: PlayApp) -> Document:
        try:
            body = call.request.json()
        except ValueError:
            raise no.invalid("Invalid JSON payload received.") from None
        if not isinstance(body, dict):
            raise no.invalid("Invalid JSON payload received.")
        kind = call.operation.partition(".")[0]
        asked = self._understood(kind, body)
        rows = list(self._rows(asked, app)) if asked.public and call.trouble != "no_data" else []
        size = _whole(body.get("pageSize", PAGE_USUAL), "page_size") or PAGE_USUAL
        size = min(size, PAGE_MOST, self._switches.vitals_rows_per_page)
        place = _place(body)
        page = rows[place : place + size]
        more = {"nextPageToken": _token(body, place + size)} if place + size < len(rows) else {}
        return {**({"rows": page} if page else {}), **more}

    def _understood(self, kind: str, body: Document) -> _Asked:
        spec = body.get("timelineSpec")
        if not isinstance(spec, dict) or spec.get("aggregationPeriod") not in ("DAILY", "HOURLY"):
            raise no.invalid("'timeline_spec.aggregation_period' field is invalid.")
        daily = spec["aggregationPeriod"] == "DAILY"
        metrics, dimensions = body.get("metrics"), body.get("dimensions", [])
        if not _fit(kind, metrics, dimensions, daily=daily):
            raise no.vitals_do_not_fit()
        start, end = (_read(spec.get(name), name, daily=daily) for name in ("startTime", "endTime"))
        latest = self._latest(daily=daily)
        if end > latest:
            local = latest.astimezone(LOS_ANGELES if daily else UTC_ZONE)
            raise no.beyond_freshness(f"{local:%Y-%m-%d %H:%M}")
        if start >= end:
            raise no.invalid("'timeline_spec.start_time' field must be before 'timeline_spec.end_time'.")
        cohort = body.get("userCohort", _COHORTS[0])
        if cohort not in _COHORTS:
            raise no.invalid("Invalid value at 'user_cohort'.")
        starts = tuple(_starts(start, end, daily=daily))
        code = _filtered(body.get("filter", ""))
        return _Asked(
            kind, daily, starts, tuple(metrics or ()), bool(dimensions), code, cohort in _COHORTS[:2]
        )

    def _rows(self, asked: _Asked, app: PlayApp) -> Iterator[Document]:
        codes = [code for code in self._store.crowd(app).codes if asked.code in (None, code)]
        for start in asked.starts:
            end = _next(start, daily=asked.daily)
            counted = [self._counted(app, code, start, end, asked.kind) for code in codes]
            if not asked.by_code:
                counted = [(0, sum(users for _, users, _ in counted), sum(bad for _, _, bad in counted))]
            for code, users, bad in counted:
                if users >= self._switches.vitals_users_needed:
                    yield _row(asked, start, code, users, bad)

    def _counted(
        self, app: PlayApp, code: int, start: datetime, end: datetime, kind: str
    ) -> tuple[int, int, int]:
        """The code, its users in that time, and how many of them met it."""
        crowd, first, last = self._store.crowd(app), int(start.timestamp()), int(end.timestamp())
        sessions = crowd.tally(code, first, last, seen=self._timeline.now.timestamp())
        users = crowd.users(code, first, last, sessions)
        if kind == "crash":
            return code, users.sessions, users.crashed
        anr = self._anrs.get((app.package, code))
        if anr is None:
            return code, users.sessions, users.abnormal
        draw = source(self._seed, app.package, "anr", code, first, last)
        return code, users.sessions, binomial(draw, users.sessions, anr / PPM)


def _fit(kind: str, metrics: Any, dimensions: Any, *, daily: bool) -> bool:
    """Whether these may be asked for together; rolling averages exist for days only, and are not played here."""
    known = {"distinctUsers", *_METRICS[kind]}
    weighted = {f"{name}{end}" for name in _METRICS[kind] for end in _WEIGHTED} if daily else set[str]()
    fitting = isinstance(metrics, list) and metrics and all(isinstance(one, str) for one in metrics)
    return bool(fitting) and set(metrics) <= known | weighted and dimensions in ([], ["versionCode"])


def _row(asked: _Asked, start: datetime, code: int, users: int, bad: int) -> Document:
    dimensions = [{"dimension": "versionCode", "int64Value": str(code)}]
    return {
        "aggregationPeriod": "DAILY" if asked.daily else "HOURLY",
        "startTime": _told(start, daily=asked.daily),
        **({"dimensions": dimensions} if asked.by_code else {}),
        "metrics": [_metric(name, users, bad) for name in asked.metrics],
    }


def _metric(name: str, users: int, bad: int) -> Document:
    if name == "distinctUsers":
        return {"metric": name, "decimalValue": {"value": str(rounded(users))}}
    share = bad / users * (USER_PERCEIVED_SHARE if name.startswith("userPerceived") else 1)
    spread = 2 * (share * (1 - share) / users) ** 0.5
    return {
        "metric": name,
        "decimalValue": _decimal(share),
        "decimalValueConfidenceInterval": {
            "lowerBound": _decimal(max(0.0, share - spread)),
            "upperBound": _decimal(min(1.0, share + spread)),
        },
    }


def _decimal(value: float) -> Document:
    return {"value": f"{value:.6f}".rstrip("0").rstrip(".")}


def rounded(users: int) -> int:
    """To the nearest multiple of 10, 100, 1,000 or 1,000,000; from where on which is not documented."""
    step = 10 if users < 1_000 else 100 if users < 10_000 else 1_000 if users < 10_000_000 else 1_000_000
    return round(users / step) * step


def _releases(app: PlayApp) -> Document:
    tracks = []
    for track in app.tracks.values():
        serving = [
            {"displayName": release["name"], "versionCodes": list(release["versionCodes"])}
            for release in track.releases
            if release["status"] != DRAFT
        ]
        if serving:
            kind = track.name.capitalize()
            tracks.append({"displayName": kind, "type": kind, "servingReleases": serving})
    return {"tracks": tracks} if tracks else {}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOS_ANGELES).astimezone(UTC)


def _next(start: datetime, *, daily: bool) -> datetime:
    if daily:
        return _midnight(start.astimezone(LOS_ANGELES).date() + timedelta(days=1))
    return start + timedelta(hours=1)


def _starts(start: datetime, end: datetime, *, daily: bool) -> Iterator[datetime]:
    for _ in range(PERIODS_MOST):
        if start >= end:
            return
        yield start
        start = _next(start, daily=daily)
    raise no.invalid("'timeline_spec' spans too long a time.")


def _told(instant: datetime, *, daily: bool) -> Document:
    local = instant.astimezone(LOS_ANGELES if daily else UTC_ZONE)
    hours = {} if daily else {"hours": local.hour}
    zone = {"timeZone": {"id": "America/Los_Angeles" if daily else "UTC"}}
    return {"year": local.year, "month": local.month, "day": local.day, **hours, **zone}


def _read(written: Any, name: str, *, daily: bool) -> datetime:
    """Raises PlayError; the words are a guess but for what they are about."""
    field = f"timeline_spec.{'start_time' if name == 'startTime' else 'end_time'}"
    if not isinstance(written, dict):
        raise no.invalid(f"'{field}' field is required.")
    unset = ("hours", "minutes", "seconds", "nanos") if daily else ("minutes", "seconds", "nanos")
    if any(written.get(part) for part in unset):
        raise no.invalid(f"'{field}' field must not set {', '.join(unset)}.")
    zone = "America/Los_Angeles" if daily else "UTC"
    named = written.get("timeZone", {"id": zone})
    if named != {"id": zone} or "utcOffset" in written:
        raise no.invalid(f"'{field}.time_zone' field must be {zone}.")
    parts = [written.get("year"), written.get("month"), written.get("day"), written.get("hours", 0)]
    try:
        whole = [_whole(part, field) for part in parts]
        return datetime(whole[0], whole[1], whole[2], whole[3], tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise no.invalid(f"'{field}' field is invalid.") from None


def _whole(value: Any, field: str) -> int:
    if type(value) is not int or value < 0:
        raise no.invalid(f"Invalid value at '{field}'.")
    return value


def _filtered(written: Any) -> int | None:
    """Of AIP-160 only equality on the version code is played."""
    if written == "":
        return None
    found = (
        re.fullmatch(r'\s*versionCode\s*=\s*"?([0-9]{1,10})"?\s*', written)
        if isinstance(written, str)
        else None
    )
    if found is None:
        raise no.invalid("Invalid filter.")
    return int(found[1])


def _same(body: Document) -> str:
    """What must not change from page to page."""
    rest = {name: value for name, value in body.items() if name != "pageToken"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]


def _token(body: Document, place: int) -> str:
    return base64.urlsafe_b64encode(f"{_same(body)}:{place}".encode()).decode()


def _place(body: Document) -> int:
    """Where the page begins. Raises PlayError where the token is none, or was given for another question."""
    token = body.get("pageToken", "")
    if token == "":
        return 0
    try:
        same, _, place = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
    except (ValueError, TypeError):
        same, place = "", ""
    if same != _same(body) or not re.fullmatch("[0-9]{1,9}", place):
        raise no.invalid("Invalid page token: all other parameters must match the call that provided it.")
    return int(place)


def _parts(path: str) -> tuple[str, str, str]:
    """Package, metric set ("" for none) and ":verb" of a path below apps/; the package is "" for other paths."""
    place, _, verb = path.removeprefix(PREFIX).partition(":")
    match [unquote(part) for part in place.split("/")]:
        case ["apps", package]:
            return package, "", verb
        case ["apps", package, metric_set]:
            return package, metric_set, verb
        case _:
            return "", "?", verb
