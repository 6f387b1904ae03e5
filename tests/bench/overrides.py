"""How long it takes from `stagedrollout halt` to the store reading back halted, while one store hangs under all its apps.

Whole processes: the emulated world, one daemon with 200 other rollouts that are all due at once, half of them on the store
that hangs, and the command as a person types it. Two releases are halted, one after the other: one while nobody hangs and
all are looked at, one while the others' passes wait. Counted from before the command's process begins to the request that
read the halt back, all by one clock of the machine. The emulated store answers at once, so that what a conversation with a
store takes is in it, but counts for nothing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.emulated import PROGRAM, daemon, world
from tests.bench.figure import Figure, aligned, shown

OTHERS, OTHERS_QUICK = 200, 20
SEEDS, SEEDS_QUICK = (1, 2, 3), (1,)
CALLS_MOST, SECONDS_MOST = 7, 2.0
HANG_SECONDS = 30
HANGING_LEAST = 3
"""So many requests hang before the halt is ordered."""

_PATIENCE_SECONDS, _LOOK_SECONDS = 600.0, 0.2
_PUBLISHED_SECONDS = 2 * 3_600
_ALONE, _BESIDE = "alone", "beside"
_PLAY, _APPLE = "google_play", "app_store"

_FIRST_ID = 6448300000

_HEAD = """\
name: crowd
story: Many apps roll out at the same time.
seed: 1
start: 2026-03-02T06:00:00Z
until: 34h
poll: 1h
policy: standard
apps:
"""
_APP = """\
  - name: {name}
    package: com.acme.{package}
    population: 200000
    {place}
    releases:
      - {{version: 5.1.0, code: 5010, crash_free: 99.8}}
      - {{version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {{at: 0h, {share}review: 0h}}}}
