"""A connection to PostgreSQL on which no round trip takes longer than it may. Imports the driver, which is an extra."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

from stagedrollout.storage.postgres import within

_LOOK_SECONDS = 0.1

T = TypeVar("T")


class Bounded(psycopg.Connection[Any]):
    """Whatever is asked on it goes through `wait`. What gets no answer leaves it in a state that nobody knows: it is closed,
    and the pool makes another one."""

    answer_seconds = 15.0

    def wait(
        self, gen: Generator[Any, Any, T], interval: float = _LOOK_SECONDS, timeout: float | None = None
    ) -> T:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # the driver's own bound, for which it looks
        late = psycopg.OperationalError(f"the server has not answered for {self.answer_seconds:.0f} s")
        try:
            found: T = super().wait(within(gen, self.answer_seconds, late), interval)
        except psycopg.OperationalError as error:
            if error is late:
                self.pgconn.finish()
            raise
        return found

    def __del__(self, *_: object) -> None:
        """Nobody has to be warned: a command that is over leaves its connections to its end, as it does SQLite's."""


def connected(address: str, answer_seconds: float, **options: Any) -> Bounded:
    """Raises psycopg.Error."""
    connection = Bounded.connect(address, autocommit=True, prepare_threshold=None, **options)
    connection.answer_seconds = answer_seconds
    return connection
