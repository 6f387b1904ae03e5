"""What only `doctor` asks of Play: what an account can see and may do, and what an edit that is thrown away tells.

There is no commit in here, and no way to one: whatever is written, is written into an edit that is deleted, and
nobody but Play's validation ever sees it (google-play.md sections 5 and 11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.model import ReleaseStatus
from stagedrollout.core.units import ppm_from_fraction
from stagedrollout.stores.google_play.client import PlayClient
from stagedrollout.stores.google_play.edits import Edits
from stagedrollout.stores.google_play.errors import SERVICE, words
from stagedrollout.stores.google_play.reports import PlayReporting
from stagedrollout.stores.google_play.tracks import (
    RawRelease,
    RawTrack,
    Reviews,
    raw_releases,
    read_release,
)

APPS_PER_PAGE = 1_000
"""The most that Play gives (section 8); more apps than that are not counted."""


def seen_apps(reporting: PlayReporting) -> tuple[str, ...]:
    """The packages that the account can see. Raises EdgeError."""
    doing = "listing the account's apps"
    reply = reporting.send(lambda api: api.apps().search(pageSize=APPS_PER_PAGE), doing, _unasked)
    listed = reply.get("apps", []) if isinstance(reply, dict) else None
    if not isinstance(listed, list):
        raise Faulty(SERVICE, doing, "the answer is no list of apps", status=200)
    names = (one.get("packageName") for one in listed if isinstance(one, dict))
    return tuple(sorted({words(name) for name in names if isinstance(name, str)}))


def _unasked() -> None:
    """Whoever only looks needs nobody's clearance."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One track of one package, looked at. Every method raises EdgeError."""

    client: PlayClient
    package: str
    track: str

    def reviews(self, track: str = "") -> Reviews:
        """Where the releases of a track ("": its own) stand in review; needs no edit."""
        return self._edits(track or self.track).reviews()

    def tracks(self, edit: str) -> dict[str, RawTrack]:
        """Every track of the package by its name, empty ones too."""
        return self._edits(self.track).tracks(edit)

    def written_reviews(self) -> None:
        """Ask for one page of what people wrote, to learn whether that is allowed."""
        self.client.reviews(self.package)

    @contextmanager
    def edit(self) -> Iterator[str]:
        """An edit that is deleted again, whatever happens inside."""
        edits = self._edits(self.track)
        edit = edits.open()
        try:
            yield edit
        finally:
            edits.discard(edit)

    def write(self, edit: str, body: RawTrack) -> None:
        """Put the track into the edit, which will be deleted."""
        self._edits(self.track).write(edit, body)

    def validate(self, edit: str) -> None:
        """Let Play judge what is in the edit."""
        self._edits(self.track).validate(edit)

    def _edits(self, track: str) -> Edits:
        return Edits(self.client, self.package, track, _unasked)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Tracks to put into an edit that is thrown away, each to learn one thing. Empty where there is nothing staged.

    `halted`: the staged release halted, with its fraction; `bare`: the same without; `lowered`: at half its share.
    """

    halted: RawTrack = field(default_factory=dict)
    bare: RawTrack = field(default_factory=dict)
    lowered: RawTrack = field(default_factory=dict)


def what_if(raw: RawTrack) -> WhatIf:
    """The questions of section 11 (a) and (e) about this track."""
    for place, one in enumerate(raw_releases(raw)):
        if "versionCodes" in one and read_release(one).status is ReleaseStatus.IN_PROGRESS:
            halted: RawRelease = {**one, "status": "halted"}
            bare = {name: value for name, value in halted.items() if name != "userFraction"}
            lowered = {**one, "userFraction": one["userFraction"] / 2}
            return WhatIf(_with(raw, place, halted), _with(raw, place, bare), _lower(raw, place, lowered))
    return WhatIf()


def _lower(raw: RawTrack, place: int, one: RawRelease) -> RawTrack:
    """Nothing to ask where half of the share is none that can be written."""
    return _with(raw, place, one) if ppm_from_fraction(one["userFraction"]) > 0 else {}


def _with(raw: RawTrack, place: int, one: Mapping[str, Any]) -> RawTrack:
    releases = list(raw_releases(raw))
    releases[place] = dict(one)
    return {**raw, "releases": releases}
