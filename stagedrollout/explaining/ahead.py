"""When each share that is still to come may be reached at the earliest, by the rules the daemon itself goes by.

As core/plan.py, but from where a rollout stands now. Evidence, samples, reviews and the poll come on top. Where Apple
takes the step, it is the instant from which it is let.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.model import Store
from stagedrollout.core.phasing import REST, SHARES_PPM, WINDOW, Pacing
from stagedrollout.core.policy import Completion, Policy
from stagedrollout.core.schedule import bake_ends, endless, opening, thaw
from stagedrollout.core.units import PPM_ALL


@dataclass(frozen=True, slots=True)
class Ahead:
    """`at` is None where the calendar has no day for it, or nobody knows; `note` says what else it takes, or why."""

    exposure_ppm: int
    at: datetime | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """The way of a policy on a store, seen from `now`."""

    policy: Policy
    store: Store
    now: datetime

    def after(self, share: int, since: datetime) -> Iterator[Ahead]:
        """The shares after `share`, which is kept since that instant, the nearest first. What a person must do ends it."""
        at: datetime | None = since
        while at and share < PPM_ALL and (target := self.policy.next_share(self.store, share)):
            found = self._next(share, target, at)
            yield found
            at, share = None if found.note else found.at, target

    def _next(self, share: int, target: int, since: datetime) -> Ahead:
        by_person = target == PPM_ALL and self.policy.completion is Completion.BY_HAND
        at = self._earliest(share, target, since)
        return (
            Ahead(target, at, "a person completes it" if by_person else "")
            if at
            else self._never(target, since)
        )

    def _earliest(self, share: int, target: int, since: datetime) -> datetime | None:
        if follows_apple(self.policy, self.store, share):
            return thaw(self.policy.calendar, max(since + WINDOW, self.now))
        baked = bake_ends(self.policy.stay_at(self.store, share), since)
        rested = since + REST if self.store is Store.APP_STORE else since
        return opening(self.policy, self.store, target, max(baked, rested, self.now)).opens_at

    def _never(self, target: int, since: datetime) -> Ahead:
        calendar = self.policy.calendar.for_share(target)
        freeze = endless(calendar, max(since, self.now))
        return Ahead(
            target, None, freeze.text if freeze else "the calendar has no day for it within two years"
        )


def shares_ahead(policy: Policy, store: Store, share: int) -> tuple[int, ...]:
    """The shares that the schedule or a person may still take it to from there."""
    every = SHARES_PPM if store is Store.APP_STORE else tuple(stage.exposure_ppm for stage in policy.stages)
    return tuple(each for each in dict.fromkeys((*every, PPM_ALL)) if each > share)


def follows_apple(policy: Policy, store: Store, share: int) -> bool:
    """Whether Apple's clock takes the next step, in whatever hours."""
    early = share >= policy.app_store.complete_from_ppm
    return store is Store.APP_STORE and policy.app_store.mode is Pacing.FOLLOW and not early
