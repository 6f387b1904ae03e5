"""One daemon with a thousand apps on two stores: what it takes of a processor and of memory, and how late it is.

Whole processes: the daemon with its database, and the stores (scale_stores.py), each answer 200 ms late. Each rollout has been
out for three days, with the journal and the ledger of a daemon that watched it; none is due to be raised, so that passes are the
quiet ones that nearly all are. What is counted begins when everything has been looked at once, and nothing that fell due meanwhile
waits any more.

Lateness is from the instant at which a pass was due, as the daemon wrote it down, to its first request's arrival. Cost is the
process's own time on processors for each pass, less what a daemon without passes takes in that time. Two daemons with ten
rollouts run beside for comparison, one that looks once a minute and one that does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.storage.engine import Engine, open_readonly
from tests.bench.emulated import daemon
from tests.bench.figure import Figure, shown
from tests.bench.scale_base import PER_PROJECT, configured, dues, filled

LATENCY_SECONDS = 0.2
FEW_APPS = 5
APPS, POLL = 1_000, timedelta(minutes=5)
APPS_QUICK, POLL_QUICK = 100, timedelta(minutes=1)
POLLS, POLLS_QUICK = 1, 3
"""How many are counted: of ten rollouts that are compared with, one minute has ten passes, and that is too few."""

P99_SECONDS, CORE_SHARE, RSS_MIB, COST_RATIO = 10.0, 0.6, 500, 1.3

APPLE_PER_HOUR, PLAY_PER_MINUTE = 3_500, 3_000
"""What one key of the App Store, and one account of Google Play, may ask (app-store-connect.md, google-play.md)."""

_LOOK_SECONDS, _PATIENCE_SECONDS = 2.0, 900.0
_LATE_SECONDS = 5.0
"""By what is written down, a pass that is under way is due until it has ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """`first_round_s`, `caught_up_s`: from the daemon's start until all had been looked at, and until nothing was late.
    `hung_*`: of the App Store's apps while Google Play answers nothing. `apple_per_hour`, `play_per_minute`, `sentry_per_poll`: requests."""

    rollouts: int
    poll_s: float
    counted_s: float
    passes: int
    p99_lateness_s: float
    worst_lateness_s: float
    core_share: float
    rss_mib: float
    cost_ratio: float
    cost_ms: float
    first_round_s: float
    first_round_core_s: float
    caught_up_s: float
    apple_per_hour: float
    play_per_minute: float
    sentry_per_poll: int
    load: float
    hung_p99_lateness_s: float
    hung_rss_mib: float

    @property
    def figures(self) -> list[Figure]:
        note = (
            f"{self.passes} passes in {self.counted_s:.0f} s, one of each rollout every {self.poll_s:.0f} s"
        )
        started = f"from the daemon's start; it took {self.first_round_core_s:.0f} s of a processor"
        hangs = "of App Store passes while Google Play answers nothing, for one poll"
        return [
            Figure("rollouts", self.rollouts, "", None, f"{self.rollouts // 2} apps, each on both stores"),
            Figure("lateness of a pass, p99", self.p99_lateness_s, "s", P99_SECONDS, note),
            Figure("the latest of them", self.worst_lateness_s, "s", None, ""),
            Figure("lateness beside one that hangs, p99", self.hung_p99_lateness_s, "s", P99_SECONDS, hangs),
            Figure("share of one core", self.core_share, "", CORE_SHARE, f"{self.cost_ms:g} ms a pass"),
            Figure("memory, at its most", self.rss_mib, "MiB", RSS_MIB, "VmHWM of the daemon's process"),
            Figure("cost of a pass, to that with 10", self.cost_ratio, "", COST_RATIO, "processor time"),
            Figure("until all were looked at", self.first_round_s, "s", None, started),
            Figure("until nothing was late", self.caught_up_s, "s", None, "from the daemon's start"),
            Figure("requests to the App Store an hour", self.apple_per_hour, "", None, _QUOTA_OF_APPLE),
            Figure("requests to Google Play a minute", self.play_per_minute, "", None, _QUOTA_OF_PLAY),
            Figure("requests to Sentry a poll", self.sentry_per_poll, "", None, _SHARED),
            Figure("load of the machine", self.load, "", None, f"{os.cpu_count()} cores"),
            Figure("memory while one hangs", self.hung_rss_mib, "MiB", None, ""),
        ]

    @property
    def kept(self) -> bool:
        return all(figure.kept for figure in self.figures)


