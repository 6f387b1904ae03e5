"""What Slack's failures amount to, as tables and pure functions (slack.md section 3).

Slack answers most failures with HTTP 200 and a word in `error`; the word counts before the status. A word
that is in no table is a refusal: nothing of ours was applied, and saying it again changes nothing.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from urllib.error import URLError

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable
from stagedrollout.http.answer import refusal, shortened
from stagedrollout.http.peers import PeerRefused

SERVICE = "slack"
SLOW_SECONDS = 60.0
"""How long to wait where Slack limits posting without saying for how long."""

_LIMITED = frozenset({"rate_limited", "message_limit_exceeded"})
_AMBIGUOUS = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_CREDENTIALS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
_PAYLOAD = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "invalid_blocks",
        "invalid_blocks_format",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
_THREAD = frozenset(
    {"cannot_reply_to_message", "message_not_found", "restricted_action_thread_locked", "thread_not_found"}
)
_THREADLESS = "_non_threadable_channel"
_TARGET = frozenset(
    {"block_mismatch", "cant_update_message", "edit_window_closed", "is_inactive", "message_not_found"}
)
_IDENTITY = frozenset({"duplicate_channel_not_found", "duplicate_message_not_found", "invalid_arg_name"})


def payload_refused(word: str) -> bool:
    """Slack does not take this shape of message; plain text may do."""
    return word in _PAYLOAD or word.startswith("invalid_metadata")


def thread_gone(word: str) -> bool:
    """Nothing can be posted below that message any more; below a new one it may."""
    return word in _THREAD


def threads_refused(word: str) -> bool:
    """The channel takes no threads at all; its top level may do."""
    return word.endswith(_THREADLESS)


def target_gone(word: str) -> bool:
    """The message to be edited is gone or closed; a new one may do."""
    return word in _TARGET


def identity_refused(word: str) -> bool:
    """Slack stumbles over `client_msg_id`, which it does not document as an argument."""
    return word in _IDENTITY


def failure(doing: str, status: int, headers: Mapping[str, str], answer: Mapping[str, object]) -> EdgeError:
    """The error an answer that is not `ok` amounts to. `headers` have lower-case names."""
    word = _word(answer, "error")
    if status == 429 or word == "ratelimited":
        return refusal(SERVICE, doing, 429, headers, word)
    if word in _LIMITED:
        return Throttled(SERVICE, doing, word, status=status, wait_seconds=SLOW_SECONDS)
    if word in _AMBIGUOUS or status >= 500 or status == 408:
        return Unreachable(SERVICE, doing, f"{word or 'no words'} (HTTP {status})", status=status)
    if word in _CREDENTIALS:
        return Denied(SERVICE, doing, word + _needed(answer), status=status)
    if word:
        return Rejected(SERVICE, doing, word, status=status)
    if 200 <= status < 300:
        return Faulty(
            SERVICE, doing, f"an answer that is neither ok nor an error (HTTP {status})", status=status
        )
    return refusal(SERVICE, doing, status, headers, "")


def no_answer(doing: str, error: Exception) -> Unreachable:
    """The error of a conversation that broke; its words hold no URL, host or header."""
    return Unreachable(SERVICE, doing, _broken(error))


def _needed(answer: Mapping[str, object]) -> str:
    needed, provided = _word(answer, "needed"), _word(answer, "provided")
    has = f" and has {provided}" if provided else ""
    return f" (the token needs {needed}{has})" if needed else ""


def _word(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    return shortened(value) if isinstance(value, str) else ""


def _broken(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    match reason:
        case PeerRefused():
            return f"no connection: {reason}"
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return "no connection: TLS, the certificate cannot be verified"
        case ssl.SSLError():
            return "no connection: TLS failed"
        case socket.gaierror():
            return "no connection: the host name does not resolve"
        case http.client.RemoteDisconnected():
            return "the connection was closed without an answer"
        case OSError(errno=int(number)):
            return f"the connection broke: {os.strerror(number)}"
        case _:
            return f"no usable answer ({type(reason).__name__})"
