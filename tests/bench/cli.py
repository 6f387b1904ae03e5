"""How long a person waits for `--help` and `status`: whole processes, from start to exit."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.emulated import PROGRAM, play
from tests.bench.figure import Figure

ROUNDS = 21
WARM_UP = 2
HELP_MS = 150
STATUS_MS = 600


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        config = play("bad-release", Path(scratch) / "config")
        bare = _median_ms([sys.executable, "-c", "pass"])
        asked_help = _median_ms([*PROGRAM, "--help"])
        status = _median_ms([*PROGRAM, "status", "--config", str(config)])
    load = round(os.getloadavg()[0], 1)
    return [
        Figure(
            "load average", load, "", None, f"on {os.cpu_count()} cores; above that, others are measured too"
        ),
        Figure("python -c pass", bare, "ms", None, f"median of {ROUNDS}"),
        Figure("--help", asked_help, "ms", HELP_MS, f"{asked_help / bare:.1f} times bare Python"),
        Figure("status", status, "ms", STATUS_MS, f"{status / bare:.1f} times bare Python"),
    ]


def _median_ms(command: Sequence[str]) -> float:
    took = [_seconds(command) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    return round(statistics.median(took) * 1_000, 1)


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
