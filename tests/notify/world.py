"""One daemon's relay with everything around it, and the troubles it can have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from stagedrollout.core.errors import Denied, EdgeError, Throttled
from stagedrollout.core.model import RolloutKey
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.slack import Slack
from tests.notify.fakes import CHANNEL, Clock, Rows, Workspace


class World:
    """One daemon's relay, its rows, its clock and the workspace; `restart` makes a new daemon."""

    def __init__(self) -> None:
        self.rows, self.workspace, self.clock = Rows(), Workspace(), Clock()
        self.relay = self._relay(CHANNEL)

    def restart(self, channel: str = CHANNEL) -> None:
        self.relay = self._relay(channel)

    def _relay(self, channel: str) -> Relay:
        return Relay(self.rows, Slack(self.workspace, channel), self.clock)

    def goes_on(self, hours: float = 24) -> None:
        """As the daemon does: deliver, then again when something is due."""
        until = self.clock.at + timedelta(hours=hours)
        for _ in range(500):
            self.relay.deliver_due()
            due = self.relay.next_due()
            if due is None or due > until:
                return
            self.clock.at = max(due, self.clock.at)
        raise AssertionError("the relay finds no rest")

    def waits(self) -> timedelta:
        due = self.relay.next_due()
        assert due is not None
        return due - self.clock.at


def about(rollout: RolloutKey, error: EdgeError) -> Any:
    """Trouble with the notices of one rollout only."""

    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        told = payload.get("metadata", {}).get("event_payload", {})
        return error if told.get("rollout") == str(rollout) else None

    return trouble


def throttled(seconds: float) -> Throttled:
    return Throttled("slack", "chat.postMessage", "ratelimited (HTTP 429)", wait_seconds=seconds)


def denied(word: str = "invalid_auth") -> Denied:
    return Denied("slack", "chat.postMessage", word, status=200)


def times(count: int, error: EdgeError) -> Any:
    left = [count]

    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        left[0] -= 1
        return error if left[0] >= 0 else None

    return trouble
