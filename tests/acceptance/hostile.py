"""Stands between a daemon and the emulator, and is as nasty as a service or somebody on the way can be.

`behave` decides about each request: None lets it through, else a script has the socket. Every nastiness ends as
soon as the daemon hangs up or the test does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

Script = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
NASTY_SECONDS = 20.0
"""How long one nastiness goes on at most: far beyond every limit of the daemon under test."""


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def credential(self) -> str:
        names = ("authorization", "api-key", "x-sentry-auth")
        return next((self.headers[name] for name in names if name in self.headers), "")


Behave = Callable[[Asked], Script | None]


class Between:
    """A server on loopback in front of `upstream`."""

    def __init__(self, upstream: str, behave: Behave) -> None:
        self.behave = behave
        self.met: Counter[str] = Counter()
        """How often each nastiness was met, by its name."""
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in [self._accepting, *self._threads]:
            thread.join(NASTY_SECONDS + 5)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError, ValueError):
            peer.settimeout(NASTY_SECONDS)
            asked = _read(peer)
            script = self.behave(asked)
            if script is None:
                peer.sendall(self._from_upstream(asked))
                return
            self.met[getattr(script, "__name__", "?")] += 1
            script(_Guarded(peer, self._closing))  # type: ignore[arg-type]

    def _from_upstream(self, asked: Asked) -> bytes:
        kept = {k: v for k, v in asked.headers.items() if k not in ("host", "connection", "content-length")}
        data = asked.body if asked.method != "GET" else None
        request = urllib.request.Request(self._upstream + asked.path, data, kept, method=asked.method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=NASTY_SECONDS) as answer:
                return _whole(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as refused:
            with refused:
                return _whole(refused.code, refused.read(), dict(refused.headers))


class _Guarded:
    """The socket for a script: no sending after the test is over."""

    def __init__(self, peer: socket.socket, closing: threading.Event) -> None:
        self._peer, self._closing = peer, closing

    def sendall(self, data: bytes) -> None:
        if self._closing.is_set():
            raise OSError("the test is over")
        self._peer.sendall(data)


def _read(peer: socket.socket) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65_536)
        if not more:
            raise ValueError("no request")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += peer.recv(65_536)
    method, path, _ = first.split(" ", 2)
    return Asked(method, path, headers, body)


def _whole(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    own = {"content-length", "connection", "transfer-encoding"}
    kept = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in own]
    lines = [f"HTTP/1.1 {status} X", *kept, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


# ---- nastinesses


def _for_long(peer: socket.socket, piece: bytes, pause: float) -> None:
    until = time.monotonic() + NASTY_SECONDS
    while time.monotonic() < until:
        peer.sendall(piece)
        time.sleep(pause)


def dripping_body(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    _for_long(peer, b" ", 0.1)


def dripping_headers(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    _for_long(peer, b"x", 0.1)


def endless_headers(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    _for_long(peer, b"X-More: " + b"x" * 60_000 + b"\r\n", 0.0)


def endless_continue(peer: socket.socket) -> None:
    _for_long(peer, b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)


def endless_body(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    _for_long(peer, b"10000\r\n" + b" " * 65_536 + b"\r\n", 0.0)


def deep_json(peer: socket.socket) -> None:
    peer.sendall(_whole(200, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}))


def gzip_bomb(peer: socket.socket) -> None:
    import gzip  # noqa: PLC0415

    packed = gzip.compress(b'{"ok":true,"x":"' + b" " * 50_000_000 + b'"}', 9)
    peer.sendall(_whole(200, packed, {"Content-Encoding": "gzip"}))


def redirect_to_itself(peer: socket.socket) -> None:
    peer.sendall(_whole(307, b"", {"Location": "/again"}))


def come_back_in_years(peer: socket.socket) -> None:
    peer.sendall(_whole(429, b"{}", {"Retry-After": "99999999999", "X-Rate-Limit": "user-hour-lim:0;"}))


def hangs_up(_peer: socket.socket) -> None:
    """Not a word."""


NASTY: tuple[Script, ...] = (
    *(dripping_body, dripping_headers, endless_headers, endless_continue, endless_body),
    *(deep_json, gzip_bomb, redirect_to_itself, come_back_in_years, hangs_up),
)


class InTurn:
    """One nastiness after the other, so that each service shows them all."""

    def __init__(self) -> None:
        self._guard, self._next = threading.Lock(), 0

    def __call__(self) -> Script:
        with self._guard:
            self._next += 1
            return NASTY[self._next % len(NASTY)]


# ---- a service that repeats what it was told


def repeating(asked: Asked, status: int) -> Script:
    """An error whose words hold the request's credential, plain and in every form."""
    secret = asked.credential
    bare = secret.rpartition(" ")[2]
    forms = (secret, base64.b64encode(bare.encode()).decode(), quote(bare, safe=""), bare.encode().hex())
    said = json.dumps([*forms, json.dumps(bare)])
    if "/slack/" in asked.path:
        document: object = {"ok": False, "error": bare, "needed": forms[1], "provided": forms[3]}
    elif asked.path.startswith("/v1/"):
        document = {
            "errors": [{"status": str(status), "code": "FORBIDDEN", "title": forms[1], "detail": said}]
        }
    else:
        error = {"code": status, "message": said, "status": bare, "errors": [{"reason": forms[1]}]}
        document = {"detail": said, "error": error, "errors": [{"message": said}]}

    def repeats(peer: socket.socket) -> None:
        headers = {"X-Said": forms[1], "WWW-Authenticate": forms[0]}
        peer.sendall(_whole(status, json.dumps(document).encode(), headers))

    return repeats
