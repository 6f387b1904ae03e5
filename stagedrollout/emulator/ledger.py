"""The truth: everything that really happened in the world, and every request that came in.

Both lists draw their numbers from one sequence, so that "everything after SEQ" means both, and a
request's number is lower than that of all it caused.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.request import Reply, Request

Entry = dict[str, Any]

REMOVED = "[removed]"
_SECRET_FIELDS = frozenset(
    {
        "assertion",
        "access_token",
        "token",
        "id_token",
        "refresh_token",
        "client_secret",
        "dsn",
        "public_key",
        "sentry_key",
    }
)
ENTRIES_SHOWN = 10
"""Of each list of objects that an answer is made of: pages of reviews, read again and again, would fill
the memory with what is known anyway."""


class Ledger:
    """Append-only. `now` is virtual time, `wall` the real one (used for requests only)."""

    def __init__(self, now: Callable[[], datetime], wall: Callable[[], float]) -> None:
        self._now = now
        self._wall = wall
        self._sequence = itertools.count(1)
        self.entries: list[Entry] = []
        self.requests: list[Entry] = []

    def next_seq(self) -> int:
        return next(self._sequence)

    def add(self, kind: str, /, **facts: Any) -> None:
        """Write down one change of the truth."""
        self.entries.append({"seq": self.next_seq(), "at": iso(self._now()), "type": kind, **facts})

    def log(self, seq: int, service: str, request: Request, outcome: Outcome) -> None:
        """Write down one request, without its credentials."""
        reply = outcome.reply
        self.requests.append(
            {
                "seq": seq,
                "at": iso(self._now()),
                "wall": iso(datetime.fromtimestamp(self._wall(), UTC)),
                "service": service,
                "method": request.method,
                "path": request.path,
                "query": _without_secrets(dict(request.query)),
                "body": _without_secrets(_readable(request)),
                "status": reply.status if reply else None,
                "response": _without_secrets(_shown(reply)) if reply else None,
                "fault": outcome.fault,
                "applied": outcome.applied,
                **({"peer": request.peer} if request.peer else {}),
            }
        )

    def after(self, seq: int) -> dict[str, list[Entry]]:
        """All entries and requests numbered higher than `seq`."""
        return {"ledger": _tail(self.entries, seq), "requests": _tail(self.requests, seq)}


class Outcome:
    """How a request ended: `reply` is None when the connection was dropped."""

    __slots__ = ("applied", "fault", "reply")

    def __init__(self, reply: Reply | None, fault: str | None, *, applied: bool | None) -> None:
        self.reply = reply
        self.fault = fault
        self.applied = applied


def _tail(entries: list[Entry], seq: int) -> list[Entry]:
    start = len(entries)
    while start and entries[start - 1]["seq"] > seq:
        start -= 1
    return entries[start:]


def _readable(request: Request) -> Any:
    if not request.body:
        return None
    kind = request.headers.get("content-type", "")
    if "octet-stream" in kind:
        return f"[{len(request.body)} bytes]"
    if "x-www-form-urlencoded" in kind:
        return dict(request.form())
    try:
        if "x-sentry-envelope" in kind:
            return [json.loads(line) for line in request.unpacked().splitlines() if line.strip()]
        return request.json()
    except (ValueError, RecursionError):
        return request.body.decode("utf-8", "replace")


def _shown(reply: Reply) -> Any:
    if reply.content is not None:
        return f"[{len(reply.content)} bytes]"
    return _shortened(reply.document) if reply.text is None else reply.text


def _shortened(document: Any) -> Any:
    """An answer without the tails of its long lists of objects; a word says how many were left out. Counts of
    sessions stay whole: whoever judges a run counts them again."""
    if not isinstance(document, dict):
        return document
    return {name: value if name == "groups" else _few(value) for name, value in document.items()}


def _few(value: Any) -> Any:
    if not isinstance(value, list) or len(value) <= ENTRIES_SHOWN or not isinstance(value[0], dict):
        return value
    return [*value[:ENTRIES_SHOWN], f"[{len(value) - ENTRIES_SHOWN} more]"]


_TOKENS_BEGIN = "ya29.emulated-"
_TOKEN = re.compile(rf"{re.escape(_TOKENS_BEGIN)}[\w-]*")
"""An access token in an answer that was damaged on its way, and is no document any more."""


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _TOKEN.sub(REMOVED, value) if _TOKENS_BEGIN in value else value
    if isinstance(value, dict):
        return {
            name: REMOVED if name in _SECRET_FIELDS else _without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        # counts by the hour, mostly, which hide nothing
        return [inner if type(inner) is int else _without_secrets(inner) for inner in value]
    return value
