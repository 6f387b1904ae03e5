"""Whoever starts the daemon as a service is told by sd_notify(3) when it is ready, that it turns, reloads and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stagedrollout.daemon.health.service_manager import ServiceManager, Signs
from tests.acceptance.processes import eventually, surroundings
from tests.acceptance.stories import short, turns_bad

WATCHDOG_SECONDS = 2.0

HANGS = """
import sys, time
from pathlib import Path
from stagedrollout.daemon.scheduler import Scheduler
does = Scheduler._start_passes
def hangs(self):
    while Path(sys.argv[1]).exists():
        time.sleep(0.05)
    does(self)
Scheduler._start_passes = hangs
from stagedrollout.cli.main import cli
cli(["run", "--config", sys.argv[2]])
"""
"""The daemon, whose turns hang for as long as a file is there; its other threads go on."""


class Manager:
    """As systemd listens. `told`: every line, in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._door.bind("\0" + address[1:] if address[0] == "@" else address)
        self._door.setblocking(False)
        self.told: list[str] = []

    @property
    def environ(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1_000_000))}

    def hears(self) -> list[str]:
        """What is new."""
        new: list[str] = []
        while True:
            try:
                new += self._door.recv(4096).decode().split("\n")
            except BlockingIOError:
                self.told += new
                return new

    def awaits(self, line: str) -> None:
        eventually(lambda: self.hears() is not None and line in self.told, what=line)

    def pets(self, seconds: float) -> int:
        self.hears()
        time.sleep(seconds)
        return self.hears().count("WATCHDOG=1")

    def close(self) -> None:
        self._door.close()


@pytest.fixture(params=["a file", "an abstract name"])
def manager(request, tmp_path):
    address = (
        f"{tmp_path}/n"
        if request.param == "a file"
        else f"@stagedrollout-{os.getpid()}-{time.monotonic_ns()}"
    )
    manager = Manager(address)
    yield manager
    manager.close()


def _opened(opens, story=None):
    stage = opens(story or short(until="10h"))
    stage.stops_at("3h")
    return stage


def test_a_service_is_ready_turns_reloads_and_ends_in_the_words_of_the_protocol(opens, manager):
    stage = _opened(opens)
    stage.starts_daemon_unwatched(**manager.environ)
    manager.awaits("READY=1")
    assert stage.document("status")["daemon"]["running"], "ready means that the database knows of it"
    assert "WATCHDOG=1" not in manager.told[: manager.told.index("READY=1")]
    manager.awaits("STATUS=watching 1 app on a store; all is well")
    manager.awaits("WATCHDOG=1")
    assert manager.pets(WATCHDOG_SECONDS) >= 2
    already = manager.told.count("READY=1")
    stage.daemon.gets(signal.SIGHUP)
    eventually(
        lambda: manager.hears() is not None and manager.told.count("READY=1") > already, what="ready again"
    )
    begun = manager.told.index("RELOADING=1")
    (at,) = [int(line.split("=")[1]) for line in manager.told if line.startswith("MONOTONIC_USEC=")]
    assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - at / 1_000_000 < 60
    assert begun < len(manager.told) - 1 - manager.told[::-1].index("READY=1")
    stage.daemon.gets(signal.SIGTERM)
    manager.awaits("STOPPING=1")
    assert stage.daemon.ended(within=30) == 0


def test_a_refused_configuration_is_a_reload_that_is_over_too(opens, manager):
    stage = _opened(opens)
    stage.starts_daemon_unwatched(**manager.environ)
    manager.awaits("READY=1")
    stage.config.write_text(stage.config.read_text() + "colour: red\n")
    stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: manager.hears() is not None and manager.told.count("READY=1") == 2, what="ready again")
    assert "was NOT taken" in stage.daemon.said


def test_a_daemon_whose_turns_hang_no_longer_pets_the_watchdog(opens, manager, tmp_path):
    stage = _opened(opens, turns_bad(short(until="10h"), at="5h"))
    lock = tmp_path / "hangs"
    command = [sys.executable, "-c", HANGS, str(lock), str(stage.config)]
    with subprocess.Popen(command, env=surroundings(**manager.environ), stderr=subprocess.DEVNULL) as process:
        try:
            manager.awaits("READY=1")
            assert manager.pets(WATCHDOG_SECONDS) >= 2
            lock.touch()
            time.sleep(WATCHDOG_SECONDS / 2)  # the turn that goes on may end
            assert manager.pets(2 * WATCHDOG_SECONDS) == 0
            assert process.poll() is None
            lock.unlink()
            assert manager.pets(WATCHDOG_SECONDS) >= 1
        finally:
            process.kill()


def test_a_daemon_that_never_turns_is_never_ready(opens, manager, tmp_path):
    stage = _opened(opens)
    lock = tmp_path / "hangs"
    lock.touch()
    command = [sys.executable, "-c", HANGS, str(lock), str(stage.config)]
    with subprocess.Popen(
        command, env=surroundings(**manager.environ), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert "watching" in process.stderr.readline()
            time.sleep(WATCHDOG_SECONDS)
            assert manager.hears() == []
        finally:
            process.kill()


WELL = Signs(turns=1, read=True, reloading=False, status="all is well")


def _told(manager: Manager, *signs: Signs, seconds: float | None = WATCHDOG_SECONDS) -> list[str]:
    telling = ServiceManager(manager.address, seconds)
    for each in signs:
        telling.told(each)
    return manager.hears()


def test_it_is_not_ready_before_the_database_was_read(manager):
    assert _told(manager, Signs(1, read=False, reloading=False, status=""), seconds=None) == []
    assert _told(manager, Signs(0, read=True, reloading=False, status=""), seconds=None) == []
    assert _told(manager, WELL, WELL, seconds=None) == ["READY=1", "STATUS=all is well"]


def test_whoever_is_gone_or_does_not_listen_holds_nothing_up(tmp_path, manager):
    gone = ServiceManager(f"{tmp_path}/nobody", 1.0)
    gone.told(WELL)
    gone.stopping("ends")
    telling, begun = ServiceManager(manager.address), time.monotonic()
    for number in range(2_000):  # far more than the socket holds
        telling.told(Signs(1, read=True, reloading=False, status=str(number)))
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("environ", "pets"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "2000000"}, True),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({"WATCHDOG_USEC": "-1"}, False),
    ],
)
def test_the_watchdog_is_petted_where_it_watches_this_process(manager, environ, pets):
    surrounds = {"NOTIFY_SOCKET": manager.address, "HOME": "/", **environ}
    ServiceManager.named_in(surrounds).told(WELL)
    assert ("WATCHDOG=1" in manager.hears()) == pets
    assert surrounds == {"HOME": "/"}, "processes of our own are not the service"


@pytest.mark.parametrize("address", ["", "vsock:1:2", "relative"])
def test_where_nobody_is_named_that_can_be_told_nobody_is(address):
    ServiceManager.named_in({"NOTIFY_SOCKET": address}).told(WELL)


def test_the_words_are_one_line(manager):
    told = _told(manager, Signs(1, read=True, reloading=False, status="a\nREADY=0\x1b[31m" + "x" * 1_000))
    (line,) = [line for line in told if line.startswith("STATUS=")]
    assert line.startswith("STATUS=a")
    assert len(line) < 320
    assert "READY=0" not in told


def test_the_unit_waits_for_what_the_daemon_tells():
    import stagedrollout  # noqa: PLC0415

    unit = (Path(stagedrollout.__file__).parent / "deploy" / "stagedrollout.service").read_text().splitlines()
    assert {"Type=notify", "NotifyAccess=main", "WatchdogSec=3min"} <= set(unit)
