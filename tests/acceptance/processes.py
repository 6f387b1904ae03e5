"""The processes of a test: started as a user starts them, looked at from outside, and always ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeVar

import pytest

from tests.acceptance.offspring import Nursery, Offspring

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (sys.executable, "-m", "stagedrollout")
LOOK_SECONDS, LOOK_SECONDS_MOST, LOOKS_LATER_BY = 0.05, 0.2, 1.2
"""Between two looks at what is waited for: at first, in the end, and by how much that grows. To look is work as well."""

NURSERIES: list[Nursery] = []
"""Where processes are born that need not be started as a user starts them; empty: all are."""

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 30.0, what: str = "") -> T:
    """What `look` finds, as soon as it finds something true. Fails the test after `within` seconds."""
    ends, pause = time.monotonic() + within, LOOK_SECONDS
    while not (found := look()):
        if time.monotonic() > ends:
            pytest.fail(f"{what or 'it'} did not happen within {within:.0f} s; seen last: {found!r}")
        time.sleep(pause)
        pause = min(pause * LOOKS_LATER_BY, LOOK_SECONDS_MOST)
    return found


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a user who has configured nothing."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("STAGEDROLLOUT")}
    return {**ours, "COLUMNS": "200", "PYTHONFAULTHANDLER": "1", **more}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        return self.out + self.err


def run(*command: str, within: float = 60.0, **environ: str) -> Done:
    """A command of the product, until it ends."""
    if NURSERIES and not environ:
        return _bear(command, within)
    return _run((*PRODUCT, *command), within, environ)


def _bear(command: tuple[str, ...], within: float) -> Done:
    begun = time.monotonic()
    with TemporaryFile() as out, TemporaryFile() as err:
        process = NURSERIES[-1].bears(command, surroundings(), out, err)
        try:
            code = process.wait(within)
        finally:
            process.kill()
        seconds = time.monotonic() - begun
        for file in (out, err):
            file.seek(0)
        return Done(code, out.read().decode(), err.read().decode(), seconds)


def run_module(module: str, *command: str, within: float = 100.0) -> Done:
    return _run((sys.executable, "-m", module, *command), within, {})


def _run(command: tuple[str, ...], within: float, environ: dict[str, str]) -> Done:
    begun = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


def _leash() -> tuple[str, ...]:
    """Before a command that goes on: it dies with this process, however that ends."""
    return (sys.executable, "-I", "-S", str(Path(__file__).with_name("leash.py")), str(os.getpid()))


def _begun(
    program: tuple[str, ...],
    command: tuple[str, ...],
    out: IO[bytes],
    err: IO[bytes],
    environ: dict[str, str],
) -> subprocess.Popen[bytes] | Offspring:
    if NURSERIES and not environ and program is PRODUCT:
        return NURSERIES[-1].bears(command, surroundings(), out, err)
    return subprocess.Popen(
        (*_leash(), *program, *command),
        cwd=ROOT,
        env=surroundings(**environ),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
    )


class Background:
    """A command of the product that goes on; what it says is kept in files."""

    program = PRODUCT

    def __init__(self, folder: Path, name: str, *command: str, **environ: str) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = _begun(self.program, command, out, err, environ)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def said(self) -> str:
        return self.out + self._err.read_text("utf-8")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def says(self, text: str, *, within: float = 20.0) -> None:
        eventually(lambda: text in self.said or not self.alive, within=within, what=f"saying {text!r}")
        assert text in self.said, self.said

    def gets(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def asked_to_stop(self) -> None:
        self.gets(signal.SIGTERM)

    def killed(self) -> None:
        """kill -9: no farewell of any kind."""
        self._process.kill()
        self._process.wait()

    def ended(self, *, within: float) -> int:
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.gets(signal.SIGABRT)  # then Python says where each thread stands
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            pytest.fail(f"the process is still there after {within:.0f} s; it said: {self.said[-8_000:]}")

    def removed(self) -> None:
        """At the end of a test, whatever has become of it."""
        if self.alive:
            self._process.terminate()
            self.gets(signal.SIGCONT)  # one that was stopped hears nothing before
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        if self.alive:
            self.killed()
