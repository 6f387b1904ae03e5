"""Play's reviews.list and reviews.get (google-play.md section 7).

- Only reviews with words; only those written or changed in the last seven days; newest change first.
- `startIndex` and `translationLanguage` are taken and change nothing: the first is reported not to work,
  and nothing is translated here.
- 10 a page unless asked for more, at most 100 (the 10 and the refusal of more are unverified).
"""

from __future__ import annotations

import zlib
from typing import Any

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.opinions import Opinions, Review
from stagedrollout.emulator.page_token import read_token
from stagedrollout.emulator.population import DAY
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.scenario import GOOGLE_PLAY

DAYS_SHOWN = 7
PAGE_USUAL, PAGE_MOST = 10, 100
_DEVICES = ("oriole", "a52q", "lynx", "redfin", "beyond1")
_ANSWER = "Thank you for telling us. We are looking into it."

Document = dict[str, Any]


class PlayReviews:
    """Answers for one package at a time."""

    def __init__(self, opinions: Opinions) -> None:
        self._opinions = opinions
        self._listed: dict[str, tuple[float, list[Review]]] = {}

    def page(self, package: str, request: Request) -> Reply:
        """One page. Raises PlayError for a page size or token that is none."""
        size = _page_size(request.first("maxResults"))
        try:
            place = read_token(request.first("token"), self._opinions.now)
        except ValueError:
            raise no.invalid("Invalid page token.") from None
        reviews = self._shown(package, place.at, first=not request.first("token"))
        page = reviews[place.skip : place.skip + size]
        document: Document = {"reviews": [_document(review) for review in page]} if page else {}
        if place.skip + size < len(reviews):
            document["tokenPagination"] = {"nextPageToken": str(place.after(size))}
        return Reply(document=document)

    def get(self, package: str, review_id: str) -> Reply:
        """One review. Raises PlayError where the list does not have it (the words are a guess)."""
        for review in self._shown(package, self._opinions.now, first=True):
            if review.id == review_id:
                return Reply(document=_document(review))
        raise no.PlayError(404, "Review not found.")

    def _shown(self, package: str, at: float, *, first: bool) -> list[Review]:
        """All that is shown at `at`. Further pages are cut from what the first one was cut from."""
        if not first and package in self._listed and self._listed[package][0] == at:
            return self._listed[package][1]
        listed = self._list(package, at)
        self._listed[package] = (at, listed)
        return listed

    def _list(self, package: str, at: float) -> list[Review]:
        oldest = at - DAYS_SHOWN * DAY
        reviews = self._opinions.reviews(GOOGLE_PLAY, package, at=at)
        recent = [review for review in reviews if review.said.at >= oldest]
        return sorted(recent, key=lambda review: (-review.said.at, review.id))


def _page_size(text: str | None) -> int:
    if text is None:
        return PAGE_USUAL
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:10]) <= PAGE_MOST:
        raise no.invalid(f"Invalid value at 'max_results': it must be from 1 to {PAGE_MOST}.")
    return int(text)


def _document(review: Review) -> Document:
    comments: list[Document] = [{"userComment": _user_comment(review)}]
    if review.answered is not None:
        reply = {"text": _ANSWER, "lastModified": _timestamp(review.answered)}
        comments.append({"developerComment": reply})
    return {"reviewId": review.id, "authorName": review.nickname, "comments": comments}


def _user_comment(review: Review) -> Document:
    said, device = review.said, zlib.crc32(review.id.encode()) % len(_DEVICES)
    version = {"appVersionCode": review.code, "appVersionName": review.version}
    return {
        "text": f"{said.title}\t{said.body}",
        "lastModified": _timestamp(said.at),
        "starRating": said.stars,
        "reviewerLanguage": review.front.language,
        "device": _DEVICES[device],
        "androidOsVersion": 31 + device,
        **(version if review.version_known else {}),
        "thumbsUpCount": 0,
        "thumbsDownCount": 0,
    }


def _timestamp(at: float) -> Document:
    """int64 travels as text."""
    return {"seconds": str(int(at)), "nanos": 0}
