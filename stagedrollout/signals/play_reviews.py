"""Google Play's written reviews of the last week: a sample, not the star rating (google-play.md section 7).

Star-only ratings never appear, nobody must write, and a review without a version is nobody's. A review that is
rewritten comes again with the time of its change, and counts as what it says now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.observation import Gap, Opinion, Reading, SignalQuery, Unheard
from stagedrollout.signals.pacing import Paced
from stagedrollout.signals.written import HOUR, Shelf, Written, counted, stars_of

NAME = "google_play_reviews"
_SERVICE = "google_play"
DOING = "reading reviews"

PAGES_MAX = 20
"""Pages of a hundred. Two thousand reviews tell what a week's worth would."""

SECONDS_MAX = 10.0
"""Real time after which no further page is asked for: a pass that may have to halt waits for this."""

_TEXT_MAX = 4_000
"""Characters of a review that are kept in memory; far more than is ever quoted."""

Page = Callable[[str], Any]
"""Asks for the page with this token ("" for the first) and returns its JSON. Raises EdgeError."""


class PlayReviews:
    """The signal of one package. `seconds` is a clock that only goes forward."""

    def __init__(self, page: Page, seconds: Callable[[], float] = time.monotonic) -> None:
        self._page = page
        self._seconds = seconds
        self._shelf: Paced[Shelf] = Paced(HOUR)

    @property
    def name(self) -> str:
        return NAME

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """The reviews of the candidate's and the baseline's builds, asked for at most once an hour.

        Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        now = query.until.astimezone(UTC)
        shelf = self._shelf.get("week", now, lambda: self._week(now))
        builds = {release.build for release in query.baseline} - {query.candidate.build}
        return (counted(NAME, shelf, query, query.candidate.build, builds),)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return (Unheard(NAME, Opinion.REVIEWS, Gap.FAILED, why),)

    def _week(self, now: datetime) -> Shelf:
        """All pages, newest first, as far as the bounds allow. A review met twice is its newer self."""
        found: dict[str, Written] = {}
        began, token, met = self._seconds(), "", set[str]()
        for _ in range(PAGES_MAX):
            reviews, following = _read_page(self._page(token))
            for review in reviews:
                if review.id not in found or review.at > found[review.id].at:
                    found[review.id] = review
            if not following or following in met:
                return Shelf(tuple(found.values()), now, None)
            met.add(following)
            token = following
            if self._seconds() - began > SECONDS_MAX:
                break
        oldest = min((review.at for review in found.values()), default=now)
        return Shelf(tuple(found.values()), now, oldest)


def _read_page(body: Any) -> tuple[tuple[Written, ...], str]:
    """The reviews of a page, and the next one's token, "" on the last. Raises Faulty for another shape.

    A single review that cannot be read is left out; if that is true of all of them, the page is no page.
    """
    listed = body.get("reviews", []) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise Faulty(_SERVICE, DOING, "the answer is no list of reviews", status=200)
    reviews = tuple(review for review in map(_written, listed) if review is not None)
    if listed and not reviews:
        raise Faulty(_SERVICE, DOING, f"none of {len(listed)} reviews can be read", status=200)
    paging = body.get("tokenPagination")
    token = paging.get("nextPageToken") if isinstance(paging, dict) else None
    return reviews, token if isinstance(token, str) else ""


def _written(review: Any) -> Written | None:
    """One review; None if it is none. Its version code may be absent, its text is title TAB body."""
    comment = _user_comment(review)
    stars, at = stars_of(comment.get("starRating")), _instant(comment.get("lastModified"))
    identity, code = review.get("reviewId") if comment else None, comment.get("appVersionCode")
    if not isinstance(identity, str) or not identity.isprintable() or stars is None or at is None:
        return None
    text = comment.get("text")
    title, _, body = (text if isinstance(text, str) else "")[:_TEXT_MAX].partition("\t")
    release = str(code) if isinstance(code, (int, str)) else None
    return Written(identity, at, stars, release, title, body)


def _user_comment(review: Any) -> dict[str, Any]:
    """What the user says; the other comments are the developer's answers. Empty if there is nothing."""
    comments = review.get("comments") if isinstance(review, dict) else None
    for comment in comments if isinstance(comments, list) else ():
        said = comment.get("userComment") if isinstance(comment, dict) else None
        if isinstance(said, dict):
            return said
    return {}


def _instant(modified: Any) -> datetime | None:
    """Seconds since 1970, as text (int64) or as a number."""
    seconds = modified.get("seconds") if isinstance(modified, dict) else None
    try:
        return datetime.fromtimestamp(int(seconds), UTC) if isinstance(seconds, (int, str)) else None
    except (ValueError, OverflowError, OSError):
        return None
