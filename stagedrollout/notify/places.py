"""Places that are told of alarms: another Slack channel, PagerDuty, an address of the team's own."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from stagedrollout import __version__
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Notice
from stagedrollout.core.plain import one_line
from stagedrollout.http.client import HttpClient
from stagedrollout.notify.ports import NoticeChannel

ENQUEUE = "/v2/enqueue"
SUMMARY_MAX = 1_024
DEDUP_MAX = 255
DETAIL_MAX, DETAILS_MAX = 2_000, 20
SIGNATURE = "X-Stagedrollout-Signature"
TIMESTAMP = "X-Stagedrollout-Timestamp"


class Place(Protocol):
    """Telling twice is allowed: a place knows a key again, or its people do."""

    def tell(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        """Raises EdgeError."""
        ...

    def over(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        """What was told needs nobody any more. Raises EdgeError."""
        ...


class ChannelPlace:
    """Where people read, at the top level; that it is over stands in the rollout's own thread."""

    def __init__(self, channel: NoticeChannel) -> None:
        self._channel = channel

    def tell(self, key: str, rollout: RolloutKey, notice: Notice) -> None:  # noqa: ARG002 - the notice has it
        self._channel.post(notice, None, rollout=rollout)

    def over(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        pass


class PagerDuty:
    """Events API v2: an alert for each key, resolved when it is over. 202 is taken; anything else is an error."""

    def __init__(self, http: HttpClient, routing_key: str) -> None:
        self._http = http
        self._routing_key = routing_key

    def tell(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        payload = {
            "summary": one_line(notice.headline)[:SUMMARY_MAX],
            "source": str(rollout),
            "severity": "critical",
            "component": rollout.app,
            "group": rollout.store.value,
            "class": notice.kind.value,
            "custom_details": _details(notice),
        }
        self._send("trigger", key, payload=payload, client="stagedrollout")

    def over(self, key: str, rollout: RolloutKey, notice: Notice) -> None:  # noqa: ARG002
        self._send("resolve", key)

    def _send(self, action: str, key: str, **more: Any) -> None:
        told = {"routing_key": self._routing_key, "event_action": action, "dedup_key": _short(key), **more}
        self._http.post_json(f"{action} an alert", ENQUEUE, told)


class Webhook:
    """JSON, signed: X-Stagedrollout-Signature is "v1=" and the HMAC-SHA256 of "<timestamp>.<body>". Any 2xx is taken."""

    def __init__(self, http: HttpClient, path: str, secret: str, seconds: Callable[[], float]) -> None:
        self._http = http
        self._path = path
        self._secret = secret.encode()
        self._seconds = seconds

    def tell(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        self._send("alarm", key, rollout, notice)

    def over(self, key: str, rollout: RolloutKey, notice: Notice) -> None:
        self._send("over", key, rollout, notice)

    def _send(self, event: str, key: str, rollout: RolloutKey, notice: Notice) -> None:
        said = {
            "event": event,
            "key": key,
            "app": rollout.app,
            "store": rollout.store.value,
            "release": rollout.release_id,
            "headline": one_line(notice.headline),
            "facts": _details(notice),
            "version": __version__,
        }
        body = json.dumps(said, separators=(",", ":")).encode()
        stamp = str(int(self._seconds()))
        mark = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {SIGNATURE: f"v1={mark}", TIMESTAMP: stamp, "Content-Type": "application/json"}
        self._http.tell("telling the webhook", self._path, body, headers)


def split_address(url: str) -> tuple[str, str]:
    """Base and path of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path or "/"


def _details(notice: Notice) -> dict[str, str]:
    """Bounded: a reason may be of any length, and what a place does not take for its size it never takes."""
    facts = notice.facts[:DETAILS_MAX]
    return {one_line(fact.name)[:DETAIL_MAX]: one_line(fact.text)[:DETAIL_MAX] for fact in facts}


def _short(key: str) -> str:
    """Keys name releases, which may be long."""
    return key if len(key) <= DEDUP_MAX else hashlib.sha256(key.encode()).hexdigest()
