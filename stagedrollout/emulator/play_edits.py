"""Edits: private copies of an app's tracks that one commit makes true, or that somebody else's commit ends.

One open edit per account and app; a commit by anybody, or a change in the console, deletes all others
(google-play.md 5.2). There are no etags: this is the whole of Play's compare-and-swap.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.draws import source
from stagedrollout.emulator.play_releases import Raw
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.switches import Switches


class EditState(StrEnum):
    OPEN = "open"
    DELETED = "deleted"
    COMMITTED = "committed"


@dataclass(slots=True)
class Edit:
    """`base`: the tracks as they stood at insert. `written`: the releases put into tracks since."""

    id: str
    account: str
    package: str
    created: datetime
    expires: datetime
    base: dict[str, list[Raw]]
    written: dict[str, list[Raw]] = field(default_factory=dict)
    state: EditState = EditState.OPEN

    def releases(self, track: str) -> list[Raw]:
        """The track as this edit shows it: with its own writes."""
        return self.written.get(track, self.base.get(track, []))

    def document(self) -> dict[str, str]:
        return {"id": self.id, "expiryTimeSeconds": str(int(self.expires.timestamp()))}


class Edits:
    """All edits of all apps."""

    def __init__(self, seed: int) -> None:
        self._draw = source(seed, "edits")
        self._edits: dict[str, Edit] = {}

    def insert(self, app: PlayApp, account: str, now: datetime, switches: Switches) -> Edit:
        """A fresh edit; it deletes the earlier one of the same account."""
        for edit in self._open(app.package):
            if edit.account == account:
                if switches.same_edit_within_2s and now - edit.created <= timedelta(seconds=2):
                    return edit
                edit.state = EditState.DELETED
        fresh = Edit(
            id=str(self._draw.randrange(10**19, 10**20)),
            account=account,
            package=app.package,
            created=now,
            expires=now + timedelta(hours=switches.edit_lifetime_hours),
            base={name: copy.deepcopy(track.releases) for name, track in app.tracks.items()},
        )
        self._edits[fresh.id] = fresh
        return fresh

    def open(self, app: PlayApp, edit_id: str, account: str, *, now: datetime, switches: Switches) -> Edit:
        """The account's open edit. Raises PlayError (E1, E2, E3, 404) where it is not that any more."""
        edit = self._edits.get(edit_id)
        if edit is None or edit.package != app.package or edit.account != account:
            raise no.edit_unknown()
        if edit.state is EditState.COMMITTED:
            raise no.edit_committed()
        if edit.state is EditState.DELETED:
            raise no.edit_deleted(switches.edit_deleted)
        if edit.expires <= now:
            raise no.edit_expired()
        return edit

    def end_all(self, package: str) -> None:
        """Somebody changed the app: every open edit of it is gone."""
        for edit in self._open(package):
            edit.state = EditState.DELETED

    def _open(self, package: str) -> list[Edit]:
        return [e for e in self._edits.values() if e.package == package and e.state is EditState.OPEN]
