"""Which release is older than which, and what people run beside a candidate."""

from __future__ import annotations

from stagedrollout.core.ledger import Running
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


COMPARED_MAX = 5
COMPARED_PERMILLE = 10
"""How many releases are compared with at most, and which share of the sessions each must have at least: what few
people run adds nothing, and every release asked for makes the answer longer."""


def chosen(
    candidate: Release, running: tuple[Running, ...], store: StoreState, halted: frozenset[str] = frozenset()
) -> tuple[Release, ...]:
    """What the candidate is compared with: every earlier release that people use and that nobody has halted.

    `halted`: ids of releases that were halted, whatever the store shows of them now: a halted one leaves Google
    Play's track when its successor goes out, and reads replaced on the App Store.
    """
    known = {r.release.id: r.status for r in store.releases}
    earlier = [
        each
        for each in running
        if age_of(each.release.id) < age_of(candidate.id)
        and known.get(each.release.id) is not ReleaseStatus.HALTED
        and each.release.id not in halted
    ]
    total = sum(each.sessions for each in earlier)
    many = [each for each in earlier if each.sessions * 1_000 >= total * COMPARED_PERMILLE]
    many.sort(key=lambda each: each.sessions, reverse=True)
    return tuple(each.release for each in many[:COMPARED_MAX])
