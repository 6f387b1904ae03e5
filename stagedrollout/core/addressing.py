"""Which rollout a person means: by the release they name, or the one that is going on."""

from __future__ import annotations

from stagedrollout.core.drift import age_of
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Command, CommandVerb


def addressee(order: Command, rollouts: tuple[Rollout, ...]) -> Rollout | None:
    """The newest rollout that answers to the named release; without a name, the newest that is not over.

    A draft that waits to be started is meant by nothing but `start` where another release is going on.
    """
    meant = [
        r for r in rollouts if (r.release.answers_to(order.release) if order.release else not r.finished)
    ]
    return max(meant, key=lambda r: (not r.finished, _expected(order, r), age_of(r.release.id)), default=None)


def _expected(order: Command, rollout: Rollout) -> bool:
    if order.verb is CommandVerb.START:
        return not rollout.steered
    return rollout.steered or rollout.live_since is not None or rollout.halt is not None


def nobody(order: Command, rollouts: tuple[Rollout, ...]) -> str:
    """Why nothing was found, with the names that would have been."""
    known = ", ".join(sorted({rollout.release.label for rollout in rollouts})) or "none"
    what = f"no release {order.release!r}" if order.release else "no rollout that is going on"
    return f"{order.app} on {order.store.value} has {what}; known releases: {known}"
