"""The App Store's written reviews of a version: a sample, not the star rating (app-store-connect.md section 11).

A review names no version, but each version lists its own (section 4, row 11); which version that is, App Store
Connect tells by an id of its own. Changes and deletions cannot be seen, so every look counts anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol
from urllib.parse import quote

from stagedrollout.core.errors import Faulty
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


class AppStoreReviews:
    """The signal of one app; `app_id` is App Store Connect's, text of digits.

    `seconds` is a clock that only goes forward.
    """

    def __init__(self, connect: Ask, app_id: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._app_id = app_id
        self._seconds = seconds
        self._shelves: Paced[Shelf | None] = Paced(HOUR)

    @property
    def name(self) -> str:
        return NAME

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """The reviews of the candidate and of the versions before it: a request each and one more, an hour.

        Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        version, now = query.candidate.version, query.until.astimezone(UTC)
        before = tuple(release.version for release in query.baseline if release.version != version)
        shelf = self._shelves.get(
            "\n".join((version, *before)), now, lambda: self._shelf(version, before, now)
        )
        if shelf is None:
            why = f"App Store Connect lists no version {version}"
            return (Unheard(NAME, Opinion.REVIEWS, Gap.ABSENT, why),)
        return (counted(NAME, shelf, query, version, before),)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return (Unheard(NAME, Opinion.REVIEWS, Gap.FAILED, why),)

    def _shelf(self, version: str, before: tuple[str, ...], now: datetime) -> Shelf | None:
        """One page of each version, as far as time allows; None if the candidate is not listed."""
        late = self._seconds() + SECONDS_MAX
        ids = self._ids((version, *before))
        if version not in ids:
            return None
        mine, full = self._page(ids[version], version)
        theirs = [self._page(ids[name], name)[0] for name in before if name in ids and self._seconds() < late]
        return Shelf(
            reviews=(*mine, *chain.from_iterable(theirs)),
            as_of=now,
            complete_since=min(review.at for review in mine) if full else None,
        )

    def _ids(self, versions: tuple[str, ...]) -> dict[str, str]:
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
            if version in versions and isinstance(identity, str) and identity:
                found[version] = identity
        return found

    def _page(self, identity: str, version: str) -> tuple[tuple[Written, ...], bool]:
        """The newest reviews of a version, and whether there may be more than these.

        Single reviews that cannot be read are left out; if all are like that, the page is no page.
        """
        params = [
            ("sort", "-createdDate"),
            ("fields[customerReviews]", "rating,title,body,createdDate"),
            ("limit", str(PAGE)),
        ]
        path = f"/v1/appStoreVersions/{quote(identity, safe='')}/customerReviews"
        listed = _items(self._connect.get(DOING, path, params))
        reviews = tuple(review for item in listed if (review := _written(item, version)))
        if listed and not reviews:
            raise Faulty(_SERVICE, DOING, f"none of {len(listed)} reviews can be read", status=200)
        return reviews, len(listed) >= PAGE


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
    if not isinstance(identity, str) or stars is None or at is None:
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
