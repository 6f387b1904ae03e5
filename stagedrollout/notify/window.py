"""The window in which somebody says why, before what they have pressed is an order (docs.slack.dev/reference/views).

Slack keeps what was pressed beside the window, sealed as it was on the button, and gives it back with the words. Limits:
title, submit and close 24 characters, private_metadata 3,000, a text field 3,000.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from stagedrollout.core.offer import Offer, Press
from stagedrollout.core.units import percent_text

REASON = "reason"
"""The ids of the one field and of the block it is in."""

REASON_MAX = 1_000
APP_MAX = 200


class Origin(Protocol):
    """What was pressed, and on which message."""

    @property
    def value(self) -> str: ...
    @property
    def stamp(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def ts(self) -> str: ...
    @property
    def block_id(self) -> str: ...


def window(pressed: Origin, offer: Offer) -> dict[str, Any]:
    verb = offer.press.value.capitalize()
    kept = {
        "value": pressed.value,
        "channel": pressed.channel,
        "ts": pressed.ts,
        "block": pressed.block_id,
        "stamp": pressed.stamp,
    }
    return {
        "type": "modal",
        "callback_id": f"stagedrollout.{offer.press.value}",
        "private_metadata": json.dumps(kept, separators=(",", ":")),
        "notify_on_close": True,
        "title": _plain(verb),
        "submit": _plain(verb),
        "close": _plain("Cancel"),
        "blocks": [{"type": "section", "text": _plain(_means(offer))}, _why()],
    }


def _why() -> dict[str, Any]:
    field = {
        "type": "plain_text_input",
        "action_id": REASON,
        "min_length": 1,
        "max_length": REASON_MAX,
        "focus_on_load": True,
    }
    hint = _plain("It stands in the journal and in Slack.")
    return {"type": "input", "block_id": REASON, "label": _plain("Why"), "element": field, "hint": hint}


def _means(offer: Offer) -> str:
    """What will come of it."""
    app, at = offer.rollout.app[:APP_MAX], percent_text(offer.exposure_ppm)
    if offer.press is Press.APPROVE:
        return f"{app}: approve the step from {at}. It is taken as soon as everything else allows it."
    if offer.halted:
        return f"{app}: resume at {at}. People get this release again, and a new bake begins."
    return f"{app}: lift the hold at {at}. It goes on by its policy, as soon as the evidence allows it."


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
