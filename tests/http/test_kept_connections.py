"""A connection serves for several requests, is left in time before the other side does, and never carries anything twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httplib2
import pytest

from stagedrollout.core.errors import Unreachable
from stagedrollout.http.client import Endpoint, HttpClient, Limits
from stagedrollout.http.idle import IDLE_MOST, IDLE_SECONDS, LIFE_SECONDS, Idle, quiet
from stagedrollout.stores.google_play.wire import UnboundedReply, Wires
from tests.http.loopback import Loopback, certificate, served

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"ok"'
THREADS = 4
PATIENCE = 30.0


def goes_on(line: socket.socket) -> None:
    """Answers whatever comes, until nothing does any more."""
    line.sendall(ANSWER)
    while line.recv(65_536):
        line.sendall(ANSWER)


@pytest.fixture
def wires() -> Iterator[Wires]:
    with closing(Wires(5.0)) as found:
        yield found


def client(world: Loopback, seconds: float = 5.0) -> HttpClient:
    return HttpClient(Endpoint("sentry", world.base_url), limits=Limits(timeout_seconds=seconds))


@pytest.fixture(params=["plain", "tls"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loopback]:
    """Its `requests` are the first ones of each connection."""
    tls = None
    if request.param == "tls":
        tls, trusted = certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        monkeypatch.setattr(httplib2, "CA_CERTS", str(trusted))
    with many_at_once(goes_on, tls) as found:
        yield found


@contextmanager
def many_at_once(script: Callable[[socket.socket], None], tls=None) -> Iterator[Loopback]:
    """As `served`, but for several connections at a time."""
    talking: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))
    world = Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}")

    def talk(line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        try:
            with tls.wrap_socket(line, server_side=True) if tls else line as stream:
                world.requests.append(stream.recv(65_536))
                script(stream)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            talking.append(threading.Thread(target=talk, args=(line,), daemon=True))
            talking[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield world
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(PATIENCE)


def test_what_is_read_one_after_the_other_goes_over_one_connection(world: Loopback) -> None:
    with client(world) as http:
        for _ in range(20):
            assert http.get_json("read", "/x").body == "ok"
    assert len(world.requests) == 1


def test_of_many_threads_each_has_a_connection_of_its_own_and_no_more_are_made(world: Loopback) -> None:
    with client(world) as http, ThreadPoolExecutor(THREADS) as threads:
        read = list(threads.map(lambda _: http.get_json("read", "/x").body, range(100)))
    assert read == ["ok"] * 100
    assert len(world.requests) <= THREADS


def test_what_changes_something_has_a_connection_of_its_own(world: Loopback) -> None:
    with client(world) as http:
        http.get_json("read", "/x")
        http.patch_json("change", "/x", {})
        http.post_json("add", "/x", {})
        http.get_json("read", "/x")
    assert [request.split()[0] for request in world.requests] == [b"GET", b"PATCH", b"POST"]


def test_googles_requests_share_connections_and_a_commit_has_its_own(world: Loopback, wires: Wires) -> None:
    edit = f"{world.base_url}/androidpublisher/v3/applications/com.acme.app/edits/7"
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: wires.open().request(edit), range(100)))
    made = len(world.requests)
    assert made <= THREADS
    for _ in range(2):
        assert wires.open().request(f"{edit}:commit?alt=json", "POST")[1] == b'"ok"'
        wires.open().request(edit, "DELETE")
    commits = [request.split()[1].endswith(b":commit?alt=json") for request in world.requests[made:]]
    assert commits == [True, True]


def test_a_server_that_hangs_up_after_each_answer_is_asked_over_a_new_connection_each_time(
    wires: Wires,
) -> None:
    with served(lambda line: line.sendall(ANSWER)) as world, client(world) as http:
        for _ in range(5):
            assert http.get_json("read", "/x").body == "ok"
        for _ in range(5):
            assert wires.open().request(f"{world.base_url}/x")[1] == b'"ok"'
    assert len(world.requests) == 10


def hangs_up_on_the_second(line: socket.socket) -> None:
    line.sendall(ANSWER)
    line.recv(65_536)


def test_what_got_lost_on_a_connection_that_was_just_closed_is_not_sent_again_unasked(wires: Wires) -> None:
    with served(hangs_up_on_the_second) as world, client(world) as http:
        http.get_json("read", "/x")
        with pytest.raises(Unreachable):
            http.get_json("read", "/x")
        assert len(world.requests) == 1
        wires.open().request(f"{world.base_url}/x", "PUT")
        with pytest.raises(ConnectionResetError):
            wires.open().request(f"{world.base_url}/x", "PUT")
        assert len(world.requests) == 2


def drips_on_the_second(line: socket.socket) -> None:
    line.sendall(ANSWER)
    line.recv(65_536)
    for _ in range(200):
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        threading.Event().wait(0.05)


def test_a_second_answer_that_drips_is_left_in_time_as_well_as_a_first() -> None:
    with many_at_once(drips_on_the_second) as world, client(world, seconds=0.5) as http:
        http.get_json("read", "/x")
        with pytest.raises(Unreachable, match="no whole answer within"):
            http.get_json("read", "/x")
        wires = Wires(0.5)
        wires.open().request(f"{world.base_url}/x")
        with pytest.raises((OSError, UnboundedReply, httplib2.HttpLib2Error)):
            wires.open().request(f"{world.base_url}/x")
        assert len(world.requests) == 2


class Wire:
    """`made` at the time of the list `time`."""

    def __init__(self, time: list[float]) -> None:
        self.made, self.usable, self.closed = time[0], True, False

    def close(self) -> None:
        self.closed = True


def test_few_connections_wait_and_none_for_as_long_as_a_server_keeps_it() -> None:
    time = [0.0]
    idle = Idle[Wire](lambda: time[0])
    wires = [Wire(time) for _ in range(IDLE_MOST + 5)]
    for wire in wires:
        idle.give(wire)
    assert [wire.closed for wire in wires] == [False] * IDLE_MOST + [True] * 5
    assert idle.take() is wires[IDLE_MOST - 1]
    time[0] += IDLE_SECONDS
    assert idle.take() is None
    assert all(wire.closed for wire in wires if wire is not wires[IDLE_MOST - 1])


def test_one_that_is_used_all_the_time_is_made_anew_once_a_minute() -> None:
    time = [0.0]
    idle, wire = Idle[Wire](lambda: time[0]), Wire(time)
    while not wire.closed:
        idle.give(wire)
        time[0] += 1.0
        idle.take()
    assert time[0] == LIFE_SECONDS + 1.0


def test_what_is_given_back_after_the_end_is_closed() -> None:
    time = [0.0]
    idle, before, after = Idle[Wire](lambda: time[0]), Wire(time), Wire(time)
    idle.give(before)
    idle.close()
    idle.give(after)
    assert before.closed
    assert after.closed


def test_a_line_is_quiet_until_the_other_side_says_goodbye() -> None:
    here, there = socket.socketpair()
    assert quiet(here)
    there.close()
    assert not quiet(here)
    here.close()
    assert not quiet(here)
