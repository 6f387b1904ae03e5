"""Play's complaints, classified by what may be done about them (google-play.md section 6).

Play has no error codes worth the name: the same status and reason stand for different things, and the
same thing comes with different statuses. So the message is matched first, then the status. Whatever is
not recognised is a refusal in Play's own words; an answer that is not Play's at all is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.http.held import HELD

SERVICE = "google_play"
_WORDS_MAX = 300
_WAIT_SECONDS_MAX = 3_600


class Said(StrEnum):
    """The refusals that have an answer or a piece of advice of their own; the value is the row of the catalogue."""

    ALREADY_COMMITTED = "E3"
    NOT_SENT_BY_ITSELF = "E5"
    SENT_BY_ITSELF = "E6"
    IN_REVIEW = "E7"
    FRACTION = "E9"
    TWO_COMPLETED = "E10"
    TWO_STAGED = "E11"
    NOTHING_TO_HALT = "E12"
    TWO_EDITS = "E13"
    DRAFT_APP = "E15"
    FIRST_RELEASE = "E16"
    FULLY_RELEASED = "E17"
    NO_UPGRADE = "E18"
    DECLARATIONS = "E22"
    NO_SUCH_TRACK = "E23 track"
    NO_SUCH_PACKAGE = "E23 package"
    NO_SUCH_CODES = "E23 codes"
    PRECONDITION = "E25"
    COUNTRIES = "countries"
    SOMETHING_ELSE = ""


class Refused(Rejected):
    """Play understood the request and says no; `said` tells which no, if it is one with an answer."""

    def __init__(self, doing: str, detail: str, *, status: int, said: Said) -> None:
        super().__init__(SERVICE, doing, detail, status=status, hint=_HINTS.get(said, ""))
        self.said = said


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error body says: Google's v2 format, or the one from before 2020, which has no `status`."""

    message: str = ""
    reasons: frozenset[str] = frozenset()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_SAID: tuple[tuple[Said, re.Pattern[str]], ...] = (
    (Said.ALREADY_COMMITTED, _pattern(r"already been successfully committed")),
    (Said.NOT_SENT_BY_ITSELF, _pattern(r"cannot be sent for review automatically")),
    (Said.SENT_BY_ITSELF, _pattern(r"changesNotSentForReview must not be set")),
    (Said.IN_REVIEW, _pattern(r"already have changes in review")),
    (Said.FRACTION, _pattern(r"must (not )?have (a )?fraction")),
    (Said.TWO_COMPLETED, _pattern(r"only one completed release")),
    (Said.TWO_STAGED, _pattern(r"too many staged releases")),
    (Said.NOTHING_TO_HALT, _pattern(r"cannot halt release")),
    (Said.TWO_EDITS, _pattern(r"can.?t halt a fully rolled out release and create")),
    (Said.DRAFT_APP, _pattern(r"only releases with status draft")),
    (Said.FIRST_RELEASE, _pattern(r"first release on a track cannot be staged")),
    (Said.FULLY_RELEASED, _pattern(r"fully released can ?not be staged")),
    (Said.NO_UPGRADE, _pattern(r"cannot rollout this release")),
    (
        Said.DECLARATIONS,
        _pattern(r"issues with your account|you must let us know|AD_ID permission|targeting no countries"),
    ),
    (Said.NO_SUCH_TRACK, _pattern(r"track (is )?(not found|empty)")),
    (Said.NO_SUCH_PACKAGE, _pattern(r"package not found")),
    (Said.NO_SUCH_CODES, _pattern(r"version codes could not be found")),
    (Said.PRECONDITION, _pattern(r"precondition check failed")),
    (Said.COUNTRIES, _pattern(r"country ?targeting")),
)
_OLD_REASONS = {
    "releaseToHaltNotFound": Said.NOTHING_TO_HALT,
    "rolloutNotPermittedOnDraftApp": Said.DRAFT_APP,
    "applicationNotFound": Said.NO_SUCH_PACKAGE,
    "CHANGES_ALREADY_IN_REVIEW": Said.IN_REVIEW,
}
"""Reasons that tell what is meant, whatever the message says: all but the last are from before 2020."""

_OVERTAKEN = _pattern(r"edit has (been deleted|expired)|edit not found|no edit (was )?found")
_API_DISABLED = _pattern(r"has not been used in project|SERVICE_DISABLED|API .*disabled")

