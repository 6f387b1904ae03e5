"""The world behind a socket on loopback: HTTP/1.1 with keep-alive, one request at a time in the world."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from stagedrollout.emulator.request import Request, Response
from stagedrollout.emulator.slack_door import SocketDoor
from stagedrollout.emulator.world import World

LOOPBACK = "127.0.0.1"
BODY_BYTES_MOST = 8 * 1024 * 1024
IDLE_SECONDS = 120


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.turn = threading.Lock()
        self.open_sockets: set[socket.socket] = set()
        self._sockets_lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)

    def answer(self, request: Request) -> Response:
        with self.turn:
            return self.world.handle(request)

    def remember(self, connection: socket.socket) -> None:
        with self._sockets_lock:
            self.open_sockets.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._sockets_lock:
            self.open_sockets.discard(connection)

    def hang_up(self) -> None:
        """Wake every connection that waits for a next request."""
        with self._sockets_lock:
            for connection in self.open_sockets:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle of an answer are none of our errors."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_SECONDS
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.remember(self.connection)

    def finish(self) -> None:
        self.server.forget(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """The world keeps its own log of requests, without credentials."""

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self.send_error(413)
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=parse_qs(query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            peer=str(self.client_address[0]),
        )
        self._send(self.server.answer(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the base class

    def _body(self) -> bytes | None:
        """None where it is too long, or sent in chunks, which no client of ours does."""
        length = self.headers.get("content-length", "0")
        chunked = self.headers.get("transfer-encoding") is not None
        if chunked or not length.isdigit() or int(length) > BODY_BYTES_MOST:
            return None
        return self.rfile.read(int(length)) if length != "0" else b""

    def _send(self, response: Response) -> None:
        if response.delay_seconds:
            time.sleep(response.delay_seconds)
        if response.drop:
            self.close_connection = True
            return
        self.send_response_only(response.status)  # the date is the world's, not this machine's
        self.send_header("Server", self.version_string())
        for name, value in response.headers.items():
            if not (response.status == 204 and name.startswith("content-")):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()
        promised = int(response.headers.get("content-length", len(response.body)))
        self.close_connection = self.close_connection or promised > len(response.body)


class RunningEmulator:
    """A world that answers on a port of 127.0.0.1 until it is closed."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self._server = _Server(world, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="emulator", daemon=True
        )
        self._thread.start()
        self._sockets = SocketDoor(world.slack.lines, self._server.turn, LOOPBACK)
        world.hang_up = self._sockets.hang_up

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Stop answering; open connections are closed. May be called twice."""
        self._sockets.close()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
