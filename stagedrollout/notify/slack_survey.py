"""What only `doctor` asks of Slack: whose the token is, what it may, and whether a channel is there. Nothing is posted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.core.plain import one_line
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.slack import TIMEOUT_SECONDS, usable_token
from stagedrollout.notify.slack_answer import SERVICE

Ask = Callable[[str, dict[str, Any]], tuple[dict[str, Any], dict[str, str]]]
"""(method, payload) -> Slack's answer, `ok`, and its headers. Raises EdgeError for everything else."""

_SCOPES = "x-oauth-scopes"


@dataclass(frozen=True, slots=True)
class Identity:
    """`bot` and `team` as people know them; `scopes`: what the token may, None where Slack does not say."""

    bot: str
    team: str
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class FoundChannel:
    """A channel that the token can look up. `member`: None where Slack does not say."""

    archived: bool
    member: bool | None


def open_ask(token: str, endpoint: Endpoint, timeout_seconds: float = TIMEOUT_SECONDS) -> Ask:
    """Raises WrongConfiguration for a token that no header can carry."""
    from stagedrollout.notify.slack_wire import wired_ask  # noqa: PLC0415 - slack_sdk is slow to import

    return wired_ask(usable_token(token), endpoint, timeout_seconds)


def identity(ask: Ask) -> Identity:
    """Needs no scope. Raises EdgeError."""
    answer, headers = ask("auth.test", {})
    told = headers.get(_SCOPES)
    scopes = None if told is None else frozenset(filter(None, (part.strip() for part in told.split(","))))
    return Identity(_text(answer, "user"), _text(answer, "team"), scopes)


def found_channel(ask: Ask, channel: str) -> FoundChannel:
    """Needs channels:read (of private ones groups:read), which posting does not. Raises EdgeError."""
    about = ask("conversations.info", {"channel": channel})[0].get("channel")
    if not isinstance(about, dict):
        raise Faulty(SERVICE, "conversations.info", "an answer without a channel")
    member = about.get("is_member")
    return FoundChannel(about.get("is_archived") is True, member if isinstance(member, bool) else None)


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    return one_line(value) if isinstance(value, str) else ""
