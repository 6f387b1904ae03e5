"""A store that hangs spoils the passes over its own apps and nobody else's halt, however many apps hang."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import ExitStack

import pytest

from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.places import CROWD, QUEUED_MOST, Places, StorePlaces
from tests.simulation.threaded import FAILING, ORDERED, stage

PATIENCE = 30.0
SLOW_APPS, PASS_WORKERS, HALT_WORKERS = 6, 2, 1


@pytest.fixture
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.promise("R3", "R22")
def test_a_halt_does_not_wait_for_other_apps_whose_store_hangs(quiet, tmp_path):
    """More apps hang for good than there are places, and somebody asks again and again to halt one of them."""
    with stage(
        tmp_path,
        slow_apps=SLOW_APPS, pass_workers=PASS_WORKERS, halt_workers=HALT_WORKERS, hang_seconds=None,
    ) as on:  # fmt: skip
        on.order_halts_of_the_hanging(2 * HALT_WORKERS)
        on.begin()
        assert on.wait_until_stopped(ORDERED, FAILING, seconds=PATIENCE)
        assert on.wait_until_hanging(SLOW_APPS, seconds=PATIENCE)


def test_whoever_finds_no_place_free_goes_ahead_in_the_end():
    places = Places(1, patience_seconds=0.01)
    with places.taken(), places.taken():
        pass


def test_there_is_a_place_again_once_somebody_has_left():
    places, inside, leave = Places(1, patience_seconds=PATIENCE), threading.Event(), threading.Event()

    def stay() -> None:
        with places.taken():
            inside.set()
            leave.wait(PATIENCE)

    first = threading.Thread(target=stay)
    first.start()
    assert inside.wait(PATIENCE)
    leave.set()
    with places.taken():
        first.join(PATIENCE)
    assert not first.is_alive()


@pytest.mark.promise("R22")
def test_of_two_hundred_apps_that_are_due_at_once_a_few_are_looked_at_at_a_time():
    places = Places(4, patience_seconds=PATIENCE, worked=time.monotonic)  # a busy processor
    inside, most, guard = set(), [0], threading.Lock()

    def look(app: int) -> None:
        with places.taken():
            with guard:
                inside.add(app)
                most[0] = max(most[0], len(inside))
            time.sleep(0.001)
            with guard:
                inside.remove(app)

    apps = [threading.Thread(target=look, args=(app,)) for app in range(200)]
    for app in apps:
        app.start()
    for app in apps:
        app.join(PATIENCE)
    assert (most[0], inside) == (4, set())


@pytest.mark.promise("R3", "R22")
def test_behind_hundreds_of_apps_that_hang_the_last_one_is_looked_at_in_time():
    _all_begin(Places(2, begun_seconds=1.0, worked=time.monotonic), 300)


@pytest.mark.promise("R3", "R22")
def test_whoever_hangs_is_in_nobodys_way_while_the_processor_has_nothing_to_do():
    _all_begin(Places(2, patience_seconds=2 * PATIENCE, worked=lambda: 0.0), 100)


def _all_begin(places: Places, count: int) -> None:
    """So many hang, one after the other, until all of them do."""
    begun, leave = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        with places.taken():
            begun.release()
            leave.wait(2 * PATIENCE)

    apps = [threading.Thread(target=hang) for _ in range(count)]
    for app in apps:
        app.start()
    assert all(begun.acquire(timeout=PATIENCE) for _ in apps)
    leave.set()
    for app in apps:
        app.join(PATIENCE)


@pytest.mark.promise("R3", "R22")
def test_while_a_person_halts_nobody_else_begins_but_for_long():
    """The second halt within ten seconds, as one is that the store refuses, goes ahead of nobody."""
    places, now = Places(1, seconds=lambda: next(clock)), []
    clock = iter([0.0, 0.99, 1.0, 2.0, 2.1, 2.2])
    with places.ahead(), places.taken():
        now.append(next(clock))
    with places.ahead(), places.taken():
        pass
    assert now == [2.0]


@pytest.mark.promise("R3", "R22")
def test_of_hundreds_that_only_wait_for_each_other_no_more_are_under_way_than_can_be_served():
    """A place is lent for a millisecond and each look takes ten: nobody hangs, so nobody else is let in beside them."""
    places = Places(1, patience_seconds=0.001, worked=time.monotonic)
    inside, most, guard = set(), [0], threading.Lock()

    def look(app: int) -> None:
        with places.taken():
            with guard:
                inside.add(app)
                most[0] = max(most[0], len(inside))
            time.sleep(0.01)
            with guard:
                inside.remove(app)

    apps = [threading.Thread(target=look, args=(app,)) for app in range(300)]
    for app in apps:
        app.start()
    for app in apps:
        app.join(PATIENCE)
    assert (most[0] <= CROWD, inside) == (True, set())


def test_of_thousands_that_are_due_few_wait_with_a_thread_of_their_own():
    places = Places(1, patience_seconds=PATIENCE)
    assert places.admitted(2_000) == QUEUED_MOST
    assert places.admitted(3) == 3


@pytest.mark.promise("R3", "R22")
def test_passes_that_hang_with_one_store_keep_no_pass_over_the_other_one_from_beginning():
    """Again and again one of them ends, by its time-out: by that alone a crowd that hangs cannot be told from one whose passes
    wait for each other, so that its own store's next ones have to wait."""
    clock, begun = _Clock(), queue.Queue[Store]()
    places = StorePlaces(2, Store, patience_seconds=0.5, seconds=clock.seconds, worked=clock.seconds)
    with ExitStack() as hanging:
        for _ in range(2 * CROWD):
            hanging.enter_context(places.taken(Store.GOOGLE_PLAY))
        clock.stands = True  # from here on, somebody has only just ended
        for store in (Store.GOOGLE_PLAY, Store.APP_STORE):
            threading.Thread(target=_begin, args=(places, store, begun), daemon=True).start()
        assert begun.get(timeout=PATIENCE) is Store.APP_STORE
    assert begun.get(timeout=PATIENCE) is Store.GOOGLE_PLAY


class _Clock:
    """Ten seconds later at each look, until it `stands`."""

    def __init__(self) -> None:
        self.stands, self._now = False, 0.0

    def seconds(self) -> float:
        self._now += 0.0 if self.stands else 10.0
        return self._now


def _begin(places: StorePlaces, store: Store, begun: queue.Queue[Store]) -> None:
    with places.taken(store):
        begun.put(store)


@pytest.mark.promise("R22")
def test_of_one_store_that_hangs_no_more_wait_with_a_thread_of_their_own_than_without_the_other():
    places = StorePlaces(8, Store)
    due = [StoreApp(f"app-{number}", Store.GOOGLE_PLAY) for number in range(1_000)]
    beside = StoreApp("beside", Store.APP_STORE)
    admitted = places.admitted([*due, beside])
    assert admitted == [*due[: QUEUED_MOST // 2], beside]
