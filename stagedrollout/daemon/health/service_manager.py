"""Tells whoever started this process, as systemd does, that it is ready, alive, reading its configuration anew, or ending.

By the protocol of sd_notify(3): lines to a datagram socket that the environment names. It is a dozen lines; the bindings that
there are need a C library of systemd, or have had no release for years.

It is told from the loop that waits for signals, and by what the turns have done: the watchdog is petted only when another
turn has ended, so a daemon whose turns hang or break off, each of them, is started anew, though its threads live.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from stagedrollout.core.plain import one_line

log = logging.getLogger(__name__)

ADDRESS, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
STATUS_MAX = 300
PETS_A_PERIOD = 4
"""systemd asks for two at least."""

PET_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Signs:
    """`turns`: how many of the scheduler's have ended; `read`: whether the database has taken a sign of life; `reloading`: a
    configuration is being read anew; `status`: how it stands, in words."""

    turns: int
    read: bool
    reloading: bool
    status: str


class ServiceManager:
    """Used by one thread. Raises nothing: who cannot be told misses the daemon in time. `address` "": nobody is told."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = address
        self._pet_seconds = min((watchdog_seconds or 0.0) / PETS_A_PERIOD, PET_SECONDS_MAX)
        self._ready = self._reloads = False
        self._turns = 0
        self._petted_at = float("-inf")
        self._status = ""
        self._wrong = ""

    @classmethod
    def named_in(cls, environ: MutableMapping[str, str]) -> ServiceManager:
        """Taken out of the environment, for processes of our own are not the service."""
        address, watchdog = environ.pop(ADDRESS, ""), _watchdog_seconds(environ)
        for name in (WATCHDOG, WATCHDOG_PID):
            environ.pop(name, None)
        if address and address[0] not in "/@":
            log.warning("%s names no socket that could be told of this daemon: %r", ADDRESS, address)
            address = ""
        return cls(address, watchdog)

    def told(self, signs: Signs) -> None:
        """To be called often."""
        if not self._address:
            return
        lines = list[str]()
        if not self._ready and signs.turns and signs.read:
            self._ready = True
            lines.append("READY=1")
        elif self._reloads and not signs.reloading:
            self._reloads = False
            lines.append("READY=1")
        if self._wants_petting(signs.turns):
            lines.append("WATCHDOG=1")
        if self._ready and signs.status != self._status:
            self._status = signs.status
            lines.append(_status(signs.status))
        self._send(lines)

    def reloading(self) -> None:
        """Until `told` says that it is over. Before it is ready, that it starts says enough."""
        if self._ready:
            self._reloads = True
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
            self._status = ""
            self._send(["RELOADING=1", f"MONOTONIC_USEC={now}", _status("reads its configuration anew")])

    def stopping(self, why: str) -> None:
        self._send(["STOPPING=1", _status(why)])

    def _wants_petting(self, turns: int) -> bool:
        """Another turn has ended, and the last pet is some time ago."""
        now = time.monotonic()
        if not self._pet_seconds or turns == self._turns or now - self._petted_at < self._pet_seconds:
            return False
        self._turns, self._petted_at = turns, now
        return True

    def _send(self, lines: list[str]) -> None:
        if not (lines and self._address):
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                # Not waiting: whoever does not read must not hold up what waits for signals.
                door.sendto("\n".join(lines).encode("utf-8", "replace"), socket.MSG_DONTWAIT, address)
        except OSError as error:
            self._note(error.strerror or type(error).__name__)
        else:
            self._note("")

    def _note(self, wrong: str) -> None:
        if wrong and wrong != self._wrong:
            log.warning("the service manager cannot be told of this daemon: %s", wrong.lower())
        self._wrong = wrong


def _status(words: str) -> str:
    return f"STATUS={one_line(words)[:STATUS_MAX]}"


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """None where nobody watches, or watches another process."""
    try:
        micros, process = int(environ.get(WATCHDOG, "0")), int(environ.get(WATCHDOG_PID, os.getpid()))
    except ValueError:
        return None
    return micros / 1_000_000 if micros > 0 and process == os.getpid() else None
