"""Sources that are asked rarely, whatever the poll: what was read last is given again until its time is over.

The time is the daemon's own, as it comes with each query, so that it counts in emulated runs as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What came of asking at `at`, and for how long that stands."""

    at: datetime
    stands: timedelta
    outcome: T | EdgeError

    def holds(self, now: datetime) -> bool:
        """A clock that was set back makes nothing stand for longer."""
        return abs(now - self.at) < self.stands


class Paced(Generic[T]):
    """Keeps for `every` what a question was answered, or that it was refused: asking again would not change that.

    A source that asked to wait is left alone for so long; after any other failure it may be asked again at
    once. May be shared by threads: at worst one question is asked twice.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._answers: dict[str, _Answer[T]] = {}

    def due(self, question: str, now: datetime) -> bool:
        """Whether `get` would ask."""
        answer = self._answers.get(question)
        return answer is None or not answer.holds(now)

    def get(self, question: str, now: datetime, ask: Callable[[], T]) -> T:
        """The answer that stands, or a new one. Raises the EdgeError that `ask` raises, or raised before."""
        answer = self._answers.get(question)
        if answer is None or not answer.holds(now):
            answer = self._asked(now, ask)
            standing = {other: one for other, one in self._answers.items() if one.holds(now)}
            self._answers = {**standing, question: answer}
        if isinstance(answer.outcome, EdgeError):
            raise answer.outcome.with_traceback(None)
        return answer.outcome

    def _asked(self, now: datetime, ask: Callable[[], T]) -> _Answer[T]:
        try:
            return _Answer(now, self._every, ask())
        except EdgeError as error:
            return _Answer(now, self._left_alone(error), error)

    def _left_alone(self, error: EdgeError) -> timedelta:
        match error:
            case Denied() | Rejected():
                return self._every
            case Throttled():
                return timedelta(seconds=error.wait_seconds)
            case _:
                return timedelta(0)
