"""Triggers: a halt never queues behind a pass, one slow app never delays another, a stop drains."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.core.model import DAEMON, Command, CommandVerb, Store, StoreApp
from stagedrollout.daemon import scheduler
from stagedrollout.daemon.app_pass import AppPass
from stagedrollout.daemon.linking import Bell
from stagedrollout.daemon.scheduler import Scheduler, Works
from stagedrollout.daemon.works import Bounds
from tests.storage.holding import Beating

SLOW = StoreApp("slow", Store.GOOGLE_PLAY)
QUICK = StoreApp("quick", Store.GOOGLE_PLAY)
PATIENCE = 10.0


@dataclass
class Passes:
    """Passes over SLOW hang until released; everything else ends at once."""

    clock: Any
    released: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    passed: dict[str, threading.Event] = field(
        default_factory=lambda: {"slow": threading.Event(), "quick": threading.Event()}
    )
    halted: threading.Event = field(default_factory=threading.Event)
    refused: list[tuple[str, str]] = field(default_factory=list)
    broken: bool = False
    tries: int = 0
    tried_again: threading.Event = field(default_factory=threading.Event)
    passes_of_quick: int = 0

    def run(self, listing: Any) -> AppPass:
        if listing.id == SLOW:
            self.hanging.set()
            self.released.wait(PATIENCE)
        self.passes_of_quick += listing.id == QUICK
        self.passed[listing.id.app].set()
        return AppPass(self.clock.now() + timedelta(hours=1), "")

    def halt(self, listing: Any, order: Command) -> None:
        self.halted.set()
        if self.broken:
            self.tries += 1
            if self.tries >= 12:
                self.tried_again.set()
            raise StorageError("the journal is damaged")

    def refuse(self, order: Command, text: str) -> None:
        self.refused.append((order.id, text))


@dataclass
class Orders:
    waits: list[Command] = field(default_factory=list)

    def waiting(self) -> tuple[Command, ...]:
        return tuple(self.waits)

    def expire(self, now: datetime) -> int:
        return 0


@dataclass
class Here:
    """Presence; `lost` makes the lease another daemon's."""

    lost: bool = False

    def beat(self, epoch: int, now: datetime) -> None:
        if self.lost:
            raise LostLease("another daemon has claimed the database")

    def pass_finished(self, store_app: StoreApp, now: datetime, *, next_due: Any, problem: str) -> None:
        """Noted."""


class Nobody:
    def deliver_due(self) -> int:
        return 0

    def next_due(self) -> None:
        return None


@dataclass
class Clock:
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class House:
    scheduler: Scheduler
    passes: Passes
    orders: Orders
    here: Here
    bell: Bell


@pytest.fixture
def house():
    clock = Clock()
    passes, orders, here, bell = Passes(clock), Orders(), Here(), Bell()
    listings = {app: type("Listing", (), {"id": app})() for app in (SLOW, QUICK)}
    works = Works(
        listings=listings, passes=passes, relay=Nobody(), commands=orders, presence=here,
        clock=clock, wall=clock, epoch=1, leases=Beating(lambda: here.beat(1, clock.now())), lock_step=None, bell=bell,
    )  # fmt: skip
    built = House(
        Scheduler(works, pass_workers=2, halt_workers=1, drain_seconds=PATIENCE), passes, orders, here, bell
    )
    yield built
    passes.released.set()
    built.scheduler.stop()


def order(verb: CommandVerb, app: StoreApp) -> Command:
    now = datetime.now(UTC)
    return Command("one", verb, app.app, app.store, DAEMON, "because", now, None)


def test_a_halt_goes_out_while_a_pass_over_the_same_app_hangs(house):
    house.scheduler.turn()
    assert house.passes.hanging.wait(PATIENCE)
    house.orders.waits.append(order(CommandVerb.HALT, SLOW))
    house.scheduler.turn()
    assert house.passes.halted.wait(PATIENCE)
    assert not house.passes.passed["slow"].is_set()


def test_one_hanging_app_does_not_delay_another(house):
    house.scheduler.turn()
    assert house.passes.hanging.wait(PATIENCE)
    assert house.passes.passed["quick"].wait(PATIENCE)