_QUOTA_OF_APPLE = f"one key may ask {APPLE_PER_HOUR:,}: more need more keys, or a longer poll"
_SHARED = f"of {PER_PROJECT} apps in one project, on each store"
_QUOTA_OF_PLAY = f"one account may ask {PLAY_PER_MINUTE:,}"


def measure(*, quick: bool) -> Result:
    if not sys.platform.startswith("linux"):
        raise SystemExit("bench scale reads /proc and works on Linux only")
    apps, poll, polls = (APPS_QUICK, POLL_QUICK, POLLS_QUICK) if quick else (APPS, POLL, POLLS)
    seconds = polls * poll.total_seconds()
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch, ExitStack() as stack:
        stores = stack.enter_context(_stores(Path(scratch)))
        few, idle, many = (
            stack.enter_context(_watched(stores, name, count, every))
            for name, count, every in (
                ("few", FEW_APPS, timedelta(minutes=1)),
                ("idle", FEW_APPS, timedelta(hours=6)),
                ("many", apps, poll),
            )
        )
        first_round, first_work = many.until_all_were_looked_at(), many.work()
        caught_up = many.until_nothing_is_late()
        asked = _count(stores, (few, idle, many), seconds)
        result = _result(few, idle, many) | {
            "rollouts": 2 * apps,
            "poll_s": poll.total_seconds(),
            "first_round_s": round(first_round, 1),
            "first_round_core_s": round(first_work, 1),
            "caught_up_s": round(caught_up, 1),
            "apple_per_hour": round(asked.get("v1", 0) / seconds * 3_600),
            "play_per_minute": round(asked.get("androidpublisher", 0) / seconds * 60),
            "sentry_per_poll": round(asked.get("api", 0) / polls),
            "load": round(os.getloadavg()[0], 1),
        }
        result |= _hung(stores, many, poll.total_seconds())
    return Result(**result)


def as_json(result: Result) -> str:
    figures = [asdict(figure) | {"kept": figure.kept} for figure in result.figures]
    return json.dumps(asdict(result) | {"figures": figures}, indent=2)


def table(result: Result) -> str:
    return shown(result.figures, as_json=False)


def _count(stores: _Stores, watched: tuple[_Watched, ...], seconds: float) -> dict[str, int]:
    """Lets them run for so long; what was asked of the stores meanwhile."""
    stores.told()
    for each in watched:
        each.begin()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(_LOOK_SECONDS)
        for each in watched:
            each.look()
    told = stores.told()
    for each in watched:
        each.end(told["looks"])
    asked: dict[str, int] = told["asked"]
    return asked


def _result(few: _Watched, idle: _Watched, many: _Watched) -> dict[str, Any]:
    share = idle.worked / idle.counted  # of a daemon that looks at nothing
    costs = [(each.worked - share * each.counted) / max(len(each.looks), 1) for each in (few, many)]
    late = many.lateness()
    return {
        "counted_s": round(many.counted, 1),
        "passes": len(many.looks),
        "p99_lateness_s": round(_p99(late), 2),
        "worst_lateness_s": round(max(late), 2),
        "core_share": round(many.worked / many.counted, 3),
        "rss_mib": round(many.peak_mib, 1),
        "cost_ratio": round(costs[1] / costs[0], 2),
        "cost_ms": round(1_000 * costs[1], 1),
    }


