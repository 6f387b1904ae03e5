"""Which orders a message about a rollout offers: those that can mean something as it stands, brakes first."""

from __future__ import annotations

from collections.abc import Iterator

from stagedrollout.core.lifecycle import STOPPED, Rollout
from stagedrollout.core.model import ActorKind
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.offer import Offer, Press

WITH_OFFERS = frozenset({NoticeKind.HALTED, NoticeKind.NOT_HALTED, NoticeKind.HELD, NoticeKind.DRIFT})
"""The notices after which people have something to decide; the others have the board above them."""

_APPROVAL = "approval"
"""The code of the reason for which a step waits for people to agree (rules/approving.py)."""


def offers_of(rollout: Rollout) -> tuple[Offer, ...]:
    halted_at, halted = (rollout.halt.at if rollout.halt else None), rollout.phase in STOPPED
    return tuple(
        Offer(press, rollout.key, rollout.exposure_ppm, halted, halted_at) for press in _presses(rollout)
    )


def unanswered(rollout: Rollout) -> bool:
    """Whether a halt that no person ordered waits for somebody to say that they have seen it."""
    halt = rollout.halt
    return halt is not None and halt.actor.kind is not ActorKind.HUMAN and rollout.answered != halt.at


def _presses(rollout: Rollout) -> Iterator[Press]:
    if rollout.finished or rollout.ignored or rollout.final or rollout.gone:
        return
    if rollout.halt:
        if unanswered(rollout):
            yield Press.ACKNOWLEDGE
        yield Press.RESUME
        return
    if rollout.never_out:
        return
    yield Press.HALT
    if rollout.completed_at or not rollout.steered:
        return
    if not rollout.hold:
        yield Press.HOLD
    if rollout.hold or rollout.unknown_drift:
        yield Press.RESUME
    if rollout.last and any(reason.code == _APPROVAL for reason in rollout.last.reasons):
        yield Press.APPROVE
