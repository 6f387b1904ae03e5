"""The App Store's written reviews of a version: a sample, not the star rating (app-store-connect.md section 11).

A review names no version, but each version lists its own (section 4, row 11); which version that is, App Store
Connect tells by an id of its own. Changes and deletions cannot be seen, so every look counts anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol
from urllib.parse import quote

from stagedrollout.core.errors import EdgeError, Faulty, Rejected
from stagedrollout.core.observation import Gap, Opinion, Reading, SignalQuery, Unheard
from stagedrollout.http.client import Params
from stagedrollout.signals.pacing import Paced
from stagedrollout.signals.written import HOUR, Shelf, Written, counted, stars_of

NAME = "app_store_reviews"
DOING = "reading reviews"
_SERVICE = "app_store"

PAGE = 200
"""The most that one answer holds (section 3); one page per version is read, the newest reviews."""

SECONDS_MAX = 10.0
"""Real time after which no earlier version is asked for: a pass that may have to halt waits for this."""

_TEXT_MAX = 4_000
"""Characters of a title or a body that are kept in memory; far more than is ever quoted."""


class Ask(Protocol):
    """App Store Connect, for reading."""

    def get(self, doing: str, path: str, params: Params) -> Mapping[str, Any]:
        """The JSON document at `path`, which begins with /v1/. Raises EdgeError."""
        ...


@dataclass(frozen=True, slots=True)
class _Page:
    """The newest reviews of a version as read at `at`, and whether there may be more than these."""

    at: datetime
    reviews: tuple[Written, ...] = ()
    full: bool = False
    listed: bool = True


class AppStoreReviews:
    """The signal of one app; `app_id` is App Store Connect's, text of digits.

    `seconds` is a clock that only goes forward.
    """

    def __init__(self, connect: Ask, app_id: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._app_id = app_id
        self._seconds = seconds
        self._pages: Paced[_Page] = Paced(HOUR)
        self._ids: dict[str, str] = {}

    @property
    def name(self) -> str:
        return NAME

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """The reviews of the candidate and of the versions before it: a page of each an hour, whoever asks.

        An earlier version that cannot be read is missing from the comparison and takes nothing else with it.
        Raises Unreachable, Throttled, Denied, Rejected or Faulty when the candidate's cannot be read.
        """
        late = self._seconds() + SECONDS_MAX
        version, now = query.candidate.version, query.until.astimezone(UTC)
        before = tuple(release.version for release in query.baseline if release.version != version)
        mine = self._pages.get(version, now, lambda: self._page((version, *before), now))
        if not mine.listed:
            why = f"App Store Connect lists no version {version}"
            return (Unheard(NAME, Opinion.REVIEWS, Gap.ABSENT, why),)
        theirs = {name: self._earlier(name, now, late) for name in before}
        shelf = Shelf(
            reviews=(*mine.reviews, *chain.from_iterable(page.reviews for page in theirs.values() if page)),
            as_of=mine.at,
            complete_since=min(review.at for review in mine.reviews) if mine.full else None,
            missing=frozenset(name for name, page in theirs.items() if page is None),
        )
        return (counted(NAME, shelf, query, version, before),)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return (Unheard(NAME, Opinion.REVIEWS, Gap.FAILED, why),)

    def _earlier(self, version: str, now: datetime, late: float) -> _Page | None:
        """The page of a version before the candidate; None if it cannot be read, or not in time."""
        if self._pages.due(version, now) and self._seconds() >= late:
            return None
        try:
            return self._pages.get(version, now, lambda: self._page((version,), now))
        except EdgeError:
            return None

    def _page(self, versions: tuple[str, ...], now: datetime) -> _Page:
        """The newest reviews of the first of these versions; the others' ids are looked up with its own.

        Single reviews that cannot be read are left out; if all are like that, the page is no page.
        """
        version = versions[0]
        if version not in self._ids:
            self._ids |= self._listed(versions)
        if version not in self._ids:
            return _Page(now, listed=False)
        listed = self._reviews(version)
        reviews = tuple(review for item in listed if (review := _written(item, version)))
        if listed and not reviews:
            raise Faulty(_SERVICE, DOING, f"none of {len(listed)} reviews can be read", status=200)
        return _Page(now, reviews, len(listed) >= PAGE)

    def _listed(self, versions: tuple[str, ...]) -> dict[str, str]:
        """App Store Connect's ids by version. What it lists beyond what was asked for is ignored."""
        params = [
            ("filter[platform]", "IOS"),
            ("filter[versionString]", ",".join(versions)),
            ("fields[appStoreVersions]", "versionString"),
            ("limit", str(PAGE)),
        ]
        path = f"/v1/apps/{quote(self._app_id, safe='')}/appStoreVersions"
        found: dict[str, str] = {}
        for item in _items(self._connect.get(DOING, path, params)):
            version, identity = _attributes(item).get("versionString"), item.get("id")
            if version in versions and isinstance(identity, str) and identity and identity.isprintable():
                found[version] = identity
        return found

    def _reviews(self, version: str) -> list[dict[str, Any]]:
        """What is listed of a version. If App Store Connect rejects its id, that is looked up anew next time."""
        params = [
            ("sort", "-createdDate"),
            ("fields[customerReviews]", "rating,title,body,createdDate"),
            ("limit", str(PAGE)),
        ]
        path = f"/v1/appStoreVersions/{quote(self._ids[version], safe='')}/customerReviews"
        try:
            return _items(self._connect.get(DOING, path, params))
        except Rejected:
            self._ids.pop(version, None)
            raise


def _items(body: Any) -> list[dict[str, Any]]:
    """The resources of a list. Raises Faulty for another shape."""
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise Faulty(_SERVICE, DOING, "the answer is no list", status=200)
    return data


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    attributes = item.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _written(item: dict[str, Any], version: str) -> Written | None:
    """One review; None if it is none."""
    said, identity = _attributes(item), item.get("id")
    stars, at = stars_of(said.get("rating")), _instant(said.get("createdDate"))
    if not isinstance(identity, str) or not identity.isprintable() or stars is None or at is None:
        return None
    return Written(identity, at, stars, version, _text(said.get("title")), _text(said.get("body")))


def _text(value: Any) -> str:
    return value[:_TEXT_MAX] if isinstance(value, str) else ""


def _instant(text: Any) -> datetime | None:
    """A date with its offset; both "-08:00" and "Z" occur (section 3)."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
        return instant.astimezone(UTC) if instant is not None and instant.tzinfo else None
    except (ValueError, OverflowError):
        return None
