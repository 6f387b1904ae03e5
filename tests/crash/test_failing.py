"""Something fails that the daemon needs: no raise is wrong, halts go on, and everything comes to rest."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import pytest

from tests.crash.failing import FAILED, KINDS, Failing, Failure, how_many, with_failure

pytestmark = pytest.mark.promise("R3", "R18")


PER_STORY = 4
"""Failures of a kind, once and lasting, evenly spread. `./dev crash --failing` tries them all."""


@cache
def _times(name: str, kind: str) -> int:
    return how_many(name, kind)


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for-an-hour"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAILED)
def test_no_raise_is_wrong_and_halts_go_on_whatever_fails(name: str, kind: str, *, sticky: bool) -> None:
    times = _times(name, kind)
    for place in range(PER_STORY):
        number = 1 + (2 * place + sticky + 1) * times // (2 * PER_STORY + 2)
        result = with_failure(name, Failure(kind, number, sticky))
        assert not result.faults, result.words()


def test_the_failures_really_come_as_the_drivers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []
    met = Failing.met

    def watched(self: Failing, name: str) -> None:
        try:
            met(self, name)
        except (sqlite3.Error, OSError) as error:
            raised.append(error)
            raise

    monkeypatch.setattr(Failing, "met", watched)
    for kind, error in (("storage", sqlite3.OperationalError), ("http", ConnectionError)):
        raised.clear()
        assert with_failure("play-halt", Failure(kind, 20, sticky=True)).faults == ()
        assert len(raised) > (kind == "storage")  # requests meet an outage after the first
        assert all(isinstance(each, error) for each in raised)


def _played_in_a_child() -> tuple[str, ...]:
    return with_failure("play-halt", Failure("http", 1)).faults


def test_processes_that_begin_after_a_run_can_play_as_well() -> None:
    """`--failing` counts what there is to fail before its processes begin, and threads do not outlive a fork."""
    assert how_many("play-halt", "http") > 0
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(_played_in_a_child).result(timeout=60) == ()
