"""Slack: whose the token is, what it may, and whether the channels are there. Nothing is posted.

That a bot may post in a channel shows only when it does: `stagedrollout notify test` is for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stagedrollout.core.errors import Denied, EdgeError, Rejected
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.notify.slack_advice import advice
from stagedrollout.notify.slack_survey import Ask, found_channel, identity

NEEDED = "chat:write"
PICTURES = "files:write"
GROUPS = "usergroups:read"
CHANNELS = ("channels:read", "groups:read")
"""With these a channel can be looked up; posting needs neither (slack.md section 1)."""

_APP_TOKENS = "api.slack.com/apps > the app > Basic Information > App-Level Tokens"
_PAGE = "api.slack.com/apps > the app > OAuth & Permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackCase:
    """The token's line, and the channels by what the configuration calls them."""

    tell: Telling
    ask: Ask
    channels: tuple[tuple[str, str], ...]
    open_socket: Callable[[], object] | None = None
    """Asks for a socket as the app, and does not open it; None where no buttons are wanted."""

    groups: tuple[str, ...] = ()


def questions(case: SlackCase) -> Iterator[Finding]:
    """Raises EdgeError where Slack fails us altogether."""
    try:
        who = identity(case.ask)
    except Denied as denied:
        yield case.tell.problem("token", f"Slack refuses the token: {denied.detail}", advice(denied))
        return
    yield case.tell.ok("token", f"the token is the bot {who.bot}'s, in the workspace {who.team}")
    yield from scopes(case.tell, who.scopes, groups=bool(case.groups))
    for role, channel in case.channels:
        yield _channel(case, role, channel, who.bot)
    if case.open_socket:
        yield _socket(case.tell, case.open_socket)
    for group in case.groups:
        yield _group(case, group)


def _socket(tell: Telling, open_socket: Callable[[], object]) -> Finding:
    """What is pressed comes in over a socket, which only the app-level token may ask for."""
    try:
        open_socket()
    except (Denied, Rejected) as refused:
        right = f"{_APP_TOKENS}: a token (xapp-...) with connections:write; and switch Socket Mode on"
        return tell.problem("app token", f"Slack opens no socket for it: {refused.detail}", right)
    except EdgeError as error:
        return tell.failed("app token", error, "whether presses arrive could not be tried out")
    return tell.ok("app token", "Slack would open a socket for it: what is pressed arrives")


def _group(case: SlackCase, group: str) -> Finding:
    try:
        users = case.ask("usergroups.users.list", {"usergroup": group})[0].get("users")
    except (Denied, Rejected) as refused:
        right = f"give the bot {GROUPS}, and check the id: {_PAGE}"
        return case.tell.problem("user group", f"{group}: {refused.detail}: its members press nothing", right)
    except EdgeError as error:
        return case.tell.failed(
            "user group", error, f"{group}: its members press nothing while it cannot be read"
        )
    number = len(users) if isinstance(users, list) else 0
    return case.tell.ok("user group", f"{group} has {number} members, who may press")


def scopes(tell: Telling, found: frozenset[str] | None, *, groups: bool = False) -> Iterator[Finding]:
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
    if beyond := sorted(found - {NEEDED, PICTURES, *CHANNELS, *((GROUPS,) if groups else ())}):
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