def test_an_order_wakes_the_app_before_its_poll(house):
    house.passes.released.set()
    house.scheduler.start()
    assert house.passes.passed["quick"].wait(PATIENCE)
    house.passes.passed["quick"].clear()
    house.orders.waits.append(order(CommandVerb.HOLD, QUICK))
    assert house.passes.passed["quick"].wait(PATIENCE)


def test_apps_are_looked_at_at_once_when_a_clock_that_was_days_ahead_is_set_back(house):
    house.passes.released.set()
    house.passes.clock.ahead = timedelta(days=2)
    house.scheduler.start()
    assert house.passes.passed["quick"].wait(PATIENCE)
    house.passes.passed["quick"].clear()
    house.passes.clock.ahead = timedelta(0)
    assert house.passes.passed["quick"].wait(PATIENCE)


def test_a_turn_that_was_planned_by_a_clock_just_before_that_was_set_back_comes_all_the_same(house):
    """APScheduler looks at the clock first and plans afterwards: in between the clock was set, and that was noticed."""
    house.passes.released.set()
    house.scheduler.start()
    assert house.passes.passed["quick"].wait(PATIENCE)
    planned = datetime.now(UTC) + timedelta(minutes=30)
    house.scheduler._apscheduler.modify_job(scheduler.TURN, next_run_time=planned)
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    assert not house.passes.halted.wait(2 * scheduler.TURN_SECONDS)
    house.scheduler.mind_the_clock()
    assert house.passes.halted.wait(PATIENCE)


def _is_due_while_it_sleeps(apscheduler):
    """As where the clock goes forward: nobody tells APScheduler."""
    turn, store = apscheduler._lookup_job(scheduler.TURN, None)
    turn._modify(next_run_time=datetime.now(UTC) - timedelta(milliseconds=1))
    apscheduler._lookup_jobstore(store).update_job(turn)


def test_a_halt_is_taken_although_a_turn_was_slept_through_while_the_clock_was_back_for_a_moment(house):
    """APScheduler reckons once how long it sleeps. When that is looked after, the clock is right, and the turn is due."""
    house.passes.released.set()
    house.scheduler.start()
    assert house.passes.passed["quick"].wait(PATIENCE)
    planned = datetime.now(UTC) + timedelta(minutes=30)
    house.scheduler._apscheduler.modify_job(scheduler.TURN, next_run_time=planned)
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    assert not house.passes.halted.wait(2 * scheduler.TURN_SECONDS)
    _is_due_while_it_sleeps(house.scheduler._apscheduler)
    house.scheduler.mind_the_clock()
    assert house.passes.halted.wait(PATIENCE)


def test_a_clock_that_was_weeks_behind_makes_one_turn_due_and_not_millions(house):
    """APScheduler lists what was missed before it runs anything, and a stop has to wait until it has."""
    house.passes.released.set()
    house.scheduler.start()
    turn = house.scheduler._apscheduler.get_job(scheduler.TURN)
    set_right = datetime.now(UTC) + timedelta(days=20)
    assert len(turn._get_run_times(set_right)) == 1


def test_a_linked_app_is_woken_while_the_pass_that_halted_the_other_side_still_hangs(house):
    house.scheduler.start()
    assert house.passes.hanging.wait(PATIENCE)
    assert house.passes.passed["quick"].wait(PATIENCE)
    house.passes.passed["quick"].clear()
    house.bell.ring(QUICK)
    assert house.passes.passed["quick"].wait(PATIENCE)
    assert not house.passes.passed["slow"].is_set()


def test_an_app_that_nobody_watches_is_woken_in_vain(house):
    house.bell.ring(StoreApp("unheard-of", Store.APP_STORE))
    house.passes.released.set()
    house.scheduler.turn()


def test_a_daemon_that_lost_its_lease_starts_nothing_more(house):
    house.here.lost = True
    house.scheduler.turn()
    assert house.scheduler.lost
    assert house.scheduler.finished.is_set()
    assert not house.passes.hanging.is_set()


def test_a_stop_finishes_what_is_under_way(house):
    house.scheduler.turn()
    assert house.passes.hanging.wait(PATIENCE)
    stopping = threading.Thread(target=house.scheduler.stop)
    stopping.start()
    assert not house.passes.passed["slow"].is_set()
    house.passes.released.set()
    stopping.join(PATIENCE)
    assert house.passes.passed["slow"].is_set()


