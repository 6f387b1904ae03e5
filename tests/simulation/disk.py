"""The database as a place where others get their turn, and as something that fails.

The baton is given up before a transaction begins and after it is over, never inside one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.exc import OperationalError

from stagedrollout.storage.engine import BUSY_SECONDS, Engine, only_reads
from tests.simulation.kernel import Kernel
from tests.simulation.lines import Line

BUSY, FULL, BROKEN, UNKNOWN = "busy", "full", "broken", "unknown"
KINDS = (BUSY, FULL, BROKEN, UNKNOWN)
"""Somebody else holds the lock; no room, or an I/O error, so that nothing is written; written, and nobody says so."""

AWAY = "away"
"""It cannot be reached."""

_WORDS = {
    AWAY: "could not connect to the server",
    BUSY: "database is locked",
    FULL: "database or disk is full",
    BROKEN: "disk I/O error",
    UNKNOWN: "disk I/O error",
}


@dataclass(frozen=True, slots=True)
class FailingDisk:
    """Each writing transaction fails with `chance`, in one of `kinds`."""

    chance: float
    kinds: tuple[str, ...] = KINDS


class Disk:
    """`line`: how the way to it is now. `wrote` is told after each transaction of the daemon's that changed something; `failed`, how one failed."""

    def __init__(self, kernel: Kernel, draw: Random, failing: FailingDisk | None = None) -> None:
        self._kernel = kernel
        self._draw = draw
        self._failing = failing
        self._fate = ""
        self.calm = self.unnoticed = False
        self.point: Callable[[], None] = lambda: None
        self.line: Callable[[], Line] = lambda: Line.WHOLE
        self.wrote: Callable[[], None] = lambda: None
        self.failed: Callable[[str], None] = lambda kind: None

    def haunt(self, engine: Engine) -> None:
        dialect: Any = engine.dialect
        begin, commit = dialect.do_begin, dialect.do_commit

        def begun(connection: PoolProxiedConnection) -> None:
            self._begins(connection)
            begin(connection)

        def committed(connection: PoolProxiedConnection) -> None:
            self._commits(connection)
            commit(connection)

        dialect.do_begin, dialect.do_commit = begun, committed
        event.listen(engine, "checkin", self._is_over)

    def _begins(self, connection: PoolProxiedConnection) -> None:
        if self.unnoticed:
            return
        task = self._kernel.running
        if not task.transactions:
            self.point()
            self._kernel.pause()
        fate = self._fate_by_line(connection) or self._fate_of(connection)
        if fate == BUSY:
            self._kernel.pause(timedelta(seconds=BUSY_SECONDS))
            self._fail(fate)
        self._fate = fate
        connection.info["begun"] = connection.info.get("begun", 0) + 1
        connection.info["writes"] = not only_reads(connection)
        self._kernel.running.transactions += 1

    def _commits(self, connection: PoolProxiedConnection) -> None:
        fate, self._fate = self._fate, ""
        if not fate or only_reads(connection):
            return
        if fate == UNKNOWN:
            driver: Any = connection.driver_connection
            driver.commit()
        self._fail(fate)

    def _is_over(self, _: object, record: Any) -> None:
        begun = record.info.pop("begun", 0)
        if not begun:
            return
        task = self._kernel.running
        task.transactions -= begun
        if record.info.pop("writes", False):
            self.wrote()
        if not task.transactions:
            self._kernel.pause_behind()

    def _fate_by_line(self, connection: PoolProxiedConnection) -> str:
        """Where the server cannot be reached, not even reading can. Of what is sent over a line on which only answers get
        lost, a commit is carried out."""
        line = self.line()
        if line is Line.WHOLE:
            return ""
        if line is Line.ONE_WAY and not only_reads(connection):
            return UNKNOWN
        if line is not Line.REFUSED:
            self._kernel.pause(timedelta(seconds=BUSY_SECONDS))
        self._fail(AWAY)
        return AWAY

    def _fate_of(self, connection: PoolProxiedConnection) -> str:
        failing = self._failing
        if failing is None or self.calm or only_reads(connection) or self._draw.random() >= failing.chance:
            return ""
        return self._draw.choice(failing.kinds)

    def _fail(self, kind: str) -> None:
        self.failed(kind)
        raise OperationalError("", None, sqlite3.OperationalError(_WORDS[kind]))
