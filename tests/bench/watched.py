"""What a page of /metrics costs, by the number of rollouts: one process's time, bytes and lines."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.daemon.watched.figures import figures
from stagedrollout.daemon.watched.memory import GateLook, PassEnded
from stagedrollout.daemon.watched.page import Page
from stagedrollout.daemon.watched.seen import Seen
from tests.bench.figure import Figure
from tests.watched.test_checks import GATE, LOOK, WELL

FLOOR = replace(GATE, threshold_ppm=960_000, sample_needed=1_000, ln_harm=None)
GATES = (
    GATE,
    *(
        GateLook(name, "required", 0, ln_harm=-1.23)
        for name in ("floor", "crashed_users", "abnormal_sessions")
    ),
    GateLook("ratings", "veto", 0, ln_harm=-0.98),
    replace(FLOOR, gate="crash_free_sessions", role="veto"),
    replace(FLOOR, gate="reviews", role="veto"),
)
"""As the policy `standard` has them, with the numbers that each gives."""

PAGES = 7


def measure() -> list[Figure]:
    few, many = _of(200), _of(2_000)
    return [
        Figure("A page of /metrics with 200 rollouts, processor", few[0], "ms", 200, few[1]),
        Figure("The same with 2,000 rollouts", many[0], "ms", 2_000, many[1]),
    ]


def seen(rollouts: int) -> Seen:
    """Two store apps for each app, a rollout on each, and everything that a gate can tell."""
    apps = [
        StoreApp(f"app-{number // 2:04d}", (Store.GOOGLE_PLAY, Store.APP_STORE)[number % 2])
        for number in range(rollouts)
    ]
    look = replace(LOOK, gates=GATES)
    return replace(
        WELL,
        lateness=dict.fromkeys(apps, WELL.turn_age),
        problems=dict.fromkeys(apps, ""),
        passes={(app, PassEnded.DONE): 17 for app in apps},
        looks={RolloutKey(app.app, app.store, "5020"): look for app in apps},
    )


def _of(rollouts: int) -> tuple[float, str]:
    known = seen(rollouts)
    page = Page(lambda: figures(known, {}))
    costs, content = [], b""
    for _ in range(PAGES):
        begun = time.process_time()
        content = page.content()
        costs.append((time.process_time() - begun) * 1_000)
        page._made_at = float("-inf")  # each is made anew
    lines = content.count(b"\n")
    note = f"{lines:,} lines, {len(content) / 1024 / 1024:.1f} MiB"
    return round(median(costs), 1), note
