"""Notices in a Slack channel: one thread per rollout, whose first message is kept current.

Slack may refuse a message for its shape or its identity, or take no threads at all; what it refuses is taken
off, one thing at a time, until it takes the rest: a plain halt notice at the top level is better than none.
A thread or a first message that is gone is told apart (ThreadGone, MessageGone), because the relay can begin
another. Whether and when to try again after any other failure is the relay's business (slack.md section 3):

    what Slack says (the words stand in slack_answer.py)      what happens
    429, ratelimited, rate_limited, message_limit_exceeded    the relay waits as long as asked, order kept
    5xx, internal_error ..., timeout, reset, HTML with 200    sent again, same client_msg_id, marked as such
    invalid_auth, missing_scope ...                           every ten minutes; urgent: second channel too
    channel_not_found, is_archived ..., any unknown word      likewise
    invalid_blocks, msg_too_long, metadata_too_large ...      sent as plain text, once, and logged
    no_text and the like even then                            given up, logged in full; the next one goes
    cannot_reply_to_message, thread locked or not found       a new thread is begun, the notice is in it
    ..._non_threadable_channel                                posted at the top level
    message_not_found, edit_window_closed ... for a board     a new first message is posted
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from stagedrollout.core.errors import EdgeError, Faulty, Rejected, WrongConfiguration
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board, Notice
from stagedrollout.core.offer import Seal
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.blocks import Message, board_message, notice_message
from stagedrollout.notify.ports import MessageGone, ThreadGone, Unsendable
from stagedrollout.notify.slack_answer import (
    SERVICE,
    identity_refused,
    payload_refused,
    target_gone,
    thread_gone,
    threads_refused,
)

log = logging.getLogger(__name__)

Payload = dict[str, Any]
Call = Callable[[str, Payload], dict[str, Any]]
"""(method, payload) -> Slack's answer, `ok`. Raises EdgeError for everything else."""

BASE_URL = "https://slack.com/api/"
TIMEOUT_SECONDS = 10.0
METADATA_TYPE = "stagedrollout_notice"

_NAMESPACE = uuid.UUID("5d0c5a5e-6a0e-5c5b-9d1f-6f0b8a3c7e21")
_LAST_RESORT = "Slack refused the text of this message; `stagedrollout history` has it."


def open_call(token: str, endpoint: Endpoint, timeout_seconds: float = TIMEOUT_SECONDS) -> Call:
    """Slack's Web API through slack_sdk, with every failure as our EdgeError (slack.md section 3).

    `endpoint` ends in /api/. `timeout_seconds` bounds a whole call. A bot token; it never shows in an error.
    Raises WrongConfiguration for a token that no header can carry.
    """
    from stagedrollout.notify.slack_wire import wired_call  # noqa: PLC0415 - slack_sdk is slow to import

    return wired_call(usable_token(token), endpoint, timeout_seconds)


def usable_token(token: str) -> str:
    """The token without the white space around it. Raises WrongConfiguration for one that no header can carry."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise WrongConfiguration("slack: the token is empty or holds characters that no header can carry")
    return token


class Slack:
    """One channel, by its id. `seal`: for buttons; None: without any. Not bound to a thread of execution."""

    def __init__(self, call: Call, channel: str, seal: Seal | None = None) -> None:
        self._call = call
        self._seal = seal
        self._channel = channel

    @property
    def channel(self) -> str:
        return self._channel

    def post(self, notice: Notice, thread: str | None, *, rollout: RolloutKey) -> str:
        """The new message's `ts`. Below the message `thread`; at the top level where there are no threads.

        Raises EdgeError; Unsendable if Slack takes no form of it, ThreadGone if only `thread` is refused.
        """
        told = {"key": notice.key, "kind": notice.kind.value, "rollout": str(rollout)}
        payload = {
            **self._new(notice_message(notice, self._seal), notice.key),
            "metadata": {"event_type": METADATA_TYPE, "event_payload": told},
        }
        if thread:
            payload["thread_ts"] = thread
            payload["reply_broadcast"] = notice.broadcast
        return _ts(self._send("chat.postMessage", payload))

    def open_thread(self, board: Board, *, key: str) -> str:
        """The `ts` of the thread's first message. Raises like `post`."""
        return _ts(self._send("chat.postMessage", self._new(board_message(board, self._seal), key)))

    def update(self, board: Board, message_id: str) -> None:
        """Raises EdgeError; MessageGone if there is nothing to update."""
        try:
            self._send("chat.update", {**self._shown(board_message(board, self._seal)), "ts": message_id})
        except Rejected as refused:
            if target_gone(refused.detail):
                raise _as(MessageGone, refused) from None
            raise

    def bot(self) -> str:
        """The bot's name, as one invites it to a channel; needs no scope. Raises EdgeError."""
        name = self._call("auth.test", {}).get("user")
        return name if isinstance(name, str) else ""

    def _shown(self, message: Message) -> Payload:
        # parse: Slack makes no links or mentions of its own out of the text
        return {
            "channel": self._channel,
            "text": message.text,
            "blocks": list(message.blocks),
            "parse": "none",
        }

    def _new(self, message: Message, key: str) -> Payload:
        """`client_msg_id` makes a repeated message recognisable, where Slack looks at it (section 2)."""
        identity = str(uuid.uuid5(_NAMESPACE, key.encode("utf-8", "backslashreplace").decode("utf-8")))
        unfurling = {"unfurl_links": False, "unfurl_media": False}
        return {**self._shown(message), **unfurling, "client_msg_id": identity}

    def _send(self, method: str, payload: Payload) -> dict[str, Any]:
        while True:
            try:
                return self._call(method, payload)
            except Rejected as refused:
                if "thread_ts" in payload and thread_gone(refused.detail):
                    raise _as(ThreadGone, refused) from None
                simpler = _simpler(payload, refused.detail)
                if simpler is None:
                    raise
                if simpler == payload:
                    raise _as(Unsendable, refused) from None
                log.warning("Slack refuses part of a message (%s); it is sent without", refused.detail)
                payload = simpler


def _simpler(payload: Payload, word: str) -> Payload | None:
    """The payload without what Slack refused; the same one if nothing is left to take off.

    None if the refusal is not about the payload. Each step takes something off for good, so it ends.
    """
    if payload_refused(word):
        if "blocks" in payload or "metadata" in payload:
            return _without(payload, "blocks", "metadata")
        return {**payload, "text": _LAST_RESORT}
    if identity_refused(word) and "client_msg_id" in payload:
        return _without(payload, "client_msg_id")
    if threads_refused(word) and "thread_ts" in payload:
        return _without(payload, "thread_ts", "reply_broadcast")
    return None


def _without(payload: Payload, *names: str) -> Payload:
    return {name: value for name, value in payload.items() if name not in names}


def _ts(answer: dict[str, Any]) -> str:
    """The message's id, verbatim: a string that looks like a number and is none."""
    ts = answer.get("ts")
    if not isinstance(ts, str) or not ts:
        raise Faulty(SERVICE, "chat.postMessage", "an answer without the message's ts")
    return ts


def _as(kind: type[Unsendable | MessageGone | ThreadGone], error: EdgeError) -> Rejected:
    return kind(error.service, error.doing, error.detail, status=error.status)
