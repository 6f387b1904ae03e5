"""What a track and its review say, read without believing more than is written there.

A raw track is kept as Play sent it, unknown fields included, because it is also what is sent back. A word
we do not know becomes UNKNOWN; an answer of the wrong shape is a fault, never a guess.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.model import Release, ReleaseStatus, ReviewState, StoreRelease, StoreState
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import PPM_ALL, percent_text, ppm_from_fraction
from stagedrollout.stores.google_play.errors import SERVICE, words

RawTrack = dict[str, Any]
RawRelease = dict[str, Any]

_STATUS = {
    "draft": ReleaseStatus.DRAFT,
    "inProgress": ReleaseStatus.IN_PROGRESS,
    "halted": ReleaseStatus.HALTED,
    "completed": ReleaseStatus.COMPLETED,
}
_LIFECYCLE = "RELEASE_LIFECYCLE_STATE_"
_REVIEW = {
    "DRAFT": ReviewState.DRAFT,
    "NOT_SENT_FOR_REVIEW": ReviewState.NOT_SENT_FOR_REVIEW,
    "IN_REVIEW": ReviewState.IN_REVIEW,
    "APPROVED_NOT_PUBLISHED": ReviewState.APPROVED_NOT_PUBLISHED,
    "NOT_APPROVED": ReviewState.NOT_APPROVED,
    "PUBLISHED": ReviewState.PUBLISHED,
}
_UNORDERED = frozenset({"releases", "versionCodes", "releaseNotes", "countries"})
"""The lists of a track that are sets in truth; Play may return them in any order."""

_REACH = (
    ReleaseStatus.IN_PROGRESS,
    ReleaseStatus.COMPLETED,
    ReleaseStatus.UNKNOWN,
    ReleaseStatus.HALTED,
    ReleaseStatus.DRAFT,
)
"""Which of two entries with the same highest code is meant: the one that people may be getting."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of `releases.list`: where the release with these version codes stands in review."""

    codes: frozenset[int]
    word: str


Reviews = tuple[Summary, ...]


def fingerprint(raw: RawTrack) -> str:
    """A SHA-256 over everything in the track, unknown fields included, whatever the order of its sets."""
    try:
        return hashlib.sha256(_canonical(raw).encode()).hexdigest()
    except RecursionError:
        raise _unreadable("a track nested beyond measure") from None


def _canonical(value: Any, field: str = "") -> str:
    if isinstance(value, dict):
        inside = ",".join(f"{json.dumps(key)}:{_canonical(value[key], key)}" for key in sorted(value))
        return "{" + inside + "}"
    if isinstance(value, list):
        parts = [_canonical(item) for item in value]
        return "[" + ",".join(sorted(parts) if field in _UNORDERED else parts) + "]"
    return json.dumps(value)


def raw_releases(raw: RawTrack) -> list[RawRelease]:
    """The releases of a track as Play sent them. Raises Faulty for another shape."""
    releases = raw.get("releases", [])
    if not isinstance(releases, list) or not all(isinstance(one, dict) for one in releases):
        raise _unreadable("releases that are no list of releases")
    return releases


def place_of(raw: RawTrack, release_id: str) -> int | None:
    """Where in `raw_releases` the release with this highest version code stands."""
    places = [place for place, one in enumerate(raw_releases(raw)) if _id(one) == release_id]
    return min(places, key=lambda place: _rank(raw_releases(raw)[place]), default=None)


def store_state(raw: RawTrack, reviews: Reviews | None, as_of: datetime) -> StoreState:
    """The whole track as read at `as_of`, newest release first; `reviews` None: they were not asked for.

    An entry without version codes ships nothing and has no identity: it is left out here, yet counts in the
    fingerprint and is sent back.
    """
    known = [one for one in raw_releases(raw) if _codes(one)]
    known.sort(key=lambda one: (-max(_codes(one)), _rank(one)))
    track = raw.get("track")
    name = words(track) if isinstance(track, str) else ""
    releases = tuple(replace(read_release(one, reviews), track=name) for one in known)
    told = tuple(_with_its_fallback(one, releases) for one in releases)
    return StoreState(releases=told, fingerprint=fingerprint(raw), as_of=as_of)


def _with_its_fallback(release: StoreRelease, track: tuple[StoreRelease, ...]) -> StoreRelease:
    """A release that was halted when everybody had it may be missing in the list (google-play.md section 11 h). What
    Play serves instead of it is the other half of that halt: while that one is not out, the halt is not in force."""
    halted_at_everyone = release.status is ReleaseStatus.HALTED and not release.exposure_ppm
    if not halted_at_everyone or release.review is not ReviewState.NOT_LISTED:
        return release
    older = (one for one in track if int(one.release.id) < int(release.release.id))
    fallback = next((one for one in older if one.status is ReleaseStatus.COMPLETED), None)
    if fallback is None or fallback.review in (ReviewState.PUBLISHED, ReviewState.NOT_LISTED):
        return release
    return replace(release, review=fallback.review, review_word=fallback.review_word)