def _hung(stores: _Stores, many: _Watched, seconds: float) -> dict[str, Any]:
    """Google Play answers nothing for one poll."""
    stores.ask("hang/google_play")
    _count(stores, (many,), seconds)
    stores.ask("go_on")
    return {
        "hung_p99_lateness_s": round(_p99(many.lateness(only=Store.APP_STORE)), 2),
        "hung_rss_mib": round(many.peak_mib, 1),
    }


def _p99(late: list[float]) -> float:
    return sorted(late)[min(len(late) * 99 // 100, len(late) - 1)]


@dataclass
class _Stores:
    """The other process, and where what it has is kept."""

    url: str
    model: Path
    folder: Path

    def ask(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_bench/{what}", timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def told(self) -> dict[str, Any]:
        """What was asked since this was asked last: `looks`, and how many requests by what their path begins with."""
        return self.ask("looks")


@dataclass
class _Watched:
    """A daemon, and what is seen of it from outside. `name` keeps its apps apart from those of others."""

    pid: int
    database: Engine
    apps: int
    first: int
    began: float
    dues: dict[StoreApp, set[float]] = field(default_factory=dict)
    looks: list[tuple[float, StoreApp]] = field(default_factory=list)
    worked: float = 0.0
    counted: float = 0.0
    _since: tuple[float, float] = (0.0, 0.0)

    def until_all_were_looked_at(self) -> float:
        """How long after its start. Raises RuntimeError."""
        while len(dues(self.database)) < 2 * self.apps:
            if time.monotonic() - self.began > _PATIENCE_SECONDS:
                raise RuntimeError(f"not everything was looked at within {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - self.began

    def until_nothing_is_late(self) -> float:
        """How long after its start. Raises RuntimeError."""
        while min(dues(self.database).values()) < time.time() - _LATE_SECONDS:
            if time.monotonic() - self.began > _PATIENCE_SECONDS:
                raise RuntimeError(f"passes were late for {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - self.began

    def begin(self) -> None:
        self._since = (time.monotonic(), self.work())

    def look(self) -> None:
        with suppress(StorageError):
            for app, due in dues(self.database).items():
                self.dues.setdefault(app, set()).add(due)

    def end(self, looks: list[tuple[float, str, str]]) -> None:
        self.counted = time.monotonic() - self._since[0]
        self.worked = self.work() - self._since[1]
        self.looks = [
            (at, StoreApp(f"app-{number}", Store(store)))
            for at, store, number in looks
            if self.first <= int(number) < self.first + self.apps
        ]

    def lateness(self, only: Store | None = None) -> list[float]:
        """Of each pass whose due was seen, in seconds."""
        return [
            at - max(before)
            for at, app in self.looks
            if only in (None, app.store) and (before := [due for due in self.dues.get(app, ()) if due <= at])
        ]

    @property
    def peak_mib(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1_024

    def work(self) -> float:
        """Seconds on processors, of the program and of the system for it."""
        after_the_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_the_name[11]) + int(after_the_name[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _stores(folder: Path) -> Iterator[_Stores]:
    command = [sys.executable, "-m", "tests.bench.scale_stores", str(folder), str(LATENCY_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the stores did not start; their words are above")
            told = json.loads(line)
            yield _Stores(told["url"], Path(told["config"]), folder)
        finally:
            process.terminate()


@contextmanager
def _watched(stores: _Stores, name: str, apps: int, poll: timedelta) -> Iterator[_Watched]:
    """A daemon on a database of its own."""
    folder, first = stores.folder / name, _FIRST[name]
    seconds = int(poll.total_seconds())
    config = configured(stores.model, folder, url=stores.url, apps=apps, first=first, poll=f"{seconds}s")
    url = f"sqlite:///{folder / 'state' / 'stagedrollout.db'}"
    filled(stores.model, url, apps, first)
    began = time.monotonic()
    with daemon(config) as process:
        database = open_readonly(url)
        try:
            yield _Watched(process.pid, database, apps, first, began)
        finally:
            database.dispose()
            process.kill()  # those who hang would be waited for


_FIRST = {"many": 0, "few": 9_000, "idle": 9_500}
"""The number of the first app of each daemon."""
