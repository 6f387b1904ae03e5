"""What was asked of Slack, and a page of messages in answer: JSON or a form, bounds, cursors."""

from __future__ import annotations

import json
from typing import Any

from stagedrollout.emulator.request import Request

Document = dict[str, Any]


class No(Exception):
    """Slack's refusal, by its error word."""


def arguments(request: Request) -> Document:
    """From the query, and a JSON or form body; in forms, structures are JSON inside a field."""
    asked: Document = {name: values[-1] for name, values in request.query.items()}
    if "json" in request.headers.get("content-type", ""):
        try:
            body = request.json()
        except ValueError:
            return asked
        return {**asked, **body} if isinstance(body, dict) else asked
    asked.update(request.form())
    for name in ("blocks", "metadata", "files"):
        if isinstance(asked.get(name), str):
            try:
                asked[name] = json.loads(asked[name])
            except ValueError:
                asked[name] = "not JSON"
    return asked


def page(messages: list[Document], asked: Document) -> Document:
    oldest, latest = _ts(asked.get("oldest"), 0.0), _ts(asked.get("latest"), float("inf"))
    inclusive = asked.get("inclusive") in (True, "true", "1", 1)
    within = [
        m
        for m in messages
        if oldest < float(m["ts"]) < latest or (inclusive and float(m["ts"]) in (oldest, latest))
    ]
    limit, start = _whole(asked.get("limit"), 100), _whole(asked.get("cursor"), 0)
    found = within[start : start + min(max(limit, 1), 999)]
    with_metadata = asked.get("include_all_metadata") in (True, "true", "1", 1)
    following = str(start + len(found)) if start + len(found) < len(within) else ""
    return {
        "messages": [shown(message, metadata=with_metadata) for message in found],
        "has_more": bool(following),
        "response_metadata": {"next_cursor": following},
    }


def _ts(value: Any, missing: float) -> float:
    if value in (None, ""):
        return missing
    try:
        return float(value)
    except (TypeError, ValueError):
        raise No("invalid_ts_latest") from None


def _whole(value: Any, missing: int) -> int:
    return int(value) if str(value).isdecimal() and len(str(value)) < 10 else missing


def shown(message: Document, *, metadata: bool = True) -> Document:
    return {name: value for name, value in message.items() if metadata or name != "metadata"}
