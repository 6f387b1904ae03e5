"""How much memory a daemon with twenty rollouts takes, at its most. Linux only: it reads /proc."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.emulated import PROGRAM, daemon, emulator
from tests.bench.figure import Figure

APPS = 20
MEMORY_MIB = 200
LOOK_SECONDS = 0.05

_HEAD = """\
name: twenty-apps
story: Twenty apps roll out at the same time, each looked at every hour, each raised once.
seed: 7
start: 2026-03-02T06:00:00Z
until: 34h
poll: 1h
policy: standard
apps:
"""
_APP = """\
  - name: app-{number:02d}
    package: com.acme.app{number:02d}
    population: 2000000
    releases:
      - {{version: 5.1.0, code: 5010, crash_free: 99.8}}
      - {{version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {{at: 1h, percent: 1, review: 3h}}}}
"""


def measure() -> list[Figure]:
    if not sys.platform.startswith("linux"):
        raise SystemExit("bench daemon reads /proc and works on Linux only")
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        story = Path(scratch) / "twenty-apps.yaml"
        story.write_text(_HEAD + "".join(_APP.format(number=number + 1) for number in range(APPS)))
        with emulator(story, Path(scratch) / "config") as config:
            peak_kib, seconds = _peak_of_run(config)
            rollouts = _rollouts(config)
    raised = sum(row["exposure_ppm"] > 10_000 for row in rollouts)
    return [
        Figure("peak memory", round(peak_kib / 1024, 1), "MiB", MEMORY_MIB, "VmHWM of the daemon's process"),
        Figure("rollouts", len(rollouts), "", None, f"{raised} of them raised"),
        Figure("run", round(seconds, 1), "s", None, "34 hours of the story"),
    ]


def _peak_of_run(config: Path) -> tuple[int, float]:
    """The last high-water mark seen before the daemon ends; it only ever rises."""
    started, peak = time.perf_counter(), 0
    with daemon(config) as process:
        while process.poll() is None:
            peak = max(peak, _high_water_kib(process.pid))
            time.sleep(LOOK_SECONDS)
        if process.returncode:
            raise RuntimeError(f"the daemon ended with exit code {process.returncode}")
    return peak, time.perf_counter() - started


def _high_water_kib(pid: int) -> int:
    """0 once the process is gone: a zombie has no memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _rollouts(config: Path) -> list[dict[str, int]]:
    command = [*PROGRAM, "status", "--json", "--config", str(config)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows: list[dict[str, int]] = json.loads(told)["rollouts"]
    return rows
