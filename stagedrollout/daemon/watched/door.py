"""The HTTP server of this room: GET and HEAD of a few fixed paths, and nothing anybody sends can hold it up for long.

A request has two seconds and 16 KiB for its head, an answer ten seconds to be taken, and so many are served at once;
whoever comes beyond that is let go at once. Nobody is asked who he is, so on this machine alone it is opened unless the
configuration says otherwise, and there it answers no name but this machine's: a page in somebody's browser that has had
a foreign name led here reads nothing.

Where the address cannot be had (another process has the port) that is logged, and tried again: the daemon runs.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from typing import Any, cast

from stagedrollout.http.peers import named_loopback

log = logging.getLogger(__name__)

HEAD_SECONDS = 2.0
HEAD_BYTES_MAX = 16 * 1024
ANSWER_SECONDS = 10.0
AT_ONCE_MAX = 8
AGAIN_SECONDS = 10.0
"""When an address that could not be had is tried again."""

BREATH_SECONDS = 0.1
"""Between two looks whether it is to be closed, and between two connections that could not be taken."""

CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes
    content_type: str = "application/json; charset=utf-8"


Answers = Mapping[str, Callable[[], Answer]]
"""By path; none of them waits long, or for anything outside this process."""


class Door:
    """Open from `open` to `close`, on a thread of its own. `address`: host and port, as the configuration has them."""

    def __init__(self, address: str, answers: Answers) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._address, self._answers = address, answers
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="watched", daemon=True)

    def open(self) -> None:
        """Raises RuntimeError where no thread is to be had."""
        self._thread.start()

    def close(self) -> None:
        """Nobody is let in from here on, and the address is free."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=CLOSE_SECONDS)

    def _serve(self) -> None:
        told = False
        while not self._closing.is_set():
            try:
                server = _Server((self._host, self._port), self._answers, loopback=named_loopback(self._host))
            except OSError as error:
                if not told:
                    why = error.strerror or type(error).__name__
                    log.error("%s cannot be listened at: %s; it is tried again", self._address, why)  # noqa: TRY400
                told = True
                self._closing.wait(AGAIN_SECONDS)
                continue
            log.info("health and metrics are answered at %s", self._address)
            with server:
                self._let_in(server)
            return

    def _let_in(self, server: _Server) -> None:
        """Not the library's own loop: that one waits until an instant by a clock that can be set back."""
        server.socket.settimeout(BREATH_SECONDS)
        while not self._closing.is_set():
            try:
                connection, came_from = server.socket.accept()
            except TimeoutError:
                continue
            except OSError:  # no file can be opened any more, or it has hung up already
                self._closing.wait(BREATH_SECONDS)
                continue
            server.take(connection, came_from)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, at: tuple[str, int], answers: Answers, *, loopback: bool) -> None:
        self.address_family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self.answers = answers
        self.loopback = loopback
        self._places = threading.BoundedSemaphore(AT_ONCE_MAX)
        super().__init__(at, _Handler)

    def take(self, connection: socket.socket, came_from: Any) -> None:
        """Raises nothing."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(connection)
            return
        try:
            self.process_request(connection, came_from)
        except RuntimeError:  # no thread to be had
            self._places.release()
            self.shutdown_request(connection)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Whoever hangs up is no news; nothing of it goes to standard error."""
        log.debug("a request to health or metrics broke off: %s", sys.exception())


class _Leash(RawIOBase):
    """What a connection says, until a time and up to a size; then it has hung up."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until = time.monotonic() + HEAD_SECONDS
        self._left = HEAD_BYTES_MAX

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self._until - time.monotonic()
        if seconds <= 0 or self._left <= 0:
            raise TimeoutError
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    server_version = "stagedrollout"
    sys_version = ""
    protocol_version = "HTTP/1.0"
    """One request, one answer."""

    def setup(self) -> None:
        super().setup()
        self.rfile = BufferedReader(_Leash(self.connection))

    def do_GET(self) -> None:
        server = cast("_Server", self.server)
        if server.loopback and not _of_this_machine(self.headers.get("Host", "")):
            self._send(_plain(HTTPStatus.FORBIDDEN, "ask by the address of this machine, not by a name"))
            return
        answer = server.answers.get(self.path.partition("?")[0])
        if answer is None:
            there = ", ".join(server.answers)
            self._send(_plain(HTTPStatus.NOT_FOUND, f"there are {there}"))
            return
        try:
            found = answer()
        except Exception:
            log.exception("%s could not be answered", self.path.partition("?")[0])
            found = _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "a mistake of the daemon's own: see its log")
        self._send(found)

    do_HEAD = do_GET  # noqa: N815 - the library looks for it by this name

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """In our words: the library's repeat what was sent. 501 is its word for a method that it does not find."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._send(_plain(HTTPStatus.METHOD_NOT_ALLOWED, "GET and HEAD only"))
        else:
            self._send(_plain(HTTPStatus(code), "this is no request"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
        """Who asks every few seconds is no news."""

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(ANSWER_SECONDS)  # for all of it, and not for each piece
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)


def _plain(status: HTTPStatus, said: str) -> Answer:
    return Answer(status, f"{said}\n".encode(), "text/plain; charset=utf-8")


def _of_this_machine(host: str) -> bool:
    """`host`: a Host header, perhaps with a port; HTTP/1.0 needs none."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return not host or named_loopback(name.strip("[]"))
