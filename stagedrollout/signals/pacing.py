"""Sources that are asked rarely, whatever the poll: what was read last is given again until its time is over. A hundred reviews
of each of a thousand apps are kept packed.

The time is the daemon's own, as it comes with each query, so that it counts in emulated runs as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from stagedrollout.core.errors import EdgeError, Throttled
from stagedrollout.core.packed import Packed

T = TypeVar("T")

REST = timedelta(minutes=15)
"""How long a source is left alone that failed in a way that may pass. Opinions are late anyway, and whatever
hangs would hold up every pass."""

REST_MIN = timedelta(minutes=5)
"""The same for a source that asks us to wait, at least: its limits are by the minute."""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What came of asking at `at`, and for how long that stands."""

    at: datetime
    stands: timedelta
    outcome: Packed[T] | EdgeError

    def holds(self, now: datetime) -> bool:
        """A clock that was set back makes nothing stand for longer."""
        return abs(now - self.at) < self.stands


class Paced(Generic[T]):
    """Keeps for `every` what a question was answered, or that it was refused: asking again would not change that.

    After any other failure the whole source rests: no question is asked of it for 15 minutes, or as long as it
    asked for (5 minutes at least). What was read before goes on standing. May be shared by threads: at worst
    one question is asked twice.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._answers: dict[str, _Answer[T]] = {}
        self._resting: _Answer[T] | None = None

    def due(self, question: str, now: datetime) -> bool:
        """Whether `get` would ask."""
        return self._standing(question, now) is None

    def get(self, question: str, now: datetime, ask: Callable[[], T]) -> T:
        """The answer that stands, or a new one. Raises the EdgeError that `ask` raises, or raised before."""
        answer = self._standing(question, now) or self._asked(question, now, ask)
        if isinstance(answer.outcome, EdgeError):
            raise answer.outcome.with_traceback(None)
        return answer.outcome.taken()

    def _standing(self, question: str, now: datetime) -> _Answer[T] | None:
        for answer in (self._answers.get(question), self._resting):
            if answer is not None and answer.holds(now):
                return answer
        return None

    def _asked(self, question: str, now: datetime, ask: Callable[[], T]) -> _Answer[T]:
        answer: _Answer[T]
        try:
            answer = _Answer(now, self._every, Packed.of(ask()))
        except EdgeError as error:
            if error.again:
                self._resting = answer = _Answer(now, _rest(error), error)
                return answer
            answer = _Answer(now, self._every, error)
        standing = {other: one for other, one in self._answers.items() if one.holds(now)}
        self._answers = {**standing, question: answer}
        return answer


def _rest(error: EdgeError) -> timedelta:
    if isinstance(error, Throttled):
        return max(timedelta(seconds=error.wait_seconds), REST_MIN)
    return REST
