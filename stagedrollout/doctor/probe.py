"""What an edit tells that is written, validated and thrown away: nothing else shows whether an account may release.

The track goes in as it is; then what a halt and a lower share would look like, to learn how this account's Play takes
them (google-play.md section 11 a and e); then as it is again, so that no edit of ours ever shows anything else than
what is deployed for longer than a moment. There is no commit here, and whoever asks never has one in hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from stagedrollout.core.errors import Denied, EdgeError
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.stores.google_play.errors import Refused, Said
from stagedrollout.stores.google_play.survey import what_if
from stagedrollout.stores.google_play.tracks import RawTrack, raw_releases

LAST_WORD = (
    "but Play has been seen telling of a missing right only at the commit (E14), which is never tried here"
)


MENDED = frozenset({Said.FRACTION, Said.TWO_COMPLETED, Said.TWO_STAGED, Said.TWO_EDITS, Said.COUNTRIES})
"""Refusals of a track as it is that say how Play wants it; a raise or halt is mended and written once more."""


class Draft(Protocol):
    """An edit that can be written and judged, and not committed."""

    @property
    def track(self) -> str: ...

    def write(self, edit: str, body: RawTrack) -> None: ...

    def validate(self, edit: str) -> None: ...


def probed(tell: Telling, draft: Draft, edit: str, track: RawTrack) -> Iterator[Finding]:
    """Raises Conflict when the edit is ended by somebody else, and EdgeError where Play fails us."""
    if not raw_releases(track):
        yield tell.note("probe", "the track is empty: there is nothing to write that would tell anything")
        return
    try:
        draft.write(edit, track)
        draft.validate(edit)
    except Denied as denied:
        yield _may_not(tell, draft.track, denied)
        return
    except Refused as no:
        yield _refused(tell, no)
        return
    said = (
        f"Play took the track {draft.track} as it is and validated it: nothing speaks against releasing there"
    )
    yield tell.ok("role", f"{said} ({LAST_WORD})")
    yield from _what_if(tell, draft, edit, track)


def _may_not(tell: Telling, track: str, denied: Denied) -> Finding:
    right = (
        "give the account Release to production, exclude devices, and use Play App Signing"
        if track.endswith("production")
        else "give the account Release apps to testing tracks"
    )
    said = f"the account may not release to {track} (E19, {denied.doing}): {denied.detail}"
    return tell.problem("role", said, f"{right}, for this app, in Play Console > Users and permissions")


def _refused(tell: Telling, no: Refused) -> Finding:
    """The track as it is deployed is refused: a raise would be, too."""
    if no.said is Said.NOT_SENT_BY_ITSELF:
        said = f"Play sends no changes of this app for review by itself (E5): {no.detail}"
        return tell.warning(
            "probe", said, "a person must send the changes in Play Console > Publishing overview"
        )
    if no.said in MENDED:
        said = f"Play does not take the track the way it shows it ({no.said.value}); the daemon writes it the other way then"
        return tell.note("probe", f"{said}: {no.detail}", "whether the account may release stays open")
    said = f"Play does not take the track as it is, and would not take a raise ({no.doing}): {no.told}"
    return tell.problem(
        "probe", said, "the Play Console shows what is missing, below Publishing overview or Policy"
    )


def _what_if(tell: Telling, draft: Draft, edit: str, track: RawTrack) -> Iterator[Finding]:
    asked = what_if(track)
    if not asked.halted:
        yield tell.note("probe", "nothing is staged: how Play takes a halt cannot be tried")
        return
    try:
        kept, bare = _taken(draft, edit, asked.halted), _taken(draft, edit, asked.bare)
        yield tell.note("probe", f"a staged release that is halted {_fraction_rule(kept=kept, bare=bare)}")
        lowered = bool(asked.lowered) and _taken(draft, edit, asked.lowered)
        takes = "takes" if lowered else "does not take"
        yield tell.note("probe", f"Play {takes} a lower share than before; the daemon never asks for one")
    finally:
        _restored(draft, edit, track)


def _restored(draft: Draft, edit: str, track: RawTrack) -> None:
    try:
        draft.write(edit, track)
    except EdgeError:
        return  # the edit is deleted in any case


def _taken(draft: Draft, edit: str, body: RawTrack) -> bool:
    """Whether Play takes this track. Raises EdgeError for anything but yes and no."""
    try:
        draft.write(edit, body)
    except (Refused, Denied):
        return False
    return True


def _fraction_rule(*, kept: bool, bare: bool) -> str:
    match kept, bare:
        case True, True:
            return "may keep its fraction and may go without: Play takes both"
        case True, False:
            return "keeps its fraction: Play wants it"
        case False, True:
            return "must not carry its fraction: the daemon halts without it on the second try"
        case _:
            return "is refused by Play with its fraction and without; the reason may be another one"
