"""By what time tokens are signed: this machine's, until the server that checks them refuses one and tells its own.

A machine whose clock is hours off gets no token accepted, and without one no halt goes out. The refusal itself says
what time it is where tokens are checked. That date serves for signing and for nothing else: nothing is decided by it,
so that a wrong one costs a refused token and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from stagedrollout.http.answer import date_seconds

ALIKE_SECONDS = 30.0
"""So close to the date in its refusal, a token was refused for another reason than time."""

TRUSTED_SECONDS = 3_600.0
"""How long a told time is gone by; then this machine's has its turn again, and a refusal tells anew."""

SANE = (1_704_067_200.0, 4_102_444_800.0)
"""2024 to 2100: no server that checks tokens lives at another time."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Seconds since 1970, and the steady clock then."""

    instant: float
    steady: float


class SigningTime:
    """`wall` gives seconds since 1970, `steady` seconds since some instant, which nobody can set. For one thread."""

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._told: _Told | None = None

    def now(self) -> float:
        """Seconds since 1970."""
        if self._told is not None:
            passed = self._steady() - self._told.steady
            if 0 <= passed < TRUSTED_SECONDS:
                return self._told.instant + passed
            self._told = None
        return self._wall()

    def refused(self, date: str) -> bool:
        """What was signed by this time is refused, in an answer with this Date header. Whether that may be because of
        the time, which is another from now on.

        Refused at a time that it was told itself, it goes by this machine's again: that date was no true one.
        """
        instant, signed = date_seconds(date), self.now()
        if instant is None or not SANE[0] <= instant < SANE[1] or abs(instant - signed) < ALIKE_SECONDS:
            self._told = None
            return False
        self._told = _Told(instant, self._steady())
        return True
