"""Slack's limits on what a message may hold (slack.md sections 2 and 5)."""

from __future__ import annotations

import json
from typing import Any

BLOCKS_MOST = 50
METADATA_BYTES_MOST = 16_384
VIEW_BYTES_MOST = 250_000

_TYPES = frozenset(
    {"header", "section", "context", "actions", "divider", "image", "rich_text", "input", "video", "file"}
)


def blocks_fit(blocks: Any) -> bool:
    """Whether Slack would take these blocks; otherwise it says invalid_blocks."""
    if not isinstance(blocks, list) or len(blocks) > BLOCKS_MOST:
        return False
    return all(isinstance(block, dict) and _block_fits(block) for block in blocks)


def view_fits(view: Any) -> bool:
    """Whether Slack would open this window (docs.slack.dev/reference/views); otherwise it says invalid_arguments."""
    if not isinstance(view, dict) or view.get("type") != "modal" or len(json.dumps(view)) > VIEW_BYTES_MOST:
        return False
    names = all(
        _text_fits(view.get(part), 24, kinds=("plain_text",)) for part in ("title", "submit", "close")
    )
    kept = len(view.get("private_metadata", "")) <= 3_000 and _short(view.get("callback_id", "x"), 255)
    blocks = view.get("blocks") or []
    return (
        names and kept and bool(blocks) and blocks_fit(blocks) and all(_input_fits(each) for each in blocks)
    )


def _input_fits(block: dict[str, Any]) -> bool:
    if block["type"] != "input":
        return True
    element = block.get("element")
    if not isinstance(element, dict) or element.get("type") != "plain_text_input":
        return False
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    return (
        _text_fits(block.get("label"), 2_000, kinds=("plain_text",))
        and _short(block.get("block_id"), 255)
        and _short(element.get("action_id"), 255)
        and 0 <= least <= most <= 3_000
    )


def _block_fits(block: dict[str, Any]) -> bool:
    if block.get("type") not in _TYPES or not _short(block.get("block_id", "x"), 255):
        return False
    match block["type"]:
        case "header":
            return _text_fits(block.get("text"), 150, kinds=("plain_text",))
        case "section":
            return _section_fits(block)
        case "context":
            elements = block.get("elements", [])
            return _some(elements, 10) and all(_context_fits(element) for element in elements)
        case "actions":
            elements = block.get("elements", [])
            return _some(elements, 25) and all(_element_fits(element) for element in elements)
        case _:
            return True


def _section_fits(block: dict[str, Any]) -> bool:
    text, fields = block.get("text"), block.get("fields")
    if text is None and fields is None:
        return False
    if text is not None and not _text_fits(text, 3_000):
        return False
    return fields is None or (_some(fields, 10) and all(_text_fits(field, 2_000) for field in fields))


def _context_fits(element: Any) -> bool:
    if isinstance(element, dict) and element.get("type") == "image":
        return _short(element.get("image_url"), 3_000) and isinstance(element.get("alt_text"), str)
    return _text_fits(element, 3_000)


def _element_fits(element: Any) -> bool:
    if not isinstance(element, dict) or not _short(element.get("action_id", "x"), 255):
        return False
    if element.get("type") != "button":
        return isinstance(element.get("type"), str)
    confirm = element.get("confirm")
    return (
        _text_fits(element.get("text"), 75, kinds=("plain_text",))
        and _short(element.get("value", "x"), 2_000)
        and _short(element.get("url", "x"), 3_000)
        and (confirm is None or _confirm_fits(confirm))
    )


def _confirm_fits(confirm: Any) -> bool:
    limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    return isinstance(confirm, dict) and all(
        _text_fits(confirm.get(part), limit) for part, limit in limits.items()
    )


def _text_fits(text: Any, limit: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> bool:
    return isinstance(text, dict) and text.get("type") in kinds and _short(text.get("text"), limit)


def _short(text: Any, limit: int) -> bool:
    return isinstance(text, str) and 1 <= len(text) <= limit


def _some(elements: Any, limit: int) -> bool:
    return isinstance(elements, list) and 1 <= len(elements) <= limit


def metadata_error(metadata: Any) -> str | None:
    """The error word for metadata Slack would not take, None for good ones (`{}` removes them)."""
    if metadata in (None, {}):
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        return "invalid_metadata_format"
    if not isinstance(metadata.get("event_payload"), dict):
        return "invalid_metadata_format"
    return "metadata_too_large" if len(json.dumps(metadata)) > METADATA_BYTES_MOST else None
