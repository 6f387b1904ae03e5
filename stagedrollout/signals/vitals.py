"""Play's own crash and ANR rates by version code, days late but of everybody (google-play.md section 8).

What makes them safe to use:

- Up to when there are data is asked first, and nothing is asked beyond it. No new data are no data.
- Only whole days (hours) inside the window count: of the day on which a rollout began, people had the release for a
  part only, and what happened before a person resumed it was their reason and is not to halt it again.
- A release of few users has no row at all, for Play hides what few people did. That is no data, not health.
- Users of several days, or of several version codes, are never added up: the sample is the largest of their numbers,
  which is at least as small as the truth. Rates of several days are averaged by users, as Play does it itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Unreachable
from stagedrollout.core.play_reports import Period, Vital
from stagedrollout.signals.base import (
    Declaration,
    Implausible,
    Measurement,
    Release,
    Setting,
    Span,
    ValueSource,
)
from stagedrollout.signals.numbers import count_of, number_of
from stagedrollout.signals.pacing import Paced

_SERVICE = "google_play"
DOING = "reading vitals"
NO_DATA = "no row of the version code: nothing new by Play's freshness, or too few users to be shown"

EVERY = timedelta(hours=1)
"""How rarely is asked: days arrive once a day, and Play allows ten questions a second to the whole account."""

ROWS_PER_PAGE = 1_000
"""Up to a million bytes, as Google indents them; Play gives 10,000 at most."""

PAGES_MAX = 50
SECONDS_MAX = 10.0
"""Real time after which nothing further is asked: a pass that may have to halt waits for this."""

_ZONES = {Period.DAILY: ZoneInfo("America/Los_Angeles"), Period.HOURLY: ZoneInfo("UTC")}
_METRICS = {
    Vital.USER_PERCEIVED_CRASH_RATE: "userPerceivedCrashRate",
    Vital.CRASH_RATE: "crashRate",
    Vital.USER_PERCEIVED_ANR_RATE: "userPerceivedAnrRate",
    Vital.ANR_RATE: "anrRate",
}
_USERS = "distinctUsers"
_CODE = "versionCode"


class Vitals(Protocol):
    """The metric set of one app as its client reads it. Each method asks once and raises EdgeError."""

    def freshness(self) -> Any: ...

    def rows(self, body: Any) -> Any: ...

    def releases(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Row:
    """One version code in one period: the share of users, from 0 to 1, and how many users there were, roughly."""

    code: int
    start: datetime
    rate: float
    users: int | None


@dataclass(frozen=True, slots=True)
class _Book:
    """All rows of the periods up to `ends`, and the version codes of the releases that are served, by their highest.

    `wrong`: why what came cannot be right ("" if it can). It is kept like a refusal: asking again would not change it.
    """

    ends: datetime | None
    rows: tuple[_Row, ...] = ()
    codes: Mapping[int, frozenset[int]] = field(default_factory=dict)
    wrong: str = ""


class VitalRate(ValueSource):
    """One vital of one app. `seconds` is a clock that only goes forward."""

    def __init__(  # noqa: PLR0913 - what is asked, and a clock for its tests
        self,
        setting: Setting,
        vitals: Vitals,
        vital: Vital,
        period: Period,
        *,
        can_halt: bool = True,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(setting)
        each = "daily" if period is Period.DAILY else "hourly"
        self.declared = Declaration(
            unit=f"% of {each} users", lag=period.lag, can_halt=can_halt, no_data=NO_DATA
        )
        self._vitals, self._metric, self._period = vitals, _METRICS[vital], period
        self._seconds = seconds
        self._paced: Paced[_Book] = Paced(EVERY)
        self._read: dict[datetime, _Book] = {}

    def value(self, release: Release, span: Span) -> Measurement | None:
        """Of all whole periods in the span for which Play has data. Raises EdgeError, Implausible."""
        if not re.fullmatch("[0-9]{1,10}", release.build):
            raise Implausible("a release without a version code")
        first = _first(self._period, span.since)
        now = span.until.astimezone(UTC)
        book = self._paced.get(first.isoformat(), now, lambda: self._asked(first))
        if book.wrong:
            raise Implausible(book.wrong)
        code = int(release.build)
        codes = book.codes.get(code, frozenset({code}))
        return _measured([row for row in book.rows if row.code in codes], self._period)

    def _asked(self, first: datetime) -> _Book:
        """What Play has from `first` on; what was read before where it has nothing new."""
        late = self._seconds() + SECONDS_MAX
        try:
            ends = _ends(self._vitals.freshness(), self._period)
            if ends is None or ends <= first:
                return _Book(ends)
            before = self._read.get(first)
            if before is not None and before.ends == ends:
                return before
            rows = self._rows(first, ends, late)
            self._check_time(late)
            book = _Book(ends, rows, _codes(self._vitals.releases()))
        except Implausible as problem:
            return _Book(None, wrong=str(problem))
        except EdgeError as error:
            raise _in_words(error) from None
        self._read = {since: one for since, one in self._read.items() if one.ends == ends} | {first: book}
        return book

    def _check_time(self, late: float) -> None:
        """Raises Unreachable where nothing further is to be asked in this pass."""
        if self._seconds() > late:
            raise Unreachable(_SERVICE, DOING, f"not all of it came within {SECONDS_MAX:g} s")

    def _rows(self, first: datetime, ends: datetime, late: float) -> tuple[_Row, ...]:
        """All pages: a part of them might lack the release that is worst."""
        body = _body(self._metric, self._period, first, ends)
        rows: dict[tuple[int, datetime], _Row] = {}
        token, met = "", set[str]()
        for _ in range(PAGES_MAX):
            self._check_time(late)
            page = self._vitals.rows({**body, **({"pageToken": token} if token else {})})
            for row in _page(page, self._metric, self._period):
                if (row.code, row.start) in rows:
                    raise Implausible("a version code that is there twice for one time")
                if first <= row.start < ends:
                    rows[row.code, row.start] = row
            token = page.get("nextPageToken") or ""
            if not token:
                return tuple(rows.values())
            if not isinstance(token, str) or token in met:
                break
            met.add(token)
        raise Faulty(_SERVICE, DOING, f"there is no end to its pages ({len(met) + 1} were read)", status=200)


def _first(period: Period, since: datetime) -> datetime:
    """The start of the first period that lies wholly after `since`."""
    if period is Period.HOURLY:
        hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour if hour >= since else hour + timedelta(hours=1)
    day = since.astimezone(_ZONES[period]).date()
    return _midnight(day) if _midnight(day) >= since else _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    """The beginning of a day in Los Angeles, as UTC."""
    return datetime.combine(day, time_of_day(), _ZONES[Period.DAILY]).astimezone(UTC)


def _end_of(start: datetime, period: Period) -> datetime:
    if period is Period.HOURLY:
        return start + timedelta(hours=1)
    return _midnight(start.astimezone(_ZONES[period]).date() + timedelta(days=1))


def _body(metric: str, period: Period, first: datetime, ends: datetime) -> dict[str, Any]:
    return {
        "timelineSpec": {
            "aggregationPeriod": period.name,
            "startTime": _written(first, period),
            "endTime": _written(ends, period),
        },
        "dimensions": [_CODE],
        "metrics": [metric, _USERS],
        "pageSize": ROWS_PER_PAGE,
        "userCohort": "OS_PUBLIC",
    }


def _written(instant: datetime, period: Period) -> dict[str, Any]:
    """Days without hours, in the one zone that Play takes; hours in UTC."""
    local = instant.astimezone(_ZONES[period])
    hours = {"hours": local.hour} if period is Period.HOURLY else {}
    zone = {"timeZone": {"id": _ZONES[period].key}}
    return {"year": local.year, "month": local.month, "day": local.day, **hours, **zone}


def _instant(written: Any, period: Period) -> datetime:
    """Raises Faulty for what is no start of such a period."""
    if isinstance(written, dict):
        zone = written.get("timeZone")
        named = zone.get("id") if isinstance(zone, dict) else _ZONES[period].key
        parts = [written.get("year"), written.get("month"), written.get("day"), written.get("hours", 0)]
        if named == _ZONES[period].key and "utcOffset" not in written and all(type(p) is int for p in parts):
            year, month, day, hours = parts
            try:
                local = datetime(year, month, day, hours, tzinfo=_ZONES[period])
                return local.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
    raise Faulty(_SERVICE, DOING, "a time that is none, or of another zone", status=200)


def _ends(body: Any, period: Period) -> datetime | None:
    """Up to when there are data (exclusive); None where Play tells of none."""
    told = body.get("freshnessInfo") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(told, (dict, type(None))):
        raise Faulty(_SERVICE, DOING, "the answer does not tell how fresh it is", status=200)
    listed = told.get("freshnesses") if told else None
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("aggregationPeriod") == period.name:
            return _instant(one.get("latestEndTime"), period)
    return None


def _page(body: Any, metric: str, period: Period) -> list[_Row]:
    """Raises Faulty for another shape, Implausible for rows that cannot be."""
    listed = body.get("rows", []) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise Faulty(_SERVICE, DOING, "the answer is no list of rows", status=200)
    read = (_row(one, metric, period) for one in listed)
    return [row for row in read if row is not None]


def _row(raw: Any, metric: str, period: Period) -> _Row | None:
    """None for a row that has no such rate."""
    if not isinstance(raw, dict):
        raise Implausible("a row that is none")
    codes = [one.get("int64Value") for one in _dicts(raw.get("dimensions")) if one.get("dimension") == _CODE]
    if len(codes) != 1 or not isinstance(codes[0], str) or not re.fullmatch("[0-9]{1,10}", codes[0]):
        raise Implausible("a row that is of no version code")
    values = {
        name: _decimal(one.get("decimalValue"))
        for one in _dicts(raw.get("metrics"))
        if isinstance(name := one.get("metric"), str)
    }
    rate, users = values.get(metric), values.get(_USERS)
    if rate is None:
        return None
    if not 0 <= rate <= 1:
        raise Implausible("a share of users that is below 0 or above all")
    start = _instant(raw.get("startTime"), period)
    return _Row(int(codes[0]), start, rate, None if users is None else count_of(users))


def _decimal(value: Any) -> float | None:
    """A decimal number, written as a text; an empty one is 0 (its description says so)."""
    written = value.get("value") if isinstance(value, dict) else None
    return 0.0 if written == "" else number_of(written)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _codes(body: Any) -> dict[int, frozenset[int]]:
    """The version codes of each release that is served, by its highest.

    A code that an older release has as well is left out of the newer one: its people were there before.
    """
    if not isinstance(body, dict):
        raise Faulty(_SERVICE, DOING, "the answer is no list of releases", status=200)
    found: dict[int, frozenset[int]] = {}
    for track in _dicts(body.get("tracks")):
        for release in _dicts(track.get("servingReleases")):
            listed = release.get("versionCodes")
            written = listed if isinstance(listed, list) else ()
            codes = frozenset(int(c) for c in written if re.fullmatch("[0-9]{1,10}", str(c)))
            if codes:
                found[max(codes)] = found.get(max(codes), frozenset()) | codes
    own, taken = dict[int, frozenset[int]](), frozenset[int]()
    for code, codes in sorted(found.items()):
        own[code] = codes - taken
        taken |= codes
    return own


def _measured(rows: list[_Row], period: Period) -> Measurement | None:
    if not rows:
        return None
    users = [row.users or 0 for row in rows]
    told = all(row.users is not None for row in rows) and sum(users) > 0
    weights = users if told else [1] * len(rows)
    rate = sum(row.rate * weight for row, weight in zip(rows, weights, strict=True)) / sum(weights)
    newest = max(row.start for row in rows)
    return Measurement(100 * rate, max(users) if told else None, _end_of(newest, period))


def _in_words(error: EdgeError) -> EdgeError:
    """The refusal with what a person can do about it (google-play.md sections 2 and 8)."""
    if isinstance(error, Rejected) and error.status == 404:
        right = "the key sees no app of this package"
        return Rejected(_SERVICE, error.doing, f"{error.detail}: {right}", status=404)
    if not isinstance(error, Denied) or error.status != 403:
        return error
    if "has not been used" in error.detail:
        right = "enable the Google Play Developer Reporting API in the key's Google Cloud project"
    else:
        right = (
            "in Play Console, give the key's account View app quality information (read-only);"
            " a new grant takes hours"
        )
    return Denied(_SERVICE, error.doing, f"{error.detail}: {right}", status=403)
