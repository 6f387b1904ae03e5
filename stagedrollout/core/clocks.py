"""Whether the clocks that a rollout lives by agree: the machine's, the stores' and signals', the journal's.

Bake, freshness and windows are computed with the machine's clock. One that is wrong by more than two minutes makes
all of them wrong, so nothing is raised until they agree again (promise R19). Halts go on: what they rest on is asked
for, and judged, by the time that a store tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.core.judgement import Reason
from stagedrollout.core.units import duration_text

APART_MAX = timedelta(seconds=120)

CLOCKS_DISAGREE = "clocks_disagree"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Another clock, as far as it is known: it is ahead of the machine's by `least` at least and `most` at most
    (below zero: behind). The two differ by the time an answer took, and by the second that a date is rounded to."""

    source: str
    least: timedelta
    most: timedelta

    @property
    def ahead(self) -> timedelta:
        """What it is off by for certain; zero where it may be right."""
        return max(self.least, timedelta(0)) + min(self.most, timedelta(0))

    @property
    def agrees(self) -> bool:
        """For certain, and not only as far as anybody knows."""
        return self.least >= -APART_MAX and self.most <= APART_MAX


def disagreement(readings: tuple[ClockReading, ...]) -> Reason | None:
    """Why nothing may be raised; None while all of them may agree within two minutes."""
    apart = [reading for reading in readings if abs(reading.ahead) > APART_MAX]
    if not apart:
        return None
    said = "; ".join(_words(reading) for reading in apart)
    text = (
        f"the clocks disagree: {said}; nothing is raised until they agree within {duration_text(APART_MAX)}"
    )
    return Reason(CLOCKS_DISAGREE, text)


def time_by(reading: ClockReading | None, now: datetime) -> datetime:
    """`now`, or where the machine's clock is certainly off by more than two minutes, the time by the other one. Signals
    asked only until a clock that is behind would not tell of the hours since."""
    return now + reading.ahead if reading and abs(reading.ahead) > APART_MAX else now


def _words(reading: ClockReading) -> str:
    off = timedelta(seconds=int(abs(reading.ahead).total_seconds()))
    side = "ahead of" if reading.ahead > timedelta(0) else "behind"
    return f"{reading.source} is {duration_text(off)} {side} this machine's clock"
