"""The App Store's side of the little world: Apple raises by itself, and a request for ACTIVE may land late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from stagedrollout.core.model import (
    Change,
    Outcome,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Settlement,
    Store,
    StoreRelease,
    StoreState,
    Unread,
    Verb,
)
from stagedrollout.core.phasing import AppStoreTerms, Pacing, share_on
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import RELEASE, policy
from tests.core.world import Reply, World

APPLE_KEY = RolloutKey("shop", Store.APP_STORE, RELEASE.id)
PAUSED = ReleaseStatus.PAUSED
ACTIVE = ReleaseStatus.IN_PROGRESS
DAY = timedelta(hours=24)


def terms(mode: Pacing = Pacing.GUARDED, *, hours: float = 12, **more: Any) -> Policy:
    """A policy with these terms for the App Store: a bake of `hours` at each share, one gate, no calendar."""
    early = more.pop("complete_from", None)
    own = AppStoreTerms(
        mode=mode,
        bake=timedelta(hours=hours),
        min_sample=0,
        complete_from=None if early is None else Decimal(early),
    )
    return policy(1, 100, app_store=own, **more)


@dataclass
class AppleWorld(World):
    """`day` and `into_day` are Apple's own clock, which runs only while the release is active."""

    key: RolloutKey = APPLE_KEY
    truth: StoreRelease | None = field(default_factory=lambda: phased(ACTIVE, 1))
    day: int = 1
    into_day: timedelta = timedelta(0)
    steps: int = 0
    late: list[tuple[timedelta, Change]] = field(default_factory=list)

    # -- time and people ---------------------------------------------------------------------------

    def go(self, span: timedelta) -> None:
        """Time passes: late requests land, and Apple steps after each 24 hours of being active."""
        while self.late and self.late[0][0] <= span:
            wait, change = self.late.pop(0)
            self._run(wait)
            span -= wait
            self.late = [(left - wait, other) for left, other in self.late]
            was, becomes = (PAUSED, ACTIVE) if change.verb is Verb.STEP else (ACTIVE, PAUSED)
            if self.truth and self.truth.status is was:
                self.show(phased(becomes, self.day))
        self.late = [(left - span, other) for left, other in self.late]
        self._run(span)

    def _run(self, span: timedelta) -> None:
        while self.truth and self.truth.status is ACTIVE and self.into_day + span >= DAY:
            part = DAY - self.into_day
            self.now += part
            span -= part
            self.into_day = timedelta(0)
            self.day += 1
            self.steps += 1
            over = self.day > 7
            self.show(completed("COMPLETE") if over else phased(ACTIVE, self.day))
        if self.truth and self.truth.status is ACTIVE:
            self.into_day += span
        self.now += span

    def person(self, status: ReleaseStatus) -> None:
        """Somebody uses App Store Connect."""
        self.show(
            completed(f"COMPLETE on day {self.day}")
            if status is ReleaseStatus.COMPLETED
            else phased(status, self.day)
        )

    # -- what becomes of a change ------------------------------------------------------------------

    def _unsent(self, change: Change, fingerprint: str, state: StoreState) -> Settlement | None:
        assert self.truth is not None
        status = self.truth.status
        if change.verb.brakes:
            if status is PAUSED:
                return Settlement.ALREADY
            return None if status is ACTIVE else Settlement.REFUSED
        if state.fingerprint != fingerprint:
            return Settlement.MOVED
        if change.verb is Verb.COMPLETE:
            return Settlement.ALREADY if status is ReleaseStatus.COMPLETED else None
        if change.verb in (Verb.STEP, Verb.RESUME):
            return {PAUSED: None, ACTIVE: Settlement.ALREADY}.get(status, Settlement.REFUSED)
        return Settlement.REFUSED

    def _act(self, change: Change, fingerprint: str, reply: Reply) -> Outcome:
        if reply is Reply.LOST_NOT_APPLIED and change.verb in (Verb.STEP, Verb.PAUSE):
            self.late.append((timedelta(seconds=90), change))
            return Outcome(Settlement.IN_DOUBT, "no answer", Unread("no answer", self.now))
        return super()._act(change, fingerprint, reply)

    def _changed(self, change: Change, review: ReviewState) -> StoreRelease:
        if change.verb is Verb.COMPLETE:
            return completed(f"COMPLETE on day {self.day}")
        return phased(PAUSED if change.verb.brakes else ACTIVE, self.day)


def phased(status: ReleaseStatus, day: int) -> StoreRelease:
    """The release on Apple's day, as the App Store's room shows it."""
    word = {PAUSED: "PAUSED", ACTIVE: "ACTIVE"}.get(status, status.value)
    return StoreRelease(RELEASE, status, word, share_on(day), ReviewState.PUBLISHED, "READY_FOR_DISTRIBUTION")


def completed(word: str) -> StoreRelease:
    return replace(phased(ReleaseStatus.COMPLETED, 7), status_word=word, exposure_ppm=PPM_ALL)
