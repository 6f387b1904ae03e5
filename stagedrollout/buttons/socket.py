"""Slack's Socket Mode: one connection, opened by us, over which Slack sends what people press (slack.md section 6).

What holds here:

- The address comes with an answer of Slack's; only wss:// to a host below slack.com is believed, and in an emulated
  world ws:// on this machine. It carries a ticket and is logged nowhere.
- An envelope is acknowledged once it is dealt with, an order being durable by then: who dies before that acknowledges
  nothing, and Slack shows the person that their press did not arrive. Slack waits for three seconds, so what takes longer
  than two, or stands behind that, is acknowledged while it waits. Where the queue is full it is not.
- Whatever breaks, or is sent that we do not understand, ends in a new connection, later and later while it goes wrong,
  up to a minute; a token that Slack refuses is tried every ten. A connection that did not last is one that went wrong.
  Nothing of this is in the way of a pass or a halt, and nothing that goes wrong here ends it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable
from stagedrollout.http.answer import NotJson, json_value
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.http.held import HELD

log = logging.getLogger(__name__)

SERVICE = "slack"
OPENING = "apps.connections.open"
FRAME_BYTES_MAX = 512 * 1024
FRAME_DEPTH_MAX = 32
OPEN_SECONDS = 10.0
LISTEN_SECONDS = 1.0
"""How often a quiet socket looks whether the daemon ends."""

ACK_SECONDS = 2.0
"""How long an envelope waits to be dealt with before it is acknowledged all the same; Slack waits for three."""

LASTED_SECONDS = 60.0
"""A connection that held for so long begins the waits anew; Slack ends each after hours, and says so before."""

PING_SECONDS = 15.0
WAIT_MAX_SECONDS = 60.0
HUMAN_WAIT_SECONDS = 600.0

_silent = logging.getLogger("stagedrollout.buttons.websockets")
_silent.setLevel(logging.CRITICAL + 1)  # websockets logs addresses and frames

Open = Callable[[], dict[str, Any]]
"""`apps.connections.open`: Slack's answer. Raises EdgeError."""


@dataclass(slots=True)
class Arrived:
    """The payload of an envelope. `dealt_with` is set by whoever takes it; `answer` is what Slack is told then."""

    payload: Any
    dealt_with: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None


