"""What people do in an emulated Slack: press a button of a message, be in a user group; and the line it goes out on.

Payloads and envelopes as slack.md section 6 tells them, windows as docs.slack.dev/reference/interaction-payloads does
(`view_submission`, `view_closed`). A payload's time is real time, as Slack's is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.slack_blocks import view_fits

Document = dict[str, Any]
Send = Callable[[str], None]

TIMES_MOST = 100
CONNECTIONS_MOST = 10
"""Of one app (slack.md section 6)."""

TRIGGER_SECONDS = 3.0
"""How long after a press a window may be opened."""

WINDOWS_MOST = 1_000
REASON = "looked at, and meant"
"""What a person types who is not told what to type."""


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
            said = json.loads(text)
            envelope = str(said["envelope_id"])
        except (ValueError, KeyError, TypeError):
            return
        sent = self._sent.pop(envelope, None)
        if sent is not None:
            took = round(self._wall() - sent, 3)
            self._ledger.add("slack_ack", envelope=envelope, seconds=took, payload=said.get("payload"))

    def deliver(self, payload: Document) -> str:
        """To one of the sockets; the envelope. Raises CannotAct where none is open."""
        if not self._open:
            raise CannotAct("no app has a socket open: Slack shows that the press did not arrive")
        self._delivered += 1
        envelope = f"{self._delivered:032x}"
        answered = payload["type"] == "view_submission"
        said = {"envelope_id": envelope, "type": "interactive", "accepts_response_payload": answered}
        self._sent[envelope] = self._wall()
        next(iter(self._open.values()))(json.dumps({**said, "payload": payload}))
        return envelope

    def disconnect(self, reason: str) -> None:
        """Slack asks every app to connect anew."""
        for send in list(self._open.values()):
            send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "emulated"}}))


@dataclass(slots=True)
class Window:
    """One that was opened for `user`, who types `reason` at once, `times` times over; None: later, or never. `value` and
    `stamp` are of the press that it was opened for."""

    user: str
    value: str
    stamp: str
    reason: str | None
    times: int
    opened: float
    view: Document | None = None


class People:
    """`groups`: the members of each user group. A press lets the app open a window for whoever pressed."""

    def __init__(self, lines: Lines, ledger: Ledger, wall: Callable[[], float]) -> None:
        self.groups: dict[str, list[str]] = {}
        self._lines = lines
        self._ledger = ledger
        self._wall = wall
        self._windows: dict[str, Window] = {}
        self._named = 0

    def press(self, messages: list[tuple[str, Document]], asked: Document) -> Document:
        """Press the newest button that fits: `label` as people read it (its beginning is enough), `user`; and for the bad
        days `channel` and `ts` of another message, `value`, `age_seconds`, `times` for a payload that comes again.
        In the window that opens then they type `reason`, if it is none: nothing yet; `submits`: so often it is sent.

        `messages`: each with its channel, oldest first. Raises ValueError and CannotAct.
        """
        user, label = str(asked.get("user", "")), str(asked.get("label", ""))
        times, age = _times(asked, "times"), asked.get("age_seconds", 0)
        if not isinstance(age, int | float):
            raise ValueError("age_seconds is a number")
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
            "trigger_id": self._trigger(user, asked, value, stamp),
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

    def opened(self, trigger: Any, view: Any) -> Document | str:
        """A window for whoever has pressed, or the word with which Slack refuses it."""
        window = self._windows.get(str(trigger))
        if window is None:
            return "invalid_trigger_id"
        if window.view is not None:
            return "exchanged_trigger_id"
        if self._wall() - window.opened > TRIGGER_SECONDS:
            return "expired_trigger_id"
        if not view_fits(view):
            return "invalid_arguments"
        window.view = {**view, "id": f"V{self._next():010X}", "hash": f"{self._wall():.6f}"}
        self._tell("opened", window)
        if window.reason is not None:
            with suppress(CannotAct):  # the line broke meanwhile: nobody hears of it
                self._submit(window, window.reason, window.times)
        return window.view

    def finish(self, asked: Document) -> Document:
        """Type `reason` into the newest window of `user` and send it, `times` times, or close it with `close`."""
        user, reason = str(asked.get("user", "")), asked.get("reason")
        found = [each for each in self._windows.values() if each.user == user and each.view is not None]
        if not found:
            raise CannotAct(f"{user} has no window open")
        if asked.get("close") is True:
            closed = self._lines.deliver(self._about(found[-1], "view_closed"))
            self._tell("closed", found[-1])
            return {"envelopes": [closed]}
        if not isinstance(reason, str):
            raise ValueError('say {"user": "U0ANA", "reason": text} or {"user": "U0ANA", "close": true}')
        return {"envelopes": self._submit(found[-1], reason, _times(asked, "times"))}

    def _next(self) -> int:
        """Names differ, and are the same in each run."""
        self._named += 1
        return self._named

    def _tell(self, state: str, window: Window, **more: str) -> None:
        view = (window.view or {}).get("id")
        self._ledger.add(
            "slack_view",
            state=state,
            user=window.user,
            view=view,
            value=window.value,
            stamp=window.stamp,
            **more,
        )

    def _trigger(self, user: str, asked: Document, value: str, stamp: str) -> str:
        trigger, reason = f"1.2.{self._next():016x}", asked.get("reason", REASON)
        if not (reason is None or isinstance(reason, str)):
            raise ValueError("reason is a text, or null")
        while len(self._windows) >= WINDOWS_MOST:
            del self._windows[next(iter(self._windows))]
        self._windows[trigger] = Window(user, value, stamp, reason, _times(asked, "submits"), self._wall())
        return trigger

    def _submit(self, window: Window, reason: str, times: int) -> list[str]:
        payload = self._about(window, "view_submission")
        self._tell("submitted", window, reason=reason)
        ids = [
            (block["block_id"], block["element"]) for block in payload["view"]["blocks"] if "element" in block
        ]
        typed = {block: {each["action_id"]: {"type": each["type"], "value": reason}} for block, each in ids}
        payload["view"]["state"] = {"values": typed}
        return [self._lines.deliver(payload) for _ in range(times)]

    def _about(self, window: Window, kind: str) -> Document:
        user = {"id": window.user, "name": window.user.lower(), "team_id": "T0EMULATED"}
        team = {"id": "T0EMULATED", "domain": "acme"}
        return {
            "type": kind,
            "user": user,
            "team": team,
            "api_app_id": "A0EMU",
            "view": dict(window.view or {}),
        }

    def join(self, asked: Document) -> Document:
        """Who is in a user group from now on."""
        group, users = asked.get("id"), asked.get("users")
        if not isinstance(group, str) or not isinstance(users, list):
            raise ValueError('say {"id": "S0GROUP", "users": ["U0ANA"]}')
        self.groups[group] = [str(user) for user in users]
        return {"groups": self.groups}


def _times(asked: Document, name: str) -> int:
    times = asked.get(name, 1)
    if not isinstance(times, int) or not 1 <= times <= TIMES_MOST:
        raise ValueError(f"{name} is a whole number up to {TIMES_MOST}")
    return times


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
