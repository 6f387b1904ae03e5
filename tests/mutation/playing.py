"""Forks of a pytest process that has collected everything: one that finds out who enters what, one for each mutant."""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.living import Place, exchange, living, memories, place_of, watch
from tests.mutation.mutants import Mutant
from tests.mutation.reached import Reach, Reached

QUICK = 2.0
"""Seconds of the processor that a mutant is worth at first: most die within one. What is left is played `wide`."""

_OFTEN = 12

SLOW = 4.0
"""Seconds from which on a test takes no part; what only such a test would notice survives."""

_BROKEN = 70
"""The exit code of a fork that could not do its work."""

_ROOM, _TIMES = 2, 3
"""A mutant may take so many seconds more, and so many times as long, as its tests take: then it never ends."""


class Test(NamedTuple):
    """What it costs, and the how-manieth it is of all that were collected."""

    cpu: float
    number: int


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "endless"
    UNTESTED = "untested"


Told = Callable[[Mutant, Fate], None]


class Playing:
    """The plugin that takes the place of pytest's own loop over the tests."""

    told: Told

    def __init__(self, mutants: Sequence[Mutant], files: Sequence[str], *, wide: bool) -> None:
        """`files`: where they are from, and more perhaps. `wide`: whatever it costs."""
        self.mutants = mutants
        self._files = files
        self._wide = wide
        self._memories: list[Any] = []
        self.entered: dict[Place, list[Test]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        functions = living(self._files)
        self._memories = memories()
        self._forget()
        self._find_out(session.items, functions)
        killers: Counter[int] = Counter()
        last: dict[Place, int] = {}
        for mutant in self.mutants:
            there = place_of(mutant)
            tests = self._tests(there, last.get(there), killers)
            fate, killer = _fate(mutant, functions.get(there, []), session.items, tests)
            if killer is not None:
                last[there] = killer
                killers[killer] += 1
            self.told(mutant, fate)
        return True

    def _forget(self) -> None:
        for memory in self._memories:
            memory.cache_clear()

    def _tests(self, there: Place, last: int | None, killers: Counter[int]) -> list[Test]:
        """Those that enter it: first the one that killed there last, then what kills most often, then the
        quickest; and no more of them than `wide` says."""
        often = [number for number, _ in killers.most_common(_OFTEN) if number != last]
        rank = {number: place for place, number in enumerate([last, *often])}
        tests = sorted(self.entered[there], key=lambda test: (rank.get(test.number, len(rank)), test.cpu))
        spent = accumulate(test.cpu for test in tests)
        return [test for test, cpu in zip(tests, spent, strict=True) if self._wide or cpu <= QUICK]

    def _find_out(self, items: Sequence[pytest.Item], functions: Mapping[Place, list[FunctionType]]) -> None:
        reached = Reached(self._files)
        fresh = [item for item in items if item.nodeid not in reached.by_test]

        def play() -> Iterator[Any]:
            entered = watch(functions)
            for item in fresh:
                entered.clear()
                self._forget()
                began = time.process_time()
                if any(report.failed for report in _played(item)):
                    raise RuntimeError(f"{item.nodeid} fails without any mutant")
                yield item.nodeid, time.process_time() - began, sorted(entered)

        status, lines = _forked(play, 0)
        if status:
            raise RuntimeError(
                "the tests do not pass as they are: " + (json.dumps(lines[-1]) if lines else "")
            )
        reached.add({test: Reach(cpu, [tuple(one) for one in entered]) for test, cpu, entered in lines})
        for number, item in enumerate(items):
            cpu, places = reached.by_test[item.nodeid]
            for one in places if cpu < SLOW else ():
                self.entered[one].append(Test(cpu, number))


def _fate(
    mutant: Mutant, functions: Sequence[FunctionType], items: Sequence[pytest.Item], tests: Sequence[Test]
) -> tuple[Fate, int | None]:
    """And which test killed it."""
    if not functions or not tests:
        return Fate.UNTESTED, None

    def play() -> Iterator[Any]:
        exchange(mutant, functions)
        for test in tests:
            if any(report.failed for report in _played(items[test.number])):
                yield test.number
                return

    most = _ROOM + _TIMES * sum(test.cpu for test in tests)
    status, lines = _forked(play, int(most))
    if status == _BROKEN:
        raise RuntimeError(f"{mutant.name}: {lines[-1]}")
    if lines:
        return Fate.KILLED, lines[0]
    return (Fate.ENDLESS if status else Fate.SURVIVED), None


def _played(item: pytest.Item) -> list[pytest.TestReport]:
    return runtestprotocol(item, log=False, nextitem=None)


def _forked(play: Callable[[], Iterator[Any]], cpu_most: int) -> tuple[int, list[Any]]:
    """What `play` yields in a process of its own, and how that ended: 0 well."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        told = Path(folder) / "told"
        told.touch()
        child = os.fork()
        if child == 0:
            os._exit(_in_the_fork(play, told, cpu_most))
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), [
            json.loads(line) for line in told.read_text("utf-8").splitlines()
        ]


def _in_the_fork(play: Callable[[], Iterator[Any]], told: Path, cpu_most: int) -> int:
    """The exit code. Nothing of this process may go on in pytest: there are two of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    if cpu_most:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_most, cpu_most + 5))
    with told.open("a", encoding="utf-8") as file:
        try:
            for one in play():
                print(json.dumps(one), file=file, flush=True)
        except BaseException as error:  # noqa: BLE001 - the parent tells it
            print(json.dumps(repr(error)), file=file, flush=True)
            return _BROKEN
    return 0
