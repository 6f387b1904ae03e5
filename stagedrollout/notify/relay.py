"""Carries notices from the outbox to where people read: at least once, in order per rollout (promise R20).

What holds here:

- A row is marked `sending`, durably, before the request leaves, and `sent` after the answer. After a crash or
  a lost answer it is sent again: a notice told twice is better than one not told.
- Of each rollout only the oldest unsent notice is tried, once per round; another rollout's trouble never
  holds it up. Nothing here sleeps: what has to wait is written down with the instant it is due again.
- The thread's first message is opened before the first reply and kept current after the replies, the latest
  board only. A board that cannot be shown holds up nothing.
- What only a human can mend (credentials, a channel that is gone) is tried every ten minutes, for ever, and
  shown by `problem`. A single message that Slack takes in no form is logged in full and given up, so that
  the rollout's next one, perhaps a halt, is told.
- One call is bounded: so many messages, and so many of them failing, then the rest is left to the next.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.ports import Clock
from stagedrollout.notify.blocks import one_line
from stagedrollout.notify.ports import MessageGone, NoticeChannel, OutboxRow, OutboxRows, Thread, Unsendable

log = logging.getLogger(__name__)

NOTICES_MAX = 60
BOARDS_MAX = 30
FAILURES_MAX = 3
"""Failed calls, each up to a whole timeout, after which a delivery ends."""

WAIT_MIN = timedelta(seconds=5)
WAIT_MAX = timedelta(minutes=5)
HUMAN_WAIT = timedelta(minutes=10)
ASKED_WAIT_MAX = timedelta(hours=1)
"""The longest wait that is granted to who asks for one."""


@dataclass(slots=True)
class _Budget:
    """What one delivery may still do."""

    notices: int = NOTICES_MAX
    boards: int = BOARDS_MAX
    failures: int = FAILURES_MAX

    def failed(self, error: EdgeError) -> None:
        """Being throttled concerns every message alike, so it ends the delivery."""
        self.failures = 0 if isinstance(error, Throttled) else self.failures - 1


class Relay:
    """May be called from any thread; while one delivers, others return at once (one writer per channel)."""

    def __init__(self, rows: OutboxRows, channel: NoticeChannel, clock: Clock) -> None:
        self._rows = rows
        self._channel = channel
        self._clock = clock
        self._delivering = threading.Lock()
        self._quiet_until: datetime | None = None
        self._problems: dict[tuple[RolloutKey, str], str] = {}

    def deliver_due(self) -> int:
        """Send what is due now; how many notices arrived. Raises StorageError, never EdgeError."""
        if not self._delivering.acquire(blocking=False):
            return 0
        try:
            return 0 if self._quiet() else self._deliver()
        finally:
            self._delivering.release()

    def next_due(self) -> datetime | None:
        """When to call `deliver_due` again; None while nothing waits. Raises StorageError."""
        due, quiet = self._rows.next_due(), self._quiet()
        return max(due, quiet) if due and quiet else due

    def problem(self) -> str:
        """Why notices do not arrive, in words for `status`; "" while nothing is wrong."""
        problems = tuple(dict.fromkeys(tuple(self._problems.values())))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return problems[0] + more if problems else ""

    def _deliver(self) -> int:
        budget, delivered = _Budget(), 0
        while budget.notices > 0 and budget.failures > 0:
            due = self._rows.due(self._clock.now())
            if not due:
                break
            for row in due:
                if budget.notices > 0 and budget.failures > 0:
                    delivered += self._tell(row, budget)
        self._refresh_boards(budget)
        return delivered

    def _tell(self, row: OutboxRow, budget: _Budget) -> int:
        """1 if the notice arrived, else 0 and the row says when it is due again."""
        budget.notices -= 1
        if row.ambiguous:
            log.info("%s: a notice may have arrived already and is sent again", row.rollout)
        self._rows.mark_sending(row.id)
        try:
            thread = self._thread(row.rollout)
            message_id = self._channel.post(row.notice, thread, rollout=row.rollout)
        except EdgeError as error:
            budget.failed(error)
            self._put_off(row, error)
            return 0
        self._rows.mark_sent(row.id, message_id, self._clock.now())
        self._problems.pop((row.rollout, "notice"), None)
        return 1

    def _put_off(self, row: OutboxRow, error: EdgeError) -> None:
        words = str(error)
        when = self._clock.now() + _wait(error, row.attempts)
        self._note(row.rollout, "notice", words)
        if isinstance(error, Throttled):
            self._quiet_until = when
        if isinstance(error, Unsendable):
            log.error("%s: given up: %s; it said: %s", row.rollout, words, one_line(row.notice.headline))
            self._rows.mark_failed(row.id, words)
        elif row.ambiguous or not isinstance(error, (Throttled, Denied, Rejected)):
            self._rows.doubt_until(row.id, when, words)
        else:
            self._rows.retry_at(row.id, when, words)

    def _thread(self, rollout: RolloutKey) -> str | None:
        """The message to reply to, opened if need be; None if the notice has to stand alone."""
        thread = self._rows.thread(rollout)
        if thread is None:
            return None
        if self._here(thread):
            return thread.message_id
        try:
            return self._open(thread)
        except Rejected as error:
            log.warning("%s: no thread can be opened: %s", rollout, error)
            return None

    def _here(self, thread: Thread) -> bool:
        return bool(thread.message_id) and thread.channel == self._channel.channel

    def _open(self, thread: Thread) -> str | None:
        """A new first message with the latest board. Raises EdgeError."""
        if thread.board is None:
            return None
        place = self._channel.channel
        key = f"{thread.rollout}/thread/{place}/{thread.message_id or ''}"
        message_id = self._channel.open_thread(thread.board, key=key)
        self._rows.set_thread(thread.rollout, place, message_id)
        self._rows.board_shown(thread.rollout, thread.wanted)
        return message_id

    def _refresh_boards(self, budget: _Budget) -> None:
        if budget.failures <= 0:
            return
        for thread in self._rows.stale_boards(self._clock.now())[: budget.boards]:
            if budget.failures > 0:
                self._refresh(thread, budget)

    def _refresh(self, thread: Thread, budget: _Budget) -> None:
        try:
            self._show(thread)
        except EdgeError as error:
            budget.failed(error)
            self._note(thread.rollout, "board", str(error))
            when = self._clock.now() + _wait(error, thread.attempts)
            self._rows.board_retry_at(thread.rollout, when)
        else:
            self._problems.pop((thread.rollout, "board"), None)

    def _show(self, thread: Thread) -> None:
        if thread.message_id is None or thread.board is None or not self._here(thread):
            self._open(thread)
            return
        try:
            self._channel.update(thread.board, thread.message_id)
        except MessageGone as gone:
            log.warning(
                "%s: the thread's first message is gone, a new one is opened: %s", thread.rollout, gone
            )
            self._open(thread)
        else:
            self._rows.board_shown(thread.rollout, thread.wanted)

    def _quiet(self) -> datetime | None:
        """Until when we were asked to wait, if that is still to come. A clock set back does not prolong it."""
        until = self._quiet_until
        if until is None or not timedelta(0) < until - self._clock.now() <= ASKED_WAIT_MAX:
            return None
        return until

    def _note(self, rollout: RolloutKey, what: str, words: str) -> None:
        """Logged once, until it changes."""
        if self._problems.get((rollout, what)) != words:
            log.warning("%s: a %s waits: %s", rollout, what, words)
        self._problems[rollout, what] = words


def _wait(error: EdgeError, attempts: int) -> timedelta:
    """As long as asked for; ten minutes where a human must act; else doubling from 5 s to 5 min."""
    match error:
        case Throttled() if error.wait_seconds > 0:
            return min(timedelta(seconds=error.wait_seconds), ASKED_WAIT_MAX)
        case Denied() | Rejected():
            return HUMAN_WAIT
        case _:
            return min(WAIT_MIN * (1 << min(attempts, 10)), WAIT_MAX)
