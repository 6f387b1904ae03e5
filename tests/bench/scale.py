"""One daemon with a thousand apps on two stores: what it takes of a processor and of memory, and how late it is.

Whole processes: the daemon with its database, and the stores (scale_stores.py), each answer 200 ms late. Each rollout has been
out for three days, with the journal and the ledger of a daemon that watched it; none is due to be raised, so that passes are the
quiet ones that nearly all are. What is counted begins when everything has been looked at once.

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
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.storage.engine import Engine, open_readonly
from tests.bench.emulated import daemon
from tests.bench.figure import Figure, shown
from tests.bench.scale_base import configured, dues, filled

LATENCY_SECONDS = 0.2
FEW_APPS = 5
APPS, POLL, POLLS_COUNTED = 1_000, timedelta(minutes=5), 2
APPS_QUICK, POLL_QUICK, POLLS_COUNTED_QUICK = 100, timedelta(minutes=1), 1

P99_SECONDS, CORE_SHARE, RSS_MIB, COST_RATIO = 10.0, 0.6, 500, 1.3

APPLE_PER_HOUR, PLAY_PER_MINUTE = 3_500, 3_000
"""What one key of the App Store, and one account of Google Play, may ask (app-store-connect.md, google-play.md)."""

_LOOK_SECONDS, _PATIENCE_SECONDS = 2.0, 900.0


@dataclass(frozen=True, slots=True)
class Result:
    """`first_round_s`: from the daemon's start until all had been looked at. `hung_*`: of the App Store's apps while Google Play
    answers nothing; None where that was not measured. `apple_per_hour`, `play_per_minute`: requests."""

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
    apple_per_hour: float
    play_per_minute: float
    load: float
    hung_p99_lateness_s: float | None = None
    hung_rss_mib: float | None = None

    @property
    def figures(self) -> list[Figure]:
        note = f"{self.passes} passes in {self.counted_s:.0f} s, one of each rollout every {self.poll_s:.0f} s"
        figures = [
            Figure("rollouts", self.rollouts, "", None, f"{self.rollouts // 2} apps, each on both stores"),
            Figure("lateness of a pass, p99", self.p99_lateness_s, "s", P99_SECONDS, note),
            Figure("the latest of them", self.worst_lateness_s, "s", None, ""),
            Figure("share of one core", self.core_share, "", CORE_SHARE, f"{self.cost_ms:g} ms a pass"),
            Figure("memory, at its most", self.rss_mib, "MiB", RSS_MIB, "VmHWM of the daemon's process"),
            Figure("cost of a pass, to that with 10", self.cost_ratio, "", COST_RATIO, "processor time"),
            Figure("until all were looked at", self.first_round_s, "s", None, "from the daemon's start"),
            Figure("requests to the App Store an hour", self.apple_per_hour, "", None, _QUOTA_OF_APPLE),
            Figure("requests to Google Play a minute", self.play_per_minute, "", None, _QUOTA_OF_PLAY),
            Figure("load of the machine", self.load, "", None, f"{os.cpu_count()} cores"),
        ]
        if self.hung_p99_lateness_s is not None and self.hung_rss_mib is not None:
            what = "of App Store passes while Google Play answers nothing, for one poll"
            figures.insert(
                3, Figure("lateness beside one that hangs, p99", self.hung_p99_lateness_s, "s", 10.0, what)
            )
            figures.append(Figure("memory meanwhile", self.hung_rss_mib, "MiB", None, ""))
        return figures

    @property
    def kept(self) -> bool:
        return all(figure.kept for figure in self.figures)


_QUOTA_OF_APPLE = f"one key may ask {APPLE_PER_HOUR:,}: more need more keys, or a longer poll"
_QUOTA_OF_PLAY = f"one account may ask {PLAY_PER_MINUTE:,}"


def measure(*, quick: bool) -> Result:
    if not sys.platform.startswith("linux"):
        raise SystemExit("bench scale reads /proc and works on Linux only")
    apps, poll = (APPS_QUICK, POLL_QUICK) if quick else (APPS, POLL)
    polls = POLLS_COUNTED_QUICK if quick else POLLS_COUNTED
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch, ExitStack() as stack:
        stores = stack.enter_context(_stores(Path(scratch)))
        few = stack.enter_context(_watched(stores, "few", FEW_APPS, timedelta(minutes=1)))
        idle = stack.enter_context(_watched(stores, "idle", FEW_APPS, timedelta(hours=6)))
        many = stack.enter_context(_watched(stores, "many", apps, poll))
        first_round = many.until_all_were_looked_at()
        few_began, idle_began = few.mark(), idle.mark()
        few.begin(), idle.begin(), many.begin()
        stores.counted()
        many.watch(polls * poll.total_seconds())
        asked = stores.counted()
        passes = stores.looks_of(many)
        del few_began, idle_began
        counted = many.counted_seconds
        idle_share = idle.core_seconds / idle.counted_seconds
        cost = (many.core_seconds - idle_share * counted) / len(passes)
        beside = stores.looks_of(few)
        cost_few = (few.core_seconds - idle_share * few.counted_seconds) / max(len(beside), 1)
        late = sorted(many.lateness(passes))
        result: dict[str, Any] = {
            "rollouts": 2 * apps,
            "poll_s": poll.total_seconds(),
            "counted_s": round(counted, 1),
            "passes": len(passes),
            "p99_lateness_s": round(_p99(late), 2),
            "worst_lateness_s": round(late[-1], 2),
            "core_share": round(many.core_seconds / counted, 3),
            "rss_mib": round(many.peak_mib, 1),
            "cost_ratio": round(cost / cost_few, 2),
            "cost_ms": round(1_000 * cost, 1),
            "first_round_s": round(first_round, 1),
            "apple_per_hour": round(asked["v1"] / counted * 3_600),
            "play_per_minute": round(asked["androidpublisher"] / counted * 60),
            "load": round(os.getloadavg()[0], 1),
        }
        if not quick:
            result |= _hung(stores, many, poll.total_seconds())
    return Result(**result)
