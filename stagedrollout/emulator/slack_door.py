"""Slack's Socket Mode behind a port of its own: a thread for each socket, the world in turns as for HTTP."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from stagedrollout.emulator.slack_people import Lines

FRAME_BYTES_MOST = 64 * 1024
_silent = logging.getLogger("stagedrollout.emulator.websockets")
_silent.setLevel(logging.CRITICAL + 1)


class SocketDoor:
    """`turn` is held whenever the world is touched."""

    def __init__(self, lines: Lines, turn: threading.Lock, host: str) -> None:
        self._lines = lines
        self._turn = turn
        self._open: set[ServerConnection] = set()
        self._server: Server = serve(
            self._talk, host, 0, max_size=FRAME_BYTES_MOST, compression=None, logger=_silent
        )
        lines.address = f"ws://{host}:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="slack-socket", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Every socket breaks, without a word."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.socket.shutdown(2)

    def close(self) -> None:
        self.hang_up()
        self._server.shutdown()
        self._thread.join(timeout=5)

    def _talk(self, connection: ServerConnection) -> None:
        ticket = _ticket(connection.request)
        self._open.add(connection)
        try:
            with self._turn:
                known = self._lines.opened(ticket, connection.send)
            if known:
                self._hear(connection)
        except ConnectionClosed:
            pass
        finally:
            self._open.discard(connection)
            with self._turn:
                self._lines.closed(ticket)

    def _hear(self, connection: ServerConnection) -> None:
        for frame in connection:
            with self._turn:
                self._lines.heard(frame if isinstance(frame, str) else "")


def _ticket(request: Any) -> str:
    query = parse_qs(urlsplit(request.path).query) if request else {}
    return str(query.get("ticket", [""])[0])
