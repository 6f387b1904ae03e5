"""For the time of a run the product's locks give the baton up, and its clocks follow the world's time.

Every module of the product that uses `threading` or `time` stands in one of two lists: those that are given the
stand-ins, and those that no run ever enters, each with its reason. A test keeps the lists complete.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib import import_module
from inspect import isclass, isfunction
from random import Random
from types import FunctionType, ModuleType
from typing import Any, Protocol
from unittest.mock import patch

from cryptography.hazmat.primitives import serialization

from stagedrollout.config.load import Loaded
from stagedrollout.config.steering import steering
from tests.simulation.kernel import Kernel
from tests.simulation.standins import Threading

SUBSTITUTED = (
    "stagedrollout.calendars.readings",
    "stagedrollout.daemon.alarming",
    "stagedrollout.daemon.clock_watch",
    "stagedrollout.daemon.direct",
    "stagedrollout.daemon.elapsed",
    "stagedrollout.daemon.lanes",
    "stagedrollout.daemon.lease",
    "stagedrollout.daemon.linking",
    "stagedrollout.daemon.listening",
    "stagedrollout.daemon.named_signals",
    "stagedrollout.daemon.pass_ends",
    "stagedrollout.daemon.places",
    "stagedrollout.daemon.pressing",
    "stagedrollout.daemon.reach",
    "stagedrollout.daemon.recorder",
    "stagedrollout.daemon.scheduler",
    "stagedrollout.daemon.shelf",
    "stagedrollout.daemon.spool",
    "stagedrollout.daemon.works",
    "stagedrollout.daemon.health.rounds",
    "stagedrollout.http.answer",
    "stagedrollout.http.deadline",
    "stagedrollout.http.held",
    "stagedrollout.http.signing_time",
    "stagedrollout.notify.relay",
    "stagedrollout.signals.app_store_reviews",
    "stagedrollout.signals.compared",
    "stagedrollout.signals.patience",
    "stagedrollout.signals.play_reviews",
    "stagedrollout.signals.sentry_call",
    "stagedrollout.signals.store_average",
    "stagedrollout.signals.vitals",
    "stagedrollout.storage.highwater",
    "stagedrollout.storage.writers",
    "stagedrollout.stores.app_store.client",
    "stagedrollout.stores.app_store.tokens",
    "stagedrollout.stores.google_play.api",
    "stagedrollout.stores.google_play.client",
    "stagedrollout.stores.google_play.tokens",
    "stagedrollout.stores.google_play.turns",
)

LIBRARIES = ("tenacity", "tenacity.nap")
"""They sleep, or look at the clock, in a pass."""

OUTSIDE: Mapping[str, str] = {
    "stagedrollout.daemon.copied": "before anything is wired: `open_daemon` alone waits there",
    "stagedrollout.cli": "commands are processes of their own",
    "stagedrollout.doctor": "a process of its own, which only looks",
    "stagedrollout.emulator": "the world itself, which is told its time",
    "stagedrollout.explaining.finding": "read by a command",
    "stagedrollout.rehearsal": "runs without a daemon",
    "stagedrollout.buttons.socket": "a real socket; a run has the emulator's presses without one",
    "stagedrollout.buttons.asking": "a run asks its queue without waiting, and nobody gives the baton up in it",
    "stagedrollout.daemon.reloading": "asked for by a signal to the process; its exchange in the scheduler is inside",
    "stagedrollout.daemon.retiring": "as reloading",
    "stagedrollout.daemon.health.service_manager": "told by the process's main loop, which a run has not",
    "stagedrollout.daemon.at_the_desk": "its thread's work is done between turns (life.py)",
    "stagedrollout.daemon.allowed": "which hosts the process may look up, set by `run` alone",
    "stagedrollout.daemon.clocks": "the clocks that a run replaces, by Doors",
    "stagedrollout.daemon.health.errors": "opened only where the daemon reports to Sentry, which no run does",
    "stagedrollout.daemon.health.dead_man": "opened only where one is configured, which no run does",
    "stagedrollout.daemon.watched": "threads of their own, opened by `open_daemon` alone; what passes leave in its memory "
    "needs no lock",
    "stagedrollout.http.idle": "keeps real connections; a run has none",
    "stagedrollout.http.lines": "as idle",
    "stagedrollout.http.tally": "counts requests for who watches: its lock is held for an addition, in which nobody gives the "
    "baton up, and nothing is decided by its seconds",
    "stagedrollout.signals.sentry_together": "saves requests to a real network, which a run has not (listings.py)",
    "stagedrollout.storage.server_clock": "a file's clock is given to it, or it asks for none",
    "stagedrollout.daemon.picturing": "pictures are drawn in a process of their own, where Slack is no door",
    "stagedrollout.daemon.removal": "a command's own process",
    "stagedrollout.notify.illustrator": "as picturing",
    "stagedrollout.storage.postgres": "the other database, whose server is tried as a process",
    "stagedrollout.stores.google_play.wire": "bounds real sockets; a run has none",
}


class Clock(Protocol):
    """A wall clock and a monotonic one, in seconds."""

    def time(self) -> float: ...

    def monotonic(self) -> float: ...


class Time:
    """In the place of the module `time`."""

    def __init__(self, kernel: Kernel, clock: Clock) -> None:
        self.monotonic = clock.monotonic
        self.clock_gettime = lambda _: clock.monotonic()
        self.time = clock.time
        self.sleep = lambda seconds: kernel.pause(timedelta(seconds=seconds))


class Processes:
    """In the place of the module `os`, where a daemon says which process it is: numbers in the order in which they ask."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._numbers: dict[object, int] = {}

    def getpid(self) -> int:
        return self._numbers.setdefault(self._kernel.running.process, len(self._numbers) + 1)


