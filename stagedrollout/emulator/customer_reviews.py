"""App Store Connect's customerReviews, of an app and of one of its versions (app-store-connect.md 5, 11).

Written reviews only. An entry names no version and no moment of change: what was rewritten reads otherwise
at the next look, what was deleted is gone. Dates come in both of Apple's forms (section 3).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from stagedrollout.emulator import appstore_errors as no
from stagedrollout.emulator.appstore_documents import CUPERTINO
from stagedrollout.emulator.appstore_query import Asked, Parameters, read_asked
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.opinions import Opinions, Review
from stagedrollout.emulator.page_token import PageToken, read_token
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.scenario import APP_STORE

REVIEWS, RESPONSES, TERRITORIES = "customerReviews", "customerReviewResponses", "territories"
_ANSWERED, _CURSOR = "exists[publishedResponse]", "cursor"
_NEWEST_FIRST = "-createdDate"
_SORTS: dict[str, Callable[[Review], float]] = {
    "rating": lambda review: review.said.stars,
    "createdDate": lambda review: review.first.at,
}
_FILTERS: dict[str, Callable[[Review], str]] = {
    "rating": lambda review: str(review.said.stars),
    "territory": lambda review: review.front.territory,
    "reviewTerritory": lambda review: review.front.territory,
}
_ATTRIBUTES = ("rating", "title", "body", "reviewerNickname", "createdDate", "territory")
_RELATIONS = ("response", "reviewTerritory")
_TAKES = Parameters(
    filters={"rating": ("1", "2", "3", "4", "5"), "territory": None, "reviewTerritory": None},
    fields={REVIEWS: (*_ATTRIBUTES, *_RELATIONS), RESPONSES: None, TERRITORIES: None},
    include=_RELATIONS,
    sort=("rating", "-rating", "createdDate", "-createdDate"),
    paged=True,
)
_ANSWER = "Thank you for telling us. We are looking into it."

Document = dict[str, Any]
Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Page:
    """`reviews` of `total`, and where the next page begins; None: this was the last."""

    reviews: list[Review]
    total: int
    following: PageToken | None


def customer_reviews(opinions: Opinions, query: Query, *, app: str, version: str | None, path: str) -> Reply:
    """One page of the reviews of `app` (its App Store id or bundle id), of one `version` or of all.

    `path` is where the list was asked for, best with scheme and host: links are made of it. Raises
    AppStoreError (400) for a parameter or a value that Apple does not take.
    """
    asked, answered = _read(query)
    try:
        place = read_token(query[_CURSOR][0] if _CURSOR in query else None, opinions.now)
    except ValueError:
        raise no.invalid_parameter(_CURSOR, "The cursor is not valid") from None
    chosen = _chosen(opinions.reviews(APP_STORE, app, at=place.at), asked, version, answered=answered)
    end = place.skip + asked.limit
    following = place.after(asked.limit) if end < len(chosen) else None
    return Reply(
        document=_document(_Page(chosen[place.skip : end], len(chosen), following), asked, query, path)
    )


def _read(query: Query) -> tuple[Asked, bool | None]:
    """The question, and whether only answered (or unanswered) reviews are wanted; None: both."""
    for name in query:
        inner = name.removeprefix("filter[").removesuffix("]")
        if name.startswith("filter[") and inner not in _TAKES.filters:
            raise no.invalid_parameter(name, f"'{inner}' is not a valid filter type")
    ours = (_ANSWERED, _CURSOR)
    asked = read_asked({name: values for name, values in query.items() if name not in ours}, _TAKES)
    match query.get(_ANSWERED):
        case None:
            return asked, None
        case ["true" | "false" as word]:
            return asked, word == "true"
        case wrong:
            raise no.invalid_parameter(_ANSWERED, f"'{wrong[0]}' is not a valid value for '{_ANSWERED}'")


def _chosen(every: list[Review], asked: Asked, version: str | None, *, answered: bool | None) -> list[Review]:
    """Those that were asked for, by the first word of `sort`, then by the next; what is still equal by its id."""
    chosen = [review for review in every if version is None or review.version == version]
    if answered is not None:
        chosen = [review for review in chosen if (review.answered is not None) == answered]
    for name, said in _FILTERS.items():
        if name in asked.filters:
            chosen = [review for review in chosen if asked.wants(name, said(review))]
    sorts = [
        (_SORTS[sort.removeprefix("-")], sort.startswith("-")) for sort in asked.sort or (_NEWEST_FIRST,)
    ]
    return sorted(
        chosen, key=lambda review: (*(-by(review) if down else by(review) for by, down in sorts), review.id)
    )


def _document(page: _Page, asked: Asked, query: Query, path: str) -> Document:
    paging: Document = {"total": page.total, "limit": asked.limit}
    same = {name: values[0] for name, values in query.items()}
    links = {"self": f"{path}?{urlencode(same)}" if same else path}
    if page.following is not None:
        paging["nextCursor"] = str(page.following)
        links["next"] = f"{path}?{urlencode({**same, _CURSOR: str(page.following)})}"
    root = path.partition("/v1/")[0]
    included = _included(page.reviews, asked, root)
    return {
        "data": [_resource(review, asked, root) for review in page.reviews],
        **({"included": included} if included else {}),
        "links": links,
        "meta": {"paging": paging},
    }


def _resource(review: Review, asked: Asked, root: str) -> Document:
    said, link = review.said, f"{root}/v1/{REVIEWS}/{review.id}"
    attributes = {
        "rating": said.stars,
        "title": said.title,
        "body": said.body,
        "reviewerNickname": review.nickname,
        "createdDate": _date(review),
        "territory": review.front.territory,
    }
    kept = asked.fields.get(REVIEWS, (*_ATTRIBUTES, *_RELATIONS))
    response: Document = {"links": {"self": f"{link}/relationships/response", "related": f"{link}/response"}}
    if "response" in asked.include:
        response["data"] = {"type": RESPONSES, "id": review.id} if review.answered is not None else None
    relations: Document = {"response": response}
    if "reviewTerritory" in asked.include:
        relations["reviewTerritory"] = {"data": {"type": TERRITORIES, "id": review.front.territory}}
    return {
        "type": REVIEWS,
        "id": review.id,
        "attributes": {name: value for name, value in attributes.items() if name in kept},
        "relationships": {name: value for name, value in relations.items() if name in kept},
        "links": {"self": link},
    }


def _included(reviews: list[Review], asked: Asked, root: str) -> list[Document]:
    included: list[Document] = []
    if "response" in asked.include:
        included += [
            {
                "type": RESPONSES,
                "id": review.id,
                "attributes": {
                    "responseBody": _ANSWER,
                    "lastModifiedDate": iso(datetime.fromtimestamp(review.answered, UTC)),
                    "state": "PUBLISHED",
                },
                "links": {"self": f"{root}/v1/{RESPONSES}/{review.id}"},
            }
            for review in reviews
            if review.answered is not None
        ]
    if "reviewTerritory" in asked.include:
        territories = sorted({review.front.territory for review in reviews})
        included += [{"type": TERRITORIES, "id": territory} for territory in territories]
    return included


def _date(review: Review) -> str:
    """Now in one of Apple's forms, now in the other, but always the same for one review."""
    created = datetime.fromtimestamp(review.first.at, UTC)
    offset = zlib.crc32(review.id.encode()) % 2
    return created.astimezone(CUPERTINO).isoformat() if offset else iso(created)
