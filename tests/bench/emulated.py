"""An emulated world and a daemon, each a process of its own, as a user would start them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROGRAM = (sys.executable, "-m", "stagedrollout")


@contextlib.contextmanager
def emulator(scenario: str | Path, folder: Path) -> Iterator[Path]:
    """Serve `scenario`; gives the path of a configuration for it, written into `folder`."""
    with world(scenario, folder) as (config, _):
        yield config


@contextlib.contextmanager
def world(scenario: str | Path, folder: Path, *options: str) -> Iterator[tuple[Path, str]]:
    """The same, and where it is served."""
    command = [*PROGRAM, "emulate", "--scenario", str(scenario), "--write-config", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the emulator did not start; its words are above")
            told = json.loads(line)
            yield Path(told["config"]), told["url"]
        finally:
            process.terminate()


@contextlib.contextmanager
def daemon(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon; where the clock is the emulator's, it ends by itself when the story does."""
    command = [*PROGRAM, "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def play(scenario: str | Path, folder: Path) -> Path:
    """Play a scenario to its end; gives the configuration, beside which the database lies."""
    with emulator(scenario, folder) as config, daemon(config) as process:
        if process.wait():
            raise RuntimeError(f"the daemon ended with exit code {process.returncode}")
        return config