def read_release(one: RawRelease, reviews: Reviews | None = None) -> StoreRelease:
    """One release that has version codes, with its review if that was asked for."""
    code = max(_codes(one))
    name, word = one.get("name"), one.get("status")
    version = one_line(name) if isinstance(name, str) else ""
    status = _status(one)
    review, review_word = _review(code, reviews)
    return StoreRelease(
        release=Release(id=str(code), version=version or str(code), build=str(code)),
        status=status,
        status_word=words(word) if isinstance(word, str) else "",
        exposure_ppm=_exposure_ppm(status, one),
        review=review,
        review_word=review_word,
        codes=tuple(str(code) for code in sorted(_codes(one))),
    )


def summaries(reply: Mapping[str, Any]) -> Reviews:
    """Read `releases.list`. Raises Faulty for another shape."""
    listed = reply.get("releases", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _unreadable("a review list of another shape")
    return tuple(_summary(one) for one in listed)


def described(release: StoreRelease) -> str:
    """In words: "5.2.0 (5020) is inProgress at 20 %, review PUBLISHED" (if a review was read)."""
    at = f" at {percent_text(release.exposure_ppm)}" if release.exposure_ppm else ""
    review = f", review {release.review_word}" if release.review_word else ""
    return f"{release.release.label} is {release.status_word or 'without a status'}{at}{review}"


def _summary(one: Mapping[str, Any]) -> Summary:
    artifacts = one.get("activeArtifacts", [])
    if not isinstance(artifacts, list) or not all(isinstance(item, dict) for item in artifacts):
        raise _unreadable("a review list with artifacts of another shape")
    word = one.get("releaseLifecycleState")
    return Summary(
        frozenset(_code(item["versionCode"]) for item in artifacts if "versionCode" in item),
        words(word).removeprefix(_LIFECYCLE) if isinstance(word, str) else "",
    )


def _review(code: int, reviews: Reviews | None) -> tuple[ReviewState, str]:
    """The review of the release whose highest code this is.

    Older codes travel along in newer releases, so the line that ends with this code is the one meant.
    Two such lines that disagree are no answer.
    """
    if reviews is None:
        return ReviewState.UNREAD, ""
    about = [line for line in reviews if code in line.codes]
    own = [line for line in about if max(line.codes) == code] or about
    said = sorted({line.word for line in own})
    if not said:
        return ReviewState.NOT_LISTED, ""
    if len(said) > 1:
        return ReviewState.UNKNOWN, " or ".join(said)
    return _REVIEW.get(said[0], ReviewState.UNKNOWN), said[0]


def _status(one: RawRelease) -> ReleaseStatus:
    word = one.get("status")
    status = _STATUS.get(word, ReleaseStatus.UNKNOWN) if isinstance(word, str) else ReleaseStatus.UNKNOWN
    if status is ReleaseStatus.IN_PROGRESS and not _fraction(one):
        # Staged to nobody, or to everyone, is a thing Play does not have; what it means we cannot know.
        return ReleaseStatus.UNKNOWN
    return status


def _rank(one: RawRelease) -> int:
    return _REACH.index(_status(one))


def _exposure_ppm(status: ReleaseStatus, one: RawRelease) -> int:
    match status:
        case (
            ReleaseStatus.DRAFT | ReleaseStatus.PAUSED | ReleaseStatus.REPLACED | ReleaseStatus.WITHDRAWN
        ):  # the last two: not Play's
            return 0
        case ReleaseStatus.COMPLETED:
            return PPM_ALL
        case ReleaseStatus.IN_PROGRESS | ReleaseStatus.HALTED | ReleaseStatus.UNKNOWN:
            return ppm_from_fraction(_fraction(one))


def _fraction(one: RawRelease) -> float:
    """The fraction strictly between 0 and 1, or 0 where there is none that can be read as such."""
    value = one.get("userFraction")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if 0 < value < 1 and math.isfinite(value) else 0.0


def newest_code(one: RawRelease) -> int:
    """The highest version code of a release; 0 for one that ships nothing."""
    return max(_codes(one), default=0)


def _id(one: RawRelease) -> str:
    return str(newest_code(one) or "")


def _codes(one: RawRelease) -> list[int]:
    codes = one.get("versionCodes", [])
    if not isinstance(codes, list):
        raise _unreadable("version codes that are no list")
    return [_code(code) for code in codes]


def _code(value: Any) -> int:
    """A version code: int64 as text in tracks, int32 as number in the review list."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise _unreadable("a version code that is no number")
    return int(text)


def _unreadable(what: str) -> Faulty:
    return Faulty(SERVICE, "reading the track", f"the answer has {what}", status=200)
