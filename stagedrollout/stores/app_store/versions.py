"""What a version and its phased release mean: the states of section 7 in the words of the core.

Apple's share follows from the day; a word or a combination that is not in the sheet becomes UNKNOWN.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from stagedrollout.core.apple_drift import COMPLETED_BY_ITSELF, COMPLETED_UNDATED
from stagedrollout.core.model import Release, ReleaseStatus, ReviewState, StoreRelease, StoreState
from stagedrollout.core.phasing import FIRST_SHARE_PPM, LAST_DAY, share_on
from stagedrollout.core.units import PPM_ALL, percent_text
from stagedrollout.stores.app_store.documents import Absence, Phased, Version
from stagedrollout.stores.app_store.errors import words

INACTIVE, ACTIVE, PAUSED, COMPLETE = "INACTIVE", "ACTIVE", "PAUSED", "COMPLETE"

APPROVED = "PENDING_DEVELOPER_RELEASE"
PROCESSING = "PROCESSING_FOR_DISTRIBUTION"
OUT = "READY_FOR_DISTRIBUTION"
REPLACED = "REPLACED_WITH_NEW_VERSION"

REPLACED_MAX = 5
"""How many replaced versions are told of: what is older concerns no rollout any more."""

_BEFORE_RELEASE = {
    "PREPARE_FOR_SUBMISSION": ReviewState.DRAFT,
    "READY_FOR_REVIEW": ReviewState.NOT_SENT_FOR_REVIEW,
    "DEVELOPER_REJECTED": ReviewState.NOT_SENT_FOR_REVIEW,
    "WAITING_FOR_REVIEW": ReviewState.IN_REVIEW,
    "IN_REVIEW": ReviewState.IN_REVIEW,
    "ACCEPTED": ReviewState.IN_REVIEW,
    "WAITING_FOR_EXPORT_COMPLIANCE": ReviewState.IN_REVIEW,
    "PENDING_APPLE_RELEASE": ReviewState.IN_REVIEW,
    "REJECTED": ReviewState.NOT_APPROVED,
    "METADATA_REJECTED": ReviewState.NOT_APPROVED,
    "INVALID_BINARY": ReviewState.NOT_APPROVED,
    APPROVED: ReviewState.APPROVED_NOT_PUBLISHED,
}
_REVIEW = {**_BEFORE_RELEASE, PROCESSING: ReviewState.IN_REVIEW, OUT: ReviewState.PUBLISHED}
REMOVED = "DEVELOPER_REMOVED_FROM_SALE"
_REMOVED = ("REMOVED_FROM_SALE", REMOVED)
_OVER = "removed from sale: the phased release is over for good"
_NO_CONTRACT = "not on sale until a contract is in effect (PENDING_CONTRACT)"


class Standing(NamedTuple):
    """Where a version stands. `word` is what people read of it."""

    status: ReleaseStatus
    exposure_ppm: int
    review: ReviewState
    word: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The versions that matter, newest first, as read at `as_of`."""

    versions: tuple[Version, ...]
    as_of: datetime

    def find(self, number: str) -> Version | None:
        return next((version for version in self.versions if version.number == number), None)

    def with_removed(self, version_id: str) -> Shelf:
        """The same, with one version known to be removed from sale, whatever its own state says."""
        versions = (
            replace(version, old_state=REMOVED) if version.id == version_id else version
            for version in self.versions
        )
        return replace(self, versions=tuple(versions))

    def is_first(self, version: Version | None) -> bool:
        """Whether it is the only version the app has ever had."""
        return version is not None and self.versions == (version,)

    @property
    def state(self) -> StoreState:
        releases = tuple(read_release(version) for version in self.versions)
        return StoreState(releases=releases, fingerprint=fingerprint(self.versions), as_of=self.as_of)


def with_days(versions: list[Version], known: Mapping[str, int]) -> list[Version]:
    """Where one answer leaves out on which day a release is, it is on the day it was seen on last: days only rise. One
    that is complete may have gone through all the others since."""
    return [_with_day(version, known.get(version.number)) for version in versions]


def _with_day(version: Version, day: int | None) -> Version:
    phased = version.phased
    if day is None or not isinstance(phased, Phased) or phased.day is not None:
        return version
    if phased.word == COMPLETE and day < LAST_DAY:
        return version
    return replace(version, phased=replace(phased, day=day))


def shelf_of(found: list[Version], as_of: datetime) -> Shelf:
    """All versions but those replaced long ago. Where Apple does not say when one was made, its order counts."""
    newest = sorted(
        found, key=lambda version: version.created or datetime.min.replace(tzinfo=UTC), reverse=True
    )
    replaced = [version for version in newest if version.state == REPLACED]
    past = set(replaced[REPLACED_MAX:])
    return Shelf(tuple(version for version in newest if version not in past), as_of)


