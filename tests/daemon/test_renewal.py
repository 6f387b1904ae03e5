"""Another configuration under a running scheduler: exchanged as one between two turns, and no halt waits for it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stagedrollout.core.model import CommandVerb, Store, StoreApp
from stagedrollout.daemon.scheduler import Scheduler
from stagedrollout.daemon.works import Bounds, Works
from tests.daemon.test_scheduler import PATIENCE, QUICK, SLOW, Clock, Here, Nobody, Orders, Passes, order

NEW = StoreApp("new", Store.GOOGLE_PLAY)
BOUNDS = Bounds(pass_workers=2, halt_workers=1, drain_seconds=PATIENCE)


def _listings(*apps):
    return {app: type("Listing", (), {"id": app})() for app in apps}


def _works(*apps):
    clock = Clock()
    passes = Passes(clock)
    passes.passed["new"] = threading.Event()
    return Works(
        listings=_listings(*apps), passes=passes, relay=Nobody(), commands=Orders(), presence=Noting(),
        clock=clock, wall=clock, epoch=1, lock_step=None,
    )  # fmt: skip


class Noting(Here):
    """Presence that keeps whose passes it was told of."""

    def pass_finished(self, store_app, now, *, next_due, problem):
        self.__dict__.setdefault("finished", {}).setdefault(store_app, threading.Event()).set()

    def heard_of(self, store_app):
        return self.__dict__.setdefault("finished", {}).setdefault(store_app, threading.Event())


@pytest.fixture
def works():
    return _works(SLOW, QUICK)


@pytest.fixture
def scheduler(works):
    scheduler = Scheduler(works, pass_workers=2, halt_workers=1, drain_seconds=PATIENCE)
    yield scheduler
    works.passes.released.set()
    scheduler.stop()


def test_nothing_is_exchanged_before_the_next_turn_and_then_everything(scheduler, works):
    renewed = replace(works, listings=_listings(QUICK, NEW))
    renewal = scheduler.renew(renewed, BOUNDS)
    assert scheduler.works is works
    assert not renewal.taken.done()
    scheduler.turn()
    assert scheduler.works is renewed
    assert renewal.taken.done()
    assert works.passes.passed["new"].wait(PATIENCE)
    assert works.passes.passed["quick"].wait(PATIENCE)


def test_a_pass_that_hangs_ends_by_the_old_ones_and_is_named_as_under_way(scheduler, works):
    scheduler.turn()
    assert works.passes.hanging.wait(PATIENCE)
    others = replace(
        works, listings=_listings(SLOW, QUICK), passes=Passes(works.clock, works.passes.released)
    )
    renewal = scheduler.renew(others, BOUNDS)
    scheduler.turn()
    assert len(renewal.taken.result(0)) >= 1
    assert not others.passes.hanging.is_set(), "never two passes over one app"
    works.passes.released.set()
    assert works.passes.passed["slow"].wait(PATIENCE)
    for _ in range(1_000):
        scheduler.turn()
        if others.passes.passed["slow"].wait(0.01):
            break
    assert others.passes.passed["slow"].is_set(), "and then it is looked at by the new ones"


def test_a_halt_goes_out_while_a_pass_over_the_same_app_hangs_in_the_old_ones(scheduler, works):
    scheduler.turn()
    assert works.passes.hanging.wait(PATIENCE)
    others = replace(works, listings=_listings(SLOW, QUICK))
    others.commands.waits.append(order(CommandVerb.HALT, SLOW))
    scheduler.renew(others, BOUNDS)
    scheduler.turn()
    assert works.passes.halted.wait(PATIENCE)


def test_an_app_that_is_gone_is_never_due_again_although_its_pass_ends_later(scheduler, works):
    scheduler.turn()
    assert works.passes.hanging.wait(PATIENCE)
    scheduler.renew(replace(works, listings=_listings(QUICK)), BOUNDS)
    scheduler.turn()
    works.passes.released.set()
    assert works.presence.heard_of(SLOW).wait(PATIENCE), "that it ended is noted all the same"
    scheduler.turn()
    assert len(scheduler.dues()) == 1
    assert max(scheduler.dues()) < datetime.now(UTC) + timedelta(days=1)


def test_orders_for_an_app_that_is_gone_are_refused(scheduler, works):
    scheduler.renew(replace(works, listings=_listings(QUICK)), BOUNDS)
    works.commands.waits.append(order(CommandVerb.HALT, SLOW))
    scheduler.turn()
    assert [text for _, text in works.passes.refused] == ["this daemon does not know slow on google_play"]


def test_of_two_that_wait_the_later_one_is_taken(scheduler, works):
    first = scheduler.renew(replace(works, listings=_listings(NEW)), BOUNDS)
    last = replace(works, listings=_listings(QUICK))
    scheduler.renew(last, BOUNDS)
    scheduler.turn()
    assert scheduler.works is last
    assert not first.taken.done()


@pytest.mark.parametrize("bounds", [replace(BOUNDS, pass_workers=5), replace(BOUNDS, halt_workers=3)])
def test_other_limits_hold_from_then_on(scheduler, works, bounds):
    """Six apps where there were two: each has its thread, and none waits for another's."""
    apps = [StoreApp(f"app-{number}", Store.GOOGLE_PLAY) for number in range(5)]
    for app in apps:
        works.passes.passed[app.app] = threading.Event()
    scheduler.renew(replace(works, listings=_listings(SLOW, *apps)), bounds)
    scheduler.turn()
    assert all(works.passes.passed[app.app].wait(PATIENCE) for app in apps)


def test_a_pass_that_waited_for_its_place_meanwhile_is_made_by_the_works_it_was_begun_for(works):
    scheduler = Scheduler(
        works, pass_workers=1, halt_workers=1, drain_seconds=PATIENCE, patience_seconds=PATIENCE
    )
    scheduler.turn()
    assert works.passes.hanging.wait(PATIENCE)
    scheduler.renew(replace(works, listings=_listings(NEW)), BOUNDS)
    scheduler.turn()
    works.passes.released.set()
    assert works.passes.passed["quick"].wait(PATIENCE)
    assert works.presence.heard_of(QUICK).wait(PATIENCE)
    scheduler.stop()
