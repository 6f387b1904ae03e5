"""One test message, sent right now: did it arrive, and if not, what would be right."""

from __future__ import annotations

from dataclasses import dataclass

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.notice import Board, Fact
from stagedrollout.notify.slack import Slack
from stagedrollout.notify.slack_advice import advice, asks_for_the_bot


@dataclass(frozen=True, slots=True)
class Trial:
    """`ts` is the message's id in `channel`, "" if Slack did not take it: then `problem` is what Slack said
    and `right` what would help.
    """

    channel: str
    ts: str = ""
    problem: str = ""
    right: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.ts)


def try_out(slack: Slack, *, key: str, version: str) -> Trial:
    """Send the message once. `key` is another one each time, or Slack may take it for the same message."""
    try:
        return Trial(slack.channel, ts=slack.open_thread(_message(version), key=key))
    except EdgeError as error:
        return Trial(slack.channel, problem=str(error), right=advice(error, _bot(slack, error)))


def _message(version: str) -> Board:
    what = Fact("What this is", "a test by `stagedrollout notify test`: no release was looked at or touched")
    return Board("TEST: stagedrollout can post in this channel", (what,), f"stagedrollout {version}")


def _bot(slack: Slack, error: EdgeError) -> str:
    """Asked only where the bot has to be invited; a name that cannot be had is left out."""
    if not asks_for_the_bot(error):
        return ""
    try:
        return slack.bot()
    except EdgeError:
        return ""
