"""Two releases of one app at once: which waits for which, and which of them is known to be bad.

All of it follows from one look at the store and from the journals. A release counts as waiting only if somebody may
start it: one that is known to be bad, or that the app ignores, stands in nobody's way. On the App Store a version
that is still being prepared is a plan: it counts once it was submitted.
"""

from __future__ import annotations

from stagedrollout.core.baseline import age_of
from stagedrollout.core.case import Case
from stagedrollout.core.facts import Fact, NewerWaits
from stagedrollout.core.lifecycle import Halt, Rollout
from stagedrollout.core.model import (
    SERVED,
    Release,
    ReleaseStatus,
    ReviewState,
    Store,
    StoreRelease,
    StoreState,
    Supersede,
    Unread,
)

_SUBMITTED = (ReviewState.IN_REVIEW, ReviewState.APPROVED_NOT_PUBLISHED)
_STAGED = (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)


def waiting(rollout: Rollout, store: StoreState, others: tuple[Rollout, ...]) -> StoreRelease | None:
    """The newest release that waits to take this one's place. A status nobody knows may be one that does."""
    known = {other.release.id: other for other in others}
    found = [
        each
        for each in _newer(rollout, store)
        if _may_begin(each, rollout.key.store)
        and not _out_of_the_way(each, known.get(each.release.id), others)
    ]
    return max(found, key=lambda each: age_of(each.release.id), default=None)


def _may_begin(found: StoreRelease, store: Store) -> bool:
    if found.status is ReleaseStatus.DRAFT:
        return store is Store.GOOGLE_PLAY or found.review in _SUBMITTED
    return found.status is ReleaseStatus.UNKNOWN


def _out_of_the_way(found: StoreRelease, its: Rollout | None, others: tuple[Rollout, ...]) -> bool:
    return (its is not None and its.ignored) or _bad(found, its, others) is not None


def in_its_way(case: Case) -> StoreRelease | None:
    """The newer release that keeps this rollout from being raised, as the app's `supersede` says."""
    newer = _waits_for(case)
    if newer is None or case.supersede is Supersede.FINISH:
        return None
    aside = case.supersede is Supersede.HOLD and case.rollout.set_aside
    return None if aside and age_of(newer.release.id) <= age_of(aside) else newer


def _waits_for(case: Case) -> StoreRelease | None:
    store = case.observation.store
    return None if isinstance(store, Unread) else waiting(case.rollout, store, case.others)


def taking_its_place(case: Case) -> Release | None:
    """A newer release that is out or on its way: the store shows it so, or somebody has started it."""
    store = case.observation.store
    if isinstance(store, Unread):
        return None
    out = [each.release for each in _newer(case.rollout, store) if each.status in SERVED]
    begun = [
        other.release
        for other in case.others
        if _is_begun(other, store) and _is_newer(other.release, case.rollout)
    ]
    return max((*out, *begun), key=lambda release: age_of(release.id), default=None)


def _is_begun(rollout: Rollout, store: StoreState) -> bool:
    """Somebody has started it, and the store has it still. Apple may take a day over a start."""
    going_on = rollout.steered and not rollout.finished and rollout.bad is None
    return going_on and store.find(rollout.release.id) is not None


def staged_before(case: Case) -> StoreRelease | None:
    """The older release that is being rolled out, whose place this one would take."""
    store = case.observation.store
    if isinstance(store, Unread):
        return None
    older = [
        each
        for each in store.releases
        if each.status in _STAGED and age_of(each.release.id) < age_of(case.rollout.release.id)
    ]
    return max(older, key=lambda each: age_of(each.release.id), default=None)


def going_on_before(case: Case) -> StoreRelease | None:
    """The same, unless it is halted already, be it that people still get the share it was lowered to."""
    older = staged_before(case)
    halted = {other.release.id for other in case.others if other.halt}
    return None if older is None or older.release.id in halted else older


def known_bad(case: Case) -> tuple[Release, Halt] | None:
    """The halt that nobody has taken back: of this release, or of one whose version code it ships as well.

    A code is the same program on every track, so its halt counts on all of them. The same version with another code
    is another build, mostly the repair; the same version on the other store is another program, and one does not
    judge the other (`link` is for that).
    """
    if case.rollout.known_bad:
        return case.rollout.release, case.rollout.known_bad
    return _bad(case.found, None, case.others) if case.found else None


def _bad(
    found: StoreRelease, its: Rollout | None, others: tuple[Rollout, ...]
) -> tuple[Release, Halt] | None:
    if its is not None and its.bad:
        return its.release, its.bad
    for other in others:
        ships_it = other.release.id in found.codes and other.release.id != found.release.id
        if ships_it and other.bad:
            return other.release, other.bad
    return None


def _newer(rollout: Rollout, store: StoreState) -> list[StoreRelease]:
    return [each for each in store.releases if _is_newer(each.release, rollout)]


def _is_newer(release: Release, rollout: Rollout) -> bool:
    return age_of(release.id) > age_of(rollout.release.id)


def of_newer(
    rollout: Rollout, store: StoreState | Unread, others: tuple[Rollout, ...], supersede: Supersede
) -> tuple[Fact, ...]:
    """That a newer release waits while this one is rolled out: told once, and again where the app now says otherwise."""
    going_on = rollout.steered and not (rollout.finished or rollout.completed_at or rollout.halt)
    if not going_on or isinstance(store, Unread):
        return ()
    newer = waiting(rollout, store, others)
    told = rollout.newer
    if newer is None or (told and (told.release.id, told.supersede) == (newer.release.id, supersede)):
        return ()
    return (NewerWaits(newer.release, supersede),)
