"""Slack: whose the token is, what it may, and whether the channels are there. Nothing is posted.

That a bot may post in a channel shows only when it does: `stagedrollout notify test` is for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stagedrollout.core.errors import Denied, EdgeError
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.notify.slack_advice import advice
from stagedrollout.notify.slack_survey import Ask, found_channel, identity

NEEDED = "chat:write"
PICTURES = "files:write"
CHANNELS = ("channels:read", "groups:read")
"""With these a channel can be looked up; posting needs neither (slack.md section 1)."""

_PAGE = "api.slack.com/apps > the app > OAuth & Permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackCase:
    """The token's line, and the channels by what the configuration calls them."""

    tell: Telling
    ask: Ask
    channels: tuple[tuple[str, str], ...]


def questions(case: SlackCase) -> Iterator[Finding]:
    """Raises EdgeError where Slack fails us altogether."""
    try:
        who = identity(case.ask)
    except Denied as denied:
        yield case.tell.problem("token", f"Slack refuses the token: {denied.detail}", advice(denied))
        return
    yield case.tell.ok("token", f"the token is the bot {who.bot}'s, in the workspace {who.team}")
    yield from scopes(case.tell, who.scopes)
    for role, channel in case.channels:
        yield _channel(case, role, channel, who.bot)


def scopes(tell: Telling, found: frozenset[str] | None) -> Iterator[Finding]:
    """What the token may, by the header that every answer has. Pure."""
    if found is None:
        yield tell.note("scopes", "Slack does not tell what the token may")
        return
    if NEEDED not in found:
        yield tell.problem("scopes", f"the token lacks {NEEDED}: it can post nothing", f"add it: {_PAGE}")
    else:
        yield tell.ok("scopes", f"the token has {NEEDED}")
    if PICTURES not in found:
        said = f"the token lacks {PICTURES}: no picture follows a halt"
        yield tell.note("scopes", said, f"add it if you want them: {_PAGE}")
    if beyond := sorted(found - {NEEDED, PICTURES, *CHANNELS}):
        said = f"the token may more than is needed: {', '.join(beyond)}"
        yield tell.warning("beyond need", said, f"take it away and install the app again: {_PAGE}")


def _channel(case: SlackCase, role: str, channel: str, bot: str) -> Finding:
    try:
        found = found_channel(case.ask, channel)
    except EdgeError as error:
        if error.detail.startswith("missing_scope"):
            said = f"whether the bot may post in {role} {channel} shows only by posting"
            return case.tell.note("channel", said, "`stagedrollout notify test` does that")
        return case.tell.failed("channel", error, f"{role} {channel}: {advice(error, bot)}")
    if found.archived:
        right = "unarchive it, or name another one in the configuration"
        return case.tell.problem("channel", f"{role} {channel} is archived", right)
    if found.member is False:
        return case.tell.problem(
            "channel", f"the bot is not in {role} {channel}", f"type /invite @{bot} there"
        )
    return case.tell.ok("channel", f"{role} {channel} is there, and the bot is in it")
