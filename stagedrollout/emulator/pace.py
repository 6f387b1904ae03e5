"""How far the clock may go by itself: slower for people who watch, and no further for those who need it to wait.

Only real time is spent here. The world's own time stays what it is, so no schedule is shortened or stretched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.emulator.clock import instant, iso

ANSWER_SECONDS = 0.25
"""An answer is kept back no longer than this: whoever is idle also wants to notice what people order."""

SLOWEST, FASTEST = 0.001, 10_000.0
"""Virtual hours in a real second."""


@dataclass(frozen=True, slots=True)
class Step:
    """The clock moves to `to`, and the answer that says so is kept back for `seconds` of real time."""

    to: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """`hours_per_second`: None is as fast as it can. `stop_at`: where the clock waits for another pace."""

    hours_per_second: float | None = None
    stop_at: datetime | None = None

    def step(self, now: datetime, due: datetime, waits_at: datetime | None = None) -> Step:
        """One answer's worth of the way from `now` to `due`; `waits_at`: where somebody else has to act first."""
        to = max(now, min(each for each in (due, self.stop_at, waits_at) if each is not None))
        if to == now:
            return Step(now, ANSWER_SECONDS if due > now else 0.0)
        if self.hours_per_second is None:
            return Step(to, 0.0)
        to = min(to, now + timedelta(hours=self.hours_per_second * ANSWER_SECONDS))
        return Step(to, (to - now).total_seconds() / 3_600 / self.hours_per_second)

    def document(self) -> dict[str, Any]:
        stop_at = iso(self.stop_at) if self.stop_at else None
        return {"hours_per_second": self.hours_per_second, "stop_at": stop_at}


def pace_from(document: dict[str, Any]) -> Pace:
    """Read a pace from the control door; what is left out has no limit. Raises ValueError in words."""
    unknown = sorted(set(document) - {"hours_per_second", "stop_at"})
    if unknown:
        raise ValueError(f"a pace has no {unknown[0]!r}: it has hours_per_second, stop_at")
    speed, stop_at = document.get("hours_per_second"), document.get("stop_at")
    if speed is not None and not _is_speed(speed):
        raise ValueError(f"hours_per_second is a number from {SLOWEST} to {FASTEST:.0f}, or null")
    if stop_at is not None and not isinstance(stop_at, str):
        raise ValueError("stop_at is text such as 2026-03-02T06:00:00Z, or null")
    return Pace(float(speed) if speed else None, instant(stop_at) if stop_at else None)


def _is_speed(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and SLOWEST <= value <= FASTEST
