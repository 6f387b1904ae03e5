"""What a look at a phased release tells apart: Apple's own step, a late write of ours, and a person's doing.

Apple takes one step each 24 hours for which the release is active; nobody else can raise it but by completing it
(app-store-connect.md section 6). What remains after that is a person's.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.facts import Fact, Seen
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import ReleaseStatus, Store, StoreRelease, StoreState, Verb
from stagedrollout.core.phasing import BUDGET, LATE_WRITE

COMPLETED_BY_ITSELF = "COMPLETE"
"""Apple's word for a release that went through all days; one completed earlier is told with its day."""

COMPLETED_UNDATED = "COMPLETE on a day that is not told"
"""Whether it went through all days, or somebody completed it before, cannot be told: days only rise, so the day on
which it was seen last is not the one that it reached."""

PAUSED_WORD = "PAUSED"
"""Apple's word for a release that rests: what it says of itself where only that was told."""

_PHASED = (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)


BUDGET_SPENT = BUDGET - timedelta(hours=12)
"""From here on a paused release that is complete may well be Apple's doing: our count and Apple's may differ."""


def shown(rollout: Rollout, store: StoreState) -> StoreRelease | None:
    """The release as the store shows it; None if it does not. One that was removed from sale stays removed while it
    reads paused: a removal is no state of a version, and whoever asks Apple anew is not told of it (section 5). Its
    phased release is over for good, whether the app is sold again or not. Active, it might grow: that is believed."""
    found, before = store.find(rollout.release.id), rollout.seen
    if found is None or before is None:
        return found
    if before.status is not ReleaseStatus.WITHDRAWN or found.status is not ReleaseStatus.PAUSED:
        return found
    return replace(
        found, status=before.status, status_word=before.status_word, exposure_ppm=before.exposure_ppm
    )


def stepped(rollout: Rollout, before: Seen, after: Seen, now: datetime) -> bool:
    """Whether Apple raised it between two looks; after 30 pause-days that may mean: to everyone (section 6)."""
    if rollout.key.store is not Store.APP_STORE or before.status not in _PHASED:
        return False
    if after.status is ReleaseStatus.COMPLETED:
        active = before.status is ReleaseStatus.IN_PROGRESS
        by_itself = active and (after.status_word == COMPLETED_BY_ITSELF or _perhaps(rollout, after))
        spent = before.status is ReleaseStatus.PAUSED and rollout.pauses.at(now) >= BUDGET_SPENT
        return by_itself or spent
    return after.status in _PHASED and after.exposure_ppm > before.exposure_ppm


def _perhaps(rollout: Rollout, after: Seen) -> bool:
    """Nobody is said to have completed it who perhaps did not; unless we have asked for it ourselves."""
    asked = rollout.intent is not None and rollout.intent.verb is Verb.COMPLETE
    return after.status_word == COMPLETED_UNDATED and not asked and rollout.let_go_at is None


def as_if_not_stepped(before: Seen, after: Seen) -> Seen:
    """What is left to explain of a look once Apple's step is: the same one at the old exposure."""
    return (
        before
        if after.status is ReleaseStatus.COMPLETED
        else replace(after, exposure_ppm=before.exposure_ppm)
    )


def late_write(rollout: Rollout, before: Seen, after: Seen) -> bool:
    """Whether a request of ours whose answer was lost took effect late, and not a person did it. It counts as ours
    until a look that came late enough has shown otherwise (`lapsed`), however long nobody looked."""
    if before.status not in _PHASED:
        return False
    match after.status:
        case ReleaseStatus.PAUSED:
            return rollout.pause_sent_at is not None
        case ReleaseStatus.COMPLETED:
            return rollout.let_go_at is not None
        case ReleaseStatus.IN_PROGRESS:
            return rollout.let_go_at is not None and before.status is ReleaseStatus.PAUSED
        case _:
            return False


def lapsed(rollout: Rollout, seen: Seen, now: datetime) -> tuple[Fact, ...]:
    """A request whose answer was lost, and which a late look shows to have had no effect."""
    sent = {ReleaseStatus.PAUSED: rollout.let_go_at, ReleaseStatus.IN_PROGRESS: rollout.pause_sent_at}
    at = sent.get(seen.status)
    if at is None or rollout.intent is not None or now - at < LATE_WRITE:
        return ()
    return (facts.Lapsed(),)


def may_still_let_go(rollout: Rollout, now: datetime) -> bool:
    """Whether a request of ours for growth is out, and may take effect any moment."""
    return rollout.let_go_at is not None and now - rollout.let_go_at <= LATE_WRITE


def pause_settled_at(rollout: Rollout) -> datetime | None:
    """From when on a look tells a pause of ours, that was sent and may still land, from one that a person makes. None:
    none is out, or nothing of that kind can show."""
    active = rollout.seen is not None and rollout.seen.status is ReleaseStatus.IN_PROGRESS
    sent = rollout.pause_sent_at
    return sent + LATE_WRITE if sent is not None and active else None
