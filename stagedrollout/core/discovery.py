"""Releases that appear by themselves: which of the store's releases begin a rollout of ours."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.drift import age_of
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.model import OnNewRelease, Release, ReleaseStatus, StoreRelease, StoreState


def discover(
    store: StoreState, known: frozenset[str], policy: str, choice: OnNewRelease
) -> tuple[tuple[Release, tuple[Fact, ...]], ...]:
    """New releases with the first facts of their journals. `known` are the ids that have one.

    What was completed before we ever looked, or is older than what we know, is the past. A release found
    halted is under a person's halt: somebody stopped it, and only a person resumes it.
    """
    newest = max((age_of(release_id) for release_id in known), default=None)
    found = [r for r in store.releases if r.release.id not in known and not _past(r, newest)]
    return tuple((r.release, _beginning(r, store, policy, choice)) for r in found)


def _past(found: StoreRelease, newest: tuple[int, ...] | None) -> bool:
    if found.status is ReleaseStatus.DRAFT:
        return False
    older = newest is not None and age_of(found.release.id) < newest
    return older or (found.status is ReleaseStatus.COMPLETED and newest is None)


def _beginning(found: StoreRelease, store: StoreState, policy: str, choice: OnNewRelease) -> tuple[Fact, ...]:
    seen = Seen.of(found)
    discovered = facts.Discovered(
        release=found.release,
        policy=policy,
        choice=choice,
        status=found.status,
        review=found.review,
        exposure_ppm=found.exposure_ppm,
        baseline=_baseline(found, store),
    )
    if found.status is ReleaseStatus.HALTED:
        return (discovered, seen, facts.Drifted(Drift.HALTED, seen, seen))
    return (discovered, seen)


def _baseline(candidate: StoreRelease, store: StoreState) -> tuple[Release, ...]:
    """What everyone else runs: the newest completed release that is older than the candidate."""
    older = [
        r.release
        for r in store.releases
        if r.status is ReleaseStatus.COMPLETED and age_of(r.release.id) < age_of(candidate.release.id)
    ]
    return (max(older, key=lambda release: age_of(release.id)),) if older else ()
