"""What a reload replaced is let go as soon as nothing of it is under way; many reloads leave little behind."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from stagedrollout.daemon import retiring
from stagedrollout.daemon.retiring import KEPT_MAX, Retiring

PATIENCE = 20.0


class Old:
    """Works, what of them is under way, and whether they and their hosts have been let go."""

    def __init__(self, *, drawing: bool = False) -> None:
        self.closed, self.gone = threading.Event(), threading.Event()
        self.relay = SimpleNamespace(busy=drawing, close=self.closed.set)
        self.report = SimpleNamespace(close=lambda: None)
        self.under_way: Future[None] = Future()

    def ends(self) -> None:
        self.under_way.set_result(None)


def _threads() -> int:
    return sum(thread.name == "retire" for thread in threading.enumerate())


@pytest.fixture
def retired(monkeypatch):
    monkeypatch.setattr(retiring, "LOOK_SECONDS", 0.01)
    whole = Retiring()
    yield lambda *olds: [whole.add(old, [old.under_way], old.gone.set) for old in olds]
    whole.close()


def test_it_is_let_go_when_what_was_under_way_has_ended_and_not_before(retired):
    one, other = Old(), Old()
    retired(one, other)
    other.ends()
    assert other.closed.wait(PATIENCE)
    assert other.gone.wait(PATIENCE)
    assert not one.closed.is_set()
    assert not one.gone.is_set()
    one.ends()
    assert one.gone.wait(PATIENCE)


def test_a_picture_has_its_time(retired):
    drawing, other = Old(drawing=True), Old()
    drawing.ends()
    other.ends()
    retired(drawing, other)
    assert other.closed.wait(PATIENCE)
    assert not drawing.closed.is_set()
    drawing.relay.busy = False
    assert drawing.closed.wait(PATIENCE)


def test_many_reloads_leave_one_thread_and_a_few_sets_of_clients_and_keep_what_a_halt_still_needs(retired):
    before = _threads()
    olds = [Old() for _ in range(50)]
    retired(*olds)
    assert all(old.closed.wait(PATIENCE) for old in olds[:-KEPT_MAX])
    assert not any(old.closed.is_set() for old in olds[-KEPT_MAX:])
    assert not any(old.gone.is_set() for old in olds), "the hosts of what is under way"
    assert _threads() == before + 1


def test_what_hangs_is_let_go_in_the_end(retired, monkeypatch):
    monkeypatch.setattr(retiring, "RETIRED_AFTER", retiring.RETIRED_AFTER * 0)
    hangs = Old()
    retired(hangs)
    assert hangs.gone.wait(PATIENCE)


def test_after_a_pause_the_next_one_is_let_go_too(retired):
    for _ in range(3):
        old = Old()
        old.ends()
        retired(old)
        assert old.gone.wait(PATIENCE)


def test_a_daemon_that_ends_lets_go_of_everything(monkeypatch):
    whole, old = Retiring(), Old()
    whole.add(old, [old.under_way], old.gone.set)
    whole.close()
    assert old.closed.is_set()
