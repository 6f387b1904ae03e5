"""What a look at a phased release tells apart: Apple's own step, a late write of ours, and a person's doing.

Apple takes one step each 24 hours for which the release is active; nobody else can raise it but by completing it
(app-store-connect.md section 6). What remains after that is a person's.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core.facts import Seen
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import ReleaseStatus, Store

LATE_WRITE = timedelta(minutes=5)
"""For how long a request for ACTIVE whose answer was lost may still take effect: far beyond any time-out, and
short enough that a person's resume is not mistaken for it. The release is looked at all the while."""

COMPLETED_BY_ITSELF = "COMPLETE"
"""Apple's word for a release that went through all days; one completed earlier is told with its day."""

_PHASED = (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)


def stepped(store: Store, before: Seen, after: Seen) -> bool:
    """Whether Apple raised it between two looks."""
    if store is not Store.APP_STORE or before.status not in _PHASED:
        return False
    if after.status is ReleaseStatus.COMPLETED:
        return before.status is ReleaseStatus.IN_PROGRESS and after.status_word == COMPLETED_BY_ITSELF
    return after.status in _PHASED and after.exposure_ppm > before.exposure_ppm


def as_if_not_stepped(before: Seen, after: Seen) -> Seen:
    """What is left to explain of a look once Apple's step is: the same one at the old exposure."""
    return (
        before
        if after.status is ReleaseStatus.COMPLETED
        else replace(after, exposure_ppm=before.exposure_ppm)
    )


def late_write(rollout: Rollout, before: Seen, after: Seen, now: datetime) -> bool:
    """Whether a pause was undone by a request of ours whose answer was lost, and not by a person."""
    undone = before.status is ReleaseStatus.PAUSED and after.status is ReleaseStatus.IN_PROGRESS
    return undone and may_still_let_go(rollout, now)


def may_still_let_go(rollout: Rollout, now: datetime) -> bool:
    """Whether a request of ours for ACTIVE is out, and nobody knows what became of it."""
    return rollout.let_go_at is not None and now - rollout.let_go_at < LATE_WRITE