def fingerprint(versions: tuple[Version, ...]) -> str:
    """A SHA-256 over every state, day and build, whatever the order they were told in.

    Not in it: what changes by itself and decides nothing, such as the days of a pause.
    """
    lines = sorted(
        [one.id, one.number, one.state, one.old_state, one.build, *_phased_line(one)] for one in versions
    )
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _phased_line(version: Version) -> list[str]:
    match version.phased:
        case Absence() as absence:
            return [absence.value]
        case Phased() as phased:
            return [phased.id, phased.word, str(phased.day)]


def read_release(version: Version) -> StoreRelease:
    """One version as the core sees it."""
    standing = standing_of(version)
    return StoreRelease(
        release=Release(id=version.number, version=version.number, build=version.build),
        status=standing.status,
        status_word=words(standing.word),
        exposure_ppm=standing.exposure_ppm,
        review=standing.review,
        review_word=words(version.state),
        phased=version.phased is not Absence.NONE,
    )


def standing_of(version: Version) -> Standing:
    if version.state == REPLACED:
        return Standing(ReleaseStatus.REPLACED, 0, ReviewState.PUBLISHED, REPLACED)
    if version.old_state in _REMOVED:
        return Standing(ReleaseStatus.WITHDRAWN, 0, ReviewState.PUBLISHED, _OVER)
    if version.old_state == "PENDING_CONTRACT":
        return _unknown(version.state, _NO_CONTRACT)
    match version.phased:
        case Absence.UNSAID | Absence.LOST:
            return _unknown(version.state, "a phased release that Apple names but does not show")
        case Absence():
            return _unphased(version.state)
        case Phased() as phased:
            return _phased(version.state, phased)


def described(version: Version) -> str:
    """In words: "5.12.0 (33417) is PAUSED at 5 %, version READY_FOR_DISTRIBUTION"."""
    release = read_release(version)
    at = f" at {percent_text(release.exposure_ppm)}" if release.exposure_ppm else ""
    also = f", version {release.review_word}" if release.review_word != release.status_word else ""
    return f"{release.release.label} is {release.status_word or 'without a state'}{at}{also}"


def _unphased(state: str) -> Standing:
    if state in _BEFORE_RELEASE:
        return Standing(ReleaseStatus.DRAFT, 0, _BEFORE_RELEASE[state], state)
    if state == PROCESSING:
        return Standing(ReleaseStatus.COMPLETED, PPM_ALL, ReviewState.IN_REVIEW, state)
    if state == OUT:
        return Standing(ReleaseStatus.COMPLETED, PPM_ALL, ReviewState.PUBLISHED, state)
    return _unknown(state, state)


def _phased(state: str, phased: Phased) -> Standing:
    if state in _BEFORE_RELEASE and phased.word == INACTIVE:
        return Standing(ReleaseStatus.DRAFT, 0, _BEFORE_RELEASE[state], phased.word)
    if state == PROCESSING and phased.word == INACTIVE:
        return Standing(ReleaseStatus.IN_PROGRESS, FIRST_SHARE_PPM, ReviewState.IN_REVIEW, phased.word)
    if state == OUT:
        return _out(phased)
    return _unknown(state, f"{phased.word or 'a phased release without a state'} at {state or 'no state'}")


def _out(phased: Phased) -> Standing:
    day, word = phased.day, phased.word
    if word == COMPLETE:
        return Standing(ReleaseStatus.COMPLETED, PPM_ALL, ReviewState.PUBLISHED, _completed(day))
    if word == INACTIVE or (word == ACTIVE and day is not None and day < 1):
        return Standing(ReleaseStatus.IN_PROGRESS, FIRST_SHARE_PPM, ReviewState.IN_REVIEW, word)
    if word in (ACTIVE, PAUSED) and day is None:
        return _unknown(OUT, f"{word} without a day")
    if word == ACTIVE and day is not None:
        return Standing(ReleaseStatus.IN_PROGRESS, share_on(day), ReviewState.PUBLISHED, word)
    if word == PAUSED and day is not None:
        share = max(share_on(day), FIRST_SHARE_PPM)
        return Standing(ReleaseStatus.PAUSED, share, ReviewState.PUBLISHED, word)
    return _unknown(OUT, word or "a phased release without a state")


def _completed(day: int | None) -> str:
    if day is None:
        return COMPLETED_UNDATED
    return COMPLETED_BY_ITSELF if day >= LAST_DAY else f"{COMPLETE} on day {day}"


def _unknown(state: str, word: str) -> Standing:
    return Standing(ReleaseStatus.UNKNOWN, 0, _REVIEW.get(state, ReviewState.UNKNOWN), word)