"""


@dataclass(frozen=True, slots=True)
class Halt:
    """`calls` and `conversation` (seconds): of the store, from its first request about the app until it read back halted;
    `seconds`: from the command until then."""

    seconds: float
    conversation: float
    calls: int


@dataclass(frozen=True, slots=True)
class Row:
    """One seed: the store of the halted release, the one that hangs, how many requests of that one hung, both halts."""

    seed: int
    store: str
    hanging: str
    hung: int
    others: int
    alone: Halt
    crowded: Halt

    @property
    def ratio(self) -> float:
        return self.crowded.seconds / self.alone.seconds


@dataclass(frozen=True, slots=True)
class Result:
    rows: tuple[Row, ...]

    @property
    def figures(self) -> list[Figure]:
        halts = [halt for row in self.rows for halt in (row.alone, row.crowded)]
        calls, seconds = max(halt.calls for halt in halts), max(halt.seconds for halt in halts)
        note = f"most of {len(halts)} halts beside {self.rows[0].others} rollouts, every second one while a store hangs"
        return [
            Figure("store calls, halt until read back", calls, "", CALLS_MOST, note),
            Figure("halt ordered until read back", round(seconds, 2), "s", SECONDS_MOST, note),
        ]

    @property
    def kept(self) -> bool:
        return all(figure.kept for figure in self.figures)


def measure(*, quick: bool) -> Result:
    others, seeds = (OTHERS_QUICK, SEEDS_QUICK) if quick else (OTHERS, SEEDS)
    sides = ((_PLAY, _APPLE), (_APPLE, _PLAY))
    return Result(tuple(_row(seed, store, hanging, others) for store, hanging in sides for seed in seeds))


def as_json(result: Result) -> str:
    rows = [asdict(row) | {"ratio": row.ratio} for row in result.rows]
    figures = [asdict(figure) | {"kept": figure.kept} for figure in result.figures]
    return json.dumps({"rows": rows, "figures": figures}, indent=2)


def table(result: Result) -> str:
    head = ("seed", "halted on", "hangs", "hung", "calls", "seconds", "nobody hangs", "ratio")
    rows = [head, *(_cells(row) for row in result.rows)]
    return f"{aligned(rows)}\n\n{shown(result.figures, as_json=False)}"


def _cells(row: Row) -> tuple[str, ...]:
    halt = row.crowded
    times = (f"{halt.seconds:.2f}", f"{row.alone.seconds:.2f}", f"{row.ratio:.2f}")
    return (str(row.seed), row.store, row.hanging, str(row.hung), str(halt.calls), *times)


def _row(seed: int, store: str, hanging: str, others: int) -> Row:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        story = Path(scratch) / "crowd.yaml"
        story.write_text(_HEAD + "".join(_apps(store, others)))
        with world(story, Path(scratch) / "config", "--seed", str(seed)) as (config, url):
            crowd = _Crowd(config, url)
            crowd.ask("advance", {"seconds": _PUBLISHED_SECONDS})
            with daemon(config):
                crowd.wait_for(
                    lambda: crowd.knows(_ALONE), "a look at the app, while others are still to be looked at"
                )
                alone = crowd.halt(_ALONE, store)
            crowd.ask("faults", {"service": hanging, "kind": "slow", "seconds": HANG_SECONDS, "count": None})
            with daemon(config) as process:  # it looks at all of them at once
                crowd.wait_for(lambda: crowd.hung(hanging) >= HANGING_LEAST, "requests that hang")
                crowded, hung = crowd.halt(_BESIDE, store), crowd.hung(hanging)
                process.kill()  # it would wait for those who hang
    return Row(seed, store, hanging, hung, others, alone, crowded)


def _apps(store: str, others: int) -> list[str]:
    names = [(name, store) for name in (_ALONE, _BESIDE)]
    names += [(f"app-{number:03d}", (_PLAY, _APPLE)[number % 2]) for number in range(others)]
    return [_app(name, where, number) for number, (name, where) in enumerate(names)]


def _app(name: str, store: str, number: int) -> str:
    place = "track: production" if store == _PLAY else f'store: app_store\n    app_id: "{_FIRST_ID + number}"'
    share = "percent: 1, " if store == _PLAY else ""
    return _APP.format(name=name, package=name.replace("-", ""), place=place, share=share)


class _Crowd:
    """The emulated world, seen through its own door, and a person at the command line."""

    def __init__(self, config: Path, url: str) -> None:
        """The daemon lives by the machine's clock: in lock-step with the world's, a turn waits for everybody's work."""
        self._config, self._url = config, url
        lines = config.read_text().splitlines(keepends=True)
        config.write_text("".join(line for line in lines if not line.startswith(("clock:", "emulator:"))))

    def ask(self, what: str, said: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if said is None else json.dumps(said).encode()
        request = urllib.request.Request(f"{self._url}/_emulator/{what}", data=body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def knows(self, app: str) -> bool:
        """Whether the daemon knows that its release is out."""
        command = [*PROGRAM, "status", "--json", "--config", str(self._config)]
        told = subprocess.run(command, check=False, capture_output=True, text=True)
        rows = json.loads(told.stdout)["rollouts"] if told.returncode == 0 else ()
        return any(row["app"] == app and row["exposure_ppm"] > 0 for row in rows)

    def hung(self, service: str) -> int:
        ledger = self.ask("ledger")["ledger"]
        return sum(row["type"] == "fault" and row["service"] == service for row in ledger)

    def wait_for(self, look: Callable[[], object], what: str) -> None:
        ends = time.monotonic() + _PATIENCE_SECONDS
        while not look():
            if time.monotonic() > ends:
                raise RuntimeError(f"{what}: not within {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)

    def halt(self, app: str, store: str) -> Halt:
        """Raises subprocess.CalledProcessError where the command does not end with the store read back."""
        before = len(self.ask("ledger")["requests"])
        began = datetime.now(UTC)
        command = [*PROGRAM, "halt", app, "--reason", "bench", "--config", str(self._config)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        asked = _conversation(self.ask("ledger")["requests"][before:], app, store)
        first, last = (datetime.fromisoformat(row["wall"]) for row in (asked[0], asked[-1]))
        return Halt((last - began).total_seconds(), (last - first).total_seconds(), len(asked))


def _conversation(rows: list[dict[str, Any]], app: str, store: str) -> list[dict[str, Any]]:
    """What was asked of that store about that app. A path of the App Store names it, or something that an answer about it
    has named."""
    asked = [row for row in rows if row["service"] == store and "eviews" not in row["path"]]
    if store == _PLAY:
        return [row for row in asked if f"/com.acme.{app}/" in row["path"]]
    number = _FIRST_ID + (_ALONE, _BESIDE).index(app)
    named = "".join(str(row["response"]) for row in asked if f"/apps/{number}/" in row["path"])
    return [row for row in asked if f"/apps/{number}/" in row["path"] or _names_it(row["path"], named)]


def _names_it(path: str, named: str) -> bool:
    return "/apps/" not in path and path.rsplit("/", maxsplit=1)[-1] in named
