"""A network between processes and their services, in which every link can be cut for one of them alone.

All of them have one configuration, so they call the same port. Whose connection it is tells the kernel: the process that
holds the socket at the other end. What is passed on to an emulated service comes from an address of the caller's own, by
which the service's ledger tells them apart.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

LOOPBACK = "127.0.0.1"
_RESET = struct.pack("ii", 1, 0)
_CHUNK = 65_536


class Way(StrEnum):
    """What becomes of what is sent. What was held is delivered late, as TCP does it, unless whoever sent it has hung up."""

    OPEN = "open"
    CUT = "cut"
    MUTE = "mute"
    """One way: nothing that the process says arrives."""
    DEAF = "deaf"
    """One way: it is heard, and hears no answer."""
    HALF_OPEN = "half-open"
    """What is open breaks; new connections are taken, and never answered."""
    RESETS = "resets"
    SLOW = "slow"


_HOLDS = {
    Way.CUT: ("there", "back"),
    Way.HALF_OPEN: ("there", "back"),
    Way.MUTE: ("there",),
    Way.DEAF: ("back",),
}
_BREAKS = (Way.HALF_OPEN, Way.RESETS)


@dataclass(frozen=True, slots=True)
class State:
    """`seconds`: of a slow link, the delay of each piece in each direction."""

    way: Way = Way.OPEN
    seconds: float = 0.0

    def holds(self, direction: str) -> bool:
        return direction in _HOLDS.get(self.way, ())


OPEN = State()


class Callers:
    """Which process belongs to whom, by name. A caller that nobody has named is "": the test itself, or a person's command."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}

    def is_now(self, name: str, pid: int) -> None:
        self._pids[name] = pid

    def of(self, here: int, there: int) -> str:
        """Who holds the socket from port `here` to port `there`, both on loopback."""
        inode = _inode(here, there)
        return next((name for name, pid in self._pids.items() if inode and _holds(pid, inode)), "")


def _inode(here: int, there: int) -> str:
    """Only one line is taken apart: the list has those of the whole machine, also of what is long closed."""
    known = Path("/proc/net/tcp").read_text("ascii")
    at = known.find(f": 0100007F:{here:04X} 0100007F:{there:04X} ")
    return known[at : known.find("\n", at)].split()[9] if at >= 0 else ""


def _holds(pid: int, inode: str) -> bool:
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(each.readlink()) == f"socket:[{inode}]":
                    return True
    return False


class Link:
    """From everybody to the service on `port`. `addresses`: where the connections of each caller come from; without any from
    the usual one."""

    def __init__(self, port: int, callers: Callers, addresses: dict[str, str] | None = None) -> None:
        self._there, self._callers, self._addresses = port, callers, addresses or {}
        self._states: dict[str, State] = {}
        self._changed = threading.Condition()
        self._pairs: list[_Pair] = []
        self._listens = socket.create_server((LOOPBACK, 0), backlog=256)
        self.port = int(self._listens.getsockname()[1])
        threading.Thread(target=self._accepts, daemon=True, name=f"link-{self.port}").start()

    def state(self, who: str) -> State:
        return self._states.get(who, OPEN)

    def becomes(self, who: str, way: Way, seconds: float = 0.0) -> None:
        with self._changed:
            self._states[who] = State(way, seconds)
            broken = [pair for pair in self._pairs if pair.who == who] if way in _BREAKS else []
            self._changed.notify_all()
        for pair in broken:
            pair.breaks()

    def passes(self, who: str, direction: str) -> bool:
        """Wait until something may be sent. False: it was held for a while."""
        with self._changed:
            at_once = not self.state(who).holds(direction)
            self._changed.wait_for(lambda: not self.state(who).holds(direction))
            seconds = self.state(who).seconds
        if seconds:
            time.sleep(seconds)
        return at_once

    def close(self) -> None:
        with suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)  # whoever waits for connections wakes up by it
        self._listens.close()
        with self._changed:
            self._states.clear()
            pairs = list(self._pairs)
            self._changed.notify_all()
        for pair in pairs:
            pair.breaks()

    def _accepts(self) -> None:
        with suppress(OSError):
            while True:
                here, address = self._listens.accept()
                begun = threading.Thread(target=self._connects, args=(here, address[1]), daemon=True)
                begun.start()

    def _connects(self, here: socket.socket, port: int) -> None:
        who = self._callers.of(port, self.port)
        given_up = not who and _hung_up(here)  # before anybody could see whose it was
        if given_up or self.state(who).way is Way.RESETS:
            _resets(here)
            return
        # no handshake is ever whole on a link of which one way is cut
        for direction in ("there", "back"):
            if not self.passes(who, direction) and _hung_up(here):
                _resets(here)
                return
        source = self._addresses.get(who)
        try:
            there = socket.create_connection(
                (LOOPBACK, self._there), timeout=10, source_address=(source, 0) if source else None
            )
        except OSError:
            _resets(here)
            return
        there.settimeout(None)
        pair = _Pair(self, who, here, there)
        with self._changed:
            self._pairs = [each for each in self._pairs if each.whole] + [pair]
        pair.begins()


class _Pair:
    """One connection: the caller's half, and ours to the service."""

    def __init__(self, link: Link, who: str, here: socket.socket, there: socket.socket) -> None:
        self.who, self.whole = who, True
        self._link, self._here, self._there = link, here, there
        self._ended = threading.Semaphore(0)

    def begins(self) -> None:
        for direction in ("there", "back"):
            threading.Thread(target=self._carries, args=(direction,), daemon=True).start()

    def breaks(self) -> None:
        self.whole = False
        for each in (self._here, self._there):
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                each.shutdown(socket.SHUT_RDWR)
            _resets(each)

    def _carries(self, direction: str) -> None:
        one, other = (self._here, self._there) if direction == "there" else (self._there, self._here)
        try:
            while data := one.recv(_CHUNK):
                if not self._may_pass(direction):
                    return
                other.sendall(data)
            if self._may_pass(direction):
                other.shutdown(socket.SHUT_WR)
        except OSError:
            self.breaks()
        finally:
            self._ends()

    def _ends(self) -> None:
        """The second direction that is over closes both halves."""
        if not self._ended.acquire(blocking=False):
            self._ended.release()
            return
        self.whole = False
        for each in (self._here, self._there):
            each.close()

    def _may_pass(self, direction: str) -> bool:
        """What was held for a caller that has hung up meanwhile never arrives."""
        if self._link.passes(self.who, direction) or not _hung_up(self._here):
            return True
        self.breaks()
        return False


def _hung_up(connection: socket.socket) -> bool:
    poll = select.poll()
    with suppress(OSError, ValueError):
        poll.register(connection, select.POLLRDHUP)
        return bool(poll.poll(0))
    return True


def _resets(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with suppress(OSError):
        connection.close()
