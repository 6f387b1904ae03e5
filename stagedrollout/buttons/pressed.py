"""What Slack says was pressed, read from outside: every field is checked, bounded, and nothing else is kept.

Fields: slack.md section 6 (`block_actions`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagedrollout.core.offer import SEALED_MAX

BLOCKS_MAX = 50
TEXT_MAX = 4_000

_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Pressed:
    """`value` as it came, not opened yet. `at` and `ts` are Slack's: when it was pressed, and on which message of `channel`.

    `text` and `blocks` are the message as Slack shows it, `block_id` where on it the button stood.
    """

    user: str
    value: str
    at: datetime
    stamp: str
    channel: str
    ts: str
    block_id: str
    text: str
    blocks: tuple[dict[str, Any], ...]


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
        datetime.fromtimestamp(float(stamp), UTC)
        if float(stamp) < 2e11
        else datetime.max.replace(tzinfo=UTC),
        stamp,
        channel,
        ts,
        _text(action.get("block_id"), 255),
        _text(message.get("text"), TEXT_MAX),
        _blocks(message.get("blocks")),
    )


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
