"""Apple's complaints, classified by what may be done about them (section 8).

An error has a hierarchical `code`, meant to be matched by its beginning, and mostly a `detail`, which is all that
tells the phased release's conflicts apart. So the code is looked at first and the words second; neither must
be there. A failure that is not Apple's (a proxy's page) says nothing of what happened to the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.core.redaction import without_tokens
from stagedrollout.http.answer import NotJson, json_value, refusal, shortened

SERVICE = "app_store"
_DEPTH_MAX = 16

BACKOFF_SECONDS = 30.0
"""How long to wait after a 429 that names no time; doubled with each in a row (section 10)."""

BACKOFF_SECONDS_MAX = 15 * 60.0

AGREEMENT = "a required agreement is missing or has expired; the Account Holder must sign: App Store Connect > Business"
MEMBERSHIP = "the team's developer membership is not active; the Account Holder must renew it"
ROLE = "the key may not do this; it needs the role App Manager: App Store Connect > Users and Access > Integrations"
IN_FLIGHT = "a version that is under way keeps another one out until it is out itself, or withdrawn"
OUR_MISTAKE = "a mistake of stagedrollout's and not of yours: please report it"
CREDENTIAL = (
    "Apple does not accept the key: it may be revoked, key_id or issuer_id may be another key's, "
    "or this machine's clock may be wrong"
)


class Said(StrEnum):
    """The refusals that have an answer of their own.

    FIXED: an attribute that can no longer be changed. IN_FLIGHT: a version under way keeps another one out.
    OTHER_STATE: something else is not in the state for it. NOT_THERE: the id is nobody's, or no longer.
    """

    SAME_VALUE = "same_value"
    FINAL = "final"
    NOT_LIVE = "not_live"
    FIXED = "fixed"
    IN_FLIGHT = "in_flight"
    OTHER_STATE = "other_state"
    NOT_THERE = "not_there"
    SOMETHING_ELSE = ""


class Refused(Rejected):
    """Apple understood the request and says no; `said` tells which no, if it is one with an answer."""

    def __init__(self, doing: str, detail: str, *, status: int, said: Said) -> None:
        super().__init__(SERVICE, doing, detail, status=status)
        self.said = said


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first of an answer's `errors`; its other parts are for programs that send forms."""

    code: str = ""
    words: str = ""


_ADDRESS = re.compile(r"\b\w{2,10}://\S*|\bwww\.\S+", re.IGNORECASE)
_SAME_VALUE = re.compile(r"already has this value", re.IGNORECASE)
_FINAL = re.compile(r"final state", re.IGNORECASE)
_NOT_LIVE = re.compile(r"current (app )?version state|current resource state", re.IGNORECASE)
_FIXED = re.compile(r"can ?not be modified", re.IGNORECASE)
_AGREEMENT = re.compile(r"agreement|access unavailable", re.IGNORECASE)
_MEMBERSHIP = re.compile(r"membership", re.IGNORECASE)


def no_such_app(app_id: str) -> str:
    """What it means that Apple does not find an app."""
    return f"this key knows no app with the Apple ID {app_id}: is app_id right, and may the key see the app?"


def words(text: str) -> str:
    """Apple's words, fit to be shown: one line, shortened, and nothing in it that opens a door."""
    return shortened(_ADDRESS.sub("***", without_tokens(text[:4_000])))


def complaint(content: bytes) -> Complaint | None:
    """Read an error body; None when it is not one of Apple's."""
    try:
        document = json_value(content, _DEPTH_MAX)
    except NotJson:
        return None
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None
    return Complaint(_text(first, "code"), _text(first, "detail") or _text(first, "title"))


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def classified(doing: str, status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
    """The error that an answer outside 2xx stands for. `headers` have lower-case names."""
    said = complaint(content)
    if said is None and content.strip() and 400 <= status < 500 and status not in (401, 429):
        return Faulty(
            SERVICE, doing, f"something else than App Store Connect answered (HTTP {status})", status=status
        )
    said = said or Complaint()
    told = words(said.words or said.code)
    match status:
        case 401:
            return Denied(SERVICE, doing, _both(CREDENTIAL, told, status), status=status)
        case 403:
            return Denied(SERVICE, doing, _both(_forbidden(said), told, status), status=status)
        case 409:
            return _conflict(doing, said, told)
        case 404 if said.code.startswith("NOT_FOUND"):
            return Refused(doing, f"{told} (HTTP 404)", status=status, said=Said.NOT_THERE)
        case 400 | 404 | 422:
            return refusal(SERVICE, doing, status, headers, f"{OUR_MISTAKE} ({told})" if told else "")
        case _:
            return refusal(SERVICE, doing, status, headers, told)


def backed_off(error: Throttled, in_a_row: int) -> Throttled:
    """A 429 with a time to wait: the one it names, or ours, which grows with each `in_a_row` (from 1 on)."""
    if error.wait_seconds:
        return error
    wait = min(BACKOFF_SECONDS * 2 ** min(in_a_row - 1, 10), BACKOFF_SECONDS_MAX)
    return Throttled(SERVICE, error.doing, error.detail, status=error.status, wait_seconds=wait)


def _both(ours: str, told: str, status: int) -> str:
    return f"{ours} ({told}; HTTP {status})" if told else f"{ours} (HTTP {status})"


def _forbidden(said: Complaint) -> str:
    """The agreement first: its older text speaks of memberships too."""
    if said.code.startswith("FORBIDDEN.REQUIRED_AGREEMENTS") or _AGREEMENT.search(said.words):
        return AGREEMENT
    return MEMBERSHIP if _MEMBERSHIP.search(said.words) else ROLE


def _conflict(doing: str, said: Complaint, told: str) -> Refused:
    """A 409, in Apple's words and, where those leave open what it means for people, in ours before them."""
    which = _which(said)
    ours = IN_FLIGHT if which is Said.IN_FLIGHT else ""
    if said.code.startswith(_WRONG_TYPE):
        ours = OUR_MISTAKE
    detail = _both(ours, told, 409) if ours else f"{told or 'a conflict'} (HTTP 409)"
    return Refused(doing, detail, status=409, said=which)


_WRONG_TYPE = "ENTITY_ERROR.ATTRIBUTE.TYPE"
_BY_CODE = (
    ("STATE_ERROR", Said.OTHER_STATE),
    ("ENTITY_ERROR.RELATIONSHIP.INVALID", Said.IN_FLIGHT),
    (_WRONG_TYPE, Said.SOMETHING_ELSE),
)
_BY_WORDS = (
    (_SAME_VALUE, Said.SAME_VALUE),
    (_FINAL, Said.FINAL),
    (_FIXED, Said.FIXED),
    (_NOT_LIVE, Said.NOT_LIVE),
)


def _which(said: Complaint) -> Said:
    """By the code's beginning; where it is one that several conflicts share, by the words."""
    for beginning, kind in _BY_CODE:
        if said.code.startswith(beginning):
            return kind
    for text, kind in _BY_WORDS:
        if text.search(said.words):
            return kind
    invalid_state = said.code.startswith("ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE") and not said.words
    return Said.NOT_LIVE if invalid_state else Said.SOMETHING_ELSE
