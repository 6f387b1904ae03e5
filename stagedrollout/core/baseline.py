"""Which release is older than which, and what people run beside a candidate."""

from __future__ import annotations

from stagedrollout.core.model import Release, ReleaseStatus, StoreRelease, StoreState

BASELINES_MAX = 2
"""Versions that were replaced on the App Store do not tell how far they got: two of them hold most people."""


def age_of(release_id: str) -> tuple[int, ...]:
    """Orders releases from old to new: version codes as numbers, versions part by part."""
    return tuple(int(part) if part.isdecimal() else 0 for part in release_id.split("."))


def baseline_of(candidate: StoreRelease, store: StoreState) -> tuple[Release, ...]:
    """What everyone else runs: the newest completed release that is older than the candidate; on the App Store,
    where a newer version replaces it at once, the newest of the replaced ones."""
    older = [r for r in store.releases if age_of(r.release.id) < age_of(candidate.release.id)]
    older.sort(key=lambda r: age_of(r.release.id), reverse=True)
    completed = [r.release for r in older if r.status is ReleaseStatus.COMPLETED]
    replaced = [r.release for r in older if r.status is ReleaseStatus.REPLACED]
    return tuple(completed[:1] or replaced[:BASELINES_MAX])
