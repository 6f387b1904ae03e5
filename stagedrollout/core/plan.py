"""A policy's plan: when each share is reached at the earliest, by the rules the daemon itself goes by.

Reviews, small samples and the poll come on top. On the App Store a share is kept for its bake, paused, until the
calendar is open; then Apple has up to 24 hours for its step, and the plan counts all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.core.model import Store
from stagedrollout.core.phasing import FIRST_SHARE_PPM, REST, WINDOW, Pacing
from stagedrollout.core.policy import Completion, Policy, Stay
from stagedrollout.core.schedule import bake_ends, opening
from stagedrollout.core.units import PPM_ALL


@dataclass(frozen=True, slots=True)
class Step:
    """A share, from when on people are offered it at the earliest, and what must be there before it is left.

    `begins` is None where a person must take the step. `paused`: how long it stands still on the App Store.
    """

    exposure_ppm: int
    begins: datetime | None
    stay: Stay
    paused: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Plan:
    store: Store
    live_at: datetime
    steps: tuple[Step, ...]

    @property
    def takes(self) -> timedelta | None:
        """From the first users to everyone; None where a person completes, or nobody."""
        last = self.steps[-1]
        return last.begins - self.live_at if last.begins and last.exposure_ppm == PPM_ALL else None

    @property
    def paused(self) -> timedelta:
        """What it spends of Apple's pause-days."""
        return sum((step.paused for step in self.steps), timedelta(0))


def plan(policy: Policy, store: Store, live_at: datetime) -> Plan:
    """The earliest course of a healthy release that people can first get at `live_at`."""
    share = FIRST_SHARE_PPM if store is Store.APP_STORE else policy.stages[0].exposure_ppm
    steps: list[Step] = []
    at: datetime | None = live_at
    while at is not None:
        if share == PPM_ALL:
            steps.append(Step(share, at, Stay(timedelta(0), 0)))
            break
        step, at, share = _left(policy, store, share, at)
        steps.append(step)
        if at is None and share == PPM_ALL:
            steps.append(Step(share, None, Stay(timedelta(0), 0)))
    return Plan(store, live_at, tuple(steps))


def _left(policy: Policy, store: Store, share: int, at: datetime) -> tuple[Step, datetime | None, int]:
    """The step at `share`, when the next share is reached (None: by a person, or never), and which one it is."""
    stay, upcoming = policy.stay_at(store, share), policy.next_share(store, share)
    on_app_store = store is Store.APP_STORE
    early = share >= policy.app_store.complete_from_ppm
    if on_app_store and policy.app_store.mode is Pacing.FOLLOW and not early:
        by_person = upcoming == PPM_ALL and policy.completion is Completion.BY_HAND
        follows = Step(share, at, Stay(timedelta(0), 0))
        return follows, None if by_person else at + WINDOW, upcoming or PPM_ALL
    guarded = on_app_store and policy.app_store.mode is Pacing.GUARDED
    ready = max(bake_ends(stay, at), at + REST) if guarded else bake_ends(stay, at)
    opens = opening(policy, store, upcoming or share, ready).opens_at
    step = Step(share, at, stay, (opens - at) if guarded and opens else timedelta(0))
    if upcoming is None or opens is None:
        return step, None, share
    if upcoming == PPM_ALL:
        return step, None if policy.completion is Completion.BY_HAND else opens, upcoming
    return step, opens + WINDOW if on_app_store else opens, upcoming
