"""The real wire against a server that misbehaves: sockets on this machine, nothing else."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from play_fake import NEW, PACKAGE, StandingClock, key_file

from stagedrollout.core.errors import EdgeError, Faulty, Unreachable
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from stagedrollout.stores.google_play.wire import BODY_BYTES_MAX

TOKEN_ANSWER = b'{"access_token":"t","expires_in":3600}'


def plain(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """It says that the connection ends here, as it does: else the next request may be sent on it before that is seen."""
    told = f"Content-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return f"HTTP/1.1 {status}\r\n{told}".encode() + body


class Server:
    """Reads one request per connection; `answer` does what it likes with the socket. Tokens are given."""

    def __init__(self, answer: Callable[[socket.socket, str], None]) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            peer, _ = self.listener.accept()
            with peer:
                if self.stopping.is_set():
                    return
                try:
                    self._talk(peer)
                except OSError:
                    continue

    def _talk(self, peer: socket.socket) -> None:
        peer.settimeout(5)
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := peer.recv(65_536)):
                return
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        while len(body) < length:
            body += peer.recv(65_536)
        line = head.split(b"\r\n")[0].decode()
        if line.startswith("POST /token"):
            peer.sendall(plain(TOKEN_ANSWER))
            return
        self.requests.append(line)
        self.answer(peer, line)


@contextmanager
def serving(answer: Callable[[socket.socket, str], None]) -> Iterator[Server]:
    server = Server(answer)
    server.thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        socket.create_connection(("127.0.0.1", server.port)).close()
        server.thread.join(10)
        server.listener.close()
        assert not server.thread.is_alive()


def port_at(server: Server, *, timeout_seconds: float = 5.0) -> GooglePlay:
    root = f"http://127.0.0.1:{server.port}"
    client = PlayClient(key_file(token_uri=f"{root}/token"), endpoint=root, timeout_seconds=timeout_seconds)
    return GooglePlay(package=PACKAGE, track="production", client=client, clock=StandingClock())


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("how", ["hangs up", "resets"])
def test_a_request_whose_answer_never_comes_is_sent_once(how):
    def answer(peer, line):
        if how == "resets":
            reset(peer)

    with serving(answer) as server:
        with pytest.raises(Unreachable):
            port_at(server).read()
        assert len(server.requests) == 1


def test_a_commit_whose_answer_never_comes_is_sent_once():
    track = {"track": "production", "releases": [NEW]}

    def answer(peer, line):
        if "POST" in line and "edits?" in line:
            peer.sendall(plain(b'{"id":"1"}'))
        elif "commit" not in line:
            body = {"releases": []} if "/tracks/production/releases" in line else track
            peer.sendall(plain(json.dumps(body).encode()))

    with serving(answer) as server:
        outcome = port_at(server).halt("5020")
        assert outcome.settlement.value == "in_doubt"
        assert sum("commit" in line for line in server.requests) == 1


def test_a_redirect_is_not_followed_and_no_token_goes_elsewhere():
    with serving(lambda peer, line: None) as elsewhere:
        away = f"Location: http://127.0.0.1:{elsewhere.port}/\r\n"
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
            with serving(lambda peer, line, s=status: peer.sendall(plain(b"", s, away))) as server:
                with pytest.raises(Faulty):
                    port_at(server).read()
                assert len(server.requests) == 1
        assert elsewhere.requests == []


def flood(peer, line):
    peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(BODY_BYTES_MAX // 65_536 + 64):
        peer.sendall(chunk)


def fifty_megabytes(peer, line):
    size = 50 * 1024 * 1024
    peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(size // 65_536):
        peer.sendall(b" " * 65_536)  # ends with an OSError as soon as nobody reads on


def drip(peer, line):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        peer.sendall(b" ")
        time.sleep(0.05)


def for_three_seconds(peer, line_of_it):
    until = time.monotonic() + 3
    while time.monotonic() < until:
        peer.sendall(line_of_it)
        time.sleep(0.02)


def headers_without_end(peer, line):
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    for_three_seconds(peer, b"x")


def go_on_without_end(peer, line):
    for_three_seconds(peer, b"HTTP/1.1 100 Continue\r\n\r\n")


def many_headers(peer, line):
    peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 10_000 + b"\r\n")


def long_header(peer, line):
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\n")


def packed(peer, line):
    peer.sendall(plain(gzip.compress(b'{"id":"1"}'), headers="Content-Encoding: gzip\r\n"))


def cut_short(peer, line):
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id":"1"}')


def cut_in_a_chunk(peer, line):
    peer.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"id":"1"}')


def silence(peer, line):
    peer.recv(1)


def nonsense(peer, line):
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (flood, Faulty, "more than 4194304 bytes"),
        (fifty_megabytes, Faulty, "more than 4194304 bytes"),
        (drip, Faulty, "drips"),
        (headers_without_end, Faulty, "drips"),
        (go_on_without_end, Unreachable, "no answer"),
        (many_headers, Unreachable, "no answer"),
        (long_header, Unreachable, "no answer"),
        (packed, Faulty, "packed"),
        (cut_short, Unreachable, "IncompleteRead"),
        (cut_in_a_chunk, Unreachable, "IncompleteRead"),
        (silence, Unreachable, "TimeoutError"),
        (nonsense, Unreachable, "no answer"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.promise("R22")
def test_an_answer_is_read_so_far_and_no_further(answer, kind, words):
    with serving(answer) as server:
        began = time.monotonic()
        with pytest.raises(kind, match=words):
            port_at(server, timeout_seconds=0.4).read()
        assert time.monotonic() - began < 2.5


def test_nobody_listening_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    root = f"http://127.0.0.1:{port}"
    client = PlayClient(key_file(token_uri=f"{root}/token"), endpoint=root)
    with pytest.raises(EdgeError, match="ConnectionRefusedError"):
        GooglePlay(package=PACKAGE, track="production", client=client, clock=StandingClock()).read()


def test_a_body_in_chunks_is_read_whole():
    def answer(peer, line):
        peer.sendall(b'HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"err\r\n')
        rest = b'or":{"message":"in two parts"}}'
        peer.sendall(f"{len(rest):x}\r\n".encode() + rest + b"\r\n0\r\n\r\n")

    with serving(answer) as server, pytest.raises(EdgeError, match="in two parts"):
        port_at(server).read()
