"""The places where people are told, opened from the configuration: for the daemon and for `notify test`."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import SlackAccess
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.slack import BASE_URL, Call, Slack, open_call
from stagedrollout.notify.slack_survey import Ask, open_ask


@dataclass(frozen=True, slots=True)
class SlackChannels:
    """`fallback` is where urgent notices go too while `main` does not take them; None: to the log."""

    main: Slack
    fallback: Slack | None


def slack_channels(loaded: Loaded, access: SlackAccess, call: Call | None = None) -> SlackChannels:
    """`call`: another way to Slack than its own. Raises WrongConfiguration; sends nothing."""
    if call is None:
        call = open_call(*_line(loaded, access))
    fallback = Slack(call, access.fallback_channel) if access.fallback_channel else None
    return SlackChannels(Slack(call, access.channel), fallback)


def slack_ask(loaded: Loaded, access: SlackAccess) -> Ask:
    """The same way to Slack for who asks about the token itself. Raises WrongConfiguration; sends nothing."""
    return open_ask(*_line(loaded, access))


def _line(loaded: Loaded, access: SlackAccess) -> tuple[str, Endpoint, float]:
    endpoint = Endpoint("slack", access.endpoint or BASE_URL)
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    return loaded.secret(access.token).reveal(), endpoint, timeout


@dataclass(frozen=True, slots=True)
class Channels:
    """`second` is None where `first` cannot fail."""

    first: Slack | LogChannel
    second: Slack | LogChannel | None


def open_channels(loaded: Loaded, call: Call | None = None) -> Channels:
    """Without Slack the log is the only place, without a fallback it is the second one, as critical."""
    access = loaded.settings.slack
    if access is None:
        return Channels(LogChannel(), None)
    slack = slack_channels(loaded, access, call)
    return Channels(slack.main, slack.fallback or LogChannel(logging.CRITICAL))
