"""The daemon's clocks: the world's true time, unless the machine's are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.emulator.clock import Timeline

_UP_FOR = 1000.0
"""Seconds that the machine was up before the story: a monotonic clock begins anywhere."""

_NOTHING = timedelta(0)
_A_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class WrongClock:
    """From `begins` in the story on, for `lasts`, the wall clock is `step` off, and both clocks run `drift` too fast.

    Then the wall clock is set right again; the monotonic one only runs at its usual pace again.
    """

    begins: timedelta
    lasts: timedelta
    step: timedelta = _NOTHING
    drift: float = 0.0


class MachineClock:
    """The wall clock (`now`, `time`) and the monotonic one of the machine the daemon runs on."""

    def __init__(self, timeline: Timeline, wrong: WrongClock | None = None) -> None:
        self._timeline = timeline
        self._start = timeline.now
        self._wrong = wrong
        self.suspended: list[tuple[datetime, datetime]] = []
        """From when until when the machine was."""

    def now(self) -> datetime:
        true = self._timeline.now
        if self._wrong is None or not self._is_wrong(self._wrong, true):
            return true
        return true + self._wrong.step + self._gained(self._wrong, true)

    def time(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        true = self._timeline.now
        run = true - self._start + (self._gained(self._wrong, true) if self._wrong else _NOTHING)
        stood = sum((until - begun for begun, until in self.suspended), _NOTHING)
        return _UP_FOR + (run - stood).total_seconds()

    def suspend(self, span: timedelta) -> None:
        """From now on the machine is suspended from without, so that no clock of it goes on; then the wall clock is set right."""
        now = self._timeline.now
        begun = self.suspended.pop()[0] if self.suspended and self.suspended[-1][1] > now else now
        self.suspended.append((begun, now + span))

    def until(self, instant: datetime) -> timedelta:
        """True time to go until the wall clock shows `instant`, as long as nobody sets it."""
        left, wrong = instant - self.now(), self._wrong
        drifts = wrong is not None and self._is_wrong(wrong, self._timeline.now)
        return left / (1 + wrong.drift) if wrong and drifts else left

    @property
    def is_ever_wrong(self) -> bool:
        return self._wrong is not None

    @property
    def slow(self) -> tuple[datetime, datetime, float] | None:
        """From when until when both clocks run slow, and how fast they go then; None: they never do."""
        wrong = self._wrong
        if wrong is None or wrong.drift >= 0:
            return None
        begins = self._start + wrong.begins
        return begins, begins + wrong.lasts, 1 + wrong.drift

    def truly(self, shown: datetime) -> datetime:
        """The last true time until now at which the wall clock showed this."""
        wrong = self._wrong
        if wrong is None:
            return shown
        begins = self._start + wrong.begins
        while_wrong = begins + (shown - wrong.step - begins) / (1 + wrong.drift)
        last = self._timeline.now + _A_TICK
        right = [shown] if shown <= last and not self._is_wrong(wrong, shown) else []
        found = [
            *right,
            *([while_wrong] if while_wrong <= last and self._is_wrong(wrong, while_wrong) else []),
        ]
        return max(found, default=shown)

    def when_set(self, told: Callable[[], None], before: timedelta) -> None:
        """`told` is called whenever somebody sets the wall clock, and `before` that."""
        if self._wrong:
            for at in (self._wrong.begins, self._wrong.begins + self._wrong.lasts):
                self._timeline.at(self._start + at - before, told)
                self._timeline.at(self._start + at, told)

    def _is_wrong(self, wrong: WrongClock, true: datetime) -> bool:
        return wrong.begins <= true - self._start < wrong.begins + wrong.lasts

    def _gained(self, wrong: WrongClock, true: datetime) -> timedelta:
        ran = min(max(true - self._start - wrong.begins, _NOTHING), wrong.lasts)
        return ran * wrong.drift
