"""What Slack says was pressed, and why: read from outside, every field checked, bounded, and nothing else kept.

Fields: slack.md section 6 (`block_actions`), docs.slack.dev/reference/interaction-payloads/view-interactions-payload
(`view_submission`, `view_closed`: the window in which people say why, see notify/window.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagedrollout.core.offer import SEALED_MAX

BLOCKS_MAX = 50
TEXT_MAX = 4_000
REASON_MAX = 3_000
"""Characters that Slack lets people type into one field at most."""

METADATA_MAX = 3_000
"""Characters that Slack keeps beside a window."""

_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TRIGGER = re.compile(r"[0-9A-Za-z.]{1,255}")


@dataclass(frozen=True, slots=True)
class Pressed:
    """`value` as it came, not opened yet. `at` and `ts` are Slack's: when it was pressed, and on which message of `channel`.

    `text` and `blocks` are the message as Slack shows it, `block_id` where on it the button stood. `trigger` opens a
    window for whoever has pressed, for three seconds.
    """

    user: str
    value: str
    at: datetime
    stamp: str
    channel: str
    ts: str
    block_id: str
    text: str = ""
    blocks: tuple[dict[str, Any], ...] = ()
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What was typed into the window that `pressed` has opened. Of the message nothing is known there but its place."""

    pressed: Pressed
    reason: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The window was closed without a word: what was pressed is not wanted."""

    pressed: Pressed


Heard = Pressed | Said | Dismissed


def read_heard(payload: Any) -> Heard | None:
    """None for whatever is none of these."""
    if not isinstance(payload, dict):
        return None
    match payload.get("type"):
        case "block_actions":
            return read_pressed(payload)
        case "view_submission":
            return _said(payload)
        case "view_closed":
            pressed = _of_window(payload)
            return Dismissed(pressed) if pressed else None
        case _:
            return None


def read_pressed(payload: Any) -> Pressed | None:
    """None for whatever is no press of a button on a message."""
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return None
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    user, place, message = (_part(payload, name) for name in ("user", "container", "message"))
    if not isinstance(action, dict):
        return None
    stamp = _matched(_TS, action.get("action_ts"))
    who = _matched(_USER, user.get("id"))
    channel, ts = _matched(_CHANNEL, place.get("channel_id")), _matched(_TS, place.get("message_ts"))
    if not (stamp and who and channel and ts):
        return None
    return Pressed(
        who,
        _text(action.get("value"), SEALED_MAX + 1),
        _instant(stamp),
        stamp,
        channel,
        ts,
        _text(action.get("block_id"), 255),
        _text(message.get("text"), TEXT_MAX),
        _blocks(message.get("blocks")),
        _matched(_TRIGGER, payload.get("trigger_id")),
    )


def _said(payload: dict[str, Any]) -> Said | None:
    pressed = _of_window(payload)
    typed = _part(payload, "view")
    for name in ("state", "values", "reason", "reason"):
        typed = _part(typed, name)
    reason = typed.get("value")
    if pressed is None or not (reason is None or isinstance(reason, str)):
        return None
    return Said(pressed, _text(reason, REASON_MAX))


def _of_window(payload: dict[str, Any]) -> Pressed | None:
    """The press that has opened the window, from what Slack kept beside it; by whoever has the window open."""
    kept = _part(payload, "view").get("private_metadata")
    try:
        told = json.loads(kept) if isinstance(kept, str) and len(kept) <= METADATA_MAX else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return None
    stamp, who = _matched(_TS, told.get("stamp")), _matched(_USER, _part(payload, "user").get("id"))
    channel, ts = _matched(_CHANNEL, told.get("channel")), _matched(_TS, told.get("ts"))
    if not (stamp and who and channel and ts):
        return None
    value, block = _text(told.get("value"), SEALED_MAX + 1), _text(told.get("block"), 255)
    return Pressed(who, value, _instant(stamp), stamp, channel, ts, block)


def _instant(stamp: str) -> datetime:
    seconds = float(stamp)
    return datetime.fromtimestamp(seconds, UTC) if seconds < 2e11 else datetime.max.replace(tzinfo=UTC)


def _part(payload: dict[str, Any], name: str) -> dict[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


def _matched(pattern: re.Pattern[str], value: Any) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _text(value: Any, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def _blocks(value: Any) -> tuple[dict[str, Any], ...]:
    found = value[:BLOCKS_MAX] if isinstance(value, list) else []
    return tuple(block for block in found if isinstance(block, dict))
