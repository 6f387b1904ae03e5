"""Where SDKs send their reports: Sentry's envelope endpoint (sentry.md section 9, "Fake ingest").

An envelope is lines of JSON: its own header, then for each item a header and a payload. Events and
check-ins are written into the truth ledger as `reported`, with what tells them apart and nothing that might
be secret; whatever else an SDK sends is taken and forgotten.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from stagedrollout.emulator.credentials import INGEST_PROJECT, Credentials
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.service import Call

PREFIX = "/api/"
ITEMS_MOST = 100
RETRY_AFTER_SECONDS = 60
"""What a 429 says: the SDK then drops everything for so long (section 9)."""

_PATH = re.compile(r"/api/(\d{1,19})/envelope/")
_KEY = re.compile(r"(?:^|[\s,])sentry_key=([^\s,]+)")
_EVENT_FIELDS = ("event_id", "level", "logger", "release", "environment")
_CHECK_IN_FIELDS = ("check_in_id", "monitor_slug", "status", "duration", "release", "environment")

Document = dict[str, Any]


class SentryIngest:
    """Answers POST /api/<project>/envelope/. `counts`: events and check-ins so far."""

    name = "sentry_ingest"
    prefix = PREFIX
    writes = frozenset({"envelope"})

    def __init__(self, ledger: Ledger, credentials: Credentials) -> None:
        self._ledger = ledger
        self._credentials = credentials
        self.counts = {"events": 0, "check_ins": 0}

    def operation(self, method: str, path: str) -> str:
        return "envelope" if method == "POST" and _PATH.fullmatch(path) else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        if status == 502:
            return Reply(502, text="<html><head><title>502 Bad Gateway</title></head></html>")
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status == 429 else {}
        return Reply(status, {"detail": "event submission rejected"}, headers=headers)

    def answer(self, call: Call) -> Reply:
        if call.operation == "unknown":
            return Reply(404, {"detail": "The requested resource does not exist"})
        if not self._knows(call.request):
            detail = "event submission rejected with_reason: ProjectId"
            return Reply(403, {"detail": detail}, applied=False)
        try:
            header, items = read_envelope(call.request.unpacked())
        except ValueError as wrong:
            return Reply(400, {"detail": "bad envelope", "causes": [str(wrong)]}, applied=False)
        for kind, payload in items:
            self._take(kind, payload, call.seq)
        event_id = header.get("event_id")
        return Reply(document={"id": event_id} if isinstance(event_id, str) else {}, applied=True)

    def _knows(self, request: Request) -> bool:
        """The DSN's public key and project, in the header of the SDKs or as a parameter."""
        found = _KEY.search(request.headers.get("x-sentry-auth", ""))
        key = found.group(1) if found else request.first("sentry_key") or ""
        right = secrets.compare_digest(key.encode(), self._credentials.sentry_public_key.encode())
        return right and request.path == f"/api/{INGEST_PROJECT}/envelope/"

    def _take(self, kind: str, payload: Document, request: int) -> None:
        if kind == "event":
            self.counts["events"] += 1
            facts = {**_known(payload, _EVENT_FIELDS), **_problem(payload)}
            self._ledger.add("reported", kind="event", **facts, request=request)
        elif kind == "check_in":
            self.counts["check_ins"] += 1
            facts = _known(payload, _CHECK_IN_FIELDS)
            self._ledger.add("reported", kind="check_in", **facts, request=request)


def read_envelope(body: bytes) -> tuple[Document, list[tuple[str, Document]]]:
    """The envelope's header, and type and payload of each item whose payload is a JSON object.

    Raises ValueError where a header is not JSON, or a payload ends before its length.
    """
    first, _, rest = body.partition(b"\n")
    header = _object(first)
    items: list[tuple[str, Document]] = []
    for _ in range(ITEMS_MOST):
        if not rest.strip():
            return header, items
        line, _, rest = rest.partition(b"\n")
        item = _object(line)
        length = item.get("length")
        if length is None:
            payload, _, rest = rest.partition(b"\n")
        elif isinstance(length, int) and 0 <= length <= len(rest):
            payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
        else:
            raise ValueError("an item is not as long as it says")
        items.append((str(item.get("type")), _object(payload) if _is_object(payload) else {}))
    raise ValueError(f"more than {ITEMS_MOST} items")


def _is_object(payload: bytes) -> bool:
    return payload.lstrip().startswith(b"{")


def _object(line: bytes) -> Document:
    try:
        read = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(read, dict):
        raise ValueError("not a JSON object")
    return read


def _known(payload: Document, fields: tuple[str, ...]) -> Document:
    """Those fields that are there and plain."""
    return {name: payload[name] for name in fields if isinstance(payload.get(name), str | int | float)}


def _problem(event: Document) -> Document:
    """An event's message, and the types of its exceptions, outermost last."""
    logged, raised = event.get("logentry"), event.get("exception")
    message = event.get("message")
    if not isinstance(message, str) and isinstance(logged, dict):
        message = logged.get("formatted") or logged.get("message")
    values = raised.get("values") if isinstance(raised, dict) else None
    listed = values if isinstance(values, list) else []
    types = [one["type"] for one in listed if isinstance(one, dict) and isinstance(one.get("type"), str)]
    told = {"message": message} if isinstance(message, str) else {}
    return {**told, **({"exceptions": types} if types else {})}
