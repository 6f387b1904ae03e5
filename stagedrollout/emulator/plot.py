"""The story's events put into the timeline: who releases what, when it turns bad, who acts, what fails."""

from __future__ import annotations

from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.console import Console
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.faults import Fault, Faults, outage_fault
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.play_console import PlayConsole
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.scenario import (
    APP_STORE,
    AppStory,
    Chapter,
    Outage,
    PlannedAct,
    ReleaseStory,
    Scenario,
)


class Plot:
    """`outages`: those that are under way."""

    def __init__(self, scenario: Scenario, timeline: Timeline, ledger: Ledger, faults: Faults) -> None:
        self._scenario = scenario
        self._timeline = timeline
        self._ledger = ledger
        self._faults = faults
        self.outages: list[Outage] = []

    def lay_out(self, play: PlayStore, by_hand: PlayConsole, app_store: AppStoreStore) -> None:
        """Plan what the team does with its releases, and when they turn bad."""
        for story in self._scenario.apps:
            for release in story.releases:
                if story.store == APP_STORE:
                    self._submit(app_store, story, release)
                else:
                    self._roll_out(play, by_hand, story, release)
                self._plan_onset(story, release)
                self._plan_stars_onset(story, release)

    def disturb(self, console: Console) -> None:
        """Plan outages, and what people do in the consoles."""
        for outage in self._scenario.outages:
            self._plan_outage(outage)
        for planned in self._scenario.people:
            self._plan_act(console, planned)
        for chapter in self._scenario.chapters:
            self._plan_chapter(chapter)

    def _roll_out(
        self, play: PlayStore, by_hand: PlayConsole, story: AppStory, release: ReleaseStory
    ) -> None:
        app, rolled_out = play.app(story.package), release.rolled_out
        if app is not None and rolled_out is not None:
            at = self._scenario.start + rolled_out.at
            self._timeline.at(at, lambda: by_hand.roll_out(app, release))

    def _submit(self, app_store: AppStoreStore, story: AppStory, release: ReleaseStory) -> None:
        app, submitted = app_store.app(story.app_id), release.submitted
        if app is not None and submitted is not None:
            at = self._scenario.start + submitted.at
            self._timeline.at(at, lambda: app_store.submit(app, release, submitted))

    def _plan_onset(self, story: AppStory, release: ReleaseStory) -> None:
        onset = release.onset
        if onset is None:
            return
        facts = {"app": story.name, "store": story.store, "release": release.version}
        crash_free = onset.crash_free_ppm / 10_000
        at = self._scenario.start + onset.at
        self._timeline.at(at, lambda: self._ledger.add("onset", **facts, crash_free=crash_free))

    def _plan_stars_onset(self, story: AppStory, release: ReleaseStory) -> None:
        onset = release.stars_onset
        if onset is None:
            return
        facts = {"app": story.name, "store": story.store, "release": release.version}
        at, stars = self._scenario.start + onset.at, onset.stars
        self._timeline.at(at, lambda: self._ledger.add("stars_onset", **facts, stars=stars))

    def _plan_chapter(self, chapter: Chapter) -> None:
        at = self._scenario.start + chapter.at
        self._timeline.at(at, lambda: self._ledger.add("chapter", text=chapter.text))

    def _plan_outage(self, outage: Outage) -> None:
        start = self._scenario.start

        def begin() -> None:
            self.outages.append(outage)
            self._ledger.add("outage", service=outage.service, kind=outage.kind, begins=True)
            fault = self._faults.add(outage_fault(outage.service, outage.kind), self._timeline.now)
            if outage.ends is not None:
                self._timeline.at(start + outage.ends, lambda: end(fault))

        def end(fault: Fault) -> None:
            self.outages.remove(outage)
            self._faults.remove(fault)
            self._ledger.add("outage", service=outage.service, kind=outage.kind, begins=False)

        self._timeline.at(start + outage.begins, begin)

    def _plan_act(self, console: Console, planned: PlannedAct) -> None:
        act = planned.act

        def play() -> None:
            try:
                console.act(act)
            except CannotAct as cannot:
                facts = {"app": act.app, "store": act.store, "act": act.act}
                self._ledger.add("console", **facts, refused=str(cannot))

        self._timeline.at(self._scenario.start + planned.at, play)