_CONSOLE_USERS = "Play Console > Users and permissions"
_HINTS = {
    Said.NOT_SENT_BY_ITSELF: "a person must send the changes for review in the Play Console",
    Said.IN_REVIEW: "a person can cancel the running review in the Play Console",
    Said.TWO_STAGED: "another release of this track is being rolled out: complete or halt that one first",
    Said.DRAFT_APP: "this app was never published: publish its first release in the Play Console",
    Said.FIRST_RELEASE: "Play stages updates only: the first release of a track goes to everyone, from the Play Console",
    Said.NO_UPGRADE: "its version code is lower than what people on this track have",
    Said.DECLARATIONS: "the Play Console shows what the account or the app still has to declare",
    Said.NO_SUCH_PACKAGE: f"is `package` spelt right, and may the service account see this app? {_CONSOLE_USERS}",
    Said.NO_SUCH_CODES: "Play does not know this build in this app: is `package` the right one?",
    Said.PRECONDITION: "Play names no cause; the Play Console may show one",
}
_NO_PERMISSION = (
    f"the service account lacks a permission, or got it less than a day ago: {_CONSOLE_USERS}; "
    "it is tried again at the usual pace"
)
_NO_API = "switch the Google Play Android Developer API on in the Google Cloud project that owns the key"
_NO_CREDENTIAL = "the key may be revoked, or this machine's clock may be wrong"
_RATE_REASONS = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
        "dailyLimitExceeded",
        "RESOURCE_EXHAUSTED",
    }
)
_SECRETS = re.compile(
    r"bearer\s+[^\s\"',;]+|eyJ[\w-]{4,}(\.[\w-]*){0,2}|ya29\.[\w.-]+|1//[\w-]{8,}"
    r"|-----BEGIN[^-]*-----.*?(-----END[^-]*-----|$)"
    r"|(access_token|assertion|private_key)[\"'\s:=]+[^\s\"',;&]+",
    re.IGNORECASE | re.DOTALL,
)


def words(text: str) -> str:
    """A vendor's words, fit to be shown: one line, shortened, and nothing in it that opens a door."""
    hushed = _SECRETS.sub("***", HELD.redactor.known(text[: 10 * _WORDS_MAX]))
    plain = " ".join("".join(c if c.isprintable() else " " for c in hushed).split())
    return plain if len(plain) <= _WORDS_MAX else plain[: _WORDS_MAX - 1] + "…"


def complaint(content: bytes) -> Complaint | None:
    """Read an error body; None when it is not one of Google's."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return None
    message, state = error.get("message"), error.get("status")
    reasons = {item.get("reason") for item in (*_dicts(error.get("errors")), *_dicts(error.get("details")))}
    return Complaint(
        message if isinstance(message, str) else "",
        frozenset(reason for reason in (*reasons, state) if isinstance(reason, str)),
    )


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def classified(doing: str, status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
    """The error that a reply of 300 or above stands for."""
    said = complaint(content)
    if said is None and content.strip():
        return _foreign(doing, status, headers, content)
    said = said or Complaint()
    detail = words(said.message) or f"status {status}"
    if status < 400 or status >= 500 or status == 408:
        return Faulty(SERVICE, doing, detail, status=status)
    if status == 429 or said.reasons & _RATE_REASONS:
        wait = _wait_seconds(headers)
        return Throttled(SERVICE, doing, detail, status=status, wait_seconds=wait)
    if status == 401:
        return Denied(SERVICE, doing, detail, status=status, hint=_NO_CREDENTIAL)
    return _refusal(doing, status, said, detail)


def _refusal(doing: str, status: int, said: Complaint, detail: str) -> EdgeError:
    kind = _which(said)
    if kind is Said.SOMETHING_ELSE:
        if status in (409, 410) or "editDeleted" in said.reasons or _OVERTAKEN.search(said.message):
            return Conflict(SERVICE, doing, detail, status=status)
        if status == 403 and said.message.strip().rstrip(".").lower() == "unauthorized":
            # E20: comes and goes by itself, unlike a missing permission.
            return Faulty(SERVICE, doing, detail, status=status)
        if status == 403:
            disabled = _API_DISABLED.search(said.message) or "SERVICE_DISABLED" in said.reasons
            return Denied(SERVICE, doing, detail, status=status, hint=_NO_API if disabled else _NO_PERMISSION)
    return Refused(doing, detail, status=status, said=kind)


def _which(said: Complaint) -> Said:
    for reason, kind in _OLD_REASONS.items():
        if reason in said.reasons:
            return kind
    return next((kind for kind, text in _SAID if text.search(said.message)), Said.SOMETHING_ELSE)


def _foreign(doing: str, status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
    """Something between us and Play answered. Its text is not repeated: it may hold what we sent."""
    if status == 429:
        return Throttled(SERVICE, doing, "status 429", status=status, wait_seconds=_wait_seconds(headers))
    kind = words(headers.get("content-type", "")) or "an unknown type"
    detail = f"status {status} with {len(content)} bytes of {kind} instead of an answer from Google Play"
    return Faulty(SERVICE, doing, detail, status=status)


def classified_token(status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
    """The error that a refused token stands for (RFC 6749 section 5.2: `error`, `error_description`)."""
    doing = "getting an access token"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("error"), str):
        return _foreign(doing, status, headers, content)
    code, description = document["error"], document.get("error_description")
    detail = words(f"{code}: {description}" if isinstance(description, str) else code)
    if status == 429:
        return Throttled(SERVICE, doing, detail, status=status, wait_seconds=_wait_seconds(headers))
    if status >= 500 or code in ("internal_failure", "server_error", "temporarily_unavailable"):
        return Faulty(SERVICE, doing, detail, status=status)
    return Denied(SERVICE, doing, detail, status=status, hint=_NO_CREDENTIAL)


def _wait_seconds(headers: Mapping[str, str]) -> float:
    """`Retry-After` in seconds; 0 when there is none or it is a date."""
    text = headers.get("retry-after", "").strip()
    return float(min(int(text), _WAIT_SECONDS_MAX)) if re.fullmatch(r"[0-9]{1,9}", text) else 0.0
