"""The Google Play publisher API v3: what the fact sheet's section 3 lists for edits and tracks, and reviews.

How PATCH merges the arrays of a track is not documented: that is a switch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.author import Author
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.credentials import PUBLISHER_SCOPE, Credentials
from stagedrollout.emulator.play_edits import Edit, Edits, EditState
from stagedrollout.emulator.play_merge import merged
from stagedrollout.emulator.play_releases import DRAFT, HALTED, OUTPUT_ONLY, Raw, code_of, find, shown, staged
from stagedrollout.emulator.play_reviews import PlayReviews
from stagedrollout.emulator.play_rights import check_looking, check_releasing
from stagedrollout.emulator.play_rules import INTERNAL_TRACKS, Wish, check, read_wish, settle_fields
from stagedrollout.emulator.play_state import PlayApp, Track, review_word
from stagedrollout.emulator.play_store import Commit, PlayStore
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

PREFIX = "/androidpublisher/v3/applications/"
LIFECYCLE = "RELEASE_LIFECYCLE_STATE_"
RELEASES_LISTED = 20

_REVIEW_CHOICES = ("CHANGES_IN_REVIEW_BEHAVIOR_TYPE_UNSPECIFIED", "CANCEL_IN_REVIEW_AND_SUBMIT")
_ERROR_IF_IN_REVIEW = "ERROR_IF_IN_REVIEW"

_OPERATIONS = {
    ("POST", 1, ""): "edits.insert",
    ("GET", 2, ""): "edits.get",
    ("DELETE", 2, ""): "edits.delete",
    ("POST", 2, "validate"): "edits.validate",
    ("POST", 2, "commit"): "edits.commit",
    ("GET", 3, "tracks"): "tracks.list",
    ("GET", 4, "tracks"): "tracks.get",
    ("PUT", 4, "tracks"): "tracks.update",
    ("PATCH", 4, "tracks"): "tracks.patch",
    ("GET", 3, "bundles"): "bundles.list",
}
_REVIEW_OPERATIONS = {1: "reviews.list", 2: "reviews.get"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call on one app: by whom, in which edit, about which track or review."""

    call: Call
    app: PlayApp
    account: str
    edit: str
    track: str
    review: str
    called: str
    """The track by the name it was asked for."""


