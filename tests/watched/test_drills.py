"""A daemon that fares badly, asked over HTTP while it does: what hangs in it hangs nobody who asks."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import CommandVerb
from stagedrollout.daemon.footing import Firm
from stagedrollout.daemon.health.report import OwnHealth
from stagedrollout.daemon.health.rounds import Rounds
from stagedrollout.daemon.in_force import InForce
from stagedrollout.daemon.scheduler import Scheduler, Works
from stagedrollout.daemon.watched import checks, watching
from stagedrollout.daemon.watched.memory import Memory, PassEnded
from stagedrollout.daemon.watched.watching import Watching
from stagedrollout.storage.outbox import Undelivered
from tests.acceptance.processes import eventually
from tests.daemon.test_scheduler import PATIENCE, QUICK, SLOW, Clock, Here, Nobody, Orders, Passes, order
from tests.storage.holding import Beating
from tests.watched.asking import Told, answers, asked, free_address
from tests.watched.queries import Scrape, alerts, fires, read
from tests.watched.test_checks import KEY, LOOK

POLL = timedelta(minutes=15)


class Bad(Here):
    """A presence whose database hangs, or fails, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.fails = threading.Event(), False
        self.hangs.set()

    def beat(self, epoch: int, now: datetime) -> None:
        self.hangs.wait(PATIENCE)
        if self.fails:
            raise StorageError("disk full")
        super().beat(epoch, now)


class Outbox:
    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.goes_on.set()

    def undelivered(self, now: datetime) -> Undelivered:
        self.goes_on.wait(PATIENCE)
        return Undelivered(1, timedelta(minutes=3), 0)


class Daemon:
    """A scheduler over two store apps, one of which hangs until it is let go, and who answers for it."""

    def __init__(self) -> None:
        self.clock, self.here, self.outbox, self.orders = Clock(), Bad(), Outbox(), Orders()
        self.passes = Passes(self.clock)
        self.passes.reconciler = SimpleNamespace(footing=Firm())  # type: ignore[attr-defined]
        memory = Memory()
        listings = {app: type("Listing", (), {"id": app})() for app in (SLOW, QUICK)}
        rounds = Rounds(listings, POLL, self.clock.now())
        works: Any = Works(
            listings=listings, passes=self.passes, relay=Nobody(), commands=self.orders, presence=self.here,
            clock=self.clock, wall=self.clock, epoch=7, lock_step=None, memory=memory,
            leases=Beating(lambda: self.here.beat(7, self.clock.now())),
            report=OwnHealth(rounds, self.clock, memory=memory),
        )  # type: ignore[arg-type] # fmt: skip
        self.scheduler = Scheduler(works, pass_workers=2, halt_workers=1, drain_seconds=PATIENCE)
        self.watching = Watching(self.scheduler, self.outbox)  # type: ignore[arg-type]
        self.address = free_address()
        self.listens(self.address)

    def listens(self, address: str) -> None:
        settings = SimpleNamespace(poll=POLL, health=SimpleNamespace(listen=address))
        loaded: Any = SimpleNamespace(settings=settings)
        self.watching.configured(loaded, InForce("x.yaml", (), "abc", datetime.now(UTC)))

    def asked(self, path: str) -> Told:
        return eventually(lambda: answers(self.address, path), what="being answered")

    def becomes(self, path: str, status: int) -> Told:
        return eventually(
            lambda: told if (told := self.asked(path)).status == status else None, within=10, what=f"{status}"
        )

    def scrape(self) -> Scrape:
        return read(self.asked("/metrics").text)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(watching, "SAMPLE_SECONDS", 0.05)
    found = Daemon()
    yield found
    found.passes.released.set()
    found.here.hangs.set()
    found.outbox.goes_on.set()
    found.scheduler.stop()
    found.watching.close()


def _later(daemon: Daemon, span: timedelta) -> None:
    daemon.clock.ahead += span


@pytest.mark.promise("R21")
def test_a_pass_that_does_not_end_is_red_within_two_polls_of_the_last_one_and_green_once_it_has(
    daemon: Daemon,
):
    daemon.scheduler.start()
    assert daemon.passes.hanging.wait(PATIENCE)
    daemon.becomes("/healthz", 200)
    _later(daemon, POLL - timedelta(minutes=1))
    assert daemon.asked("/healthz").status == 200
    _later(daemon, timedelta(minutes=1, seconds=5))
    red = daemon.becomes("/healthz", 503)
    assert re.search(
        r"slow/google_play: its pass is 15m \d+s late", str(red.document["said"])
    )  # by a clock that goes on
    assert not red.check("passes")["ok"]
    assert fires(alerts()["StagedrolloutPassesMissed"], daemon.scrape()) == [
        {"app": "slow", "store": "google_play"}
    ]
    daemon.passes.released.set()
    daemon.becomes("/healthz", 200)


