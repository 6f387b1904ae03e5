"""Which track is sent for which wish. Pure: a track as read goes in, the track to send comes out.

`tracks.update` replaces the whole track. A running release that is left out is halted (google-play.md
section 4.3), a field that is left out is lost. So every release and every field goes back as it came,
except the status and the fraction of the one release that is meant; and completing sends that release
alone, because Play refuses two completed ones (E10). A start leaves out the one staged release whose place it is
told to take, and no other: Play refuses two staged ones (E11).
"""

from __future__ import annotations

from stagedrollout.core.model import Change, ReleaseStatus, StoreRelease, Verb
from stagedrollout.core.units import PPM_ALL, fraction_from_ppm, percent_text
from stagedrollout.stores.google_play.tracks import (
    RawRelease,
    RawTrack,
    described,
    place_of,
    raw_releases,
    read_release,
)

_ALMOST_EVERYONE = fraction_from_ppm(PPM_ALL - 1)
"""The largest fraction there is: what a halted release is said to have had when it had everyone."""

_FROM = {
    Verb.START: ReleaseStatus.DRAFT,
    Verb.RAISE: ReleaseStatus.IN_PROGRESS,
    Verb.COMPLETE: ReleaseStatus.IN_PROGRESS,
    Verb.RESUME: ReleaseStatus.HALTED,
}


def found(raw: RawTrack, release_id: str) -> StoreRelease | None:
    """The release as the track shows it, its review left aside."""
    place = place_of(raw, release_id)
    return None if place is None else read_release(raw_releases(raw)[place])


def as_wished(release: StoreRelease | None, change: Change) -> bool:
    """Whether the release reads as the change wants it. Review is not part of the wish."""
    if release is None:
        return False
    if change.exposure_ppm == PPM_ALL:
        return release.status is ReleaseStatus.COMPLETED
    return release.status is ReleaseStatus.IN_PROGRESS and release.exposure_ppm == change.exposure_ppm


def objection(release: StoreRelease | None, change: Change) -> str:
    """Why this raise is not even sent, in words; "" if nothing speaks against it.

    The last look before a write: whatever was decided, a raise starts from the status its verb is for
    and never lowers a fraction, which Play does not offer (google-play.md section 4.2).
    """
    if release is None:
        return f"release {change.release_id} is not on the track"
    if change.verb not in _FROM:
        return f"{change.verb.value} is no raise"
    if release.status is not _FROM[change.verb]:
        return f"to {change.verb.value} it must be {_FROM[change.verb].value}, but {described(release)}"
    if not 0 < change.exposure_ppm <= PPM_ALL:
        return "a raise needs more than 0 % and at most 100 %"
    if release.exposure_ppm > change.exposure_ppm:
        return f"Play cannot lower a release to {percent_text(change.exposure_ppm)}: {described(release)}"
    return ""


def raised(raw: RawTrack, change: Change) -> RawTrack:
    """The track to send for a raise to which there is no objection."""
    if change.exposure_ppm == PPM_ALL:
        one = _altered(raw, change.release_id, status="completed", fraction=None)
        return {**raw, "releases": [one]}
    fraction = fraction_from_ppm(change.exposure_ppm)
    one = _altered(raw, change.release_id, status="inProgress", fraction=fraction)
    return _without(_with(raw, change.release_id, one), change.instead_of)


def halted(raw: RawTrack, release_id: str) -> RawTrack:
    """The track to send for a halt: the fraction goes back as it was read, or stays away."""
    one = raw_releases(raw)[_place(raw, release_id)]
    return _with(raw, release_id, {**one, "status": "halted"})


def halted_the_other_way(raw: RawTrack, release_id: str) -> RawTrack:
    """The same halt with the fraction dropped if there was one, added if there was none (E9).

    Sources disagree on what Play wants (section 4.2), so its refusal decides, once.
    """
    one = raw_releases(raw)[_place(raw, release_id)]
    fraction = None if "userFraction" in one else _ALMOST_EVERYONE
    return _with(raw, release_id, _altered(raw, release_id, status="halted", fraction=fraction))


def _place(raw: RawTrack, release_id: str) -> int:
    place = place_of(raw, release_id)
    if place is None:
        raise ValueError(f"release {release_id} is not on the track")
    return place


def _altered(raw: RawTrack, release_id: str, *, status: str, fraction: float | None) -> RawRelease:
    """The release with this status and fraction; everything else as it was, in its old order."""
    one = {**raw_releases(raw)[_place(raw, release_id)], "status": status}
    one.pop("userFraction", None)
    return one if fraction is None else {**one, "userFraction": fraction}


def _with(raw: RawTrack, release_id: str, one: RawRelease) -> RawTrack:
    releases = list(raw_releases(raw))
    releases[_place(raw, release_id)] = one
    return {**raw, "releases": releases}


def _without(raw: RawTrack, release_id: str) -> RawTrack:
    """The track without that release; as it is for ""."""
    place = place_of(raw, release_id) if release_id else None
    if place is None:
        return raw
    releases = list(raw_releases(raw))
    del releases[place]
    return {**raw, "releases": releases}
