"""The network in which replicas are in trouble does what it says: to one of them, in that direction, and back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from tests.acceptance.processes import eventually
from tests.replicas.links import Callers, Link, Way

CALLER = """
import socket, sys
for line in sys.stdin:
    port, seconds, text = line.split()
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=float(seconds)) as there:
            there.sendall(text.encode() + b"\\n")
            said = there.makefile().readline().strip()
            print(said or "closed", flush=True)
    except TimeoutError:
        print("timeout", flush=True)
    except OSError as error:
        print("reset", flush=True)
"""


class Service:
    """It answers with where it was called from, and remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port = self._listens.getsockname()[1]
        threading.Thread(target=self._serves, daemon=True).start()

    def _serves(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._answers, args=self._listens.accept(), daemon=True).start()

    def _answers(self, caller: socket.socket, address: tuple[str, int]) -> None:
        with suppress(OSError), caller, caller.makefile("rw") as file:
            for line in file:
                self.heard.append(line.strip())
                file.write(f"{address[0]}\n")
                file.flush()

    def close(self) -> None:
        self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()


class Caller:
    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", "-c", CALLER]
        self.process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1
        )

    def says(self, port: int, text: str, seconds: float = 20) -> None:
        self.process.stdin.write(f"{port} {seconds} {text}\n")

    def hears(self) -> str:
        return self.process.stdout.readline().strip()

    def calls(self, port: int, text: str, seconds: float = 20) -> str:
        self.says(port, text, seconds)
        return self.hears()


@pytest.fixture
def scene():
    service, callers = Service(), Callers()
    link = Link(service.port, callers, {"a": "127.0.0.11", "b": "127.0.0.12"})
    a, b = Caller(), Caller()
    callers.is_now("a", a.process.pid)
    callers.is_now("b", b.process.pid)
    yield link, service, a, b
    link.close()
    service.close()
    for each in (a, b):
        each.process.kill()
        each.process.communicate()


def test_each_caller_is_known_by_its_process_whatever_port_it_uses(scene):
    link, _, a, b = scene
    assert (a.calls(link.port, "one"), b.calls(link.port, "two")) == ("127.0.0.11", "127.0.0.12")
    with socket.create_connection(("127.0.0.1", link.port)) as ours:
        ours.sendall(b"three\n")
        assert ours.makefile().readline() == "127.0.0.1\n"


@pytest.mark.parametrize("way", [Way.CUT, Way.MUTE, Way.DEAF, Way.HALF_OPEN])
def test_a_link_that_is_cut_is_cut_for_one_and_back_again(scene, way):
    link, service, a, b = scene
    link.becomes("a", way)
    assert (a.calls(link.port, "lost", 0.4), b.calls(link.port, "there")) == ("timeout", "127.0.0.12")
    link.becomes("a", Way.OPEN)
    assert a.calls(link.port, "again") == "127.0.0.11"
    time.sleep(0.1)
    assert service.heard == ["there", "again"], "what was given up is never delivered late"


def test_who_waits_long_enough_is_delivered_late(scene):
    link, service, a, _ = scene
    link.becomes("a", Way.CUT)
    a.says(link.port, "patient")
    time.sleep(0.2)
    assert service.heard == []
    link.becomes("a", Way.OPEN)
    assert a.hears() == "127.0.0.11"


def test_a_link_that_resets_breaks_what_is_open_and_what_is_new(scene):
    link, _, a, _ = scene
    link.becomes("a", Way.RESETS)
    assert a.calls(link.port, "lost") == "reset"
    link.becomes("a", Way.OPEN)
    assert a.calls(link.port, "again") == "127.0.0.11"


@pytest.mark.parametrize(("way", "heard"), [(Way.MUTE, []), (Way.DEAF, ["second"])])
def test_of_an_open_connection_one_way_is_cut_and_the_other_is_not(scene, way, heard):
    link, service, _, _ = scene
    with socket.create_connection(("127.0.0.1", link.port), timeout=20) as ours:
        ours.sendall(b"first\n")
        ours.recv(100)
        link.becomes("", way)
        ours.sendall(b"second\n")
        ours.settimeout(0.4)
        with pytest.raises(TimeoutError):
            ours.recv(100)
        eventually(lambda: len(service.heard) == 1 + len(heard), what="what was passed on")
        assert service.heard == ["first", *heard]


@pytest.mark.parametrize("way", [Way.HALF_OPEN, Way.RESETS])
def test_an_open_connection_breaks(scene, way):
    link, _, _, _ = scene
    with socket.create_connection(("127.0.0.1", link.port), timeout=20) as ours:
        ours.sendall(b"first\n")
        ours.recv(100)
        link.becomes("", way)
        with suppress(ConnectionError):
            assert ours.recv(100) == b""


def test_a_slow_link_takes_its_time_in_each_direction(scene):
    link, _, a, _ = scene
    link.becomes("a", Way.SLOW, 0.2)
    begun = time.monotonic()
    assert a.calls(link.port, "slowly") == "127.0.0.11"
    assert time.monotonic() - begun >= 0.4
