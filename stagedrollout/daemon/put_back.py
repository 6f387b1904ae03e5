"""The channel is told that the journal lacks its end, whatever is held for it: what is over, halted, or about to be, is held for
nothing, and nobody would hear of it (promise R17).

Once when it is found, once a day while it lasts, and once more when it is over. It is one message for all store apps, of whichever
replica tells people; what another one has told, or this one in another life, stands in the outbox. While nothing is found nobody is asked, but for
once at first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from stagedrollout.core.drift import LOST_JOURNAL
from stagedrollout.core.errors import StorageError
from stagedrollout.core.judgement import Reason
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.plain import one_line
from stagedrollout.core.ports import Clock
from stagedrollout.storage.highwater import TO_ACCEPT, UNMARKED, UNWRITABLE
from stagedrollout.storage.outbox import OutboxTable

log = logging.getLogger(__name__)

AGAIN = timedelta(days=1)
"""How often what lasts is told."""

JUST_NOW = timedelta(minutes=10)
"""What was told less long ago is the same: for a moment two replicas may both take themselves for the one that tells people, as the
database that was put back says of them what was so once."""

VOUCHED_FOR_IN = timedelta(minutes=1)
"""A replica without a mark knows by then what the others say of the journal (peers.py)."""

TOLD_MAX = 3
"""Reasons that one message names; `health` has all."""

ABOUT = "journal/"
LACKS, WHOLE = f"{ABOUT}lacks_its_end", f"{ABOUT}whole_again"
"""What the keys begin with; behind it is when that was."""


class PutBack:
    """For one thread at a time. `found`: why the journal is doubted, as of the last look at it; None: nobody has looked yet. It asks
    nobody, and raises nothing. `on_duty`: whether this replica is the one that tells people."""

    def __init__(
        self,
        found: Callable[[], tuple[Reason, ...] | None],
        outbox: OutboxTable,
        clock: Clock,
        on_duty: Callable[[], bool],
    ) -> None:
        self._found, self._outbox, self._clock, self._on_duty = found, outbox, clock, on_duty
        self._was_whole, self._to_end = False, True  # another life may have told that it lacks its end
        self._unmarked_since: datetime | None = None
        self._told_at: datetime | None = None
        self._trouble = ""

    def look(self) -> None:
        """What is to be told stands in the outbox afterwards, or is tried again with the next look. Raises nothing."""
        found = self._found()
        if found is None:
            return
        now, lacks = self._clock.now(), tuple(each for each in found if each.code in LOST_JOURNAL)
        try:
            if lacks and not self._may_be_vouched_for(lacks, now):
                self._lacks_its_end(lacks, now)
            elif not any(each.code in (*LOST_JOURNAL, UNWRITABLE) for each in found):
                self._is_whole(now)
            self._trouble = ""
        except StorageError as error:
            if self._trouble != str(error):
                log.warning("nobody can be told yet how it is with the journal: %s", error)
            self._trouble = str(error)

    def _may_be_vouched_for(self, lacks: tuple[Reason, ...], now: datetime) -> bool:
        if any(each.code != UNMARKED for each in lacks):
            return False
        self._unmarked_since = self._unmarked_since or now
        return abs(now - self._unmarked_since) < VOUCHED_FOR_IN

    def _lacks_its_end(self, lacks: tuple[Reason, ...], now: datetime) -> None:
        self._to_end = True
        if not self._on_duty():
            self._was_whole, self._told_at = False, None  # by then another one tells, in its own time
            return
        if self._told_at is None:
            self._told_at = self._told_before()
        if self._told_at is None or abs(now - self._told_at) >= (JUST_NOW if self._was_whole else AGAIN):
            self._outbox.announce(lacking(lacks, now), now)
            self._told_at = now
        self._was_whole = False

    def _is_whole(self, now: datetime) -> None:
        self._was_whole, self._unmarked_since = True, None
        if self._to_end and self._on_duty():
            if self._told_before():
                self._outbox.announce(whole(now), now)
            self._to_end, self._told_at = False, None

    def _told_before(self) -> datetime | None:
        """When people were told last that it lacks its end, by whomever; None where they were told since that it does not."""
        key = self._outbox.newest_of_the_daemon(ABOUT)
        return datetime.fromisoformat(key.removeprefix(f"{LACKS}/")) if key.startswith(LACKS) else None


def lacking(reasons: tuple[Reason, ...], now: datetime) -> Notice:
    """Each reason says what is lost, as far as anybody knows."""
    why = tuple(Fact("Why", one_line(reason.text)) for reason in reasons[:TOLD_MAX])
    held = Fact("Held", "every raise of every app, by the schedule and by people; halts go on")
    asks = "see what the stores show of each release, then run"
    go_on = Fact("To go on", f"{asks}: {TO_ACCEPT} (with several replicas: in each folder that is behind)")
    return Notice(
        f"{LACKS}/{now.isoformat()}",
        NoticeKind.HELD,
        broadcast=True,
        headline="NOTHING IS RAISED: the journal may lack its end",
        facts=(*why, held, go_on),
        footer="told once a day until a person has gone on",
    )


def whole(now: datetime) -> Notice:
    headline = "The journal is in doubt no more: raises are allowed again"
    who = "who went on with it, and without what: stagedrollout history"
    return Notice(
        f"{WHOLE}/{now.isoformat()}", NoticeKind.COMMAND, broadcast=True, headline=headline, footer=who
    )
