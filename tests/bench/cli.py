"""How long a person waits for `--help`, `status` and a TAB: whole processes, from start to exit."""

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
from tests.bench.many import many

ROUNDS = 21
WARM_UP = 2
HELP_MS = 150
STATUS_MS = 600
MANY = 200
MANY_MS = 700
COMPLETION_MS = 300


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        config = play("bad-release", Path(scratch) / "config")
        bare = _median_ms([sys.executable, "-c", "pass"])
        asked_help = _median_ms([*PROGRAM, "--help"])
        status = _median_ms([*PROGRAM, "status", "--config", str(config)])
        crowd = many(Path(scratch) / "many", MANY)
        whole = _median_ms([*PROGRAM, "status", "--config", str(crowd)])
        completed = _median_ms(PROGRAM, _completing(crowd, "stagedrollout explain app-0"))
    load = round(os.getloadavg()[0], 1)
    return [
        Figure(
            "load average", load, "", None, f"on {os.cpu_count()} cores; above that, others are measured too"
        ),
        Figure("python -c pass", bare, "ms", None, f"median of {ROUNDS}"),
        Figure("--help", asked_help, "ms", HELP_MS, f"{asked_help / bare:.1f} times bare Python"),
        Figure("status", status, "ms", STATUS_MS, f"{status / bare:.1f} times bare Python"),
        Figure(f"status, {MANY} rollouts", whole, "ms", MANY_MS, f"{whole / bare:.1f} times bare Python"),
        Figure("TAB after APP", completed, "ms", COMPLETION_MS, f"{completed / bare:.1f} times bare Python"),
    ]


def _completing(config: Path, line: str) -> dict[str, str]:
    """What a shell tells the program when somebody presses TAB at the end of the line."""
    words = str(len(line.split()) - 1)
    asked = {"_STAGEDROLLOUT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": words}
    return {**os.environ, **asked, "STAGEDROLLOUT_CONFIG": str(config)}


def _median_ms(command: Sequence[str], environ: dict[str, str] | None = None) -> float:
    took = [_seconds(command, environ) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    return round(statistics.median(took) * 1_000, 1)


def _seconds(command: Sequence[str], environ: dict[str, str] | None) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return time.perf_counter() - started
