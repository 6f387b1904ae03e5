"""Something between the daemon and its server: it can stop passing on what it is sent, cut what is open, or be gone."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """`swallows`: from now on nothing is passed on. `cuts`: every connection is closed. `goes`: none is taken any more."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listens.getsockname()[1])
        self._open: list[socket.socket] = []
        self._passes = threading.Event()
        self._passes.set()
        threading.Thread(target=self._accepts, args=(self._listens,), daemon=True).start()

    def swallows(self) -> None:
        self._passes.clear()

    def passes_on(self) -> None:
        """Also what was swallowed."""
        self._passes.set()

    def cuts(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def goes(self) -> None:
        with suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)  # whoever waits for connections wakes up by it
        self._listens.close()
        self.cuts()

    def comes_back(self) -> None:
        self._listens = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accepts, args=(self._listens,), daemon=True).start()

    def close(self) -> None:
        self._passes.set()
        self.goes()

    def _accepts(self, listens: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listens.accept()
                there = socket.create_connection(("127.0.0.1", self._there))
                self._open += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._carries, args=(one, other), daemon=True).start()

    def _carries(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), one, other:
            while data := one.recv(65536):
                self._passes.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)