def test_an_order_for_an_app_nobody_watches_is_refused_in_words(house):
    house.orders.waits.append(order(CommandVerb.HOLD, StoreApp("unheard-of", Store.GOOGLE_PLAY)))
    house.scheduler.turn()
    assert house.passes.refused == [("one", "this daemon does not know unheard-of on google_play")]


def test_a_halt_goes_out_although_the_database_takes_no_heartbeat(house):
    house.here.broken = True
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    house.scheduler.turn()
    assert house.passes.halted.wait(PATIENCE)
    assert not house.scheduler.lost


def test_a_halt_that_breaks_off_is_tried_at_every_turn_without_a_look_at_the_store_each_time(
    house, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scheduler, "TURN_SECONDS", 0.02)
    house.passes.broken = True
    house.passes.released.set()
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    house.scheduler.start()
    assert house.passes.tried_again.wait(PATIENCE)
    assert house.passes.passes_of_quick <= 2  # the first one, and one because of the halt


def test_a_halt_that_broke_off_here_and_was_answered_by_another_replica_is_waited_for_no_more(
    house, monkeypatch: pytest.MonkeyPatch
):
    """Else an emulated clock would stand still for it for ever."""
    monkeypatch.setattr(scheduler, "TURN_SECONDS", 0.02)
    house.passes.broken = True
    house.passes.released.set()
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    house.scheduler.start()
    assert house.passes.tried_again.wait(PATIENCE)
    assert house.scheduler.hurried
    house.orders.waits.clear()
    assert _comes_true(lambda: not house.scheduler.hurried)


def _comes_true(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


@dataclass
class Mistaken:
    """Knows no instant, as a mistake of ours would have it."""

    asked: int = 0

    def due(self, listing: Any, now: datetime, due: datetime) -> datetime:
        self.asked += 1
        raise ZeroDivisionError("no poll")


@dataclass
class Told:
    """Of a daemon's own mistakes; it makes one itself when it is told of a pass."""

    mistakes: list[tuple[str, BaseException]] = field(default_factory=list)

    def passed(self, app: StoreApp, due: datetime, problem: str) -> None:
        raise KeyError(app)

    broke_off = holds = beat = passed

    def stumbled(self, doing: str, error: BaseException) -> None:
        self.mistakes.append((doing, error))


@pytest.mark.parametrize("mistake", ["when it is due", "who is told"])
def test_an_app_is_looked_at_again_whatever_mistake_follows_its_pass(house, mistake):
    told = Told()
    wrong = {"pace": Mistaken()} if mistake == "when it is due" else {}
    works = replace(house.scheduler.works, report=told, **wrong)
    house.scheduler.renew(works, Bounds(pass_workers=2, halt_workers=1, drain_seconds=PATIENCE))
    house.scheduler._signs.give = lambda _works: None
    house.passes.released.set()
    begun = works.clock.now()
    house.scheduler.turn()
    ends = time.monotonic() + PATIENCE
    while len(told.mistakes) < 2 and time.monotonic() < ends:
        time.sleep(0.01)
    assert {doing for doing, _ in told.mistakes} == {
        "noting how quick/google_play ended",
        "noting how slow/google_play ended",
    }
    dues = house.scheduler.dues()
    assert len(dues) == 2
    assert max(dues) <= begun + timedelta(hours=1, seconds=PATIENCE)
    works.clock.ahead = timedelta(hours=1, seconds=PATIENCE)
    house.passes.passed["quick"].clear()
    house.scheduler.turn()
    assert house.passes.passed["quick"].wait(PATIENCE), "it is looked at again"


def test_a_halt_that_only_its_holder_can_answer_is_not_tried_here_at_every_turn(house, monkeypatch, caplog):
    def halt(listing, order):
        house.passes.halted.set()
        raise LostLease("another replica holds it")

    halts = house.scheduler
    monkeypatch.setattr(house.passes, "halt", halt)
    monkeypatch.setattr(halts._others, "may_take", lambda works, app, order: not halts._others._left)
    monkeypatch.setattr(halts.works.leases, "holds", lambda app: False)
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    halts.turn()
    assert house.passes.halted.wait(PATIENCE)
    halts.stop()  # waits for what is under way
    assert "is left to the replica that holds" in caplog.text
    assert not halts.hurried
