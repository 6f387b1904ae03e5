"""What people do in an emulated Slack: press a button of a message, be in a user group; and the line it goes out on.

Payloads and envelopes as slack.md section 6 tells them. A payload's time is real time, as Slack's is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.ledger import Ledger

Document = dict[str, Any]
Send = Callable[[str], None]

TIMES_MOST = 100
CONNECTIONS_MOST = 10
"""Of one app (slack.md section 6)."""


class Lines:
    """The sockets that apps have open. `address` is where they are served; "" where nobody serves them."""

    def __init__(self, ledger: Ledger, wall: Callable[[], float]) -> None:
        self.address = ""
        self._ledger = ledger
        self._wall = wall
        self._tickets: set[str] = set()
        self._open: dict[str, Send] = {}
        self._sent: dict[str, float] = {}
        self._delivered = 0

    def ticket(self) -> str:
        """The address of a new socket, good for one connection."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return f"{self.address}/link/?ticket={ticket}"

    def opened(self, ticket: str, send: Send) -> bool:
        """Whether the ticket lets it in. The first frame is on its way then."""
        if ticket not in self._tickets or len(self._open) >= CONNECTIONS_MOST:
            return False
        self._tickets.discard(ticket)
        self._open[ticket] = send
        self._ledger.add("slack_socket", state="open")
        hello = {"type": "hello", "num_connections": len(self._open), "connection_info": {"app_id": "A0EMU"}}
        send(json.dumps(hello))
        return True

    def closed(self, ticket: str) -> None:
        if self._open.pop(ticket, None):
            self._ledger.add("slack_socket", state="closed")

    def heard(self, text: str) -> None:
        """What an app says on its socket: that it has an envelope."""
        try:
            envelope = str(json.loads(text)["envelope_id"])
        except (ValueError, KeyError, TypeError):
            return
        sent = self._sent.pop(envelope, None)
        if sent is not None:
            self._ledger.add("slack_ack", envelope=envelope, seconds=round(self._wall() - sent, 3))

    def deliver(self, payload: Document) -> str:
        """To one of the sockets; the envelope. Raises CannotAct where none is open."""
        if not self._open:
            raise CannotAct("no app has a socket open: Slack shows that the press did not arrive")
        self._delivered += 1
        envelope = f"{self._delivered:032x}"
        said = {"envelope_id": envelope, "type": "interactive", "accepts_response_payload": False}
        self._sent[envelope] = self._wall()
        next(iter(self._open.values()))(json.dumps({**said, "payload": payload}))
        return envelope

    def disconnect(self, reason: str) -> None:
        """Slack asks every app to connect anew."""
        for send in list(self._open.values()):
            send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "emulated"}}))


class People:
    """`groups`: the members of each user group."""

    def __init__(self, lines: Lines, ledger: Ledger, wall: Callable[[], float]) -> None:
        self.groups: dict[str, list[str]] = {}
        self._lines = lines
        self._ledger = ledger
        self._wall = wall

    def press(self, messages: list[tuple[str, Document]], asked: Document) -> Document:
        """Press the newest button that fits: `label` as people read it (its beginning is enough), `user`; and for the bad
        days `channel` and `ts` of another message, `value`, `age_seconds`, `times` for a payload that comes again.

        `messages`: each with its channel, oldest first. Raises ValueError and CannotAct.
        """
        user, label = str(asked.get("user", "")), str(asked.get("label", ""))
        times, age = asked.get("times", 1), asked.get("age_seconds", 0)
        if not isinstance(times, int) or not 1 <= times <= TIMES_MOST or not isinstance(age, int | float):
            raise ValueError("times is a whole number up to 100, age_seconds a number")
        found = [each for each in _buttons(messages) if _fits(each, asked, label)]
        if not found:
            raise CannotAct(f"no message has a button {label!r}")
        channel, message, block, element = found[-1]
        value = str(asked.get("value", element.get("value", "")))
        stamp = f"{self._wall() - age:.6f}"
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": "T0EMULATED"},
            "api_app_id": "A0EMU",
            "container": {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": channel,
                "is_ephemeral": False,
            },
            "trigger_id": f"1.2.{stamp}",
            "team": {"id": "T0EMULATED", "domain": "acme"},
            "channel": {"id": channel, "name": channel.lower()},
            "message": message,
            "response_url": "https://hooks.slack.com/actions/T0EMULATED/1/emulated",
            "actions": [{**element, "block_id": block, "value": value, "action_ts": stamp}],
        }
        envelopes = [self._lines.deliver(payload) for _ in range(times)]
        shown = value == element.get("value")
        self._ledger.add(
            "slack_press",
            user=user,
            label=_label(element),
            channel=channel,
            ts=message["ts"],
            value=value,
            shown=shown,
            stamp=stamp,
            envelopes=envelopes,
        )
        return {"envelopes": envelopes, "value": value, "ts": message["ts"]}

    def join(self, asked: Document) -> Document:
        """Who is in a user group from now on."""
        group, users = asked.get("id"), asked.get("users")
        if not isinstance(group, str) or not isinstance(users, list):
            raise ValueError('say {"id": "S0GROUP", "users": ["U0ANA"]}')
        self.groups[group] = [str(user) for user in users]
        return {"groups": self.groups}


def _buttons(messages: list[tuple[str, Document]]) -> Iterator[tuple[str, Document, str, Document]]:
    for channel, message in messages:
        for block in message.get("blocks") or ():
            if block.get("type") == "actions":
                for element in block["elements"]:
                    yield channel, message, str(block.get("block_id", "")), element


def _fits(each: tuple[str, Document, str, Document], asked: Document, label: str) -> bool:
    channel, message, _, element = each
    here = asked.get("channel") in (None, channel) and asked.get("ts") in (None, message["ts"])
    return here and _label(element).lower().startswith(label.lower())


def _label(element: Document) -> str:
    return str(element.get("text", {}).get("text", ""))
