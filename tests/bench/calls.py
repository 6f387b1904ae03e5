"""How many requests a pass makes, counted from the emulator's own list of a demo's requests.

The emulator's clock stands still while a pass is under way, and the demos have one app: all requests of one
instant belong to one pass. A pass is quiet when it commits nothing. What a raise or a halt costs is counted
from the moment its edit is opened to the pass's last request to the store.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.bench.emulated import PROGRAM
from tests.bench.figure import Figure

SCENARIOS = ("healthy", "bad-release", "console-halt")
QUIET_PLAY, QUIET_SENTRY = 4, 1
CHANGE_PLAY, CHANGE_EDITS = 8, 2

Request = dict[str, Any]


def measure() -> list[Figure]:
    passes = [one for scenario in SCENARIOS for one in _passes(scenario)]
    quiet = [one for one in passes if not _committed(one)]
    changes = [_change(one) for one in passes if _committed(one)]
    note = f"most of {len(quiet)} quiet passes in {', '.join(SCENARIOS)}"
    made = f"most of {len(changes)} raises and halts"
    return [
        Figure("Play calls, quiet pass", max(map(_play, quiet)), "", QUIET_PLAY, note),
        Figure("Sentry calls, quiet pass", max(map(_sentry, quiet)), "", QUIET_SENTRY, note),
        Figure("Play calls, raise or halt", max(map(_play, changes)), "", CHANGE_PLAY, made),
        Figure("edits, raise or halt", max(map(_edits, changes)), "", CHANGE_EDITS, made),
    ]


def _passes(scenario: str) -> list[list[Request]]:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        command = [*PROGRAM, "demo", "--scenario", scenario, "--out", scratch, "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        lines = (Path(scratch) / "requests.jsonl").read_text("utf-8").splitlines()
    requests = sorted(map(json.loads, lines), key=lambda request: request["seq"])
    return [list(group) for _, group in groupby(requests, key=lambda request: request["at"])]


def _committed(requests: Iterable[Request]) -> list[str]:
    """The edits that were committed, by their ids."""
    return [
        r["path"].rsplit("/", 1)[1].removesuffix(":commit") for r in requests if r["path"].endswith(":commit")
    ]


def _change(requests: list[Request]) -> list[Request]:
    edit = _committed(requests)[0]
    opened = next(index for index, r in enumerate(requests) if _opens(r) and r["response"]["id"] == edit)
    return requests[opened:]


def _opens(request: Request) -> bool:
    return request["method"] == "POST" and request["path"].endswith("/edits")


def _play(requests: Iterable[Request]) -> int:
    return sum(request["service"] == "google_play" for request in requests)


def _sentry(requests: Iterable[Request]) -> int:
    return sum(request["service"] == "sentry" for request in requests)


def _edits(requests: Iterable[Request]) -> int:
    return sum(map(_opens, requests))
