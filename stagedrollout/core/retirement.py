"""Which rollouts may leave the journal, whole: those that nothing steers by any more.

Retired is only what was over for longer than the retention, and of that nothing that a later decision could still need:
a halt that no person has taken back (promise R9), what is compared with, the newest release that everybody has, and what
the store may show again as if it were new.
"""

from __future__ import annotations

from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.baseline import age_of
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import ReleaseStatus

_TAKEN = (ReleaseStatus.COMPLETED, ReleaseStatus.REPLACED, ReleaseStatus.WITHDRAWN)
"""As what the store may go on listing it: none of them is ever taken for a new release (discovery.py)."""


def kept_because(
    rollout: Rollout,
    last: facts.Superseded | None,
    ended: datetime,
    before: datetime,
    others: tuple[Rollout, ...],
) -> str:
    """Why it stays, in words; "" where it may be retired. `last`: how another one took its place the last time, `ended` when
    its newest entry was written, `others` all rollouts of the app, on both stores."""
    if not rollout.finished:
        return "it goes on"
    if ended >= before:
        return "it was over for no longer than that"
    if rollout.bad is not None:
        return "it is halted, and nobody has said that it may go on"
    if rollout.intent is not None:
        return "a change of it is on its way"
    if not _taken(rollout, last):
        return "the store may show it again"
    if not any(_followed_by(rollout, other) for other in others):
        return "no newer release has reached everybody"
    if any(_needed_by(rollout, other) for other in others if not other.finished):
        return "what goes on is compared with it, or linked to it"
    return ""


def _taken(rollout: Rollout, last: facts.Superseded | None) -> bool:
    """Whether the store has it in no state in which it would be found as a new one."""
    if rollout.seen is not None and rollout.seen.status in _TAKEN:
        return True
    if not rollout.superseded_by or last is None or last.after is None:
        return rollout.gone
    return last.after == facts.NOWHERE or last.after.status in _TAKEN


def _followed_by(rollout: Rollout, other: Rollout) -> bool:
    ours = other.key.store_app == rollout.key.store_app
    newer = ours and age_of(other.release.id) > age_of(rollout.release.id)
    return newer and other.completed_at is not None and other.bad is None


def _needed_by(rollout: Rollout, other: Rollout) -> bool:
    if other.key.store_app != rollout.key.store_app:
        return other.release.version == rollout.release.version
    compared = (*other.baseline, *(each for one in other.comparisons for each in one.releases))
    return rollout.release.id in {each.id for each in compared}
