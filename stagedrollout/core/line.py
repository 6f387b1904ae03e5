"""Stop the line: whether anything may be raised at all, of whatever app.

A freeze of the whole line is no order to a rollout: it stands beside the configuration, where the next daemon finds it
as well, and every raise asks for it before it is decided on and before it is sent. Halts do not ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.model import DAEMON

LINE_STOPPED = "line_stopped"
OVER = "its time is over"


@dataclass(frozen=True, slots=True)
class Line:
    """The newest freeze, and what ended it. `unread`: why that is not known; then nothing may be raised either."""

    stopped: LineStopped | None = None
    freed: LineFreed | None = None
    unread: str = ""

    def standing(self, now: datetime) -> LineStopped | None:
        """The freeze that is in force at the machine's time `now`."""
        if self.stopped is None or self.freed is not None:
            return None
        return None if self.stopped.until and self.stopped.until <= now else self.stopped

    def reason(self, now: datetime) -> Reason | None:
        """Why nothing may be raised; None where that does not stand in the way."""
        if self.unread:
            return Reason("line_unread", f"whether the line is stopped cannot be read: {self.unread}")
        stopped = self.standing(now)
        return Reason(LINE_STOPPED, stopped_words(stopped)) if stopped else None

    def ended(self, now: datetime) -> LineFreed | None:
        """What ended the newest freeze."""
        stopped = self.stopped
        if self.freed is not None or stopped is None or self.standing(now) is not None:
            return self.freed
        return LineFreed(stopped.id, DAEMON, OVER, stopped.until or now)


def stopped_words(stopped: LineStopped) -> str:
    until = f"until {stopped.until:%Y-%m-%d %H:%M} UTC" if stopped.until else "until somebody thaws it"
    since = f"since {stopped.at:%Y-%m-%d %H:%M} UTC"
    return f"the line is stopped by {stopped.actor} {since}, {until}: {stopped.reason}"


def news_of_the_line(rollout: Rollout, line: Line, now: datetime) -> tuple[LineStopped | LineFreed, ...]:
    """What the journal of this rollout does not say yet; nothing while it cannot be read."""
    if line.unread or rollout.finished:
        return ()
    stopped, known = line.standing(now), rollout.line
    if stopped is not None:
        return () if known is not None and known.id == stopped.id else (stopped,)
    ended = line.ended(now)
    if known is None:
        return ()
    if ended is None or ended.id != known.id:  # the file was taken away, or tells of another freeze
        return (LineFreed(known.id, DAEMON, "it stands beside the configuration no more", now),)
    return (ended,)
