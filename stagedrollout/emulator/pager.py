"""PagerDuty's Events API v2, and an address that takes whatever a webhook sends: both write down what they were told.

Of the API: 202 for what is taken, 400 `invalid event` with what is wrong, alerts known again by their dedup_key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

ENQUEUE = "/v2/enqueue"
SINK = "/webhook/"
SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")


class PagerDuty:
    """`alerts`: the state of each, by its dedup_key."""

    name = "pagerduty"
    prefix = ENQUEUE
    writes = frozenset({"enqueue"})

    def __init__(self, ledger: Ledger, credentials: Credentials) -> None:
        self.alerts: dict[str, str] = {}
        self._ledger = ledger
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        return "enqueue" if (method, path) == ("POST", ENQUEUE) else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return Reply(status, {"status": "error", "message": "unavailable", "errors": []})

    def answer(self, call: Call) -> Reply:
        try:
            event = call.request.json()
        except ValueError:
            event = None
        problems = _problems(event, self._credentials.pagerduty_key)
        if problems:
            told = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
            return Reply(400, told, applied=False)
        action, key = event["event_action"], event["dedup_key"]
        self.alerts[key] = {"trigger": "triggered"}.get(action, f"{action}d")
        payload = event.get("payload", {})
        summary, source = payload.get("summary"), payload.get("source")
        self._ledger.add(
            "pagerduty", action=action, key=key, summary=summary, source=source, request=call.seq
        )
        taken = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Reply(202, taken, applied=True)


class WebhookSink:
    """Checks the signature as a receiver would."""

    name = "webhook"
    prefix = SINK
    writes = frozenset({"take"})

    def __init__(self, ledger: Ledger, credentials: Credentials) -> None:
        self._ledger = ledger
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:  # noqa: ARG002 - it takes everything below
        return "take" if method == "POST" else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002
        return Reply(status, text="no")

    def answer(self, call: Call) -> Reply:
        request = call.request
        stamp = request.headers.get("x-stagedrollout-timestamp", "")
        whole = stamp.encode() + b"." + request.body
        mark = hmac.new(self._credentials.webhook_secret.encode(), whole, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(request.headers.get("x-stagedrollout-signature", ""), f"v1={mark}")
        try:
            said = request.json()
        except ValueError:
            said = None
        self._ledger.add("webhook", signed=signed, said=said, request=call.seq)
        return Reply(200 if signed else 401, text="ok" if signed else "bad signature", applied=signed)


def _problems(event: Any, key: str) -> list[str]:
    if not isinstance(event, dict):
        return ["the body is no JSON object"]
    wrong: list[str] = []
    if event.get("routing_key") != key:
        wrong.append("'routing_key' is invalid")
    if event.get("event_action") not in ACTIONS:
        wrong.append("'event_action' is missing or invalid")
    dedup = event.get("dedup_key")
    if not isinstance(dedup, str) or not 0 < len(dedup) <= 255:
        wrong.append("'dedup_key' is missing or too long")
    if event.get("event_action") == "trigger":
        payload = event.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        summary = payload.get("summary")
        if not isinstance(summary, str) or not 0 < len(summary) <= 1024:
            wrong.append("'payload.summary' is missing or too long")
        if not payload.get("source"):
            wrong.append("'payload.source' is missing or blank")
        if payload.get("severity") not in SEVERITIES:
            wrong.append("'payload.severity' is invalid")
    return wrong
