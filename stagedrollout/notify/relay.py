"""Carries notices from the outbox to where people read: at least once, in order per rollout (promise R20).

What holds here:

- A row is marked `sending`, durably, before the request leaves, and `sent` after the answer. After a crash or
  a lost answer it is sent again: a notice told twice is better than one not told.
- Of each rollout only the oldest unsent notice is tried, once per round; another rollout's trouble never
  holds it up. Nothing here sleeps: what has to wait is written down with the instant it is due again.
- The thread's first message is opened before the first reply and kept current after the replies, the latest
  board only. A board that cannot be shown holds up nothing. A thread that is gone is begun anew; where even
  that takes no reply, the rollout's notices stand at the top level from then on.
- What only a human can mend (credentials, a channel that is gone) is tried every ten minutes, for ever, and
  shown by `problem`. A single message that Slack takes in no form is logged and given up, so that the
  rollout's next one, perhaps a halt, is told. What is urgent goes to the second channel meanwhile, and
  before it is given up; where there is none, it is logged as critical.
- Being asked to wait puts off whatever would do the same: notices and new threads together, boards alone.
- Once a halt is told, a follower is told where; what it adds (a picture) is its own business, and after the text.
- Where several replicas share one outbox, one of them tells at a time (`may_tell`, asked before each message). How each
  message fared is told to `met`, for whoever judges whether another one had better tell.
- One call is bounded: so many messages, and so many of them failing, then the rest is left to the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.core.plain import one_line
from stagedrollout.core.ports import Clock
from stagedrollout.notify.ports import (
    Follower,
    MessageGone,
    NoticeChannel,
    OutboxRow,
    OutboxRows,
    Thread,
    ThreadGone,
    Unsendable,
)
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.notify.waits import to_come, wait_after

log = logging.getLogger(__name__)

NOTICES_MAX = 60
BOARDS_MAX = 30
FAILURES_MAX = 3
"""Failed calls, each up to a whole timeout, after which a delivery ends."""

NOWHERE = ""
"""The channel of a thread that is gone: no channel has this name, so the next notice begins a new one."""


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

    def __init__(  # noqa: PLR0913 - where it is kept, who is told, and whether it is its turn
        self,
        rows: OutboxRows,
        channel: NoticeChannel,
        clock: Clock,
        *,
        second: SecondChannel | None = None,
        follower: Follower | None = None,
        may_tell: Callable[[], bool] = lambda: True,
        met: Callable[[EdgeError | None], None] = lambda _: None,
    ) -> None:
        self._rows = rows
        self._channel = channel
        self._clock = clock
        self._second = second
        self._follower = follower
        self._may_tell, self._met = may_tell, met
        self._delivering = threading.Lock()
        self._quiet_until: datetime | None = None
        self._problems: dict[tuple[RolloutKey, str], str] = {}
        self._refused: set[RolloutKey] = set()
        self._flat: set[RolloutKey] = set()

    def deliver_due(self) -> int:
        """Send what is due now; how many notices arrived. Raises StorageError, never EdgeError."""
        if not self._delivering.acquire(blocking=False):
            return 0
        try:
            return self._deliver_what_waits()
        finally:
            self._delivering.release()

    def _deliver_what_waits(self) -> int:
        """Mostly nothing does, and one look at the outbox says so."""
        if not self._may_tell():
            return 0
        if self._rows.next_due(self._clock.now()) is None:
            if self._second:
                self._second.nothing_waits()
            return 0
        delivered = 0 if self._quiet() else self._deliver()
        if self._second:
            self._second.tell(self._refused)
        return delivered

    def next_due(self) -> datetime | None:
        """When to call `deliver_due` again; None while nothing waits. Raises StorageError."""
        if not self._may_tell():
            return None
        due, quiet = self._rows.next_due(self._clock.now()), self._quiet()
        if due is None:  # then nothing urgent waits either
            return None
        first = max(due, quiet) if quiet else due
        second = self._second.next_due() if self._second else None
        return min((at for at in (first, second) if at), default=None)

    def ends(self) -> None:
        """The daemon is told to end: what follows a halt has its last time beside what is finished meanwhile, not after."""
        if self._follower:
            self._follower.ends()

    @property
    def busy(self) -> bool:
        """Whether something that follows a halt is still under way."""
        return self._follower is not None and self._follower.busy

    def close(self) -> None:
        """Nothing is to follow any more."""
        if self._follower:
            self._follower.close()

    def problem(self) -> str:
        """Why notices do not arrive, in words; "" while nothing is wrong."""
        second = self._second.problem() if self._second else ""
        problems = tuple(dict.fromkeys(filter(None, (*tuple(self._problems.values()), second))))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return problems[0] + more if problems else ""

    def _deliver(self) -> int:
        budget, delivered = _Budget(), 0
        while budget.notices > 0 and budget.failures > 0 and self._may_tell():
            due = self._rows.due(self._clock.now())
            if not due:
                break
            for row in due:
                if budget.notices > 0 and budget.failures > 0 and self._may_tell():
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
        except EdgeError as error:
            self._put_off(row, error, budget, doubtful=row.ambiguous)
            return 0
        try:
            message_id = self._post(row, thread)
        except EdgeError as error:
            surely_not = isinstance(error, (Throttled, Denied, Rejected))
            self._put_off(row, error, budget, doubtful=row.ambiguous or not surely_not)
            return 0
        self._met(None)
        self._rows.mark_sent(row.id, message_id, self._clock.now())
        self._problems.pop((row.rollout, "notice"), None)
        self._refused.discard(row.rollout)
        if self._follower and row.notice.kind is NoticeKind.HALTED:
            self._follower.follow(row.rollout, row.notice.headline, self._below(row.rollout, message_id))
        return 1

    def _below(self, rollout: RolloutKey, message_id: str) -> str:
        """Where more is said of what was just told: in the rollout's thread, or else below the message itself."""
        thread = None if rollout in self._flat else self._rows.thread(rollout)
        if thread is None or not self._here(thread):
            return message_id
        return thread.message_id or message_id

    def _post(self, row: OutboxRow, thread: str | None) -> str:
        """The new message's id: below `thread`, below a new one, or where there can be none."""
        notice, rollout = _again(row.notice) if row.ambiguous else row.notice, row.rollout
        try:
            return self._channel.post(notice, thread, rollout=rollout)
        except ThreadGone as gone:
            log.warning("%s: its thread takes nothing any more, a new one is begun: %s", rollout, gone)
            self._rows.set_thread(rollout, NOWHERE, thread or "")
        try:
            return self._channel.post(notice, self._thread(rollout), rollout=rollout)
        except ThreadGone as gone:
            log.warning("%s: nor does the new one, so it is told at the top level: %s", rollout, gone)
            self._flat.add(rollout)
        return self._channel.post(notice, None, rollout=rollout)

    def _put_off(self, row: OutboxRow, error: EdgeError, budget: _Budget, *, doubtful: bool) -> None:
        budget.failed(error)
        self._met(error)
        words = str(error)
        when = self._clock.now() + wait_after(error, row.attempts)
        self._note(row.rollout, "notice", words)
        self._refused.discard(row.rollout)
        if isinstance(error, (Denied, Rejected)) and not isinstance(error, Unsendable):
            self._refused.add(row.rollout)
        if isinstance(error, Throttled):
            self._quiet_until = when
        if isinstance(error, Unsendable):
            self._give_up(row, words)
        elif doubtful:
            self._rows.doubt_until(row.id, when, words)
        else:
            self._rows.retry_at(row.id, when, words)

    def _give_up(self, row: OutboxRow, words: str) -> None:
        """Told elsewhere first: a crash in between tells an urgent notice twice, and never not at all."""
        level = logging.ERROR
        if self._second:
            self._second.tell_instead(row.id)
        elif row.notice.broadcast or row.notice.kind is NoticeKind.IN_DOUBT:
            level = logging.CRITICAL
        said = one_line(row.notice.headline)
        log.log(level, "%s: given up: %s; it said: %s", row.rollout, words, said)
        self._rows.mark_failed(row.id, words)

    def _thread(self, rollout: RolloutKey) -> str | None:
        """The message to reply to, opened if need be; None if the notice has to stand alone."""
        thread = self._rows.thread(rollout)
        if thread is None or rollout in self._flat:
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
        stale = self._rows.stale_boards(self._clock.now())
        for number, thread in enumerate(stale[: budget.boards], start=1):
            error = self._refresh(thread)
            if error is None:
                continue
            budget.failed(error)
            # whoever limits one board limits them all; notices, which go another way, do not wait for it
            self._put_off_boards(stale[number - 1 :] if isinstance(error, Throttled) else [thread], error)
            if budget.failures <= 0:
                return

    def _refresh(self, thread: Thread) -> EdgeError | None:
        """What kept the board from being shown, if anything."""
        try:
            self._show(thread)
        except EdgeError as error:
            self._note(thread.rollout, "board", str(error))
            return error
        self._problems.pop((thread.rollout, "board"), None)
        return None

    def _put_off_boards(self, threads: Sequence[Thread], error: EdgeError) -> None:
        for thread in threads:
            when = self._clock.now() + wait_after(error, thread.attempts)
            self._rows.board_retry_at(thread.rollout, when)

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
        """Until when we were asked to wait, if that is still to come."""
        return to_come(self._quiet_until, self._clock.now())

    def _note(self, rollout: RolloutKey, what: str, words: str) -> None:
        """Logged once, until it changes."""
        if self._problems.get((rollout, what)) != words:
            log.warning("%s: a %s waits: %s", rollout, what, words)
        self._problems[rollout, what] = words


def _again(notice: Notice) -> Notice:
    """A second halt message must not be taken for a second halt."""
    said = "sent again: this may have been told before"
    return replace(notice, footer=f"{notice.footer} | {said}" if notice.footer else said)
