"""Which track is sent for which wish. Pure: a track as read goes in, the track to send comes out.

`tracks.update` replaces the whole track. A running release that is left out is halted (google-play.md
section 4.3), a field that is left out is lost. So every release and every field goes back as it came,
except the status and the fraction of the one release that is meant. Completing leaves out what full rollout
puts an end to, the old completed release (Play refuses two, E10) and older halted ones; but neither drafts
nor a newer rollout, which would be halted by that. A start leaves out the one staged release whose place it is
told to take, and no other: Play refuses two staged ones (E11).

Where Play refuses what it told itself, the track is mended and written once more: with or without a
fraction (E9), without completed or halted siblings, which Play keeps by itself (E10, E11, E13).
"""

from __future__ import annotations

import re

from stagedrollout.core.model import Change, ReleaseStatus, StoreRelease, Verb
from stagedrollout.core.units import PPM_ALL, fraction_from_ppm, percent_text
from stagedrollout.stores.google_play.errors import Refused, Said
from stagedrollout.stores.google_play.tracks import (
    RawRelease,
    RawTrack,
    described,
    newest_code,
    place_of,
    raw_releases,
    read_release,
)

_ALMOST_EVERYONE = fraction_from_ppm(PPM_ALL - 1)
"""The largest fraction there is: what a halted release is said to have had when it had everyone."""

_COUNTRIES = "countryTargeting"
_FRACTION_RULE = re.compile(
    r"(?P<status>DRAFT|COMPLETED|HALTED|IN_?PROGRESS) release must (?P<not>not )?have", re.IGNORECASE
)

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
        one.pop(_COUNTRIES, None)  # Play knows them of staged releases only (section 3)
        place = _place(raw, change.release_id)
        whole = _with(raw, change.release_id, one)["releases"]
        kept = [other for at, other in enumerate(whole) if at == place or _outlives(other, one)]
        return {**raw, "releases": kept}
    fraction = fraction_from_ppm(change.exposure_ppm)
    one = _altered(raw, change.release_id, status="inProgress", fraction=fraction)
    return _without(_with(raw, change.release_id, one), change.instead_of)


def halted(raw: RawTrack, release_id: str) -> RawTrack:
    """The track to send for a halt: the fraction goes back as it was read, or stays away."""
    one = raw_releases(raw)[_place(raw, release_id)]
    return _with(raw, release_id, {**one, "status": "halted"})


def mended(body: RawTrack, release_id: str, no: Refused) -> RawTrack | None:
    """The track to send after Play's refusal `no` of `body`; None where nothing can be mended.

    A refusal decides where sources disagree or Play contradicts what it told, and it decides once.
    """
    place = _place(body, release_id)
    match no.said:
        case Said.FRACTION:
            siblings = [_fraction_mended(one, no.detail, ours=at == place) for at, one in _numbered(body)]
            changed = [one for one in siblings if one is not None]
            if changed == raw_releases(body):
                changed[place] = _fraction_flipped(changed[place])
        case Said.TWO_COMPLETED | Said.TWO_EDITS:
            changed = [one for at, one in _numbered(body) if at == place or one.get("status") != "completed"]
        case Said.TWO_STAGED:
            changed = [one for at, one in _numbered(body) if at == place or not _halted_staged(one)]
        case Said.COUNTRIES:
            changed = [
                one if one.get("status") == "inProgress" else _without_countries(one)
                for one in raw_releases(body)
            ]
        case _:
            return None
    return None if changed == raw_releases(body) else {**body, "releases": changed}


def _numbered(body: RawTrack) -> list[tuple[int, RawRelease]]:
    return list(enumerate(raw_releases(body)))


def _fraction_mended(one: RawRelease, said: str, *, ours: bool) -> RawRelease | None:
    """The release as the refusal wants it, if it is about releases of this status; None: leave it out.

    A halted sibling whose fraction Play wants and does not tell is left to Play; any other goes back as it came, and
    what is rolled out is given no share that nobody decided on.
    """
    rule, status = _FRACTION_RULE.search(said), str(one.get("status"))
    if rule is None or rule["status"].replace("_", "").lower() != status.lower() or status == "inProgress":
        return one
    if rule["not"]:
        return {name: value for name, value in one.items() if name != "userFraction"}
    if "userFraction" in one or status != "halted":
        return one
    return {**one, "userFraction": _ALMOST_EVERYONE} if ours else None


def _fraction_flipped(one: RawRelease) -> RawRelease:
    """Dropped if there is one; added if there is none, and then to a halted release only."""
    if one.get("status") != "halted":
        return one
    if "userFraction" in one:
        return {name: value for name, value in one.items() if name != "userFraction"}
    return {**one, "userFraction": _ALMOST_EVERYONE}


def _halted_staged(one: RawRelease) -> bool:
    return one.get("status") == "halted" and "userFraction" in one


def _without_countries(one: RawRelease) -> RawRelease:
    return {name: value for name, value in one.items() if name != _COUNTRIES}


def _outlives(other: RawRelease, completed: RawRelease) -> bool:
    """Whether a sibling is still a release of its own once `completed` is rolled out to everyone."""
    match other.get("status"):
        case "completed":
            return False
        case "halted":
            return newest_code(other) > newest_code(completed)
        case _:
            return True


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
