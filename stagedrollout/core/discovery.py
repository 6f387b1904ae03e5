"""Releases that appear by themselves: which of the store's releases begin a rollout of ours."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.baseline import age_of, baseline_of
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import OnNewRelease, Release, ReleaseStatus, StoreRelease, StoreState


def discover(
    store: StoreState,
    known: tuple[Rollout, ...],
    policy: str,
    choice: OnNewRelease,
    past: str | None = None,
) -> tuple[tuple[Release, tuple[Fact, ...]], ...]:
    """New releases, oldest first, with the first facts of their journals. `known` have one already; `past` is the id of
    the release that was complete when we first looked (`newest_complete`), None in that very look.

    What was completed before we ever looked, or is older than what we saw rolled out, is the past; what is
    being rolled out never is, nor is what went out to everyone between two looks of ours. A release found halted
    or paused is under a person's halt: somebody stopped it, and only a person resumes it (promise R7).
    """
    ids = frozenset(rollout.release.id for rollout in known)
    rolled_out = [r for r in known if r.seen and r.seen.status is not ReleaseStatus.DRAFT]
    newest = max((age_of(r.release.id) for r in rolled_out), default=None)
    found = [r for r in store.releases if r.release.id not in ids and not _past(r, newest, past)]
    found.sort(key=lambda r: age_of(r.release.id))
    return tuple((r.release, _beginning(r, store, policy, choice)) for r in found)


def newest_complete(store: StoreState) -> str | None:
    """The release that everybody gets; None where there is none yet."""
    complete = (r.release.id for r in store.releases if r.status is ReleaseStatus.COMPLETED)
    return max(complete, key=age_of, default=None)


def _past(found: StoreRelease, newest: tuple[int, ...] | None, past: str | None) -> bool:
    match found.status:
        case ReleaseStatus.REPLACED | ReleaseStatus.WITHDRAWN:
            return True
        case ReleaseStatus.COMPLETED:
            age = age_of(found.release.id)
            before_us = newest is None if past is None else age <= age_of(past)
            return before_us or (newest is not None and age < newest)
        case ReleaseStatus.HALTED:
            return newest is not None and age_of(found.release.id) < newest
        case ReleaseStatus.DRAFT | ReleaseStatus.IN_PROGRESS | ReleaseStatus.PAUSED | ReleaseStatus.UNKNOWN:
            return False


def _beginning(found: StoreRelease, store: StoreState, policy: str, choice: OnNewRelease) -> tuple[Fact, ...]:
    seen = Seen.of(found)
    discovered = facts.Discovered(
        release=found.release,
        policy=policy,
        choice=choice,
        status=found.status,
        review=found.review,
        exposure_ppm=found.exposure_ppm,
        baseline=baseline_of(found, store),
    )
    if seen.stopped or found.status is ReleaseStatus.HALTED:
        return (discovered, seen, facts.Drifted(Drift.HALTED, seen, seen))
    return (discovered, seen)
