"""Google Play's star ratings by version code, from the files in the account's bucket (google-play.md section 9).

They hold star-only ratings too, and yet they are weak: a day has an average and no count, so that one angry day of three
people weighs as much as any other. So what is read is the mean of the days, unweighted, and it never halts.

A file is a month of one app, rewritten daily. Its generation is asked for, and the file only when that has changed.
Days are taken as UTC's, for nobody says whose they are; were they Los Angeles', what is read would be newer than told.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Protocol

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected
from stagedrollout.core.play_reports import RATINGS_LAG
from stagedrollout.signals.base import (
    Better,
    Declaration,
    Implausible,
    Measurement,
    Release,
    Setting,
    Span,
    ValueSource,
)
from stagedrollout.signals.numbers import number_of
from stagedrollout.signals.pacing import Paced

_SERVICE = "google_play"
DOING = "reading ratings"
NO_DATA = "no file of the month yet, no row of the version code, or NA on all of its days"

EVERY = timedelta(hours=1)
BYTES_MAX = 3 * 1024 * 1024
"""Of a file. A month of a hundred version codes takes half of one million."""

_DATE, _PACKAGE, _CODE, _AVERAGE = "date", "package name", "app version code", "daily average rating"
_NO_RATING = ("", "na")
_BEGINNING = 64
"""Bytes of a file in which its header has begun, whose letters are Latin."""


class Files(Protocol):
    """The bucket as its client reads it. Each method asks once and raises EdgeError."""

    @property
    def name(self) -> str: ...

    def listed(self, prefix: str) -> Any: ...

    def content(self, file: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Day:
    code: str
    day: date
    average: float

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, time_of_day(), UTC)


@dataclass(frozen=True, slots=True)
class _Month:
    """A file as of a generation. `wrong`: why what it says cannot be right ("" if it can)."""

    generation: str = ""
    days: tuple[_Day, ...] = ()
    wrong: str = ""


class DailyRatings(ValueSource):
    """The average rating of one app's releases, by their highest version code."""

    declared = Declaration(
        unit="stars, mean of days",
        lag=RATINGS_LAG,
        can_halt=False,
        no_data=NO_DATA,
        better=Better.HIGHER,
    )

    def __init__(self, setting: Setting, files: Files) -> None:
        super().__init__(setting)
        self._files = files
        self._paced: Paced[_Month] = Paced(EVERY)
        self._read: dict[str, _Month] = {}

    def value(self, release: Release, span: Span) -> Measurement | None:
        """The mean of the whole days in the span that have an average. Raises EdgeError, Implausible."""
        now = span.until.astimezone(UTC)
        months = [self._month(name, now) for name in self._names(span)]
        wrong = next((month.wrong for month in months if month.wrong), "")
        if wrong:
            raise Implausible(wrong)
        own = [
            day
            for month in months
            for day in month.days
            if day.code == release.build and span.since <= day.start < span.until
        ]
        if not own:
            return None
        mean = sum(day.average for day in own) / len(own)
        return Measurement(mean, as_of=max(day.start for day in own) + timedelta(days=1))

    def _names(self, span: Span) -> list[str]:
        """The files of the months that the span reaches into."""
        begins, ends = span.since.astimezone(UTC).date(), span.until.astimezone(UTC).date()
        days = (begins + timedelta(days=n) for n in range((ends - begins).days + 1))
        months = dict.fromkeys(f"{day:%Y%m}" for day in days)
        return [f"stats/ratings/ratings_{self.setting.app}_{month}_app_version.csv" for month in months]

    def _month(self, name: str, now: datetime) -> _Month:
        return self._paced.get(name, now, lambda: self._asked(name))

    def _asked(self, name: str) -> _Month:
        """What the file says now; none of it where there is no file. Raises EdgeError."""
        try:
            found = _file(self._files.listed(name), name)
            if found is None:
                return _Month()
            generation, size = found
            before = self._read.get(name)
            if before is not None and before.generation == generation:
                return before
            if size > BYTES_MAX:
                raise Rejected(_SERVICE, DOING, f"a file of {size} bytes; {BYTES_MAX} at most are read")
            content = self._files.content(name)
        except EdgeError as error:
            raise _in_words(error, self._files.name) from None
        month = _read(content, generation, self.setting.app)
        self._read = {**dict(list(self._read.items())[-2:]), name: month}
        return month


def _file(body: Any, name: str) -> tuple[str, int] | None:
    """The generation (with the time of its writing) and the size of the file; None where it is not there."""
    listed = body.get("items", []) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise Faulty(_SERVICE, DOING, "the answer is no list of files", status=200)
    for one in listed:
        if isinstance(one, dict) and one.get("name") == name:
            size = str(one.get("size", "0"))
            if not re.fullmatch("[0-9]{1,15}", size):
                raise Faulty(_SERVICE, DOING, "a file without a size", status=200)
            return f"{one.get('generation')} {one.get('updated')}", int(size)
    return None


def _read(content: Any, generation: str, package: str) -> _Month:
    try:
        return _Month(generation, tuple(_days(_text(content), package)))
    except Implausible as problem:
        return _Month(generation, wrong=str(problem))


def _text(content: Any) -> str:
    if not isinstance(content, bytes):
        raise Implausible("the file is no file")
    another = Implausible("the file is not UTF-16, as Play writes it")
    if b"\0" not in content[:_BEGINNING]:  # two letters of another encoding would be one of UTF-16
        raise another
    try:
        return content.decode("utf-16")
    except UnicodeDecodeError:
        raise another from None


def _days(text: str, package: str) -> Iterator[_Day]:
    """The days of this package that have an average. Raises Implausible for what cannot be such a file."""
    rows = _rows(text)
    header = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in (_DATE, _PACKAGE, _CODE, _AVERAGE) if name not in header]
    if missing:
        raise Implausible(f"the file has no column {' nor '.join(missing)}")
    met = set[tuple[str, date]]()
    for row in rows:
        if not any(row):
            continue
        if len(row) < len(header):
            raise Implausible("a row of the file is cut short")
        told = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if told[_PACKAGE] != package or told[_AVERAGE].lower() in _NO_RATING:
            continue
        day = _Day(told[_CODE], _date(told[_DATE]), _stars(told[_AVERAGE]))
        if (day.code, day.day) in met:
            raise Implausible("the file has a version code twice on one day")
        met.add((day.code, day.day))
        yield day


def _rows(text: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error:
        raise Implausible("the file is no CSV") from None


def _date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, and no time
    except ValueError:
        raise Implausible("the file has a date that is none") from None


def _stars(text: str) -> float:
    average = number_of(text)
    if average is None or not 1 <= average <= 5:
        raise Implausible("the file has an average that is no number of stars")
    return average


def _in_words(error: EdgeError, bucket: str) -> EdgeError:
    """The refusal with the bucket's name, for that is what is mistaken mostly, and with what to do about it."""
    if isinstance(error, Rejected) and error.status == 404:
        right = "copy its URI from Play Console (Download reports)"
        words = f"there is no bucket {bucket}, or it lost a file just now ({error.detail}): {right}"
        return Rejected(_SERVICE, error.doing, words, status=404)
    if isinstance(error, Denied) and error.status == 403:
        right = (
            f"the key cannot read the bucket {bucket}: it is another account's, or in Play Console the key's account"
            " lacks View app information and download bulk reports (read-only) for the whole developer account;"
            " a new grant can take more than a day"
        )
        return Denied(_SERVICE, error.doing, f"{error.detail}: {right}", status=403)
    return error
