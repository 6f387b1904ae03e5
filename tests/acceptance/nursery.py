"""nursery LINE PARENT [MODULE ...]: a process that has the product's modules in memory, and forks where one is wanted.

A process of the product spends more than half of what it does in a test on reading the same modules in again. One that
is born here has done so; for the rest it is a process like any other: its own memory, its own end, and `kill -9` for it.
Over LINE come its arguments and its environment, with its output, its errors, and where to tell of its end. Each MODULE is
one that is not installed, as far as anything born here can see.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time

from tests.acceptance.leash import PR_SET_PDEATHSIG

HEAVY = (
    "alembic.command",
    "httpcore",
    "pydantic.dataclasses",
    "pydantic.type_adapter",
    "sentry_sdk",
    "stagedrollout.config.load",
    "stagedrollout.daemon.allowed",
    "stagedrollout.daemon.bootstrap",
    "stagedrollout.daemon.hardening",
    "stagedrollout.emulator.scenario_file",
    "stagedrollout.emulator.serve",
    "stagedrollout.emulator.write_config",
    "stagedrollout.notify.slack_wire",
    "stagedrollout.storage.migrate",
    "stagedrollout.storage.sqlite",
)
"""What is imported only once it is wanted, and is wanted by many tests."""


def main() -> None:
    """Returns in a newborn only, which then is the command."""
    line = socket.socket(fileno=int(sys.argv[1]))
    _dies_with(int(sys.argv[2]))
    sys.modules.update(dict.fromkeys(sys.argv[3:]))  # type: ignore[arg-type] - None stands for one that is missing
    from stagedrollout.cli.main import COMMANDS  # noqa: PLC0415

    for name in (*HEAVY, *(module for module, _ in COMMANDS.values())):
        importlib.import_module(name)
    _read_shapes()
    gc.collect()
    gc.freeze()
    while True:
        wish, files, _, _ = socket.recv_fds(line, 1024 * 1024, 3)
        if not wish:
            os._exit(0)
        nursery = os.getpid()
        if os.fork() == 0:
            line.close()
            _dies_with(nursery)
            _give_birth(json.loads(wish), *files)
            return
        for file in files:
            os.close(file)
        _bury()


def _read_shapes() -> None:
    """What configurations and policies are read by is made from their shapes, once in each process."""
    from stagedrollout.config.reading import _adapter  # noqa: PLC0415
    from stagedrollout.config.settings import Settings  # noqa: PLC0415
    from stagedrollout.core.policy import Policy  # noqa: PLC0415

    for shape in (Settings, Policy):
        _adapter(shape)


def _give_birth(wish: dict[str, dict[str, str] | list[str]], out: int, err: int, told: int) -> None:
    """Here waits who tells of the end; only the newborn returns."""
    midwife = os.getpid()
    newborn = os.fork()
    if newborn:
        for file in (out, err):
            os.close(file)
        os.write(told, f"{newborn}\n".encode())
        _, status = os.waitpid(newborn, 0)
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    _dies_with(midwife)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for file in (out, err, told):
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal, wherever the tests are run
    os.environ.clear()
    os.environ.update(wish["environ"])
    time.tzset()
    sys.argv[1:] = wish["arguments"]


def _dies_with(parent: int) -> None:
    """As on a leash: no test leaves a process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _bury() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
    from stagedrollout.cli.main import main as product

    product()
