"""The places where people are told, opened from the configuration: for the daemon and for `notify test`."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import SlackAccess
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.offer import Seal
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.slack import BASE_URL, Call, Slack, open_call
from stagedrollout.notify.slack_survey import Ask, open_ask

OPENING = "apps.connections.open"
"""By which the app asks for a socket."""


@dataclass(frozen=True, slots=True)
class SlackChannels:
    """`fallback` is where urgent notices go too while `main` does not take them; None: to the log."""

    main: Slack
    fallback: Slack | None


def slack_channels(
    loaded: Loaded, access: SlackAccess, call: Call | None = None, seal: Seal | None = None
) -> SlackChannels:
    """`call`: another way to Slack than its own. Raises WrongConfiguration; sends nothing."""
    if call is None:
        call = slack_call(loaded, access)
    fallback = Slack(call, access.fallback_channel, seal) if access.fallback_channel else None
    return SlackChannels(Slack(call, access.channel, seal), fallback)


def slack_ask(loaded: Loaded, access: SlackAccess) -> Ask:
    """The same way to Slack for who asks about the token itself. Raises WrongConfiguration; sends nothing."""
    return open_ask(*_line(loaded, access))


def slack_call(loaded: Loaded, access: SlackAccess) -> Call:
    """Slack's Web API as the bot. Raises WrongConfiguration; sends nothing."""
    return open_call(*_line(loaded, access))


def slack_app_call(loaded: Loaded, access: SlackAccess) -> Call:
    """The same as the app, which may open a socket and nothing else. Raises WrongConfiguration; sends nothing."""
    if access.app_token is None:
        raise WrongConfiguration("slack: buttons need app_token")
    return open_call(*_line(loaded, access, access.app_token))


def slack_endpoint(access: SlackAccess) -> Endpoint:
    return Endpoint("slack", access.endpoint or BASE_URL)


def _line(loaded: Loaded, access: SlackAccess, token: SecretRef | None = None) -> tuple[str, Endpoint, float]:
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    return loaded.secret(token or access.token).reveal(), slack_endpoint(access), timeout


@dataclass(frozen=True, slots=True)
class Channels:
    """`second` is None where `first` cannot fail."""

    first: Slack | LogChannel
    second: Slack | LogChannel | None


def open_channels(loaded: Loaded, call: Call | None = None, seal: Seal | None = None) -> Channels:
    """Without Slack the log is the only place, without a fallback it is the second one, as critical."""
    access = loaded.settings.slack
    if access is None:
        return Channels(LogChannel(), None)
    slack = slack_channels(loaded, access, call, seal)
    return Channels(slack.main, slack.fallback or LogChannel(logging.CRITICAL))
