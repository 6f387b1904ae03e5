"""The phased releases, walked by Apple's own clock (app-store-connect.md sections 6 and 7).

After 24 hours of active time the next day begins; a pause keeps the part of the day that has passed. After
the seventh day the release is complete. What happens after 30 days of pauses is a switch.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from stagedrollout.emulator.appstore_state import (
    ACTIVE,
    COMPLETE,
    DAY,
    INACTIVE,
    LAST_DAY,
    PAUSE_BUDGET,
    PAUSED,
    AppStoreApp,
    Phased,
    Version,
)
from stagedrollout.emulator.appstore_truth import Truth, view
from stagedrollout.emulator.author import Author
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.switches import Switches

BY_APPLE = Author("apple", "apple")
Step = Callable[[AppStoreApp, Version], None]


class Ramp:
    """`switches` is asked each time, since one may be turned during a run."""

    def __init__(self, timeline: Timeline, truth: Truth, switches: Callable[[], Switches]) -> None:
        self._timeline = timeline
        self._truth = truth
        self._switches = switches

    def plan(self, app: AppStoreApp, version: Version, phased: Phased, author: Author) -> None:
        """Plan a phased release for a version that is not out yet."""
        before = view(version)
        version.phased = phased
        phased.start = self._timeline.now if self._switches().start_date_while_inactive else None
        self._truth.phased(app, version, before, author)

    def drop(self, app: AppStoreApp, version: Version, author: Author) -> None:
        """The phased release is gone; a version that is out then reaches everyone."""
        before = view(version)
        version.phased = None
        self._truth.phased(app, version, before, author)
        self._truth.served(app, version, author)

    def begin(self, app: AppStoreApp, version: Version) -> None:
        """The version is out: its first day begins."""
        phased = version.phased
        if phased is not None and phased.state == INACTIVE:
            phased.start, phased.day = self._timeline.now, 1
            phased.turn(ACTIVE, self._timeline.now)
            self._plan_tick(app, version, phased)

    def end(self, version: Version) -> None:
        """The version was replaced: its phased release is complete on the day it had reached."""
        phased = version.phased
        if phased is not None and phased.state != COMPLETE:
            phased.turn(COMPLETE, self._timeline.now)

    def freeze(self, version: Version) -> None:
        """The app was removed from sale: nothing moves this phased release any more."""
        phased = version.phased
        if phased is not None and phased.state in (ACTIVE, PAUSED):
            phased.turn(phased.state, self._timeline.now)
            phased.frozen = True

    def turn(self, app: AppStoreApp, version: Version, state: str, author: Author) -> None:
        """Pause, resume or complete the phased release, if there is one."""
        phased = version.phased
        if phased is None:
            return
        before = view(version)
        phased.turn(state, self._timeline.now)
        self._plan_tick(app, version, phased)
        self._truth.phased(app, version, before, author)
        self._truth.served(app, version, author)

    def _plan_tick(self, app: AppStoreApp, version: Version, phased: Phased) -> None:
        """Plan what Apple does next by itself, as long as nobody begins another stretch before."""
        now = self._timeline.now
        if phased.state == ACTIVE:
            due, step = now + DAY - phased.elapsed, self._step
        elif phased.state == PAUSED:
            due, step = now + PAUSE_BUDGET - phased.paused, self._used_up
        else:
            return
        this = phased.round
        self._timeline.at(due, lambda: self._in_round(app, version, this, step))

    def _in_round(self, app: AppStoreApp, version: Version, this: int, step: Step) -> None:
        if version.phased is not None and version.phased.round == this:
            step(app, version)

    def _step(self, app: AppStoreApp, version: Version) -> None:
        """A day of active time is over."""
        phased = version.phased
        if phased is None:
            return
        last = phased.day >= LAST_DAY + self._switches().day_8_shown
        self._go_on(app, version, phased, 0 if last else 1)

    def _go_on(self, app: AppStoreApp, version: Version, phased: Phased, days: int) -> None:
        """Apple counts so many days more, and with none more it is complete."""
        before = view(version)
        phased.turn(ACTIVE if days else COMPLETE, self._timeline.now)
        phased.elapsed = timedelta(0)
        phased.day += days
        self._plan_tick(app, version, phased)
        self._truth.phased(app, version, before, BY_APPLE)
        self._truth.served(app, version, BY_APPLE)

    def step_now(self, app: AppStoreApp, version: Version, days: int) -> None:
        """The hour of Apple's step is now, if it may step at all; the day counter may go on by more than one."""
        phased = version.phased
        if phased is None or phased.state != ACTIVE or phased.frozen or phased.day + days > LAST_DAY:
            return
        self._go_on(app, version, phased, days)

    def step_on(self, app: AppStoreApp, version: Version) -> None:
        """It is paused, and the day goes on all the same: Apple had chosen that day's people before."""
        phased = version.phased
        if phased is None or phased.state != PAUSED or phased.day >= LAST_DAY:
            return
        before = view(version)
        phased.day += 1
        self._truth.phased(app, version, before, BY_APPLE)
        self._truth.served(app, version, BY_APPLE)

    def _used_up(self, app: AppStoreApp, version: Version) -> None:
        """Reports of what happens now disagree: released to everyone, or nothing."""
        if self._switches().pause_days_used_up == "released":
            self.turn(app, version, COMPLETE, BY_APPLE)
