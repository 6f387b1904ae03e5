"""The requests of one conversation with Play about one track, by name.

An edit is Play's transaction: a copy of what is deployed, seen by nobody until it is committed, and gone
as soon as anybody else commits or the same account opens another one (google-play.md section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stagedrollout.core.errors import Conflict, EdgeError, Faulty
from stagedrollout.core.ports import Clearance
from stagedrollout.stores.google_play.client import Ask, PlayClient
from stagedrollout.stores.google_play.errors import SERVICE, Refused, Said, words
from stagedrollout.stores.google_play.tracks import RawTrack, Reviews, summaries

_OPENING = "opening an edit"

_INTERNAL = {"internal": "qa", "qa": "internal"}
"""The other name of the internal track (google-play.md section 3)."""


class InReview(StrEnum):
    """What a commit does when changes are already in review. Play's own default is to cancel."""

    REFUSE = "ERROR_IF_IN_REVIEW"
    CANCEL = "CANCEL_IN_REVIEW_AND_SUBMIT"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a commit is made. `held_back`: the changes stay out of review until a person sends them."""

    in_review: InReview = InReview.REFUSE
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Edits:
    """Conversations about one track. All but `discard` raise EdgeError, and all what `clearance` raises."""

    client: PlayClient
    package: str
    track: str
    clearance: Clearance

    @property
    def internal(self) -> bool:
        """Whether this is the internal track, which knows no halt (section 1)."""
        return self.track in _INTERNAL

    def open(self) -> str:
        """Open an edit that shows what is deployed, and return its id.

        Play has been seen handing out the same edit twice within seconds (section 5.2). One that was
        written to would show our own wish as if it were true, so it is deleted and another one opened. So is the
        first one of this process if it comes again: whether it was written to is not known.
        """
        edit = self._inserted()
        if self._perhaps_written(edit):
            self.discard(edit)
            edit = self._inserted()
            if self._perhaps_written(edit):
                raise Faulty(SERVICE, _OPENING, "Play hands out an edit that may be written to already")
        self.client.opened(self.package, edit)
        return edit

    def _perhaps_written(self, edit: str) -> bool:
        return self.client.wrote_to(self.package, edit) or self.client.opened_first(self.package, edit)

    def _inserted(self) -> str:
        reply = self._object(lambda play: play.edits().insert(packageName=self.package, body={}), _OPENING)
        edit = reply.get("id")
        if not isinstance(edit, str) or not edit:
            raise Faulty(SERVICE, _OPENING, "the answer names no edit", status=200)
        return edit

    def read(self, edit: str) -> RawTrack:
        """The track inside the edit. One without releases can be answered as if it did not exist (E23), so the list
        of tracks tells which it is. Raises Refused, with the tracks there are, where it does not exist."""
        doing = "reading the track"
        try:
            raw = self._object(
                lambda play: (
                    play.edits().tracks().get(packageName=self.package, editId=edit, track=self.track)
                ),
                doing,
            )
        except Refused as no:
            if no.status != 404 or no.said is not Said.NO_SUCH_TRACK:
                raise
            if "empty" not in no.detail.lower():
                self._check_track(edit, doing)
            return {"track": self.track, "releases": []}
        if "track" not in raw and "releases" not in raw:
            raise Faulty(SERVICE, doing, "the answer is no track", status=200)
        return raw

    def _check_track(self, edit: str, doing: str) -> None:
        there_are = self.tracks(edit)
        if not any(same_track(self.track, name) for name in there_are):
            raise Refused(doing, no_such_track(self.track, there_are), status=404, said=Said.NO_SUCH_TRACK)

    def tracks(self, edit: str) -> dict[str, RawTrack]:
        """Every track of the package by its name, those without releases too."""
        doing = "listing the tracks"
        reply = self._object(
            lambda play: play.edits().tracks().list(packageName=self.package, editId=edit), doing
        )
        listed = reply.get("tracks", [])
        if not isinstance(listed, list) or not all(_is_track(one) for one in listed):
            raise Faulty(SERVICE, doing, "the answer is no list of tracks", status=200)
        return {words(one["track"]): one for one in listed}

    def write(self, edit: str, body: RawTrack) -> None:
        """Replace the track inside the edit. Nobody sees it before the commit."""
        track: Any = body
        self.client.writes_to(self.package, edit)
        self._object(
            lambda play: (
                play.edits()
                .tracks()
                .update(packageName=self.package, editId=edit, track=self.track, body=track)
            ),
            "writing the track",
        )

    def validate(self, edit: str) -> None:
        """Let Play judge the edit as a commit would, without making anything real.

        For raises only: a halt has no time for it, and it cannot be told of the flag that keeps changes out of
        review (E5).
        """
        self._object(
            lambda play: play.edits().validate(packageName=self.package, editId=edit), "validating the edit"
        )

    def commit(self, edit: str, terms: Terms) -> None:
        """Make the edit real. Unless it raises Refused, Denied, Throttled or Conflict, it may have worked."""
        # Sent only when needed: even an explicit `false` is an unnecessary risk (section 3).
        held_back: dict[str, Any] = {"changesNotSentForReview": True} if terms.held_back else {}
        self._object(
            lambda play: play.edits().commit(
                packageName=self.package,
                editId=edit,
                changesInReviewBehavior=terms.in_review.value,
                **held_back,
            ),
            "committing the edit",
        )

    def discard(self, edit: str) -> None:
        """Delete the edit, if that works; Play forgets it anyway as soon as the next one is opened."""
        with suppress(EdgeError):
            self.client.send(
                lambda play: play.edits().delete(packageName=self.package, editId=edit),
                "deleting the edit",
                self.clearance,
            )

    def reviews(self) -> Reviews:
        """Where the releases of the track stand in review; no edit is needed.

        The internal track has two names, and which of them this request knows is open (section 11 h).
        """
        try:
            return self._reviews_of(self.track)
        except Refused as no:
            other = _INTERNAL.get(self.track)
            if other is None or no.said is not Said.NO_SUCH_TRACK:
                raise
        return self._reviews_of(other)

    def _reviews_of(self, track: str) -> Reviews:
        parent = f"applications/{self.package}/tracks/{track}"
        return summaries(
            self._object(
                lambda play: play.applications().tracks().releases().list(parent=parent),
                "reading the review state",
            )
        )

    @contextmanager
    def discarded_on_failure(self, edit: str) -> Iterator[None]:
        """Delete the edit when Play fails us inside. Not when a halt took over, which must find us silent;
        nor when the edit is gone already, for Play has been seen giving the same id out again."""
        try:
            yield
        except Conflict:
            raise
        except EdgeError:
            self.discard(edit)
            raise

    def _object(self, ask: Ask, doing: str) -> dict[str, Any]:
        reply = self.client.send(ask, doing, self.clearance)
        if not isinstance(reply, dict):
            raise Faulty(SERVICE, doing, "the answer cannot be read", status=200)
        return reply


def same_track(name: str, other: str) -> bool:
    """Whether both name one track: the internal one has two names (google-play.md section 3)."""
    return name == other or {name, other} == {"internal", "qa"}


def no_such_track(track: str, there_are: Iterable[str]) -> str:
    """What is wrong, and what would be right."""
    return f"there is no track {track!r}; the package has {', '.join(sorted(there_are)) or 'none at all'}"


def _is_track(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("track"), str)
