"""How long a halt takes while other apps' store hangs, beside the same while it does not: real threads, real time.

Counted from the moment at which all apps are due at once, one release's failure can be read and another one's halt is
ordered, until the request that stopped each of the two arrived, as the emulator's ledger has it.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.bench.figure import Figure
from tests.simulation.setting import memory_folder
from tests.simulation.threaded import FAILING, ORDERED, Stage, stage

HANGING_APPS, PASS_WORKERS, HALT_WORKERS = 24, 8, 4
IMPATIENT = 2 * HALT_WORKERS
"""Orders to halt one of the apps that hang, which are there first."""

HANG_SECONDS = 3.0
"""For each request; a time-out is 20 s in earnest, and nobody here waits for that."""

SECONDS_MOST = 60.0
LATER_MOST = 2.0
"""By how much hanging neighbours may put a halt off, in seconds."""


@dataclass(frozen=True, slots=True)
class Halts:
    """Seconds until a failing release, and one whose halt was ordered, were stopped."""

    failing: float
    ordered: float


def measure() -> list[Figure]:
    logging.disable(logging.CRITICAL)
    try:
        alone, beside = _halts(0), _halts(HANGING_APPS)
    finally:
        logging.disable(logging.NOTSET)
    of_hanging = f"beside {HANGING_APPS} apps that hang, {IMPATIENT} halts of them ordered"
    return [
        _figure("machine's halt", alone.failing, beside.failing, of_hanging),
        _figure("person's halt", alone.ordered, beside.ordered, of_hanging),
    ]


def _figure(name: str, alone: float, beside: float, what: str) -> Figure:
    note = f"{what}; {round(alone, 2):g} s without, {beside / alone:.0f} times that"
    return Figure(f"{name} beside a store that hangs", round(beside, 2), "s", alone + LATER_MOST, note)


def _halts(hanging_apps: int) -> Halts:
    with (
        tempfile.TemporaryDirectory(prefix="stagedrollout-bench-", dir=memory_folder()) as folder,
        stage(
            Path(folder),
            slow_apps=hanging_apps,
            pass_workers=PASS_WORKERS,
            halt_workers=HALT_WORKERS,
            hang_seconds=HANG_SECONDS,
        ) as on,
    ):
        if hanging_apps:
            on.order_halts_of_the_hanging(IMPATIENT)
        began = on.begin()
        on.wait_until_stopped(FAILING, ORDERED, seconds=SECONDS_MOST)
        return Halts(_seconds(on, FAILING, began), _seconds(on, ORDERED, began))


def _seconds(on: Stage, app: str, began: datetime) -> float:
    """SECONDS_MOST for one that was not stopped at all."""
    stopped = on.stopped(app)
    return (stopped - began).total_seconds() if stopped else SECONDS_MOST
