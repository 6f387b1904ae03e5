"""Where urgent notices go too while the first channel does not take them (promise R20).

What holds here:

- Urgent is what the whole channel should see (halts, NOT HALTED, FAILING, refusals, drift) and what is in
  doubt. It is told here, at the top level and marked so, as soon as the first channel refuses its rollout's
  notices for a reason only a human can mend, and in any case once it has waited for ten minutes. One that the
  first channel takes in no form is told here before it is given up there, or stands in the log as critical.
- Nothing here touches the notice's turn in the first channel: there it is told in order when that comes back.
- A second channel that fails too is tried again later; until then the notice stands in the log, as critical.
- What was told here is remembered by this process alone: after a restart it may be told once more.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Fact, Notice
from stagedrollout.core.ports import Clock
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.ports import NoticeChannel, Unsendable, UrgentRow, UrgentRows
from stagedrollout.notify.waits import to_come, wait_after

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=10)
"""How long an urgent notice may stay undelivered (promise R20)."""

AHEAD_MAX = timedelta(minutes=1)
"""So far two machines' clocks may lie apart; a notice from later than that was written before a clock was set back."""

NOTICES_MAX = 20
"""Messages of one round; the rest is left to the next."""


_WAITS = "it is not delivered yet where it belongs"
_NEVER = "it is taken in no form where it belongs"


class SecondChannel:
    """`first` names the place the notices should be in. Not safe from several threads: the relay calls it."""

    def __init__(self, rows: UrgentRows, channel: NoticeChannel, clock: Clock, *, first: str) -> None:
        self._rows = rows
        self._channel = channel
        self._clock = clock
        self._first = first
        self._told: set[int] = set()
        self._logged: set[int] = set()
        self._log = LogChannel(logging.CRITICAL)
        self._again_at: datetime | None = None
        self._failures = 0
        self._problem = ""

    def tell(self, refused: Collection[RolloutKey]) -> int:
        """Tell what is urgent and due here; how many arrived. `refused`: whose notices the first channel
        refuses. Raises StorageError, never EdgeError.
        """
        untold, now, arrived = self._untold(), self._clock.now(), 0
        if not untold:
            self._forget_trouble()
        if to_come(self._again_at, now):
            return 0
        due = [row for row in untold if row.rollout in refused or _long_ago(row, now)]
        for row in due[:NOTICES_MAX]:
            if not self._tell(row):
                break
            arrived += 1
        return arrived

    def nothing_waits(self) -> None:
        """The first channel has everything: as `tell` with nothing to tell, without asking the outbox."""
        self._told.clear()
        self._logged.clear()
        self._forget_trouble()

    def tell_instead(self, id: int) -> None:  # noqa: A002 - the row's own word
        """Tell an urgent notice that the first channel gives up; nothing happens if it is not urgent or told already.

        If it does not arrive it stands in the log, as critical. Raises StorageError, never EdgeError.
        """
        row = next((row for row in self._untold() if row.id == id), None)
        if row is not None:
            self._tell(row, _NEVER)

    def next_due(self) -> datetime | None:
        """When the oldest urgent notice will have waited long enough; None while none waits."""
        now = self._clock.now()
        first = min((_late_at(row, now) for row in self._untold()), default=None)
        again = to_come(self._again_at, now)
        return max(first, again) if first and again else first

    def problem(self) -> str:
        """Why urgent notices do not arrive here either; "" while nothing is wrong."""
        return self._problem

    def _forget_trouble(self) -> None:
        self._again_at, self._failures, self._problem = None, 0, ""

    def _untold(self) -> list[UrgentRow]:
        waiting = self._rows.urgent()
        ids = {row.id for row in waiting}
        self._told &= ids
        self._logged &= ids
        return [row for row in waiting if row.id not in self._told]

    def _tell(self, row: UrgentRow, why: str = _WAITS) -> bool:
        """Whether to go on with the next one."""
        notice = self._rows.notice(row.id)
        if notice is None:
            self._told.add(row.id)
            return True
        marked = self._marked(notice, why)
        try:
            self._channel.post(marked, None, rollout=row.rollout)
        except EdgeError as error:
            return self._failed(row, marked, error)
        self._told.add(row.id)
        self._forget_trouble()
        return True

    def _failed(self, row: UrgentRow, marked: Notice, error: EdgeError) -> bool:
        if row.id not in self._logged:
            self._logged.add(row.id)
            self._log.post(marked, None, rollout=row.rollout)
        if isinstance(error, Unsendable):
            self._told.add(row.id)
            return True
        words = f"second channel: {error}"
        if words != self._problem:
            log.warning("%s", words)
        self._problem = words
        self._again_at = self._clock.now() + wait_after(error, self._failures)
        self._failures += 1
        return False

    def _marked(self, notice: Notice, reason: str) -> Notice:
        """A key of its own: the same notice in two channels is two messages."""
        why = Fact("Told here because", f"{reason}: {self._first}")
        key = f"{notice.key}/{self._channel.channel}"
        return replace(notice, key=key, facts=(why, *notice.facts))


def _late_at(row: UrgentRow, now: datetime) -> datetime:
    """When it will have waited for too long. Nobody knows how long one from the future has waited: that is too long."""
    return row.created_at + PATIENCE if row.created_at - now <= AHEAD_MAX else now


def _long_ago(row: UrgentRow, now: datetime) -> bool:
    return _late_at(row, now) <= now
