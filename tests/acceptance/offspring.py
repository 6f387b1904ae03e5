"""Processes that a nursery gives birth to, with the manners of `subprocess`."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

LOST = -signal.SIGKILL
"""How a process ended whose end nobody could tell of: whoever waits for it dies by nothing else."""


class Offspring:
    """One of them. `told` brings its number, and in the end how it ended."""

    def __init__(self, told: int, arguments: tuple[str, ...]) -> None:
        self._told = os.fdopen(told, "rb", buffering=0)
        self._arguments = arguments
        self.returncode: int | None = None
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, within: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], (), (), within)[0]:
            with self._told:
                self.returncode = int(self._told.readline() or LOST)
        return self.returncode


class Nursery:
    """What is born in it dies with it, and it dies with whoever opens it. (Linux means the thread.) `without`: modules that are
    not installed for it."""

    def __init__(self, root: Path, environ: Mapping[str, str], without: tuple[str, ...] = ()) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            line, parent = str(theirs.fileno()), str(os.getpid())
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.acceptance.nursery", line, parent, *without),
                cwd=root,
                env=dict(environ),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def bears(
        self, arguments: tuple[str, ...], environ: Mapping[str, str], out: IO[bytes], err: IO[bytes]
    ) -> Offspring:
        ours, theirs = os.pipe()
        wish = json.dumps({"arguments": arguments, "environ": dict(environ)}).encode()
        socket.send_fds(self._line, [wish], [out.fileno(), err.fileno(), theirs])
        os.close(theirs)
        return Offspring(ours, arguments)

    def close(self) -> None:
        self._line.close()
        self._process.wait(10)


def can_be_born() -> bool:
    """Where processes can be kept from outliving a test."""
    return sys.platform == "linux"
