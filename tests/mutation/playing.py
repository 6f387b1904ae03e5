"""Forks of a pytest process that has collected everything: one that finds out who enters what, one for each mutant."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.living import Place, exchange, living, place, place_of
from tests.mutation.mutants import Mutant

SLOW = 2.0
"""Seconds of the processor from which on a test takes no part; what only such a test would notice survives."""

_BROKEN = 70
"""The exit code of a fork that could not do its work."""

_ROOM, _TIMES = 2, 3
"""A mutant may take so many seconds more, and so many times as long, as its tests take: then it never ends."""


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "endless"
    UNTESTED = "untested"


Told = Callable[[Mutant, Fate], None]


class Playing:
    """The plugin that takes the place of pytest's own loop over the tests."""

    def __init__(self, mutants: Sequence[Mutant], told: Told) -> None:
        self._mutants = mutants
        self._told = told
        self.entered: dict[Place, list[tuple[float, int]]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        functions = living({mutant.file for mutant in self._mutants})
        self._find_out(session.items, set(functions))
        killers: dict[Place, list[int]] = defaultdict(list)
        for mutant in self._mutants:
            there = place_of(mutant)
            fate, killer = self._fate(mutant, functions.get(there, []), session.items, killers[there])
            if killer is not None and killer not in killers[there]:
                killers[there].insert(0, killer)
            self._told(mutant, fate)
        return True

    def _find_out(self, items: Sequence[pytest.Item], wanted: set[Place]) -> None:
        def play() -> Iterator[Any]:
            for number, item in enumerate(items):
                began = time.process_time()
                failed, entered = _watched(item, wanted)
                if failed:
                    raise RuntimeError(f"{item.nodeid} fails without any mutant")
                yield number, time.process_time() - began, sorted(entered)

        status, lines = _forked(play, 0)
        if status:
            raise RuntimeError(
                "the tests do not pass as they are: " + (json.dumps(lines[-1]) if lines else "")
            )
        for number, cpu, entered in lines:
            for one in entered if cpu < SLOW else ():
                self.entered[tuple(one)].append((cpu, number))

    def _fate(
        self,
        mutant: Mutant,
        functions: Sequence[FunctionType],
        items: Sequence[pytest.Item],
        killers: Sequence[int],
    ) -> tuple[Fate, int | None]:
        tests = sorted(self.entered[place_of(mutant)])
        numbers = [*killers, *(number for _, number in tests if number not in killers)]
        if not functions or not numbers:
            return Fate.UNTESTED, None

        def play() -> Iterator[Any]:
            exchange(mutant, functions)
            for number in numbers:
                if any(report.failed for report in _played(items[number])):
                    yield number
                    return

        most = _ROOM + _TIMES * sum(cpu for cpu, _ in tests)
        status, lines = _forked(play, int(most))
        if status == _BROKEN:
            raise RuntimeError(f"{mutant.name}: {lines[-1]}")
        if lines:
            return Fate.KILLED, lines[0]
        return (Fate.ENDLESS if status else Fate.SURVIVED), None


def _played(item: pytest.Item) -> list[pytest.TestReport]:
    return runtestprotocol(item, log=False, nextitem=None)


def _watched(item: pytest.Item, wanted: set[Place]) -> tuple[bool, set[Place]]:
    """Whether it fails, and which of the functions it enters."""
    entered = set()

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.add(frame.f_code)

    sys.setprofile(look)
    try:
        reports = _played(item)
    finally:
        sys.setprofile(None)
    return any(report.failed for report in reports), {place(code) for code in entered} & wanted


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
