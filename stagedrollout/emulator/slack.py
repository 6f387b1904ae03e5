"""Slack's Web API: the few methods that post, edit and look up messages (slack.md sections 2, 3, 7), and files.

Errors are HTTP 200 with `ok: false`; a message is named by its channel and its `ts`, a string.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.request import JSON, Reply
from stagedrollout.emulator.service import Call
from stagedrollout.emulator.slack_blocks import blocks_fit, metadata_error
from stagedrollout.emulator.slack_files import COMPLETE, GET_URL, UPLOAD, UPLOADS, Files, NoFile, Sent
from stagedrollout.emulator.slack_people import Lines, People
from stagedrollout.emulator.slack_reading import Document, No, arguments, page, shown
from stagedrollout.emulator.switches import Switches

PREFIX = "/slack/api/"
CHANNEL = "C0RELEASE"
OPENING = "apps.connections.open"
SECOND_CHANNEL = "C0ONCALL"
NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    GET_URL: "files:write",
    COMPLETE: "files:write",
    "conversations.info": "channels:read",
    "chat.postEphemeral": "chat:write",
    "usergroups.users.list": "usergroups:read",
}
"""The scope that a method asks for (slack.md section 1)."""

TEXT_KEPT = 40_000
UPDATE_TEXT_MOST = 4_000
_BOT = {"user": "stagedrollout", "user_id": "U0EMULATED", "bot_id": "B0EMULATED"}
_TEAM = {"team": "Acme", "team_id": "T0EMULATED", "url": "https://acme.slack.example.invalid/"}


@dataclass(slots=True)
class Channel:
    """`member`: whether the bot is in it. `messages` in the order in which they were posted."""

    id: str
    member: bool = True
    archived: bool = False
    messages: list[Document] = field(default_factory=list)
    last: tuple[int, int] = (0, 0)

    def next_ts(self, second: int) -> str:
        """Unique and rising within the channel."""
        micro = self.last[1] + 100 if self.last[0] == second else 100
        self.last = (second, micro)
        return f"{second}.{micro:06d}"

    def find(self, ts: Any) -> Document | None:
        return next((message for message in self.messages if message["ts"] == ts), None)

    def delete(self, ts: str) -> None:
        """As a person in Slack does: neither editing it nor replying below it is possible afterwards."""
        self.messages = [message for message in self.messages if message["ts"] != ts]


class Slack:
    """Answers requests under PREFIX. `channels` may be changed by whoever sets up the world."""

    name = "slack"
    prefix = (PREFIX, UPLOADS)
    writes = frozenset(
        {"chat.postMessage", "chat.update", "chat.postEphemeral", "views.open", UPLOAD, COMPLETE}
    )

    def __init__(
        self,
        timeline: Timeline,
        ledger: Ledger,
        credentials: Credentials,
        switches: Callable[[], Switches],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._timeline = timeline
        self._ledger = ledger
        self._credentials = credentials
        self._switches = switches
        self.channels = {name: Channel(name) for name in (CHANNEL, SECOND_CHANNEL)}
        self._files = Files()
        self.lines = Lines(ledger, wall)
        self.people = People(self.lines, ledger, wall)
        self._methods: dict[str, Callable[[Document, Call], Document]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "usergroups.users.list": self._members,
            "views.open": self._open_window,
            OPENING: self._open_line,
            "conversations.info": self._info,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            GET_URL: self._get_upload_url,
            COMPLETE: self._complete_upload,
        }

    def operation(self, method: str, path: str) -> str:
        if path.startswith(UPLOADS):
            return UPLOAD if method == "POST" else "unknown"
        name = path.removeprefix(PREFIX)
        return name if method in ("GET", "POST") and name in self._methods else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        match status:
            case 401:
                return _refused("invalid_auth")
            case 403:
                scopes = {"needed": "chat:write", "provided": "files:write"}
                return Reply(document={"ok": False, "error": "missing_scope", **scopes})
            case 429:
                return self._limited()
            case 502:
                return Reply(502, text="<html><title>502 Bad Gateway</title></html>")
            case _:
                return Reply(status, {"ok": False, "error": "internal_error"})

    def answer(self, call: Call) -> Reply:
        if call.operation == UPLOAD:
            return self._files.take(call.request.path.removeprefix(UPLOADS), call.request.body)
        token = call.request.bearer
        if token is None:
            return _refused("not_authed")
        if call.operation == OPENING and token == self._credentials.slack_token:
            return _refused("not_allowed_token_type")
        if token != (self._app_token if call.operation == OPENING else self._credentials.slack_token):
            return _refused("invalid_auth")
        if call.trouble == "error":
            return _refused((call.fault.detail if call.fault else "") or "internal_error")
        if call.operation == "unknown":
            return _refused("unknown_method")
        needed = NEEDS.get(call.operation, "")
        if needed and needed not in self._scopes.split(","):
            applied = False if call.operation in self.writes else None
            told = {"needed": needed, "provided": self._scopes}
            return self._with_scopes(_refused("missing_scope", applied=applied, **told))
        if self._too_fast(call):
            return self._limited()
        applied = True if call.operation in self.writes else None
        try:
            document = self._methods[call.operation](arguments(call.request), call)
            return self._with_scopes(Reply(document={"ok": True, **document}, applied=applied))
        except (No, NoFile) as no:
            return _refused(str(no), applied=None if applied is None else False)

    @property
    def _app_token(self) -> str:
        return self._credentials.slack_app_token

    @property
    def _scopes(self) -> str:
        return self._switches().slack_scopes

    def _with_scopes(self, reply: Reply) -> Reply:
        """Every answer tells the token's scopes in a header."""
        headers = {**reply.headers, "x-oauth-scopes": self._scopes}
        return Reply(reply.status, reply.document, reply.text, headers, reply.applied)

    def _too_fast(self, call: Call) -> bool:
        """More than one message a second in a channel, by virtual time."""
        if call.operation != "chat.postMessage" or not self._switches().slack_rate_limit:
            return False
        channel = self.channels.get(str(arguments(call.request).get("channel")))
        return channel is not None and channel.last[0] == self._second()

    def _limited(self) -> Reply:
        wait = str(self._switches().slack_retry_after_seconds)
        return Reply(429, {"ok": False, "error": "ratelimited"}, headers={"retry-after": wait})

    def _second(self) -> int:
        return int(self._timeline.now.timestamp())

    def _auth_test(self, _: Document, __: Call) -> Document:
        return {**_BOT, **_TEAM, "is_enterprise_install": False}

    def _channel(self, asked: Document) -> Channel:
        channel = self.channels.get(str(asked.get("channel")))
        if channel is None:
            raise No("channel_not_found")
        return channel

    def _post(self, asked: Document, call: Call) -> Document:
        channel = self._channel(asked)
        if not channel.member:
            raise No("not_in_channel")
        if channel.archived:
            raise No("is_archived")
        message = self._message(asked)
        thread = asked.get("thread_ts")
        parent = channel.find(thread) if thread else None
        if thread and (parent is None or parent.get("thread_ts", thread) != thread):
            raise No("cannot_reply_to_message")
        double = self._double(channel, asked.get("client_msg_id"))
        if double is not None:
            return {"channel": channel.id, "ts": double["ts"], "message": shown(double), "is_duplicate": True}
        message["ts"] = channel.next_ts(self._second())
        if parent is not None:
            message["thread_ts"] = parent["thread_ts"] = thread
            if asked.get("reply_broadcast") in (True, "true", "1"):
                message["subtype"] = "thread_broadcast"
        if asked.get("client_msg_id"):
            message["client_msg_id"] = asked["client_msg_id"]
        channel.messages.append(message)
        self._tell(channel, message, call, update=False)
        return {"channel": channel.id, "ts": message["ts"], "message": shown(message)}

    def _double(self, channel: Channel, client_msg_id: Any) -> Document | None:
        if not client_msg_id or not self._switches().slack_deduplicates:
            return None
        return next((m for m in channel.messages if m.get("client_msg_id") == client_msg_id), None)

    def _message(self, asked: Document) -> Document:
        blocks, metadata, text = asked.get("blocks"), asked.get("metadata"), asked.get("text") or ""
        if not isinstance(text, str) or (not text and not blocks):
            raise No("no_text")
        if blocks is not None and not blocks_fit(blocks):
            raise No("invalid_blocks")
        if (wrong := metadata_error(metadata)) is not None:
            raise No(wrong)
        who = {"type": "message", "user": _BOT["user_id"], "bot_id": _BOT["bot_id"], "team": _TEAM["team_id"]}
        message = {**who, "text": text[:TEXT_KEPT]}
        return {
            **message,
            **({"blocks": blocks} if blocks else {}),
            **({"metadata": metadata} if metadata else {}),
        }

    def _update(self, asked: Document, call: Call) -> Document:
        channel = self._channel(asked)
        message = channel.find(asked.get("ts"))
        if message is None:
            raise No("message_not_found")
        if message["bot_id"] != _BOT["bot_id"]:
            raise No("cant_update_message")
        if len(str(asked.get("text") or "")) > UPDATE_TEXT_MOST:
            raise No("msg_too_long")
        fresh = self._message(asked)
        message.pop("blocks", None)
        if asked.get("metadata") == {}:
            message.pop("metadata", None)
        message.update(fresh)
        message["edited"] = {"user": _BOT["user_id"], "ts": f"{self._second()}.000000"}
        self._tell(channel, message, call, update=True)
        told = shown(message)
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": told}

    def messages(self) -> list[tuple[str, Document]]:
        """Every message that is there, with its channel, oldest first."""
        found = [(channel.id, message) for channel in self.channels.values() for message in channel.messages]
        return sorted(found, key=lambda each: float(each[1]["ts"]))

    def _open_line(self, _: Document, __: Call) -> Document:
        if not self.lines.address:
            raise No("internal_error")
        return {"url": self.lines.ticket()}

    def _members(self, asked: Document, _: Call) -> Document:
        users = self.people.groups.get(str(asked.get("usergroup")))
        if users is None:
            raise No("no_such_subteam")
        return {"users": users}

    def _open_window(self, asked: Document, _: Call) -> Document:
        opened = self.people.opened(asked.get("trigger_id"), asked.get("view"))
        if isinstance(opened, str):
            raise No(opened)
        return {"view": opened}

    def _whisper(self, asked: Document, call: Call) -> Document:
        channel, text = self._channel(asked), asked.get("text")
        if not isinstance(text, str) or not text:
            raise No("no_text")
        told = {"channel": channel.id, "user": str(asked.get("user")), "text": text, "request": call.seq}
        self._ledger.add("slack_ephemeral", **told)
        return {"message_ts": channel.next_ts(self._second())}

    def _get_upload_url(self, asked: Document, call: Call) -> Document:
        if "json" in call.request.headers.get("content-type", ""):
            raise No("invalid_arguments")  # as seen of the real one, whatever its documentation says
        ticket, file_id = self._files.promise(asked.get("filename"), asked.get("length"))
        host = call.request.headers.get("host", "127.0.0.1")
        return {"upload_url": f"http://{host}{UPLOADS}{ticket}", "file_id": file_id}

    def _complete_upload(self, asked: Document, call: Call) -> Document:
        """Only now is it to be seen, and only in the one channel, in the thread that is named."""
        sent = self._files.complete(asked.get("files"))
        if asked.get("channel_id"):
            self._share(self._channel({"channel": asked["channel_id"]}), sent, asked, call)
        return {"files": [{"id": each.id, "title": each.title} for each in sent]}

    def _share(self, channel: Channel, sent: list[Sent], asked: Document, call: Call) -> None:
        if not channel.member:
            raise No("not_in_channel")
        thread = asked.get("thread_ts")
        if thread and channel.find(thread) is None:
            raise No("invalid_thread_ts")
        comment = str(asked.get("initial_comment") or "")
        message: Document = {
            "type": "message",
            "user": _BOT["user_id"],
            "bot_id": _BOT["bot_id"],
            "text": comment,
        }
        message |= {"files": [each.document() for each in sent], "ts": channel.next_ts(self._second())}
        if thread:
            message["thread_ts"] = thread
        channel.messages.append(message)
        told = {"channel": channel.id, "ts": message["ts"], "thread_ts": thread or None, "request": call.seq}
        for each in sent:
            self._ledger.add("slack_file", **told, **each.document())

    def _info(self, asked: Document, _: Call) -> Document:
        channel = self._channel(asked)
        about = {"id": channel.id, "is_archived": channel.archived, "is_member": channel.member}
        return {"channel": {**about, "name": channel.id.lower(), "is_channel": True, "is_private": False}}

    def _history(self, asked: Document, _: Call) -> Document:
        channel = self._channel(asked)
        if not channel.member:
            raise No("not_in_channel")
        tops = [m for m in channel.messages if m.get("thread_ts", m["ts"]) == m["ts"] or "subtype" in m]
        return page(list(reversed(tops)), asked)

    def _replies(self, asked: Document, _: Call) -> Document:
        channel = self._channel(asked)
        thread = asked.get("ts")
        if channel.find(thread) is None:
            raise No("thread_not_found")
        return page([m for m in channel.messages if m.get("thread_ts", m["ts"]) == thread], asked)

    def _tell(self, channel: Channel, message: Document, call: Call, *, update: bool) -> None:
        thread = message.get("thread_ts")
        self._ledger.add(
            "slack",
            channel=channel.id,
            ts=message["ts"],
            thread_ts=None if thread == message["ts"] else thread,
            broadcast=message.get("subtype") == "thread_broadcast",
            text=message["text"],
            blocks=message.get("blocks"),
            metadata=message.get("metadata"),
            client_msg_id=message.get("client_msg_id"),
            update=update,
            request=call.seq,
        )


def _refused(error: str, *, applied: bool | None = None, **more: str) -> Reply:
    document = {"ok": False, "error": error, **more}
    return Reply(document=document, headers={"content-type": JSON}, applied=applied)
