"""The heartbeat file: whole at every instant, for its owner only, and its own trouble is no trouble of a pass."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout import __version__
from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.core.model import CommandVerb, Store, StoreApp
from stagedrollout.daemon.health.heartbeat import HeartbeatFile
from stagedrollout.daemon.health.report import OwnHealth
from stagedrollout.daemon.health.rounds import Pace, Rounds, Standing
from stagedrollout.daemon.scheduler import Scheduler, Works
from tests.daemon.test_scheduler import PATIENCE, QUICK, Here, Nobody, Orders, Passes, order
from tests.storage.holding import Beating

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLL = timedelta(minutes=15)
FINE = Standing(Pace.IN_TIME, NOW + POLL, "")
ONE, TWO = StoreApp("one", Store.GOOGLE_PLAY), StoreApp("two", Store.GOOGLE_PLAY)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


# ---- the file


def test_it_says_when_who_and_what_is_wrong(tmp_path: Path):
    path = tmp_path / "state" / "heartbeat"
    HeartbeatFile(path, 7).beat(NOW, Standing(Pace.BEHIND, NOW + POLL, "one/google_play: in words"))
    assert content(path) == {
        "at": "2026-03-02T08:00:00+00:00",
        "version": __version__,
        "epoch": 7,
        "next_due": "2026-03-02T08:15:00+00:00",
        "problem": "one/google_play: in words",
    }


def test_only_its_owner_can_read_it(tmp_path: Path):
    path = tmp_path / "heartbeat"
    path.write_text("of an earlier version")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        HeartbeatFile(path, 7).beat(NOW, FINE)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_whoever_reads_it_meanwhile_sees_the_old_one_or_the_new_one(tmp_path: Path):
    path = tmp_path / "heartbeat"
    file = HeartbeatFile(path, 7)
    file.beat(NOW, FINE)
    over, torn = threading.Event(), list[str]()

    def watch() -> None:
        while not over.is_set():
            if not path.read_text("utf-8").endswith("}\n"):
                torn.append(path.read_text("utf-8"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for second in range(300):
        file.beat(NOW + timedelta(seconds=second), Standing(Pace.BEHIND, NOW, "x" * second * 50))
    over.set()
    watcher.join(PATIENCE)
    assert torn == []
    assert [found.name for found in tmp_path.iterdir()] == ["heartbeat"]


def test_a_link_in_the_place_of_the_new_file_is_not_written_through(tmp_path: Path):
    other = tmp_path / "precious"
    other.write_text("precious")
    (tmp_path / "heartbeat.new").symlink_to(other)
    HeartbeatFile(tmp_path / "heartbeat", 7).beat(NOW, FINE)
    assert other.read_text() == "precious"
    assert content(tmp_path / "heartbeat")["epoch"] == 7


def test_that_it_cannot_be_written_is_said_once_until_that_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    blocked = tmp_path / "state"
    blocked.write_text("a file where a folder should be")
    file = HeartbeatFile(blocked / "heartbeat", 7)
    with caplog.at_level(logging.WARNING, "stagedrollout"):
        for _ in range(5):
            file.beat(NOW, FINE)
        blocked.unlink()
        file.beat(NOW, FINE)
        file.beat(NOW, FINE)
    said = [
        record.getMessage().removeprefix(f"the heartbeat file {blocked}/heartbeat ")
        for record in caplog.records
    ]
    assert said == ["cannot be written: file exists", "is written again"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_no_file_can_have_breaks_nothing_and_is_told(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
):
    HeartbeatFile(tmp_path / name, 7).beat(NOW, FINE)
    assert list(tmp_path.iterdir()) == []
    assert ["cannot be written" in record.getMessage() for record in caplog.records] == [True]


# ---- what it says


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def report(tmp_path: Path, clock: Clock) -> OwnHealth:
    rounds = Rounds((ONE, TWO), POLL, NOW)
    return OwnHealth(rounds, clock, file=HeartbeatFile(tmp_path / "heartbeat", 7), sentry=None)


def test_the_worst_problem_is_the_one_told(tmp_path: Path, clock: Clock, report: OwnHealth):
    told = []

    def beat(problem: str = "") -> None:
        clock.at += timedelta(seconds=10)
        report.beat(clock.at, problem)
        told.append(content(tmp_path / "heartbeat")["problem"])

    report.passed(ONE, NOW + POLL, "the store could not be read")
    report.passed(TWO, NOW + 3 * POLL, "")
    beat()
    report.broke_off(TWO, NOW + POLL, StorageError("busy"), "busy")
    beat()
    clock.at += 2 * POLL
    report.broke_off(TWO, NOW + 3 * POLL, StorageError("busy"), "busy")
    beat()
    beat("the database cannot be written: disk full")
    assert told == [
        "one/google_play: the store could not be read",
        "two/google_play: busy",
        "one/google_play: its pass is 15m 30s late",
        "the database cannot be written: disk full",
    ]


@pytest.mark.promise("R21")
def test_it_is_written_every_ten_seconds_and_no_oftener(tmp_path: Path, report: OwnHealth):
    told = set()
    for half_seconds in range(50):
        report.beat(NOW + timedelta(seconds=half_seconds / 2))
        told.add(content(tmp_path / "heartbeat")["at"][17:19])
    assert told == {"00", "10", "20"}


def test_a_clock_set_back_does_not_stop_it(tmp_path: Path, report: OwnHealth):
    report.beat(NOW)
    report.beat(NOW - timedelta(hours=2))
    assert content(tmp_path / "heartbeat")["at"].startswith("2026-03-02T06:00")


# ---- how the daemon comes to say it


class Broken(Here):
    """A presence whose database cannot be written."""

    def beat(self, epoch: int, now: datetime) -> None:
        if self.lost:
            raise LostLease("another daemon has claimed the database")
        raise StorageError("disk full")


class House:
    """A scheduler over one store app, with a report."""

    def __init__(self, report: Any, clock: Clock, here: Here) -> None:
        self.passes, self.orders = Passes(clock), Orders()
        self.ended = threading.Event()
        here.pass_finished = lambda *_args, **_more: self.ended.set()  # type: ignore[method-assign]
        works = Works(
            listings={QUICK: type("Listing", (), {"id": QUICK})()},  # type: ignore[dict-item]
            passes=self.passes, relay=Nobody(), commands=self.orders, presence=here,  # type: ignore[arg-type]
            clock=clock, wall=clock, epoch=7, leases=Beating(lambda: here.beat(1, clock.now())), lock_step=None, report=report,
        )  # fmt: skip
        self.scheduler = Scheduler(works, pass_workers=1, halt_workers=1, drain_seconds=PATIENCE)


@pytest.fixture
def watched(tmp_path: Path, clock: Clock) -> OwnHealth:
    rounds = Rounds((QUICK,), POLL, NOW)
    return OwnHealth(rounds, clock, file=HeartbeatFile(tmp_path / "heartbeat", 7), sentry=None)


def _turns(house: House) -> None:
    house.scheduler.turn()
    assert house.ended.wait(PATIENCE)
    house.scheduler.stop()


def test_a_daemon_whose_passes_end_says_when_it_looks_again(tmp_path: Path, clock: Clock, watched: OwnHealth):
    house = House(watched, clock, Here())
    _turns(house)
    watched.beat(NOW + timedelta(seconds=10))
    assert content(tmp_path / "heartbeat")["next_due"] == (NOW + timedelta(hours=1)).isoformat()


@pytest.mark.promise("R21")
def test_a_pass_that_broke_off_is_told_in_the_heartbeat(tmp_path: Path, clock: Clock, watched: OwnHealth):
    house = House(watched, clock, Here())
    house.passes.run = _broken  # type: ignore[method-assign]
    _turns(house)
    watched.beat(NOW + timedelta(seconds=10))
    assert content(tmp_path / "heartbeat")["problem"] == "quick/google_play: internal error: KeyError"


def _broken(_listing: Any) -> Any:
    raise KeyError("a mistake")


@pytest.mark.promise("R18", "R21")
def test_a_database_that_cannot_be_written_stops_neither_the_heartbeat_nor_a_pass(
    tmp_path: Path, clock: Clock, watched: OwnHealth
):
    _turns(House(watched, clock, Broken()))
    assert content(tmp_path / "heartbeat")["problem"] == "the database cannot be written: disk full"


def test_a_daemon_that_lost_its_lease_has_no_heartbeat_any_more(
    tmp_path: Path, clock: Clock, watched: OwnHealth
):
    House(watched, clock, Broken(lost=True)).scheduler.turn()
    assert not (tmp_path / "heartbeat").exists()


class Stumbles:
    """A report that only keeps what stumbled."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.heard = threading.Event()

    def stumbled(self, doing: str, error: BaseException) -> None:
        self.told.append((doing, type(error).__name__))
        self.heard.set()

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args, **_more: None


def test_a_mistake_in_a_halt_in_the_delivery_or_in_a_turn_is_told_too(clock: Clock):
    report = Stumbles()
    house = House(report, clock, Here())
    house.passes.halt = lambda _listing, _order: _broken(None)  # type: ignore[method-assign]
    house.orders.waits.append(order(CommandVerb.HALT, QUICK))
    house.scheduler.turn()
    assert report.heard.wait(PATIENCE)
    house.orders.waits.clear()
    report.heard.clear()
    house.scheduler._works.relay.deliver_due = lambda: _broken(None)  # type: ignore[method-assign]
    house.scheduler.turn()
    assert report.heard.wait(PATIENCE)
    report.heard.clear()
    house.scheduler._works.commands.waiting = lambda: _broken(None)  # type: ignore[method-assign]
    house.scheduler.start()
    assert report.heard.wait(PATIENCE)
    house.scheduler.stop()
    assert report.told[:3] == [
        ("the halt one", "KeyError"),
        ("delivering notices", "KeyError"),
        ("a turn", "KeyError"),
    ]
