"""What would be right when Slack does not take a message, in words for whoever set it up (slack.md section 3)."""

from __future__ import annotations

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable

_PAGE = "on the app's page at api.slack.com/apps, under OAuth & Permissions"
_INVITE = "type /invite {bot} in the channel"

_WORDS = {
    "access_denied": "ask an administrator of the workspace to allow the app",
    "account_inactive": f"the app was removed or its user deactivated: install it again {_PAGE}",
    "channel_not_found": f"check the channel's id in the configuration; for a private channel, {_INVITE}",
    "ekm_access_denied": "an administrator has suspended access to this channel's messages: ask them",
    "invalid_auth": f"copy the Bot User OAuth Token (xoxb-...) again {_PAGE}",
    "is_archived": "unarchive the channel, or name another one in the configuration",
    "messages_tab_disabled": "name a channel; the app's own messages tab is switched off",
    "missing_scope": f"add the scope chat:write {_PAGE}, then install the app again and take its new token",
    "no_permission": "ask an administrator of the workspace to allow the app",
    "not_allowed_token_type": f"use the Bot User OAuth Token (xoxb-...), found {_PAGE}",
    "not_authed": f"put the Bot User OAuth Token (xoxb-...) where the configuration says; it is {_PAGE}",
    "not_in_channel": f"invite the bot: {_INVITE}",
    "org_login_required": "the workspace is being moved to an organization: wait, then install the app again",
    "restricted_action": "let the bot post in this channel: channel settings, posting permissions",
    "team_not_found": "write the channel's id, not its name, and use a token of the channel's own workspace",
    "token_expired": "make a token that does not expire (no token rotation): nothing here renews it",
    "token_revoked": f"install the app again and take its new token, found {_PAGE}",
}


def asks_for_the_bot(error: EdgeError) -> bool:
    """Whether the advice names the bot, so that somebody can be told to invite it."""
    return "{bot}" in _advice(error)


def advice(error: EdgeError, bot: str = "") -> str:
    """One sentence; `bot` is the name to invite, "" if nobody knows it."""
    return _advice(error).replace("{bot}", f"@{bot}" if bot else "@ and the bot's name")


def _advice(error: EdgeError) -> str:
    word = error.detail.partition(" ")[0]
    if word.startswith("restricted_action"):
        word = "restricted_action"
    if word in _WORDS and isinstance(error, (Denied, Rejected)):
        return _WORDS[word]
    match error:
        case Throttled():
            return f"wait {error.wait_seconds or 60:.0f} s and try again; Slack limits how fast one may post"
        case Unreachable():
            return "look into the channel, the message may be there; else check network, proxy and endpoint"
        case Faulty():
            return "check slack.endpoint and the proxy: what answered does not speak as Slack does"
        case Denied():
            return f"check the token and its scopes {_PAGE}"
        case _:
            return "look the word up among the errors of chat.postMessage in Slack's documentation"
