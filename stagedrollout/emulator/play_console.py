"""People who do not use Play's API: in the Play Console, and the team's CI that starts a rollout.

What they do is a fact. It ends every open edit (google-play.md 5.2) and is never checked against what
the daemon planned.
"""

from __future__ import annotations

from stagedrollout.emulator.author import Author
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.play_edits import Edits
from stagedrollout.emulator.play_errors import PlayError
from stagedrollout.emulator.play_merge import merged
from stagedrollout.emulator.play_releases import (
    COMPLETED,
    HALTED,
    IN_PROGRESS,
    Raw,
    code_of,
    completed_from,
    find,
    fraction,
    in_order,
    with_status,
)
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.play_store import Commit, PlayStore
from stagedrollout.emulator.scenario import GOOGLE_PLAY, PPM, Act, ReleaseStory

CONSOLE = Author("console", "console")
CI_ACCOUNT = "ci@acme.example.invalid"


class PlayConsole:
    """Acts on Play's apps by their name in the scenario."""

    def __init__(self, store: PlayStore, edits: Edits, ledger: Ledger) -> None:
        self._store = store
        self._edits = edits
        self._ledger = ledger

    def act(self, act: Act) -> None:
        """Do it. Raises CannotAct, with nothing changed, where the store's state does not allow it."""
        app = self._store.app_named(act.app)
        if app is None:
            raise CannotAct(f"there is no app {act.app!r}")
        facts = {
            "exposure_ppm": act.exposure_ppm,
            "release": act.version,
            "version_code": act.code,
        }
        told = {"store": GOOGLE_PLAY, **{name: value for name, value in facts.items() if value is not None}}
        if act.act in ("publish", "send_for_review", "reject"):
            self._ledger.add("console", app=app.name, act=act.act, **told)
            self._review_act(app, act.act)
        else:
            if act.act in ("new_release", "new_draft"):
                self._upload(app, act)
            after = self._after(app, act)
            self._ledger.add("console", app=app.name, act=act.act, **told)
            self._put(app, after, CONSOLE)
        self._edits.end_all(app.package)

    def roll_out(self, app: PlayApp, release: ReleaseStory) -> None:
        """The team's CI rolls a release out, as its own account of the API."""
        if release.rolled_out is None:
            return
        wanted = _at(self._store.draft(app, release.code), release.rolled_out.exposure_ppm)
        self._put(app, _merged(app, wanted), Author("api", CI_ACCOUNT))
        self._edits.end_all(app.package)

    def _put(self, app: PlayApp, releases: list[Raw], author: Author) -> None:
        self._store.change(app, Commit(app.tracks[app.main_track], releases, author))

    def _review_act(self, app: PlayApp, act: str) -> None:
        if act == "reject":
            if not app.in_review:
                raise CannotAct("nothing is in review")
            self._store.end_review(app, approved=False)
        elif act == "publish":
            if not self._store.publish(app):
                raise CannotAct("nothing is approved and waiting to be published")
        elif not self._store.send_for_review(app):
            raise CannotAct("nothing waits to be sent for review")

    def _upload(self, app: PlayApp, act: Act) -> None:
        if act.code is None or act.version is None or act.crash_free_ppm is None:
            raise CannotAct("a new release needs version, code, percent and crash_free")
        if act.code in app.known_codes:
            raise CannotAct(f"version code {act.code} is already used")
        self._store.know(app, act.code, act.version)
        self._store.crowd(app).know(act.code, act.version, act.crash_free_ppm)

    def _after(self, app: PlayApp, act: Act) -> list[Raw]:
        """The track as the act leaves it. A draft lies beside what is there; everything else takes its place."""
        if act.act == "new_draft" and act.code is not None:
            return [self._store.draft(app, act.code), *app.tracks[app.main_track].releases]
        return _merged(app, self._wanted(app, act))

    def _wanted(self, app: PlayApp, act: Act) -> Raw:
        releases = app.tracks[app.main_track].releases
        if act.act == "roll_out" and act.code not in app.known_codes:
            raise CannotAct(f"no release with version code {act.code} was ever uploaded")
        if act.act == "roll_out" and act.code in [code_of(one) for one in with_status(releases, COMPLETED)]:
            raise CannotAct("a fully rolled out release cannot be staged")
        if act.act in ("new_release", "roll_out") and act.code is not None:
            return _at(find(releases, act.code) or self._store.draft(app, act.code), act.exposure_ppm)
        if act.act == "halt":
            running = with_status(releases, IN_PROGRESS) or with_status(releases, COMPLETED)
            return in_order({**_one(running, "running"), "status": HALTED})
        if act.act == "resume":
            return _at(_one(with_status(releases, HALTED), "halted"), act.exposure_ppm)
        staged = _one(with_status(releases, IN_PROGRESS), "staged")
        return completed_from(staged) if act.act == "complete" else _at(staged, act.exposure_ppm)


def _one(releases: list[Raw], what: str) -> Raw:
    if not releases:
        raise CannotAct(f"there is no {what} release")
    return releases[0]


def _at(release: Raw, exposure_ppm: int | None) -> Raw:
    if not exposure_ppm:
        raise CannotAct("it needs a percent above 0")
    if exposure_ppm == PPM:
        return completed_from(release)
    return in_order({**release, "status": IN_PROGRESS, "userFraction": fraction(exposure_ppm)})


def _merged(app: PlayApp, wanted: Raw) -> list[Raw]:
    track = app.tracks[app.main_track]
    try:
        return merged(track.releases, [wanted], track.history)
    except PlayError:
        raise CannotAct("nothing would be left to serve") from None