@pytest.mark.promise("R21")
def test_a_database_that_hangs_stops_the_turns_and_everybody_is_answered_that_they_stand(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checks, "SILENT_AFTER", timedelta(seconds=1))
    daemon.here.hangs.clear()
    daemon.outbox.goes_on.clear()
    daemon.scheduler.start()
    red = daemon.becomes("/healthz", 503)
    assert "the daemon hangs" in red.document["said"]
    assert daemon.asked("/readyz").status == 503
    age = [value for name, _, value in daemon.scrape() if name == "stagedrollout_turn_age_seconds"]
    assert age[0] > 1


def test_a_database_that_takes_nothing_keeps_it_from_being_ready_and_it_lives(daemon: Daemon):
    daemon.passes.released.set()
    daemon.here.fails = True
    daemon.scheduler.start()
    red = daemon.becomes("/readyz", 503)
    assert red.check("database") == {
        "name": "database",
        "ok": False,
        "said": "the database cannot be written: disk full",
    }
    assert daemon.asked("/healthz").status == 200
    daemon.here.fails = False
    daemon.becomes("/readyz", 200)


def test_a_daemon_that_another_one_has_replaced_is_not_ready(daemon: Daemon):
    daemon.here.lost = True
    daemon.scheduler.start()
    assert "another daemon has claimed" in daemon.becomes("/readyz", 503).document["said"]


def test_what_cannot_be_read_for_a_while_is_told_by_its_age(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    daemon.passes.released.set()
    daemon.scheduler.start()
    eventually(lambda: [s for s in daemon.scrape() if s[0] == "stagedrollout_notices_undelivered"])
    monkeypatch.setattr(checks, "UNREAD_AFTER", timedelta(seconds=0.5))
    daemon.outbox.goes_on.clear()
    assert "it fails or hangs" in daemon.becomes("/readyz", 503).document["said"]


def test_another_address_is_answered_at_once_and_the_old_one_no_more(daemon: Daemon):
    daemon.asked("/healthz")
    other = free_address()
    daemon.listens(other)
    eventually(lambda: answers(other), what="the other address")
    assert answers(daemon.address) is None
    daemon.listens("")
    assert answers(other) is None


def test_a_reload_that_changes_nothing_here_lets_nobody_wait(daemon: Daemon):
    daemon.asked("/healthz")
    thread = daemon.watching._door
    daemon.listens(daemon.address)
    assert daemon.watching._door is thread
    assert asked(daemon.address, "/healthz").status == 200


def test_without_the_library_health_is_answered_and_metrics_are_explained(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stagedrollout.daemon.watched.page.find_spec", lambda _: None)
    told = daemon.asked("/metrics")
    assert (told.status, told.text) == (
        503,
        'there are no metrics without prometheus-client: pip install "stagedrollout[metrics]"\n',
    )
    assert daemon.asked("/healthz").status == 200


def test_an_app_that_a_reload_took_out_leaves_no_series(daemon: Daemon):
    daemon.scheduler.start()
    memory = daemon.scheduler.works.memory
    memory.passed(KEY.store_app, PassEnded.DONE, "")
    memory.looks[KEY] = LOOK
    eventually(lambda: [1 for name, _, _ in daemon.scrape() if "lateness" in name], what="the passes")
    assert {labels["app"] for _, labels, _ in daemon.scrape() if "app" in labels} <= {"slow", "quick"}


@pytest.mark.promise("R3", "R22")
def test_a_crowd_at_the_door_keeps_no_halt_waiting(daemon: Daemon):
    daemon.scheduler.start()
    host, port = daemon.address.split(":")
    daemon.asked("/metrics")
    over = threading.Event()

    def crowd() -> None:
        while not over.is_set():
            with (
                contextlib.suppress(OSError),
                socket.create_connection((host, int(port)), timeout=1) as connection,
            ):
                connection.sendall(b"GET /metrics HTTP/1.1\r\n")

    pushing = [threading.Thread(target=crowd) for _ in range(8)]
    for thread in pushing:
        thread.start()
    try:
        daemon.orders.waits.append(order(CommandVerb.HALT, QUICK))
        assert daemon.passes.halted.wait(3.0)
    finally:
        over.set()
        for thread in pushing:
            thread.join(PATIENCE)