class Play:
    """Answers requests under PREFIX."""

    name = "google_play"
    prefix = PREFIX
    writes = frozenset({"edits.insert", "edits.commit", "edits.delete", "tracks.update", "tracks.patch"})

    def __init__(
        self,
        store: PlayStore,
        edits: Edits,
        timeline: Timeline,
        credentials: Credentials,
        reviews: PlayReviews,
    ) -> None:
        self._reviews = reviews
        self._store = store
        self._edits = edits
        self._timeline = timeline
        self._credentials = credentials
        self._answers: dict[str, Callable[[_Asked], Reply]] = {
            "edits.insert": self._insert,
            "edits.get": self._get,
            "edits.delete": self._delete,
            "edits.validate": self._validate,
            "edits.commit": self._commit,
            "tracks.list": self._tracks,
            "tracks.get": self._track,
            "tracks.update": self._update,
            "tracks.patch": self._update,
            "bundles.list": self._bundles,
            "releases.list": self._releases,
            "reviews.list": lambda asked: self._reviews.page(asked.app.package, asked.call.request),
            "reviews.get": lambda asked: self._reviews.get(asked.app.package, asked.review),
        }

    def operation(self, method: str, path: str) -> str:
        _, parts, verb = _parts(path)
        if parts[:1] == ["tracks"] and len(parts) == 3 and parts[2] == "releases" and method == "GET":
            return "releases.list"
        if parts[:1] == ["reviews"] and method == "GET" and not verb:
            return _REVIEW_OPERATIONS.get(len(parts), "unknown")
        if parts[:1] != ["edits"]:
            return "unknown"
        kind = verb if len(parts) < 3 else parts[2]
        return _OPERATIONS.get((method, len(parts), kind), "unknown")

    def refusal(self, kind: str, status: int) -> Reply:
        return no.refused(kind, status)

    def answer(self, call: Call) -> Reply:
        try:
            return self._answers.get(call.operation, _unknown)(self._asked(call))
        except no.PlayError as refused:
            reply = refused.reply()
            applied = False if call.operation in self.writes else None
            return Reply(reply.status, reply.document, applied=applied)

    def _asked(self, call: Call) -> _Asked:
        holder = self._credentials.holder_of(call.request.bearer)
        if holder is None:
            raise no.unauthenticated()
        if PUBLISHER_SCOPE not in holder.scopes:
            raise no.insufficient_scope()
        package, parts, _ = _parts(call.request.path)
        app = self._store.app(package)
        if app is None:
            raise no.package_not_found(package)
        in_edit = parts[:1] == ["edits"]
        track = (parts[3] if len(parts) > 3 else "") if in_edit else parts[1] if len(parts) > 1 else ""
        edit = parts[1] if in_edit and len(parts) > 1 else ""
        review = parts[1] if parts[:1] == ["reviews"] and len(parts) > 1 else ""
        check_looking(call.operation, self._store.switches())
        named = "internal" if track == "qa" else track
        return _Asked(call, app, holder.account, edit, named, review, called=track)

    def _open(self, asked: _Asked) -> Edit:
        """The edit, unless somebody changes something in the console just now, or its time is over just now."""
        if asked.call.trouble == "edit_invalidated":
            self._edits.end_all(asked.app.package)
        if asked.call.trouble == "edit_expired":
            raise no.edit_expired()
        return self._edits.open(
            asked.app,
            asked.edit,
            asked.account,
            now=self._timeline.now,
            switches=self._store.switches(),
        )

    def _known_track(self, asked: _Asked) -> Track:
        if asked.track == "rollout":
            raise no.rollout_track()
        if asked.track not in asked.app.tracks:
            raise no.track_not_found()
        return asked.app.tracks[asked.track]

    def _insert(self, asked: _Asked) -> Reply:
        edit = self._edits.insert(asked.app, asked.account, self._timeline.now, self._store.switches())
        return Reply(document=edit.document(), applied=True)

    def _get(self, asked: _Asked) -> Reply:
        return Reply(document=self._open(asked).document())

    def _delete(self, asked: _Asked) -> Reply:
        self._open(asked).state = EditState.DELETED
        return Reply(204, applied=True)

    def _validate(self, asked: _Asked) -> Reply:
        edit = self._open(asked)
        check_releasing("validate", edit.written, self._store.switches())
        self._check_draft_app(edit)
        if asked.app.rejected:
            raise no.not_sent_automatically()
        return Reply(document=edit.document())

    def _tracks(self, asked: _Asked) -> Reply:
        edit = self._open(asked)
        tracks = [self._shown_track(asked, track, edit) for track in asked.app.tracks.values()]
        return Reply(document={"kind": "androidpublisher#tracksListResponse", "tracks": tracks})

    def _track(self, asked: _Asked) -> Reply:
        edit = self._open(asked)
        document = self._shown_track(asked, self._known_track(asked), edit)
        if "releases" not in document:
            raise no.track_empty()
        return Reply(document=document)

    def _shown_track(self, asked: _Asked, track: Track, edit: Edit) -> Raw:
        releases = edit.releases(track.name)
        kind = asked.call.trouble
        if kind == "stale_track" and track.name not in edit.written:
            releases = self._store.old(track)
        told = shown(releases, halted_fraction=self._store.switches().halted_fraction_shown)
        if kind == "unknown_status" and told:
            told[0]["status"] = "emulatedNewStatus"
        if kind == "extra_fields":
            told = [{**release, OUTPUT_ONLY: {"since": "2026"}} for release in told]
        return {"track": track.name, **({"releases": told} if told else {})}

    def _bundles(self, asked: _Asked) -> Reply:
        self._open(asked)
        bundles = [{"versionCode": code, "sha1": "", "sha256": ""} for code in sorted(asked.app.known_codes)]
        return Reply(document={"kind": "androidpublisher#bundlesListResponse", "bundles": bundles})

    def _releases(self, asked: _Asked) -> Reply:
        track, switches = self._known_track(asked), self._store.switches()
        if asked.called in INTERNAL_TRACKS and switches.internal_track_listed_as not in (
            "either",
            asked.called,
        ):
            raise no.track_not_found()
        odd = asked.call.trouble == "unknown_status"
        listed = []
        for release in track.releases[:RELEASES_LISTED]:
            if release["status"] == HALTED and not staged(release) and not switches.halted_completed_listed:
                continue
            word = "EMULATED_NEW_STATE" if odd else review_word(asked.app, release)
            if word is not None:
                codes = [{"versionCode": int(code)} for code in release["versionCodes"]]
                summary = {"releaseName": release["name"], "track": track.name, "activeArtifacts": codes}
                listed.append({**summary, "releaseLifecycleState": LIFECYCLE + word})
        return Reply(document={"releases": listed} if listed else {})

    def _update(self, asked: _Asked) -> Reply:
        edit, track = self._open(asked), self._known_track(asked)
        try:
            body = asked.call.request.json()
        except ValueError:
            raise no.invalid("Invalid JSON payload received.") from None
        if isinstance(body, dict) and body.get("track") == "qa":
            body = {**body, "track": "internal"}
        wish = Wish(
            track=track.name,
            current=edit.base[track.name],
            wanted=self._whole(asked, read_wish(body, track.name), edit.releases(track.name)),
            known_codes=asked.app.known_codes,
            served_before=track.served_before,
            switches=self._store.switches(),
        )
        check_releasing("write", [track.name], self._store.switches())
        if not wish.wanted:
            return Reply(applied=False)
        check(wish)
        edit.written[track.name] = settle_fields(wish, asked.app.names)
        return Reply(document={"track": track.name, "releases": self._told(edit, track)}, applied=True)

    def _whole(self, asked: _Asked, sent: list[Raw], current: list[Raw]) -> list[Raw]:
        """All releases that are wanted: what was sent, unless PATCH takes that for changes only."""
        if asked.call.operation == "tracks.update" or self._store.switches().patch_arrays == "replaced":
            return sent
        return [*sent, *(one for one in current if find(sent, code_of(one)) is None)]

    def _told(self, edit: Edit, track: Track) -> list[Raw]:
        return shown(edit.releases(track.name), halted_fraction=self._store.switches().halted_fraction_shown)

    def _check_draft_app(self, edit: Edit) -> None:
        written = [release for releases in edit.written.values() for release in releases]
        if self._store.switches().draft_app and any(release["status"] != DRAFT for release in written):
            raise no.draft_app()

    def _commit(self, asked: _Asked) -> Reply:
        edit, app = self._open(asked), asked.app
        unsent = _flag(asked.call.request.first("changesNotSentForReview"))
        check_releasing("commit", edit.written, self._store.switches())
        self._check_draft_app(edit)
        if app.rejected and not unsent:
            raise no.not_sent_automatically()
        if unsent and not app.rejected:
            raise no.flag_not_needed()
        behaviour = asked.call.request.first("changesInReviewBehavior") or _REVIEW_CHOICES[0]
        if behaviour not in (*_REVIEW_CHOICES, _ERROR_IF_IN_REVIEW):
            raise no.invalid("Invalid value at 'changes_in_review_behavior'.")
        if behaviour == _ERROR_IF_IN_REVIEW and app.in_review:
            raise no.already_in_review()
        after = {
            name: merged(edit.base[name], copy.deepcopy(wanted), app.tracks[name].history)
            for name, wanted in edit.written.items()
        }
        author = Author("api", asked.account, asked.call.seq)
        edit.state = EditState.COMMITTED
        self._edits.end_all(app.package)
        cancels = bool(app.in_review)
        for name, releases in after.items():
            change = Commit(app.tracks[name], releases, author, unsent=unsent, cancels_review=cancels)
            self._store.change(app, change)
        if not after:
            self._store.restart_review(app)
        return Reply(document=edit.document(), applied=True)


def _flag(value: str | None) -> bool:
    if value not in (None, "true", "false"):
        raise no.invalid("Invalid value at 'changes_not_sent_for_review' (TYPE_BOOL).")
    return value == "true"


def _unknown(_: _Asked) -> Reply:
    return Reply(404, text="<html><title>Error 404 (Not Found)!!1</title></html>")


def _parts(path: str) -> tuple[str, list[str], str]:
    """Package, the segments after it, and the ":verb" of the last one."""
    raw = path.removeprefix(PREFIX).split("/")
    raw[-1], _, verb = raw[-1].partition(":")
    package, *rest = [unquote(part) for part in raw]
    return package, rest, verb
