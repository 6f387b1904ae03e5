"""The baton: one works at a time, in an order that the seed alone decides, and nobody waits for ever unnoticed."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from stagedrollout.emulator.clock import Timeline
from tests.simulation.kernel import Deadlock, Kernel
from tests.simulation.perils import SimulatedCrash
from tests.simulation.standins import Threading
from tests.simulation.substitution import OUTSIDE, SUBSTITUTED

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PLAYED_APART = (8, 11, 26)
"""Quick ones: one store, both, and a daemon that dies."""


class Bench:
    """A kernel with nothing but a clock around it. `said` is what its tasks did, with the second in which they did."""

    def __init__(self, seed: int = 1) -> None:
        self.timeline = Timeline(START)
        self.kernel = Kernel(Random(seed), self.timeline)
        self.threading = Threading(self.kernel)
        self.said: list[str] = []

    def say(self, words: str) -> None:
        self.said.append(f"{self.kernel.elapsed:g} {words}")

    def run(self) -> None:
        """Let everybody come to an end."""
        while len(self.kernel.tasks) > 1:
            self.kernel.pause(SECOND)

    def talk(self, name: str, times: int = 5) -> None:
        def work() -> None:
            for number in range(times):
                self.say(f"{name}{number}")
                self.kernel.pause()

        self.kernel.start(name, work)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def order_of(seed: int) -> list[str]:
    bench = Bench(seed)
    for name in "abc":
        bench.talk(name)
    bench.run()
    return bench.said


def test_who_works_next_is_the_seeds_choice_and_nothing_else():
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(20)}) > 15
    assert all(sorted(order_of(seed)) == sorted(order_of(1)) for seed in range(20))


def test_time_stands_still_until_nobody_can_go_on_and_people_act_meanwhile(bench: Bench):
    bench.timeline.at(START + 3 * SECOND, lambda: bench.say("a person"))

    def request() -> None:
        bench.say("sent")
        bench.kernel.pause(10 * SECOND)
        bench.say("answered")

    bench.kernel.start("request", request)
    bench.run()
    assert bench.said == ["0 sent", "3 a person", "10 answered"]


def test_a_lock_is_held_across_requests_by_one_at_a_time(bench: Bench):
    lock, inside = bench.threading.Lock(), []

    def work() -> None:
        with lock:
            inside.append(1)
            assert len(inside) == 1
            bench.kernel.pause(SECOND)
            inside.clear()

    for _ in range(5):
        bench.kernel.start("worker", work)
    bench.run()
    assert bench.kernel.elapsed >= 5
    assert not lock.locked()


def test_waiting_ends_with_the_virtual_time_and_not_before(bench: Bench):
    lock, condition, event = bench.threading.Lock(), bench.threading.Condition(), bench.threading.Event()
    places = bench.threading.BoundedSemaphore(0)
    lock.acquire()
    began = bench.kernel.elapsed
    assert not lock.acquire(timeout=2)
    assert not lock.acquire(blocking=False)
    with condition:
        assert not condition.wait_for(lambda: False, 3)
    assert not event.wait(4)
    assert not places.acquire(timeout=1.5)
    assert bench.kernel.elapsed - began == 10.5


def test_whoever_waits_goes_on_when_told_to(bench: Bench):
    condition, ready = bench.threading.Condition(), []

    def work() -> None:
        with condition:
            assert condition.wait_for(lambda: ready, 60)
        bench.say("told")

    bench.kernel.start("waiting", work)
    bench.kernel.pause(5 * SECOND)
    with condition:
        ready.append(True)
        condition.notify_all()
    bench.run()
    assert bench.said == ["5 told"]


def test_a_thread_that_is_too_slow_is_left_behind(bench: Bench):
    thread = bench.threading.Thread(target=lambda: bench.kernel.pause(60 * SECOND), name="slow")
    thread.start()
    thread.join(5)
    assert bench.kernel.elapsed == 5
    assert thread.is_alive()
    thread.join()
    assert not thread.is_alive()


def test_two_that_wait_for_each_other_are_named_although_time_would_go_on(bench: Bench):
    first, second = bench.threading.Lock(), bench.threading.Lock()

    def both(one: object, other: object) -> None:
        with one:  # type: ignore[attr-defined]
            bench.kernel.pause(SECOND)
            with other:  # type: ignore[attr-defined]
                pass

    bench.kernel.start("pass", lambda: both(first, second))
    bench.kernel.start("halt", lambda: both(second, first))
    with pytest.raises(SimulatedCrash):
        bench.kernel.pause(60 * SECOND)
    with pytest.raises(
        Deadlock, match=r"each waits .*(pass|halt) waits for the Lock of .*which (pass|halt) holds"
    ):
        bench.kernel.bury()


def test_nobody_waits_for_ever_unnoticed(bench: Bench):
    forgotten = bench.threading.Event()
    bench.kernel.start("waiting", forgotten.wait)
    with pytest.raises(SimulatedCrash):
        bench.threading.Event().wait()
    with pytest.raises(Deadlock, match=r"nothing will ever happen.*waiting waits for the Event"):
        bench.kernel.bury()


def test_a_process_that_dies_does_nothing_more_in_any_of_its_threads(bench: Bench):
    died, lock = [], bench.threading.Lock()
    bench.kernel.process.dead = lambda: "".join(died)

    def tidy() -> None:
        try:
            with lock:
                bench.kernel.pause(60 * SECOND)
        finally:
            bench.kernel.pause()
            bench.say("tidied up")

    def crash() -> None:
        bench.kernel.pause(5 * SECOND)
        died.append("power cut")
        raise SimulatedCrash("power cut")

    for name in ("sending", "waiting for the lock", "also waiting"):
        bench.kernel.start(name, tidy)
    bench.kernel.start("unlucky", crash)
    with pytest.raises(SimulatedCrash, match="power cut"):
        bench.kernel.pause(60 * SECOND)
    bench.kernel.bury()
    assert bench.said == []
    assert bench.kernel.elapsed == 5
    assert len(bench.kernel.tasks) == 1


def test_a_process_that_stands_still_finds_the_world_older(bench: Bench):
    bench.talk("a", times=1)
    bench.timeline.at(START + 60 * SECOND, lambda: bench.say("a person"))
    bench.kernel.freeze(120 * SECOND)
    bench.kernel.pause()
    bench.run()
    assert bench.said == ["60 a person", "120 a0"]


def test_of_two_processes_one_dies_and_the_other_goes_on_as_if_nothing_had_happened(bench: Bench):
    kernel, died = bench.kernel, []
    first, second = kernel.open_process("first"), kernel.open_process("second")
    first.dead = lambda: "".join(died)

    def live(name: str) -> None:
        kernel.start("helper", lambda: help_out(name))
        try:
            for _ in range(3):
                kernel.pause(2 * SECOND)
                bench.say(name)
        except SimulatedCrash:
            kernel.bury()
            bench.say(f"{name} is dead")

    def help_out(name: str) -> None:
        kernel.pause(5 * SECOND)
        bench.say(f"{name}'s helper")

    kernel.start("a", lambda: live("a"), first)
    kernel.start("b", lambda: live("b"), second)
    bench.timeline.at(START + 3 * SECOND, lambda: died.append("killed"))
    bench.run()
    assert sorted(bench.said[:2]) == ["2 a", "2 b"]
    assert bench.said[2:] == ["3 a is dead", "4 b", "5 b's helper", "6 b"]


def test_of_two_processes_one_stands_still_and_the_other_does_not_wait_for_it(bench: Bench):
    kernel = bench.kernel
    first, second = kernel.open_process("first"), kernel.open_process("second")

    def freeze() -> None:
        kernel.freeze(60 * SECOND)
        kernel.pause()
        bench.say("thawed")

    def go_on() -> None:
        kernel.pause(2 * SECOND)
        bench.say("went on")

    kernel.start("a", freeze, first)
    kernel.start("b", go_on, second)
    bench.run()
    assert bench.said == ["2 went on", "60 thawed"]


def test_with_the_first_process_all_die(bench: Bench):
    kernel = bench.kernel
    other = kernel.open_process("other")

    def live() -> None:
        kernel.start("helper", lambda: kernel.pause(90 * SECOND))
        try:
            kernel.pause(60 * SECOND)
        except SimulatedCrash:
            kernel.bury()
            bench.say("ended")

    kernel.start("a", live, other)
    kernel.pause(SECOND)
    kernel.bury()
    assert bench.said == ["1 ended"]
    assert len(kernel.tasks) == 1


def test_a_mistake_in_a_task_is_the_runs(bench: Bench):
    def fail() -> None:
        raise KeyError("a mistake")

    bench.kernel.start("wrong", fail)
    with pytest.raises(SimulatedCrash):
        bench.kernel.pause(SECOND)
    with pytest.raises(KeyError, match="a mistake"):
        bench.kernel.bury()


def test_nobody_waits_inside_an_open_transaction(bench: Bench):
    lock = bench.threading.Lock()
    bench.kernel.start("holding", lambda: (lock.acquire(), bench.kernel.pause(SECOND), lock.release()))
    bench.kernel.pause(SECOND / 2)
    bench.kernel.running.transactions = 1
    with pytest.raises(SimulatedCrash):
        lock.acquire()
    with pytest.raises(AssertionError, match="inside an open transaction"):
        bench.kernel.bury()


@pytest.mark.parametrize("seed", PLAYED_APART)
def test_a_seed_tells_the_same_story_in_every_process(seed: int):
    told = {_trace_in_a_process(seed, hashes) for hashes in ("1", "2")}
    assert len(told) == 1
    assert re.fullmatch("[0-9a-f]{64}", told.pop())


def _trace_in_a_process(seed: int, hashes: str) -> str:
    play = f"from tests.simulation.outcome import outcome; print(outcome({seed}).trace)"
    environ = {**os.environ, "PYTHONHASHSEED": hashes}
    done = subprocess.run(
        [sys.executable, "-c", play], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_every_module_that_waits_or_looks_at_a_clock_is_in_one_of_the_lists():
    forgotten, known = [], (*SUBSTITUTED, *OUTSIDE)
    for path in sorted((ROOT / "stagedrollout").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if _waits(path) and not any(name == each or name.startswith(f"{each}.") for each in known):
            forgotten.append(name)
    assert forgotten == []
    assert not set(SUBSTITUTED) & set(OUTSIDE)
    assert all(_waits(ROOT / f"{name.replace('.', '/')}.py") for name in SUBSTITUTED)


def _waits(path: Path) -> bool:
    """Whether it imports what waits or tells the time by itself."""
    imported: list[str] = []
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
    waiting = {"threading", "time", "queue", "concurrent.futures"}
    return bool(waiting.intersection(imported)) or "datetime.now(" in source
