"""Which rollout a person means: by the release they name, or the one that is going on."""

from __future__ import annotations

from stagedrollout.core.baseline import age_of
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Command, CommandVerb, ReleaseStatus, Store


def addressee(order: Command, rollouts: tuple[Rollout, ...]) -> Rollout | None:
    """The newest rollout that answers to the named release; without a name, the newest that is not over.

    A draft that waits to be started is meant by nothing but `start` where another release is going on.
    """
    named = order.release
    meant = [r for r in rollouts if (r.release.answers_to(named) if named else _may_be_meant(order, r))]
    return max(meant, key=lambda r: _likely(order, r), default=None)


def _may_be_meant(order: Command, rollout: Rollout) -> bool:
    """A halt may also mean a release whose watch is over: people still have it."""
    return not (rollout.superseded_by if order.verb is CommandVerb.HALT else rollout.finished)


def _likely(order: Command, rollout: Rollout) -> tuple[object, ...]:
    staged = order.verb is CommandVerb.HALT and rollout.still_served
    return (
        not rollout.finished,
        staged,
        order.verb is CommandVerb.HALT and _has_a_share(rollout),
        _expected(order, rollout),
        _steps_by_itself(order, rollout),
        age_of(rollout.release.id),
    )


def _has_a_share(rollout: Rollout) -> bool:
    """In a status that nobody knows, and yet at a percentage, which only what is staged has: that some people may be
    getting it counts for more than that everybody has another one."""
    seen = rollout.seen
    return seen is not None and seen.status is ReleaseStatus.UNKNOWN and seen.exposure_ppm > 0


def _steps_by_itself(order: Command, rollout: Rollout) -> bool:
    """On the App Store a version that is out and not steered cannot wait; a newer one in preparation can."""
    starts = order.verb is CommandVerb.START and order.store is Store.APP_STORE
    return starts and rollout.live_since is not None


def _expected(order: Command, rollout: Rollout) -> bool:
    if order.verb is CommandVerb.START:
        return not rollout.steered
    return rollout.steered or rollout.live_since is not None or rollout.halt is not None


def nobody(order: Command, rollouts: tuple[Rollout, ...]) -> str:
    """Why nothing was found, with the names that would have been."""
    known = ", ".join(sorted({rollout.release.label for rollout in rollouts})) or "none"
    what = f"no release {order.release!r}" if order.release else "no rollout that is going on"
    return f"{order.app} on {order.store.value} has {what}; known releases: {known}"
