"""How many requests each service got, how they ended and how long they took: for /metrics.

One place for the whole process, as it has one network: a client that takes another's place after a reload goes on
counting where that one was, and none can be made that is not counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Rejected, Throttled, Unreachable


class Ending(StrEnum):
    """As core/errors.py has them. CONFLICT and REJECTED are answers of a service that is well."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    FAULTY = "faulty"
    CONFLICT = "conflict"
    DENIED = "denied"
    REJECTED = "rejected"


_ENDINGS = (
    (Unreachable, Ending.UNREACHABLE),
    (Throttled, Ending.THROTTLED),
    (Conflict, Ending.CONFLICT),
    (Denied, Ending.DENIED),
    (Rejected, Ending.REJECTED),
)


@dataclass(frozen=True, slots=True)
class Calls:
    """Of one service: how many ended how, and the seconds of all of them together."""

    ended: dict[Ending, int] = field(default_factory=lambda: dict.fromkeys(Ending, 0))
    seconds: float = 0.0


class Tally:
    """Safe from many threads; nothing here raises."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._calls: dict[str, Calls] = {}

    @contextmanager
    def counted(self, service: str) -> Iterator[None]:
        """One request. What is no error of the service's (a halt that took over) is none of its calls."""
        begun = time.monotonic()
        try:
            yield
        except EdgeError as error:
            self._note(service, _ending(error), time.monotonic() - begun)
            raise
        self._note(service, Ending.OK, time.monotonic() - begun)

    def calls(self) -> dict[str, Calls]:
        """By service, since the process began."""
        with self._guard:
            return {
                service: Calls(dict(found.ended), found.seconds) for service, found in self._calls.items()
            }

    def _note(self, service: str, ending: Ending, seconds: float) -> None:
        with self._guard:
            known = self._calls.get(service) or Calls()
            ended = {**known.ended, ending: known.ended[ending] + 1}
            self._calls[service] = Calls(ended, known.seconds + seconds)


def _ending(error: EdgeError) -> Ending:
    return next((ending for kind, ending in _ENDINGS if isinstance(error, kind)), Ending.FAULTY)


CALLS = Tally()
