"""By which clocks a daemon lives: the machine's, or an emulator's in lock-step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from stagedrollout.config.settings import ClockSource, Settings
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.clocks import EmulatorClock, LockStep, SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.http.client import HttpClient
from stagedrollout.http.database import beside
from stagedrollout.http.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """`clock`: what passes and decisions live by; `wall`: the machine's own; `lock_step`: the emulator's, where passes live by
    that. `steady` measures spans on this machine, `of_passes` spans between passes."""

    clock: Clock
    wall: Clock
    lock_step: LockStep | None
    steady: Elapsed
    of_passes: Elapsed


def times_of(settings: Settings, doors: Doors) -> Times:
    """Raises EdgeError where it is an emulator's clock that does not answer."""
    wall = doors.wall or SystemClock()
    lock_step = _lock_step(settings, doors)
    clock: Clock = doors.clock or lock_step or wall
    return Times(
        clock=clock,
        wall=wall,
        lock_step=lock_step,
        steady=doors.steady or elapsed,
        of_passes=doors.steady or _steady(clock),
    )


def _steady(clock: Clock) -> Elapsed:
    """The machine's; a clock that is none of the machine's is its own, for real time says nothing of it."""
    return elapsed if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()


def _lock_step(settings: Settings, doors: Doors) -> LockStep | None:
    if settings.clock is not ClockSource.EMULATOR or doors.clock is not None:
        return None
    http = HttpClient(Endpoint("emulator", settings.emulator), transport=doors.http)
    return EmulatorClock(http, clock_name(settings))


def clock_name(settings: Settings) -> str:
    """By which an emulator's clock tells replicas apart: each keeps its state in a folder of its own."""
    return hashlib.sha256(beside(settings.database).encode()).hexdigest()[:12]
