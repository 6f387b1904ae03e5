"""The database's server is lost, and a standby that lagged takes its place: the shared database is as it was a while ago,
and what was written since is gone (promise R17).

Both daemons live on, with their own high-water files; no way leads to the database in between. What was lost is kept here, for
whoever judges: what the journal told of it was true.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine

from stagedrollout.cli.export import notice_rows, order_row
from stagedrollout.cli.history import journal_rows
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.daemon.accepting import accept
from stagedrollout.emulator.scenario import Scenario
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.highwater import beside, read_mark
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.server_clock import with_clock
from tests.simulation.people import PlannedOrder

Row = Mapping[str, Any]

_OFTEN = 1 / 3
"""Of the stories."""

_LAGS = (300, 3600, 6 * 3600, 18 * 3600)
_TAKES = (2, 60, 600)
_ACCEPTED_AFTER = (1, 4, 12)
"""Seconds, seconds, hours."""

_WAITS_FOR_AN_ACT = timedelta(hours=12)

SOMEBODY = Actor(ActorKind.HUMAN, "ops")


@dataclass(frozen=True, slots=True)
class FailsOver:
    """The server is gone at `at`. After `takes` its standby has its place, which had heard nothing of it for `lag`; None: the
    server is gone as soon as one of them has written down an act after `at`, and the standby has heard everything but that. So much
    later a person takes the journal as it is, in both places: `accepted_after`; None: nobody ever does. `halted_after`: after how
    much of the troubled time from then on a person halts; None: nobody does."""

    at: datetime
    lag: timedelta | None
    takes: timedelta
    accepted_after: timedelta | None
    halts_at: datetime | None = None

    def __str__(self) -> str:
        to = f"to what it was {self.lag} before" if self.lag else "with an act, and all but that is known"
        halted = f", somebody halts at {self.halts_at:%m-%d %H:%M:%S}" if self.halts_at else ""
        accepted = f"accepted after {self.accepted_after}" if self.accepted_after else "never accepted"
        return (
            f"the database fails over at {self.at:%m-%d %H:%M:%S}, in {self.takes}, {to}{halted}, {accepted}"
        )

    @property
    def in_vain_at(self) -> datetime:
        """When no act is waited for any more."""
        return self.at + _WAITS_FOR_AN_ACT

    def a_halt(self, scenario: Scenario) -> PlannedOrder | None:
        """Of the first app, by the command line."""
        if self.halts_at is None:
            return None
        app = scenario.apps[0]
        order = Command(
            id=f"{scenario.seed}-after-the-failover",
            verb=CommandVerb.HALT,
            app=app.name,
            store=Store(app.store),
            actor=SOMEBODY,
            reason="nobody knows what is lost",
            created_at=self.halts_at,
            expires_at=None,
        )
        return PlannedOrder(self.halts_at, order)


def a_failover(seed: int, start: datetime, troubled: timedelta) -> FailsOver | None:
    """In the middle of the troubled time, so that there is something to lose, and something to come."""
    draw = Random(f"{seed}/two/failover")
    return drawn(draw, start, troubled) if draw.random() < _OFTEN else None


def drawn(draw: Random, start: datetime, troubled: timedelta) -> FailsOver:
    at = start + troubled * draw.uniform(0.15, 0.7) + timedelta(seconds=draw.randrange(60))
    lag = min(timedelta(seconds=draw.choice(_LAGS) * draw.uniform(0.5, 1.5)), (at - start) * 0.9)
    accepted_after = timedelta(hours=draw.choice(_ACCEPTED_AFTER), minutes=draw.randrange(60))
    halts_at = at + (start + troubled - at) * draw.random()
    return FailsOver(
        at=at,
        lag=draw.choice((lag, lag, None)),
        takes=timedelta(seconds=draw.choice(_TAKES)),
        accepted_after=accepted_after if draw.random() < 0.85 else None,
        halts_at=halts_at if draw.random() < 0.3 else None,
    )


@dataclass(frozen=True, slots=True)
class Lost:
    """What the database had, and has not any more: entries of the journal, and all notices and orders as they stood.
    `head`: the newest entry that it still has, `heard`: the keys of the notices of that time."""

    head: int
    heard: frozenset[str] = frozenset()
    journal: Sequence[Row] = ()
    notices: Sequence[Row] = ()
    orders: Sequence[Row] = ()

    def with_journal(self, now: Sequence[Row]) -> list[Row]:
        """All that was ever written, by new numbers from the failover on."""
        kept = [row for row in now if row["seq"] <= self.head]
        gap = self.journal[-1]["seq"] - self.head if self.journal else 0
        return [*kept, *self.journal, *({**row, "seq": row["seq"] + gap} for row in now[len(kept) :])]

    def with_notices(self, now: Sequence[Row]) -> list[Row]:
        """In the order in which they were written down; what was told and is written down again is where it was at first."""
        if not self.notices:
            return list(now)
        there = {row["key"] for row in now}
        gone = [row for row in self.notices if row["key"] not in self.heard]
        told = {row["key"] for row in gone if row["state"] == "sent"}
        lost = [row if row["key"] in told else {**row, "state": "lost"} for row in gone]
        return [
            *(row for row in now if row["key"] in self.heard),
            *(row for row in lost if row["key"] in told or row["key"] not in there),
            *(row for row in now if row["key"] not in self.heard and row["key"] not in told),
        ]

    def of_orders(self) -> set[str]:
        return {str(row["id"]) for row in self.orders}

    def with_orders(self, now: Sequence[Row]) -> list[Row]:
        known = {row["id"] for row in now}
        return [*(row for row in self.orders if row["id"] not in known), *now]


NOTHING_LOST = Lost(2**62)


_LATER = 1_000_000


@dataclass(frozen=True, slots=True)
class Era:
    """Numbers of runs and epochs of leases are given out again by a database that was put back: here they stay apart. `known`:
    the newest run that it knows."""

    known: int

    def run(self, number: int) -> int:
        return number if number <= self.known else number + _LATER

    def epoch(self, number: int) -> int:
        return number + _LATER if self is not BEFORE else number


BEFORE = Era(_LATER - 1)


class Standby:
    """Of the database in `file`; `people` is a way into that which nobody haunts."""

    def __init__(self, file: Path, people: Engine) -> None:
        self._file, self._copy = file, file.with_name("standby.db")
        self._people = people
        self.newest_run = 0
        """Of the replicas that it has heard of."""

    def hear(self) -> None:
        """All that there is until now."""
        _copy(self._file, self._copy)

    def take_over(self) -> Lost:
        """With whatever it has heard."""
        before, notices = journal_rows(Journal(self._people)), notice_rows(self._people)
        orders = [order_row(order) for order in CommandBox(self._people).everything()]
        _copy(self._copy, self._file)
        self.newest_run = max((row.epoch for row in Presence(self._people).replicas()), default=0)
        head = max((row["seq"] for row in journal_rows(Journal(self._people))), default=0)
        return Lost(
            head=head,
            heard=frozenset(row["key"] for row in notice_rows(self._people)),
            journal=[row for row in before if row["seq"] > head],
            notices=notices,
            orders=orders,
        )

    def is_ahead(self, place: Path, lost: Lost) -> bool:
        """Whether what is marked there is among what is lost."""
        mark = read_mark(beside(place))
        return mark is not None and mark.seq > lost.head


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


def accept_in(places: Sequence[Path], now: datetime) -> Iterator[str]:
    """A person takes the journal as it is, in each of the databases' places; what they are told was lost."""
    for place in places:
        engine = open_existing(f"sqlite:///{place}")
        try:
            shared = with_clock(engine, lambda: now)
            if done := accept(shared, SOMEBODY, "the standby lagged, we have looked at the console", now):
                yield done.lost
        finally:
            engine.dispose()
