"""Buttons on a message: one for each offer, its value sealed, so that a forged one is refused (slack.md sections 5, 6).

A brake takes one tap. What lets more people have it asks why, in a window (window.py), before anything is sent.
"""

from __future__ import annotations

from typing import Any

from stagedrollout.core.offer import Offer, Press, Seal

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
    return button


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
