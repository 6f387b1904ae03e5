"""A store that hangs spoils the passes over its own apps and nobody else's halt, however many apps hang."""

from __future__ import annotations

import logging
import threading

import pytest

from stagedrollout.daemon.places import Places
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
        assert on.gate.hanging >= PASS_WORKERS


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
