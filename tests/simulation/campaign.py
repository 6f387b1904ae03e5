"""Many seeds on all cores, counted in their order, so that what was counted is always whole up to a seed.

Each fiftieth is played again elsewhere (again.py). Whoever interrupts it, or the time that is up, stops what is new;
what is under way is still counted.
"""

from __future__ import annotations

import gc
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import record
from tests.simulation.again import Again
from tests.simulation.blind import blind
from tests.simulation.outcome import PLAYED_BY, Outcome, outcome
from tests.simulation.record import Batch, Retrial
from tests.simulation.tally import Tally

AGAIN_EVERY = 50
BATCH = 1_000
"""Seeds in one line of the ledger, at most."""

_A_MOMENT = 1.0
"""Seconds: what asks a process and its group to end does so twice at once."""

_AHEAD = 4
"""Seeds given to each process before it has asked for them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`minutes`: None for as long as it takes. `ledger`: where batches are written, None for nowhere. `instances`: how many
    daemons live through each story."""

    first: int
    seeds: int
    jobs: int
    minutes: float | None = None
    ledger: Path | None = None
    instances: int = 1


@dataclass(slots=True)
class Result:
    """`tally`: of this run. `whole`: of the ledger it was added to, itself included; without one the same."""

    first: int
    tally: Tally
    whole: Tally
    failed: list[Outcome] = field(default_factory=list)
    instances: int = 1

    @property
    def blind_marks(self) -> list[str]:
        return blind(self.whole.marks, self.whole.seeds, self.instances)

    @property
    def kept(self) -> bool:
        return not (self.tally.violations or self.tally.mismatches or self.blind_marks)


Tell = Callable[[Outcome], None]
Play = Callable[[int], Outcome]


def campaign(wanted: Wanted, tell: Tell = lambda result: None, play: Play | None = None) -> Result:
    """`tell` hears of each seed's outcome, in order. `play`: by default what as many daemons play as are wanted."""
    play = play or PLAYED_BY[wanted.instances]
    whole = Tally.whole(b.tally for b in record.read(wanted.ledger)) if wanted.ledger else Tally()
    result = Result(wanted.first, Tally(), whole, instances=wanted.instances)
    commit = record.present_commit() if wanted.ledger else ""
    with Again(instances=wanted.instances) as again:
        batch = _Batch(wanted.first, again)
        for told in _played(wanted, play):
            tell(told)
            batch.count(told)
            result.failed += [told] if told.faults else []
            if batch.tally.seeds == BATCH:
                _close(batch, wanted, commit, result)
                batch = _Batch(told.seed + 1, again)
        if batch.tally.seeds:
            _close(batch, wanted, commit, result)
    return result


def again(file: Path, jobs: int, tell: Tell = lambda result: None, play: Play = outcome) -> Retrial:
    """The ledger's seeds that failed when they were last played, once more; it is written down there."""
    failed = record.unmended(file)
    failing: list[int] = []
    for told in _in_order(iter(failed), jobs, play, over=lambda: False):
        tell(told)
        failing += [told.seed] if told.faults else []
    retrial = Retrial(record.present_commit(), record.today(), tuple(failed), tuple(failing))
    if failed:
        record.append_retrial(file, retrial)
    return retrial


class _Batch:
    def __init__(self, first: int, again: Again) -> None:
        self.first = first
        self.tally = Tally()
        self._again = again
        self._began = time.monotonic()

    def count(self, told: Outcome) -> None:
        self.tally.count(told)
        if told.seed % AGAIN_EVERY == 0 and told.trace:
            self._again.play(told.seed, told.trace)

    def close(self) -> Tally:
        replayed, mismatches = self._again.told()
        self.tally.replayed, self.tally.mismatches = replayed, mismatches
        self.tally.seconds = time.monotonic() - self._began
        return self.tally


def _close(batch: _Batch, wanted: Wanted, commit: str, result: Result) -> None:
    tally = batch.close()
    if wanted.ledger:
        last = batch.first + tally.seeds - 1
        record.append(wanted.ledger, Batch(commit, record.today(), batch.first, last, tally))
    result.tally.add(tally)
    result.whole.add(tally)


def _played(wanted: Wanted, play: Play) -> Iterator[Outcome]:
    """Outcomes in the order of the seeds, until they are all played, the time is up, or somebody interrupts."""
    until = None if wanted.minutes is None else time.monotonic() + 60 * wanted.minutes
    seeds = iter(range(wanted.first, wanted.first + wanted.seeds))
    with _interrupted() as stopped:
        yield from _in_order(
            seeds,
            wanted.jobs,
            play,
            over=lambda: stopped() or (until is not None and time.monotonic() >= until),
        )


def _in_order(seeds: Iterator[int], jobs: int, play: Play, over: Callable[[], bool]) -> Iterator[Outcome]:
    under_way: deque[Future[Outcome]] = deque()
    with ProcessPoolExecutor(jobs, initializer=_begin) as pool:
        while True:
            while not over() and len(under_way) < _AHEAD * jobs:
                seed = next(seeds, None)
                if seed is None:
                    break
                under_way.append(pool.submit(play, seed))
            if not under_way:
                return
            yield under_way.popleft().result()


def _begin() -> None:
    """A process of a campaign: what it has imported stays for good, and need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    _stand_firm()


def _stand_firm() -> None:
    """What ends a campaign reaches every process of it; only the first one decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Whether somebody pressed Ctrl-C, or asked the process to end. Whoever does so twice means it."""
    pressed: list[float] = []

    def press(_: int, __: object) -> None:
        pressed.append(time.monotonic())
        if pressed[-1] - pressed[0] > _A_MOMENT:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(pressed)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
