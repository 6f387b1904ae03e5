"""The store behind App Store Connect: versions from submission to everyone's devices.

Whoever changes something (the API, people, Apple) comes through here or through the ramp; what they may ask
for is checked before.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta

from stagedrollout.emulator.appstore_ramp import Ramp
from stagedrollout.emulator.appstore_state import (
    IN_REVIEW,
    LIVE,
    PENDING,
    PROCESSING,
    REPLACED,
    WAITING,
    AppStoreApp,
    Phased,
    Version,
)
from stagedrollout.emulator.appstore_territories import TERRITORY_CODES
from stagedrollout.emulator.appstore_truth import Truth, view
from stagedrollout.emulator.author import BY_STORE, START, Author
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.draws import source
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.population import Crowd
from stagedrollout.emulator.scenario import APP_STORE, AppStory, ReleaseStory, Submitted
from stagedrollout.emulator.switches import Switches

BY_TEAM = Author("api", "ci")
"""The team's CI, which submits versions: it uses the API, but none of the requests that we see."""

BEFORE_STORY = timedelta(days=30)
"""How long ago the version that everybody has was made."""


class AppStoreStore:
    """All apps on the App Store."""

    def __init__(
        self, timeline: Timeline, ledger: Ledger, switches: Callable[[], Switches], *, seed: int
    ) -> None:
        self.timeline = timeline
        self.switches = switches
        self._truth = Truth(timeline, ledger)
        self.ramp = Ramp(timeline, self._truth, switches)
        self._seed = seed
        self._numbers = itertools.count(1)
        self._apps: dict[str, AppStoreApp] = {}

    def open(self, story: AppStory, crowd: Crowd) -> AppStoreApp:
        """Put an app into the store as it stands when the story begins."""
        app = AppStoreApp(
            name=story.name,
            bundle_id=story.package,
            id=story.app_id,
            processing=story.processing,
            manual_share_ppm=story.manual_share_ppm,
        )
        self._apps[app.id] = app
        self._truth.crowds[app.id] = crowd
        first, *rest = story.releases
        oldest = self.add_version(app, first.version, first.code)
        oldest.created -= BEFORE_STORY
        oldest.state = LIVE
        crowd.everyone_has(first.code)
        for release in rest:
            if release.submitted is None:
                self.add_version(app, release.version, release.code)
        for version in reversed(app.versions):
            self._truth.served(app, version, START)
        return app

    def app(self, app_id: str) -> AppStoreApp | None:
        return self._apps.get(app_id)

    def app_named(self, name: str) -> AppStoreApp | None:
        return next((app for app in self._apps.values() if app.name == name), None)

    @property
    def apps(self) -> tuple[AppStoreApp, ...]:
        return tuple(self._apps.values())

    def crowd(self, app: AppStoreApp) -> Crowd:
        return self._truth.crowds[app.id]

    def new_id(self, *name: object) -> str:
        """An id that looks like Apple's and depends on nothing but the seed, its name and its turn."""
        draw = source(self._seed, APP_STORE, *name, next(self._numbers))
        return str(uuid.UUID(int=draw.getrandbits(128), version=4))

    def find_version(self, version_id: str) -> tuple[AppStoreApp, Version] | None:
        """The version with this id, and its app."""
        found = ((app, one) for app in self.apps for one in app.versions)
        return next(((app, one) for app, one in found if one.id == version_id), None)

    def find_phased(self, phased_id: str) -> tuple[AppStoreApp, Version] | None:
        """The version whose phased release has this id, and its app."""
        found = ((app, one) for app in self.apps for one in app.versions)
        return next(((app, one) for app, one in found if one.phased and one.phased.id == phased_id), None)

    def add_version(self, app: AppStoreApp, version: str, code: int) -> Version:
        """A new version with its build, in preparation."""
        added = Version(
            id=self.new_id(app.id, version),
            build_id=self.new_id(app.id, version, "build"),
            version=version,
            code=code,
            created=self.timeline.now,
            processing=app.processing,
            first=not app.versions,
        )
        app.versions.insert(0, added)
        return added

    def plan_phases(self, app: AppStoreApp, version: Version, author: Author) -> Phased:
        """Plan a phased release for a version that is not out yet."""
        phased = Phased(self.new_id(app.id, version.version, "phased"))
        self.ramp.plan(app, version, phased, author)
        return phased

    def submit(self, app: AppStoreApp, release: ReleaseStory, submitted: Submitted) -> None:
        """The team submits a version; the review ends by itself."""
        version = self.add_version(app, release.version, release.code)
        version.release_type = submitted.release_type.upper()
        version.processing = submitted.processing
        version.state = WAITING
        if submitted.phased:
            self.plan_phases(app, version, BY_TEAM)
        self._truth.served(app, version, BY_TEAM)
        now = self.timeline.now
        self.timeline.at(now + submitted.review / 2, lambda: self._move(app, version, IN_REVIEW, BY_STORE))
        self.timeline.at(now + submitted.review, lambda: self._approved(app, version))

    def _approved(self, app: AppStoreApp, version: Version) -> None:
        """The state in which a SCHEDULED version waits is not documented: it waits as PENDING here."""
        now = self.timeline.now
        due = (version.earliest or now) if version.release_type == "SCHEDULED" else now
        if version.release_type == "MANUAL" or due > now:
            self._move(app, version, PENDING, BY_STORE)
        if version.release_type != "MANUAL":
            self.timeline.at(due, lambda: self._released_by_itself(app, version))

    def _released_by_itself(self, app: AppStoreApp, version: Version) -> None:
        if version.state in (IN_REVIEW, PENDING):
            self._process(app, version, BY_TEAM, shown_as=BY_STORE)

    def release(self, app: AppStoreApp, version: Version, author: Author) -> None:
        """Somebody releases an approved version; Apple processes it for a while before people get it."""
        self._process(app, version, author, shown_as=author)

    def _process(self, app: AppStoreApp, version: Version, author: Author, *, shown_as: Author) -> None:
        self._move(app, version, PROCESSING, shown_as)
        due = self.timeline.now + version.processing
        self.timeline.at(due, lambda: self.go_live(app, version, author, shown_as=BY_STORE))

    def go_live(self, app: AppStoreApp, version: Version, author: Author, *, shown_as: Author) -> None:
        """People can get it from now on; what was live is replaced, and its phased release is over.

        `author` released it, `shown_as` is who the ledger says made people get it. An app that was removed
        from sale waits in the state it is in.
        """
        if app.removed:
            version.kept_back = True
            return
        for old in [one for one in app.versions if one.live and one is not version]:
            before = view(old)
            old.state = REPLACED
            self.ramp.end(old)
            self._truth.phased(app, old, before, author)
            self._truth.served(app, old, shown_as)
        before = view(version)
        version.state = LIVE
        self.ramp.begin(app, version)
        self._truth.phased(app, version, before, author)
        self._truth.served(app, version, shown_as)

    def remove_from_sale(self, app: AppStoreApp, author: Author) -> None:
        """No territory sells the app any more: every version of it, and its phased release is over."""
        for code in TERRITORY_CODES:
            self.sell(app, code, author, available=False)

    def sell(self, app: AppStoreApp, code: str, author: Author, *, available: bool) -> bool:
        """One territory sells the app, or no longer does; False where that was so already.

        With the last territory the phased release is over for good; with the first one that sells it again people
        can get what is live, and what waited to become so.
        """
        if available is (code not in app.unsold):
            return False
        if available:
            del app.unsold[code]
        else:
            app.unsold[code] = self.timeline.now
        removed = len(app.unsold) == len(TERRITORY_CODES)
        if removed is not app.removed:
            app.removed = removed
            turn = self._gone if removed else self._back
            turn(app, author)
        return True

    def _gone(self, app: AppStoreApp, author: Author) -> None:
        for version in app.versions:
            self.ramp.freeze(version)
            self._truth.served(app, version, author)

    def _back(self, app: AppStoreApp, author: Author) -> None:
        for version in [one for one in app.versions if one.kept_back]:
            version.kept_back = False
            self.go_live(app, version, author, shown_as=BY_STORE)
        for version in app.versions:
            self._truth.served(app, version, author)

    def _move(self, app: AppStoreApp, version: Version, state: str, author: Author) -> None:
        version.state = state
        self._truth.served(app, version, author)
