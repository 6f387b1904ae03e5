"""Which request is sent for which wish. Pure: a version as read goes in, the request to send comes out.

A write of the App Store's is blind: it names a state and knows nothing of the one before. What keeps it from
doing harm is looked at here, right before: each verb starts from what it is for, and nothing is ever released
without a phased release that has been seen.
"""

from __future__ import annotations

from typing import Any

from stagedrollout.core.model import Change, ReleaseStatus, ReviewState, Verb
from stagedrollout.core.phasing import next_share
from stagedrollout.core.units import percent_text
from stagedrollout.stores.app_store.client import Write
from stagedrollout.stores.app_store.documents import PHASED, Absence, Phased, Version
from stagedrollout.stores.app_store.versions import (
    ACTIVE,
    APPROVED,
    COMPLETE,
    INACTIVE,
    OUT,
    PAUSED,
    PROCESSING,
    described,
    standing_of,
)

FINAL = "complete is final on the App Store: it cannot be paused any more; ship a higher version"

FIRST = (
    "it is the app's first version, for which Apple has no phased release: released, it reaches everyone at once; "
    "a person decides that, in App Store Connect"
)

TARGET = {Verb.STEP: ACTIVE, Verb.RESUME: ACTIVE, Verb.COMPLETE: COMPLETE}
"""The state of the phased release that a verb asks for."""


def to_state(phased_id: str, word: str) -> Write:
    """Set the phased release to ACTIVE, PAUSED or COMPLETE (row 8)."""
    body = {"type": f"{PHASED}s", "id": phased_id, "attributes": {"phasedReleaseState": word}}
    doing = f"setting the phased release to {word}"
    return Write(doing, "PATCH", f"/v1/{PHASED}s/{phased_id}", {"data": body})


def to_phase(version: Version) -> Write:
    """Make the phased release that the version will go out with (row 7)."""
    body = {"type": f"{PHASED}s", "attributes": {"phasedReleaseState": INACTIVE}, **_about(version)}
    return Write("making the phased release", "POST", f"/v1/{PHASED}s", {"data": body})


def to_release(version: Version) -> Write:
    """Ask Apple to put the approved version out (row 10)."""
    body = {"type": "appStoreVersionReleaseRequests", **_about(version)}
    return Write("asking for the release", "POST", "/v1/appStoreVersionReleaseRequests", {"data": body})


def as_wished(version: Version | None, verb: Verb) -> bool:
    """Whether the version reads as the verb wants it. Apple's share is nobody's wish: it follows from the day."""
    if version is None:
        return False
    standing = standing_of(version)
    match verb:
        case Verb.PREPARE:
            return standing.status is ReleaseStatus.DRAFT and _word(version) == INACTIVE
        case Verb.START:
            return version.state in (PROCESSING, OUT) and isinstance(version.phased, Phased)
        case Verb.STEP | Verb.RESUME:
            return standing.status is ReleaseStatus.IN_PROGRESS and _word(version) == ACTIVE
        case Verb.COMPLETE:
            return standing.status is ReleaseStatus.COMPLETED and version.state == OUT
        case Verb.PAUSE | Verb.HALT:
            return _word(version) == PAUSED
        case Verb.RAISE:
            return False


def objection(version: Version | None, change: Change) -> str:
    """Why this raise is not even sent, in words; "" if nothing speaks against it."""
    verb = change.verb
    if version is None:
        return f"version {change.release_id} is not in the App Store"
    status, share, review, _ = standing_of(version)
    match verb:
        case Verb.PREPARE if status is not ReleaseStatus.DRAFT:
            return f"a phased release is made before the version is out, but {described(version)}"
        case Verb.START if status is not ReleaseStatus.DRAFT or version.state != APPROVED:
            return f"to start it must be approved and wait for its release, but {described(version)}"
        case Verb.STEP | Verb.RESUME if status is not ReleaseStatus.PAUSED:
            return f"to {verb.value} it must be paused, but {described(version)}"
        case Verb.STEP if next_share(share) != change.exposure_ppm:
            wished = percent_text(change.exposure_ppm)
            return f"Apple's next step would not lead to {wished}: {described(version)}"
        case Verb.COMPLETE if not _ramping(status, review):
            return f"to complete it must be out and not yet with everyone, but {described(version)}"
        case Verb.PREPARE | Verb.START | Verb.STEP | Verb.RESUME | Verb.COMPLETE:
            return ""
        case Verb.RAISE:
            return "Apple's shares cannot be chosen"
        case Verb.PAUSE | Verb.HALT:
            return f"{verb.value} is no raise"


def unstoppable(version: Version) -> str:
    """Why a pause of this version is not even sent, in words; "" if it may be tried."""
    standing = standing_of(version)
    if standing.status is ReleaseStatus.REPLACED:
        return "there is nothing to pause: a newer version took its place"
    if _word(version) == COMPLETE:
        return FINAL
    if standing.status is ReleaseStatus.DRAFT:
        return f"there is nothing to pause: {described(version)}, and nobody gets it yet"
    if version.phased is Absence.NONE:
        return "it goes to everyone, without a phased release to pause; ship a higher version"
    return ""


def _ramping(status: ReleaseStatus, review: ReviewState) -> bool:
    moving = status in (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)
    return moving and review is ReviewState.PUBLISHED


def _word(version: Version) -> str:
    return version.phased.word if isinstance(version.phased, Phased) else ""


def _about(version: Version) -> dict[str, Any]:
    return {"relationships": {"appStoreVersion": {"data": {"type": "appStoreVersions", "id": version.id}}}}
