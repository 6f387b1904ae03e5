"""The App Store's average by country, star-only ratings included, from Apple's public lookup.

One number over all versions, up to a day old (app-store-connect.md section 12): worth telling, never deciding.
What was rated between two looks is told apart by the change of count times average.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Throttled
from stagedrollout.core.observation import Gap, Opinion, Reading, SignalQuery, StoreAverage, Unheard
from stagedrollout.http.client import HttpClient
from stagedrollout.signals.pacing import Paced
from stagedrollout.signals.quotes import quoted

NAME = "app_store_average"
DOING = "looking up the average"
_SERVICE = "itunes"

APPLE = "https://itunes.apple.com"

EVERY = timedelta(hours=6)
"""The lookup is itself cached for up to a day."""

COUNTRIES_AT_ONCE = 5
"""Countries asked in one pass, the others in the next ones: about twenty calls a minute are allowed to all apps
together (section 12)."""

SECONDS_MAX = 5.0
"""Real time after which no further country is asked: a pass that may have to halt waits for this."""

_RATINGS_MAX = 10**12
"""More ratings than that are none; up to here their arithmetic is exact enough."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What the lookup said of one country: so many ratings, so many stars on average."""

    ratings: int
    average: float


class StoreAverages:
    """The signal of one app in `countries` (two letters each). `http` speaks with the lookup's host.

    Like all opinions it is only asked for a policy that has `ratings`. `seconds` is a clock that only goes
    forward.
    """

    def __init__(
        self,
        http: HttpClient,
        app_id: str,
        countries: tuple[str, ...],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._app_id = app_id
        self._countries = tuple(dict.fromkeys(country.lower() for country in countries))
        self._seconds = seconds
        self._answers: Paced[StoreAverage | Unheard] = Paced(EVERY)
        self._looks: dict[str, _Look] = {}

    @property
    def name(self) -> str:
        return NAME

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """What is known of each country so far, each asked for at most every six hours.

        Never raises an EdgeError: a country that could not be read is Unheard, and so are those that are not
        asked because of it. Those still to be asked wait for the next pass.
        """
        now, readings, may_ask = query.until.astimezone(UTC), list[Reading](), COUNTRIES_AT_ONCE
        late = self._seconds() + SECONDS_MAX
        for country in self._countries:
            due = self._answers.due(country, now)
            if due and not (may_ask and self._seconds() < late):
                continue
            may_ask -= due
            try:
                readings.append(self._answers.get(country, now, partial(self._asked, country, now)))
            except EdgeError as error:
                readings.append(_unheard(Gap.FAILED, str(error)))
        return tuple(readings)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return (_unheard(Gap.FAILED, why),)

    def _asked(self, country: str, now: datetime) -> StoreAverage | Unheard:
        params = [("id", self._app_id), ("country", country), ("entity", "software")]
        try:
            row = _row(self._http.get_json(DOING, "/lookup", params).body, self._app_id)
        except Denied as error:
            raise _too_often(error) from None
        if row is None:
            return _unheard(Gap.ABSENT, f"not sold in {country.upper()}")
        look = _look(row)
        before, self._looks[country] = self._looks.get(country), look
        if not look.ratings:
            return _unheard(Gap.ABSENT, f"nobody has rated it in {country.upper()} yet")
        version = row.get("version")
        return StoreAverage(
            signal=NAME,
            country=country,
            version=quoted(version) if isinstance(version, str) else "",
            mean_milli=round(look.average * 1_000),
            ratings=look.ratings,
            recent=_recent(before, look) if before else None,
            as_of=now,
        )


def _unheard(gap: Gap, why: str) -> Unheard:
    return Unheard(NAME, Opinion.AVERAGE, gap, why)


def _too_often(error: Denied) -> EdgeError:
    """There is no credential to refuse: 403 is how Apple says "too often" (section 12)."""
    if error.status != 403:
        return error
    words = "asked too often (HTTP 403)"
    return Throttled(_SERVICE, DOING, words, status=403)


def _row(body: Any, app_id: str) -> dict[str, Any] | None:
    """What the answer says of the app; None where it is not sold. Raises Faulty for anything else."""
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise Faulty(_SERVICE, DOING, "the answer is no list of results", status=200)
    if not results:
        return None
    row = results[0]
    if not isinstance(row, dict) or str(row.get("trackId")) != app_id:
        raise Faulty(_SERVICE, DOING, "the answer is about another app", status=200)
    return row


def _look(row: dict[str, Any]) -> _Look:
    ratings, average = row.get("userRatingCount"), row.get("averageUserRating")
    if not isinstance(ratings, int) or isinstance(ratings, bool) or not 0 <= ratings <= _RATINGS_MAX:
        raise Faulty(_SERVICE, DOING, "the number of ratings is none", status=200)
    if not isinstance(average, (int, float)) or isinstance(average, bool) or not 0 <= average <= 5:
        raise Faulty(_SERVICE, DOING, "the average is no number of stars", status=200)
    return _Look(ratings, float(average))


def _recent(before: _Look, now: _Look) -> tuple[int, int] | None:
    """How many ratings came between two looks, and their mean in thousandths.

    None where none came, or where what came cannot have been ratings (some were taken back, or all reset).
    """
    count = now.ratings - before.ratings
    if count <= 0:
        return None
    mean = (now.ratings * now.average - before.ratings * before.average) / count
    return (count, round(min(max(mean, 1.0), 5.0) * 1_000)) if 0.9 <= mean <= 5.1 else None