@contextmanager
def substituted(kernel: Kernel, clock: Clock, draw: Random) -> Iterator[None]:
    threads, clocks = Threading(kernel), Time(kernel, clock)
    stead: dict[str, Any] = {"threading": threads, "time": clocks, "monotonic": clocks.monotonic}
    with ExitStack() as stack:
        for module, name in _names():
            stack.enter_context(patch.object(module, name, stead[name]))
        for function in _with_clocks():
            stack.enter_context(_by(clocks, function))
        stack.enter_context(
            patch.object(import_module("stagedrollout.daemon.claiming"), "os", Processes(kernel))
        )
        stack.enter_context(patch.object(import_module("stagedrollout.daemon.claiming"), "steering", _steers))
        stack.enter_context(patch.object(import_module("stamina._core"), "random", draw))
        stack.enter_context(patch.object(serialization, "load_pem_private_key", _read_key))
        yield


_read_key = lru_cache(maxsize=8)(serialization.load_pem_private_key)
"""Whether a key is sound takes a processor longer than a whole pass, and every life of a run has the same two."""


@dataclass(frozen=True)
class _Read:
    """A configuration as it was read; another reading is another one, whatever it says."""

    loaded: Loaded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and self.loaded is other.loaded

    def __hash__(self) -> int:
        return id(self.loaded)


@lru_cache(maxsize=8)
def _steering(read: _Read) -> str:
    return steering(read.loaded)


def _steers(loaded: Loaded) -> str:
    """By what it steers, likewise: each life of a run is told the same."""
    return _steering(_Read(loaded))


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[ModuleType, str], ...]:
    """Where the names of the real modules stand."""
    real: Mapping[str, object] = {"threading": threading, "time": time, "monotonic": time.monotonic}
    modules = [import_module(name) for name in SUBSTITUTED]
    found = [(module, name) for module in modules for name in real if vars(module).get(name) is real[name]]
    return (*found, *((import_module(library), "time") for library in LIBRARIES))


@lru_cache(maxsize=1)
def _with_clocks() -> tuple[FunctionType, ...]:
    """Functions that are given a clock, and take a real one otherwise."""
    every = (function for name in SUBSTITUTED for function in _functions(import_module(name)))
    return tuple(function for function in every if any(map(_real_clock, _defaults(function))))


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for thing in vars(module).values():
        if isfunction(thing) and thing.__module__ == module.__name__:
            yield thing
        elif isclass(thing) and thing.__module__ == module.__name__:
            yield from (made for made in vars(thing).values() if isfunction(made))


def _defaults(function: FunctionType) -> Iterator[object]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()


def _real_clock(default: object) -> str:
    """What it is called in `time`; "" for anything else."""
    return next((name for name in ("monotonic", "time", "sleep") if default is getattr(time, name)), "")


@contextmanager
def _by(clocks: Time, function: FunctionType) -> Iterator[None]:
    def instead(default: Any) -> Any:
        name = _real_clock(default)
        return getattr(clocks, name) if name else default

    by_place, by_name = function.__defaults__, function.__kwdefaults__
    function.__defaults__ = by_place and tuple(map(instead, by_place))
    function.__kwdefaults__ = by_name and {name: instead(default) for name, default in by_name.items()}
    try:
        yield
    finally:
        function.__defaults__, function.__kwdefaults__ = by_place, by_name
