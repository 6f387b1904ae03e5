"""The store behind Play's API: carries out changes, runs reviews, and tells the ledger and the crowd.

The API, the team's CI and people in the console all change a track through `change`; they differ only
in what they may ask for, which is checked before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from stagedrollout.emulator.author import BY_STORE, START, Author
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.play_releases import (
    COMPLETED,
    DRAFT,
    HALTED,
    Raw,
    code_of,
    exposure_of,
    find,
)
from stagedrollout.emulator.play_state import (
    APPROVED,
    DRAFT_STATE,
    IN_REVIEW,
    NOT_APPROVED,
    NOT_SENT,
    PUBLISHED,
    USUAL_TRACKS,
    WAITING,
    PlayApp,
    Served,
    Track,
    review_word,
)
from stagedrollout.emulator.population import Crowd
from stagedrollout.emulator.scenario import GOOGLE_PLAY, AppStory
from stagedrollout.emulator.switches import Switches

STORE = GOOGLE_PLAY

LAG_MOST = timedelta(minutes=10)
"""For so long a stale reading may show a track as it was before its last change."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a track: its new releases, by whom, and whether it was kept out of review or cancels one."""

    track: Track
    releases: list[Raw]
    author: Author
    unsent: bool = False
    cancels_review: bool = False


class PlayStore:
    """All apps on Play. `switches` is asked each time, since a switch may be turned during a run."""

    def __init__(self, timeline: Timeline, ledger: Ledger, switches: Callable[[], Switches]) -> None:
        self._timeline = timeline
        self._ledger = ledger
        self.switches = switches
        self._apps: dict[str, PlayApp] = {}
        self._crowds: dict[str, Crowd] = {}

    def open(self, story: AppStory, crowd: Crowd) -> PlayApp:
        """Put an app into the store as it stands when the story begins."""
        tracks = {name: Track(name) for name in (*USUAL_TRACKS, story.track)}
        app = PlayApp(story.name, story.package, story.review, tracks, story.track)
        self._apps[story.package] = app
        self._crowds[story.package] = crowd
        track = tracks[story.track]
        for release in story.releases:
            self.know(app, release.code, release.version)
            if release.rolled_out:
                app.review_times[release.code] = release.rolled_out.review
        first, *rest = story.releases
        drafts = [self.draft(app, release.code) for release in rest if release.rolled_out is None]
        base = {**self.draft(app, first.code), "status": COMPLETED}
        app.approved.add(first.code)
        track.releases = [*reversed(drafts), base]
        track.previous = track.releases
        for draft in drafts:
            app.review[code_of(draft)] = DRAFT_STATE
        self.refresh(app, track, START)
        return app

    def know(self, app: PlayApp, code: int, version: str) -> None:
        """A bundle with this version code was uploaded."""
        app.names[code] = version

    def draft(self, app: PlayApp, code: int) -> Raw:
        notes = [{"language": "en-US", "text": "Fixes and improvements."}]
        return {"name": app.names[code], "versionCodes": [str(code)], "status": DRAFT, "releaseNotes": notes}

    def app(self, package: str) -> PlayApp | None:
        return self._apps.get(package)

    def app_named(self, name: str) -> PlayApp | None:
        return next((app for app in self._apps.values() if app.name == name), None)

    @property
    def apps(self) -> tuple[PlayApp, ...]:
        return tuple(self._apps.values())

    def crowd(self, app: PlayApp) -> Crowd:
        return self._crowds[app.package]

    def old(self, track: Track) -> list[Raw]:
        """As a reading shows the track that lags behind, which is a matter of minutes."""
        changed = track.changed_at
        lags = changed is not None and self._timeline.now - changed < LAG_MOST
        return track.previous if lags else track.releases

    def change(self, app: PlayApp, commit: Commit) -> None:
        """Make `commit` the desired state, send for review what needs it, serve what does not."""
        track, author = commit.track, commit.author
        before, track.previous, track.changed_at = track.releases, track.releases, self._timeline.now
        if commit.releases != before:
            was = track.view(self.switches())
            track.releases = commit.releases
            self._tell_track(app, track, was, author)
        changed = [release for release in track.releases if find(before, code_of(release)) != release]
        self._sort_for_review(app, commit, before, changed)
        self.refresh(app, track, author)

    def restart_review(self, app: PlayApp) -> None:
        """Cancel what is in review and submit it again: it starts from the beginning."""
        if app.in_review:
            app.round += 1
            this = app.round
            self._timeline.at(self._timeline.now + app.review_lasts, lambda: self._reviewed(app, this))

    def end_review(self, app: PlayApp, *, approved: bool) -> None:
        """The reviewers decide now on everything that is in review."""
        app.round += 1
        codes = app.in_review
        word = (APPROVED if self.switches().managed_publishing else PUBLISHED) if approved else NOT_APPROVED
        app.rejected = app.rejected or (bool(codes) and not approved)
        for code in codes:
            self._set_review(app, code, word)
        self._publish_approved(app, codes if word == PUBLISHED else ())

    def publish(self, app: PlayApp) -> bool:
        """A person publishes what managed publishing held back; False where there was nothing."""
        codes = tuple(code for code, word in app.review.items() if word == APPROVED)
        for code in codes:
            self._set_review(app, code, PUBLISHED)
        self._publish_approved(app, codes)
        return bool(codes)

    def send_for_review(self, app: PlayApp) -> bool:
        """A person sends what was kept out of review; False where there was nothing."""
        codes = [code for code, word in app.review.items() if word in (NOT_SENT, NOT_APPROVED)]
        for code in codes:
            self._set_review(app, code, IN_REVIEW)
        if codes:
            app.rejected = False
            self.restart_review(app)
            self._refresh_all(app, Author("console", "console"))
        return bool(codes)

    def _reviewed(self, app: PlayApp, this: int) -> None:
        if this == app.round:
            self.end_review(app, approved=True)

    def _publish_approved(self, app: PlayApp, codes: tuple[int, ...]) -> None:
        app.approved.update(codes)
        self._refresh_all(app, BY_STORE)

    def _refresh_all(self, app: PlayApp, author: Author) -> None:
        for track in app.tracks.values():
            self.refresh(app, track, author)

    def _sort_for_review(self, app: PlayApp, commit: Commit, before: list[Raw], changed: list[Raw]) -> None:
        newly = False
        for release in changed:
            code = code_of(release)
            if release["status"] == DRAFT:
                app.review[code] = DRAFT_STATE
            elif release["status"] == HALTED and code not in app.approved:
                app.review.pop(code, None)
            elif commit.unsent and self._kept_out(app, release):
                self._set_review(app, code, NOT_SENT)
            elif self._needs_review(app, commit, find(before, code), release):
                self._set_review(app, code, IN_REVIEW)
                newly = True
            elif app.review.get(code) in WAITING:
                self._set_review(app, code, PUBLISHED)
        self._hold_with_their_halts(app, before, changed)
        for code in [code for code in app.review if app.track_of(code) is None]:
            del app.review[code]
        if newly or commit.author.cause == "api":
            self.restart_review(app)

    def _hold_with_their_halts(self, app: PlayApp, before: list[Raw], changed: list[Raw]) -> None:
        """What Play itself brings back to serve instead of a halted release waits for what the halt waits for: the two
        are one change."""
        halts = [code_of(one) for one in changed if one["status"] == HALTED and code_of(one) in app.approved]
        for release in changed:
            code = code_of(release)
            back = release["status"] == COMPLETED and code in app.approved and find(before, code) is None
            if back and halts:
                self._set_review(app, code, app.review.get(max(halts), PUBLISHED))

    def _kept_out(self, app: PlayApp, release: Raw) -> bool:
        takes_effect = self.switches().unsent_halt_takes_effect
        return not (takes_effect and release["status"] == HALTED and code_of(release) in app.approved)

    def _needs_review(self, app: PlayApp, commit: Commit, before: Raw | None, release: Raw) -> bool:
        if code_of(release) not in app.approved:
            return True
        if before is None or (before["status"], exposure_of(before)) == (
            release["status"],
            exposure_of(release),
        ):
            return False
        switches = self.switches()
        if release["status"] != HALTED:
            return switches.raises_in_review
        behind = commit.cancels_review and switches.halt_waits_for_cancelled_review
        return switches.halts_in_review or behind

    def _set_review(self, app: PlayApp, code: int, word: str) -> None:
        if app.review.get(code) != word:
            app.review[code] = word
            self._ledger.add("review", app=app.name, version_code=code, state=word)

    def refresh(self, app: PlayApp, track: Track, author: Author) -> None:
        """Let what people get follow what was asked for, as far as review allows."""
        wanted = {code_of(release): release for release in track.releases}
        waiting = {code for code in wanted if app.review.get(code) in WAITING}
        for code, release in wanted.items():
            held_by_newer = code not in track.live and any(new > code for new in waiting)
            if code in app.approved and code not in waiting and not held_by_newer:
                track.live[code] = (release["status"], exposure_of(release))
                if release["status"] == COMPLETED:
                    track.remember_completed(release)
        for code in [code for code in track.live if code not in wanted]:
            if not any(new > code for new in waiting):
                del track.live[code]
        for code in sorted({*wanted, *track.told}):
            self._tell_served(app, track, code, author)

    def _tell_served(self, app: PlayApp, track: Track, code: int, author: Author) -> None:
        release = find(track.releases, code)
        before = track.told.get(code)
        now = self._served(app, track, code, release)
        if now is None or now == before:
            return
        track.told[code] = now
        if author is START and now.status == COMPLETED:
            self._crowds[app.package].everyone_has(code)
        elif before is None or before.exposure_ppm != now.exposure_ppm:
            offered = now.exposure_ppm or None
            self._crowds[app.package].offer(code, self._timeline.now.timestamp(), offered)
        self._ledger.add(
            "served",
            app=app.name,
            store=STORE,
            package=app.package,
            track=track.name,
            release=app.names[code],
            version_code=code,
            release_id=str(code),
            status=now.status,
            exposure_ppm=now.exposure_ppm,
            review=now.review,
            cause=author.cause,
            request=author.request,
        )

    def _served(self, app: PlayApp, track: Track, code: int, release: Raw | None) -> Served | None:
        review = (review_word(app, release) if release else None) or "NOT_LISTED"
        if code in track.live:
            status, exposure = track.live[code]
            return Served(status, exposure, review)
        if release is not None:
            return Served(release["status"], 0, review)
        return Served("replaced", 0, review)

    def _tell_track(self, app: PlayApp, track: Track, was: list[Raw], author: Author) -> None:
        self._ledger.add(
            "track",
            app=app.name,
            store=STORE,
            package=app.package,
            track=track.name,
            before=was,
            after=track.view(self.switches()),
            cause="console" if author.cause == "console" else "api",
            account=author.account,
            request=author.request,
        )
