"""The door: a few paths for who may ask, and nobody who comes can hold it or the daemon up."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from stagedrollout.daemon.watched import door as doors
from stagedrollout.daemon.watched.door import AT_ONCE_MAX, Answer, Door
from tests.acceptance.processes import eventually
from tests.watched.asking import answers, asked, free_address

SOON = 1.0
BIG = b"x" * 20_000_000


class Broken(Exception):
    pass


def _broken() -> Answer:
    raise Broken("with a secret in it")


@pytest.fixture
def address() -> Iterator[str]:
    address = free_address()
    paths = {
        "/one": lambda: Answer(200, b'{"ok": true}\n'),
        "/big": lambda: Answer(200, BIG),
        "/broken": _broken,
    }
    door = Door(address, paths)
    door.open()
    eventually(lambda: answers(address, "/one"), what="the door")
    yield address
    door.close()


def _connected(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_a_path_is_answered_whatever_stands_behind_it(address: str):
    told = asked(address, "/one?x=1")
    assert (told.status, told.content) == (200, b'{"ok": true}\n')
    assert told.headers["cache-control"] == "no-store"


def test_head_tells_as_much_and_sends_nothing(address: str):
    told = asked(address, "/one", method="HEAD")
    assert (told.status, told.headers["content-length"], told.content) == (200, "13", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_allowed(address: str, method: str):
    told = asked(address, "/one", method=method)
    assert (told.status, told.headers["allow"]) == (405, "GET, HEAD")


def test_who_asks_for_something_else_is_told_what_there_is_and_not_what_he_sent(address: str):
    told = asked(address, "/<script>")
    assert (told.status, told.text) == (404, "there are /one, /big, /broken\n")


def test_a_mistake_of_ours_is_no_end_of_the_door_and_not_shown(address: str):
    told = asked(address, "/broken")
    assert told.status == 500
    assert "secret" not in told.text
    assert asked(address, "/one").status == 200


@pytest.mark.parametrize("name", ["evil.example.com", "evil.example.com:9464", "192.168.0.7"])
@pytest.mark.promise("R24")
def test_a_page_in_a_browser_that_led_its_own_name_here_reads_nothing(address: str, name: str):
    assert asked(address, "/one", Host=name).status == 403


@pytest.mark.parametrize("name", ["localhost", "localhost:9464", "127.0.0.1", "[::1]:9464", "127.0.0.1:9464"])
def test_this_machine_may_be_called_what_it_is_called(address: str, name: str):
    assert asked(address, "/one", Host=name).status == 200


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /one HTTP/9.9.9\r\n\r\n",
        b"GET /one HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n",
        b"GET /" + b"a" * 100_000,
        b"GET /one HTTP/1.1\r\nHost: " + b"a" * 100_000,
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_request_is_answered_or_let_go_in_time_and_never_repeated(
    address: str, said: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    with _connected(address) as connection:
        heard = b""
        try:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                heard += more
        except OSError as error:  # let go before all of it was said, or heard
            assert not isinstance(error, TimeoutError)  # noqa: PT017 - what it must not be
    assert b"aaaa" not in heard
    assert asked(address, "/one").status == 200
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.promise("R22")
def test_who_drips_his_request_is_let_go_in_two_seconds(address: str):
    begun = time.monotonic()
    with _connected(address) as connection, pytest.raises(OSError, match=r"."):
        while True:
            connection.sendall(b"a")
            time.sleep(0.1)
            assert time.monotonic() - begun < doors.HEAD_SECONDS + 2
    assert time.monotonic() - begun > 1


@pytest.mark.promise("R22")
def test_who_says_nothing_is_let_go(address: str):
    silent = [_connected(address) for _ in range(AT_ONCE_MAX)]
    try:
        told = eventually(lambda: answers(address, "/one"), within=doors.HEAD_SECONDS + 3, what="an answer")
        assert told.status == 200
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.promise("R22")
def test_who_does_not_take_his_answer_is_let_go(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "ANSWER_SECONDS", 0.5)
    slow = [_connected(address) for _ in range(AT_ONCE_MAX)]
    for connection in slow:
        connection.sendall(b"GET /big HTTP/1.0\r\n\r\n")
    try:
        told = eventually(lambda: answers(address, "/one"), within=5, what="being answered beside them")
        assert told.status == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.promise("R22")
def test_a_thousand_connections_take_no_more_threads_than_there_are_places(address: str):
    before = threading.active_count()
    crowd: list[socket.socket] = []
    most = 0
    try:
        for _ in range(1_000):
            crowd.append(_connected(address))
            most = max(most, threading.active_count() - before)
        assert most <= AT_ONCE_MAX
    finally:
        for connection in crowd:
            connection.close()
    assert eventually(lambda: answers(address, "/one"), within=10, what="being answered again").status == 200


def test_where_the_port_is_taken_that_is_said_once_and_it_is_tried_until_it_is_free(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(doors, "AGAIN_SECONDS", 0.05)
    address = free_address()
    door = Door(address, {"/one": lambda: Answer(200, b"")})
    with socket.socket() as other:
        host, port = address.split(":")
        other.bind((host, int(port)))
        other.listen()
        door.open()
        eventually(lambda: caplog.records, what="being told")
        time.sleep(0.3)
    assert eventually(lambda: answers(address, "/one"), what="the door").status == 200
    door.close()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [f"{address} cannot be listened at: Address already in use; it is tried again"]


def test_a_door_that_is_closed_answers_nobody_and_its_port_is_free(address: str):
    other = free_address()
    door = Door(other, {"/one": lambda: Answer(200, b"")})
    door.open()
    eventually(lambda: answers(other, "/one"))
    door.close()
    assert answers(other, "/one") is None
    again = Door(other, {"/two": lambda: Answer(200, b"")})
    again.open()
    assert eventually(lambda: answers(other, "/two")).status == 200
    again.close()


def test_it_is_closed_before_it_was_ever_open():
    door = Door(free_address(), {})
    door.close()
    door.open()
    time.sleep(0.05)
    assert answers(door._address) is None