class Receiver:
    """`queue` gets the payload of each envelope of the kind "interactive". `seconds` only goes forward."""

    def __init__(
        self, open_line: Open, endpoint: Endpoint, queue: Queue[Arrived], seconds: Callable[[], float]
    ) -> None:
        self._open_line = open_line
        self._endpoint = endpoint
        self._queue = queue
        self._seconds = seconds
        self._stopping = threading.Event()
        self._tries = 0
        self._problem = ""
        self._since: float | None = None

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self._line())

    def _line(self) -> float:
        """One connection; how many seconds to wait before the next one."""
        self._since = None
        try:
            self._listen()
        except EdgeError as error:
            return self._later(error)
        except Exception as mistake:  # the thread goes on: nobody else would begin it again
            broken = Faulty(SERVICE, "the socket", type(mistake).__name__)
            if str(broken) not in self._problem:  # once, as everything that goes on
                log.exception("the socket broke off")
            return self._later(broken)
        return 0.0 if self._lasted() else self._backoff()

    def stop(self) -> None:
        self._stopping.set()

    def problem(self) -> str:
        """Why nothing can be pressed at the moment, in words; "" while nothing is wrong."""
        return self._problem

    def _listen(self) -> None:
        """One connection, from its opening to its end. Raises EdgeError."""
        address = usable_address(self._open_line().get("url"), self._endpoint)
        HELD.token(address)
        try:
            with connect(
                address,
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                close_timeout=LISTEN_SECONDS,
                max_size=FRAME_BYTES_MAX,
                max_queue=16,
                compression=None,  # a frame that unpacks to gigabytes cannot be sent
                user_agent_header=None,
                proxy=None if self._endpoint.loopback else True,
                logger=_silent,
            ) as line:
                self._talk(line, urlsplit(address).hostname or "")
        except (WebSocketException, OSError, EOFError) as error:
            raise Unreachable(SERVICE, "the socket", type(error).__name__) from None
        finally:
            HELD.forget(address)  # its ticket was good for this one connection

    def _talk(self, line: ClientConnection, host: str) -> None:
        answered = urlsplit(f"//{line.request.headers.get('Host', '')}").hostname if line.request else ""
        if answered != host:
            raise Faulty(SERVICE, "the socket", "it leads to another host")
        while not self._stopping.is_set():
            try:
                frame = line.recv(timeout=LISTEN_SECONDS)
            except TimeoutError:
                continue
            if not self._heard(line, _document(frame)):
                return

    def _heard(self, line: ClientConnection, said: dict[str, Any]) -> bool:
        """Whether this connection goes on."""
        match said.get("type"):
            case "hello":
                self._well()
            case "disconnect":
                log.info("slack ends the socket, a new one is opened")
                return False
            case kind:
                self._take(line, kind, said)
        return True

    def _take(self, line: ClientConnection, kind: Any, said: dict[str, Any]) -> None:
        envelope = said.get("envelope_id")
        if not isinstance(envelope, str) or len(envelope) > 255:
            return
        answer = None
        if kind == "interactive":
            arrived = Arrived(said.get("payload"))
            try:
                self._queue.put_nowait(arrived)
            except Full:
                log.error("too many presses wait: one is not acknowledged")  # noqa: TRY400
                return
            behind = self._queue.qsize() > 1
            arrived.dealt_with.wait(0.0 if behind else ACK_SECONDS)
            answer = arrived.answer
        line.send(json.dumps({"envelope_id": envelope} | ({"payload": answer} if answer else {})))

    def _well(self) -> None:
        if self._problem:
            log.warning("slack: buttons can be pressed again")
        self._since, self._problem = self._seconds(), ""

    def _lasted(self) -> bool:
        """Whether the connection was one: then the waits begin anew."""
        lasted = self._since is not None and self._seconds() - self._since >= LASTED_SECONDS
        self._tries = 0 if lasted else self._tries
        return lasted

    def _later(self, error: EdgeError) -> float:
        """Seconds to wait; what is wrong is logged once, until it changes."""
        self._lasted()
        words = f"nothing that is pressed in Slack arrives: {error}"
        if words != self._problem and not self._stopping.is_set():
            log.warning("%s", words)
        self._problem = words
        match error:
            case Throttled() if error.wait_seconds > 0:
                return min(error.wait_seconds, HUMAN_WAIT_SECONDS)
            case Denied() | Rejected():
                return HUMAN_WAIT_SECONDS
            case _:
                return self._backoff()

    def _backoff(self) -> float:
        self._tries += 1
        return min(0.5 * 2.0 ** min(self._tries - 1, 10), WAIT_MAX_SECONDS)


def usable_address(url: Any, endpoint: Endpoint) -> str:
    """Where the socket is. Raises Faulty for one that leads anywhere but to Slack, without repeating it."""
    try:
        parts = urlsplit(url if isinstance(url, str) and len(url) <= 4_000 and url.isascii() else "")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if endpoint.loopback:
        fits = parts.scheme == "ws" and host == endpoint.host
    else:
        below = host == "slack.com" or host.endswith(".slack.com")
        fits = parts.scheme == "wss" and below and port in (None, 443)
    if not fits or "@" in parts.netloc:
        raise Faulty(SERVICE, OPENING, "an address of the socket that is not Slack's own")
    return str(url)


def _document(frame: str | bytes) -> dict[str, Any]:
    """Raises Faulty for whatever is no JSON object."""
    try:
        said = json_value(frame.encode() if isinstance(frame, str) else frame, FRAME_DEPTH_MAX)
    except (NotJson, UnicodeError):
        said = None
    if not isinstance(said, dict):
        raise Faulty(SERVICE, "the socket", "a frame that is no JSON object")
    return said
