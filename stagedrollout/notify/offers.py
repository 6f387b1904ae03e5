"""Buttons on a message: one for each offer, its value sealed, so that a forged one is refused (slack.md sections 5, 6).

A brake takes one tap. What lets more people have it asks once more, in words, before anything is sent.
"""

from __future__ import annotations

from typing import Any

from stagedrollout.core.offer import Offer, Press, Seal
from stagedrollout.core.units import percent_text

ON_BOARD = "stagedrollout.board"
"""The id of the block below a rollout's first message, which the relay keeps current by itself."""

ON_NOTICE = "stagedrollout.notice"

_LABELS = {
    Press.HALT: "Halt",
    Press.HOLD: "Hold",
    Press.RESUME: "Resume…",
    Press.APPROVE: "Approve…",
    Press.ACKNOWLEDGE: "Acknowledge",
}


def buttons(offers: tuple[Offer, ...], seal: Seal | None, block_id: str) -> tuple[dict[str, Any], ...]:
    """One block, or none where nothing is offered, or nothing can be sealed."""
    if seal is None or not offers:
        return ()
    elements = [_button(offer, seal) for offer in offers]
    return ({"type": "actions", "block_id": block_id, "elements": elements},)


def _button(offer: Offer, seal: Seal) -> dict[str, Any]:
    button: dict[str, Any] = {
        "type": "button",
        "action_id": f"stagedrollout.{offer.press.value}",
        "text": _plain(_LABELS[offer.press]),
        "value": seal.sealed(offer),
    }
    if offer.press in (Press.HALT, Press.RESUME):
        button["style"] = "danger"
    if confirm := _confirm(offer):
        button["confirm"] = confirm
    return button


def _confirm(offer: Offer) -> dict[str, Any] | None:
    at = percent_text(offer.exposure_ppm)
    match offer.press:
        case Press.RESUME if offer.halted:
            asked, means = f"Resume at {at}?", "People get this release again, and a new bake begins."
        case Press.RESUME:
            asked, means = "Lift the hold?", "It goes on by its policy, as soon as the evidence allows it."
        case Press.APPROVE:
            asked, means = f"Approve the step from {at}?", "It is taken as soon as everything else allows it."
        case Press.HALT | Press.HOLD | Press.ACKNOWLEDGE:
            return None
    yes = offer.press.value.capitalize()
    words = {"title": asked, "text": f"{offer.rollout.app}: {means}", "confirm": yes, "deny": "Cancel"}
    return {part: _plain(text) for part, text in words.items()}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
