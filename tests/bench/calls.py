"""How many requests a pass makes, counted from the emulator's own list of a demo's requests.

The emulator's clock stands still while passes are under way, and the demos have one app per store: all requests of
one instant to one store belong to one pass. A pass is quiet when it changes nothing. What a raise or a halt costs is
counted from the moment its edit is opened (App Store: from the look before the write) to the pass's last request to
the store. Reviews are counted apart: they are read at most once an hour.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.bench.emulated import PROGRAM
from tests.bench.figure import Figure

SCENARIOS = ("healthy", "bad-release", "console-halt")
QUIET_PLAY, QUIET_APP_STORE, QUIET_SENTRY = 4, 1, 1
BESIDE_PER_HOUR = 2
"""Users are read once an hour and for each raise, what people run once a day, what is normal once a run."""

RAISE_PLAY, HALT_PLAY, CHANGE_EDITS, CHANGE_APP_STORE = 7, 7, 2, 3
REVIEWS_PER_HOUR = 1

Request = dict[str, Any]
Instant = list[Request]


def measure() -> list[Figure]:
    played = [_played(scenario) for scenario in SCENARIOS]
    instants = [one for run in played for one in run]
    play = [[r for r in one if _of_play(r)] for one in instants]
    apple = [[r for r in one if _of_app_store(r)] for one in instants]
    play_quiet = [one for one in play if one and not _committed(one)]
    apple_quiet = [one for one in apple if one and not _written(one) and not _decided_to_act(one)]
    play_changes = [_play_change(one) for one in play if _committed(one)]
    raises = [one for one in play_changes if not _halts(one)]
    halts = [one for one in play_changes if _halts(one)]
    apple_changes = [_apple_change(one) for one in apple if _written(one)]
    told = ", ".join(SCENARIOS)
    return [
        _most("Play calls, quiet pass", play_quiet, QUIET_PLAY, f"quiet passes in {told}"),
        _most("App Store calls, quiet pass", apple_quiet, QUIET_APP_STORE, f"quiet passes in {told}"),
        Figure(
            "Sentry calls for sessions, pass",
            max(map(_sentry, instants)),
            "",
            QUIET_SENTRY,
            "most of one project",
        ),
        Figure(
            "other Sentry calls an hour",
            round(max(map(_beside, played)), 2),
            "",
            BESIDE_PER_HOUR,
            "of one project, over a whole story: users by day, what runs, what is normal",
        ),
        _most("Play calls, raise", raises, RAISE_PLAY, "raises"),
        _most("Play calls, halt", halts, HALT_PLAY, "halts"),
        _most_edits("Play edits, quiet pass", play_quiet, 1),
        _most_edits("Play edits, raise", raises, CHANGE_EDITS),
        _most_edits("Play edits, halt", halts, CHANGE_EDITS),
        _most("App Store calls, step, pause or completion", apple_changes, CHANGE_APP_STORE, "of them"),
        Figure(
            "readings of reviews an hour", max(map(_reviews, played)), "", REVIEWS_PER_HOUR, "of one list"
        ),
    ]


def _most(name: str, passes: list[Instant], bound: int, what: str) -> Figure:
    return Figure(name, max(map(len, passes)), "", bound, f"most of {len(passes)} {what}")


def _most_edits(name: str, passes: list[Instant], bound: int) -> Figure:
    return Figure(name, max(map(_edits, passes)), "", bound, "opened, most of them")


def _played(scenario: str) -> list[Instant]:
    """The requests of a demo, by the instant at which they were made; those of passes that acted are marked."""
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        command = [*PROGRAM, "demo", "--scenario", scenario, "--out", scratch, "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        requests, journal = (_rows(Path(scratch) / f"{name}.jsonl") for name in ("requests", "journal"))
    acted = {
        (_minute(entry["at"]), entry["rollout"].split("/")[1])
        for entry in journal
        if entry["body"].get("intent")
    }
    for request in requests:
        request["acted"] = (_minute(request["at"]), request["service"]) in acted
    requests.sort(key=lambda request: request["seq"])
    return [list(group) for _, group in groupby(requests, key=lambda request: request["at"])]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _minute(at: str) -> str:
    return at[:16]


def _decided_to_act(requests: Instant) -> bool:
    """A halt that finds the release paused already looks twice and writes nothing."""
    return any(request["acted"] for request in requests)


def _of_play(request: Request) -> bool:
    return request["service"] == "google_play" and "/reviews" not in request["path"]


def _of_app_store(request: Request) -> bool:
    """What the store's room asks and writes; the signal that reads reviews asks for the versions' ids only."""
    if request["service"] != "app_store" or "customerReviews" in request["path"]:
        return False
    return request["method"] != "GET" or "include" in request["query"]


def _committed(requests: Iterable[Request]) -> list[str]:
    """The edits that were committed, by their ids."""
    return [
        r["path"].rsplit("/", 1)[1].removesuffix(":commit") for r in requests if r["path"].endswith(":commit")
    ]


def _written(requests: Iterable[Request]) -> list[Request]:
    return [r for r in requests if r["method"] != "GET"]


def _play_change(requests: Instant) -> Instant:
    edit = _committed(requests)[0]
    opened = next(index for index, r in enumerate(requests) if _opens(r) and r["response"]["id"] == edit)
    return requests[opened:]


def _halts(requests: Instant) -> bool:
    """A raise is validated before it is committed; a halt has no time for that."""
    return not any(r["path"].endswith(":validate") for r in requests)


def _apple_change(requests: Instant) -> Instant:
    """The look right before the write, and all that follows; the pass's own look comes before that."""
    first = next(index for index, r in enumerate(requests) if r["method"] != "GET")
    return requests[first - 1 :]


def _opens(request: Request) -> bool:
    return request["method"] == "POST" and request["path"].endswith("/edits")


def _sentry(requests: Iterable[Request]) -> int:
    projects = Counter(str(r["query"].get("project")) for r in requests if _of_sessions(r))
    return max(projects.values(), default=0)


def _beside(instants: list[Instant]) -> float:
    """All other questions about the busiest project, by the hours in which anything was asked about it."""
    asked = [r for one in instants for r in one if r["service"] == "sentry"]
    most = 0.0
    for project in {str(r["query"].get("project")) for r in asked}:
        own = [r for r in asked if str(r["query"].get("project")) == project]
        hours = {r["at"][:13] for r in own}
        most = max(most, sum(not _of_sessions(r) for r in own) / len(hours))
    return most


def _of_sessions(request: Request) -> bool:
    return request["service"] == "sentry" and "session.status" in request["query"].get("groupBy", [])


def _edits(requests: Iterable[Request]) -> int:
    return sum(map(_opens, requests))


def _reviews(instants: Iterable[Instant]) -> int:
    """How often the first page of one list was asked for within one hour of the story."""
    asked = Counter(
        (r["at"][:13], r["path"])
        for one in instants
        for r in one
        if r["path"].endswith(("/reviews", "/customerReviews")) and not r["query"].get("token")
    )
    return max(asked.values(), default=0)
