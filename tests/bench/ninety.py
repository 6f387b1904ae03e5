"""Whether a long journal makes people wait: `status` and others after ninety days of it, beside a database that is fresh.

Both have the same store apps with the same releases going on; one has twelve releases before each as well, as weekly
releases leave them, about a million entries in all. The rows are written at once, as a daemon would have over three months.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.events import CHAIN_START, Entry, chain_hash
from stagedrollout.core.facts import DecisionKind, Fact
from stagedrollout.core.model import (
    DAEMON,
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Store,
    StoreApp,
)
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.instants import micros
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import events, passes, rollouts
from stagedrollout.storage.wording import json_text
from tests.bench.emulated import PROGRAM
from tests.bench.figure import Figure

SEED = 1
APPS, WEEKS = 1_000, 13
ENTRIES = (20, 60)
"""Of one release, the least and the most: it is out for a week."""

ROUNDS = 7
RATIO = 1.5
CHUNK = 20_000
_WHY = Reason("bake", "bakes at 5 % until 2026-03-04 10:00 UTC")


def measure(seed: int = SEED, apps: int = APPS) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="stagedrollout-bench-") as scratch:
        fresh, _ = written(Path(scratch) / "fresh", apps, 1, seed)
        long, entries = written(Path(scratch) / "long", apps, WEEKS, seed)
        took = _alternately(
            {
                "fresh": ["status", "--config", str(fresh)],
                "long": ["status", "--config", str(long)],
                "fresh history": ["history", "app-0007", "--config", str(fresh)],
                "long history": ["history", "app-0007", "--config", str(long)],
            }
        )
        looked = [_pass_asks(config, apps) for config in (fresh, long)]
    note = (
        f"{2 * apps:,} rollouts going on, {entries:,} entries of {2 * apps * WEEKS:,} rollouts; seed {seed}"
    )
    return [
        Figure("status, fresh", round(took["fresh"] * 1_000), "ms", None, f"median of {ROUNDS}"),
        Figure("status after 90 days", round(took["long"] * 1_000), "ms", None, note),
        Figure("status_ratio", round(took["long"] / took["fresh"], 2), "", RATIO, "90 days : fresh"),
        Figure("history APP after 90 days", round(took["long history"] * 1_000), "ms", None, "one page"),
        Figure(
            "what a pass asks the journal first",
            round(looked[1] * 1_000, 2),
            "ms",
            None,
            f"which rollouts its app has; fresh {looked[0] * 1_000:.2f} ms",
        ),
    ]


def written(folder: Path, apps: int, weeks: int, seed: int) -> tuple[Path, int]:
    """A configuration with its database, and how many entries that has."""
    folder.mkdir(parents=True)
    engine = open_engine(f"sqlite:///{folder / 'x.db'}")
    upgrade(engine)
    now = datetime.now(UTC)
    Presence(engine).claim("bench", now + timedelta(hours=1), {"version": "bench"})
    count = _fill(engine, apps, weeks, random.Random(seed), now)
    engine.dispose()
    names = "".join(f"- name: app-{number:04d}\n" for number in range(apps))
    config = folder / "stagedrollout.yaml"
    config.write_text(f"database: sqlite:///x.db\napps:\n{names}", "utf-8")
    return config, count


def _fill(engine: Engine, apps: int, weeks: int, chance: random.Random, now: datetime) -> int:
    ours = [StoreApp(f"app-{number:04d}", store) for number in range(apps) for store in Store]
    seq, rows, known = 0, list[dict[str, Any]](), list[dict[str, Any]]()
    with writing(engine) as connection:
        for week in range(weeks):
            for app in ours:
                key = RolloutKey(app.app, app.store, str(5_000 + week))
                begun = now - timedelta(days=7 * (weeks - week))
                told = _told(key, begun, chance.randint(*ENTRIES))
                for row in _chained(key, told):
                    seq += 1
                    rows.append({**row, "seq": seq})
                known.append(_standing(key, _phase(app, week, weeks), seq, told[-1][1]))
                if len(rows) >= CHUNK:
                    connection.execute(events.insert(), rows)
                    rows.clear()
        if rows:
            connection.execute(events.insert(), rows)
        connection.execute(rollouts.insert(), known)
        looked = {"started_us": micros(now), "finished_us": micros(now), "next_due_us": micros(now)}
        connection.execute(
            passes.insert(), [{"app": a.app, "store": a.store.value, "problem": "", **looked} for a in ours]
        )
    return seq


def _phase(app: StoreApp, week: int, weeks: int) -> str:
    """Google Play no longer lists what was replaced, the App Store does."""
    if week == weeks - 1:
        return "rolling_out"
    return "completed" if app.store is Store.GOOGLE_PLAY else "superseded"


def _told(key: RolloutKey, begun: datetime, count: int) -> list[tuple[Fact, datetime]]:
    release = Release(key.release_id, f"5.{key.release_id[-2:]}.0", key.release_id)
    found = facts.Discovered(
        release, "standard", OnNewRelease.ADOPT, ReleaseStatus.IN_PROGRESS, ReviewState.PUBLISHED, 50_000
    )
    seen = facts.Seen(ReleaseStatus.IN_PROGRESS, "inProgress", 50_000, ReviewState.PUBLISHED, "PUBLISHED")
    first = (found, seen, facts.Started(DAEMON, "the app adopts releases", ""), facts.WentLive(50_000))
    decided = facts.Decided(DecisionKind.WAIT, (_WHY,), DAEMON)
    later = ((decided, begun + timedelta(hours=hour)) for hour in range(count - len(first)))
    return [*((fact, begun) for fact in first), *later]


def _chained(key: RolloutKey, told: list[tuple[Fact, datetime]]) -> Iterator[dict[str, Any]]:
    prev = CHAIN_START
    for fact, at in told:
        given = facts.written(fact, at)
        text = json_text(given.body)
        digest = chain_hash(prev, key, Entry(given.kind, at, json.loads(text)))
        yield {
            "rollout": str(key),
            "at_us": micros(at),
            "kind": given.kind,
            "body": text,
            "prev": prev,
            "hash": digest,
        }
        prev = digest


def _standing(key: RolloutKey, phase: str, seq: int, at: datetime) -> dict[str, Any]:
    return {
        "key": str(key),
        "app": key.app,
        "store": key.store.value,
        "release_id": key.release_id,
        "label": f"5.{key.release_id[-2:]}.0",
        "phase": phase,
        "exposure_ppm": 50_000,
        "reason": _WHY.text,
        "updated_us": micros(at),
        "seq": seq,
    }


def _alternately(commands: dict[str, list[str]]) -> dict[str, float]:
    """Seconds, the median of each: in turns, so that whatever else the machine does burdens them alike."""
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS + 1):
        for name, words in commands.items():
            started = time.perf_counter()
            subprocess.run([*PROGRAM, *words], check=True, stdout=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - started)
    return {name: statistics.median(each[1:]) for name, each in took.items()}


def _pass_asks(config: Path, apps: int) -> float:
    engine = open_engine(f"sqlite:///{config.parent / 'x.db'}")
    journal, took = Journal(engine), list[float]()
    for number in range(0, apps, max(apps // 100, 1)):
        started = time.perf_counter()
        journal.heads(StoreApp(f"app-{number:04d}", Store.GOOGLE_PLAY))
        took.append(time.perf_counter() - started)
    engine.dispose()
    return statistics.median(took)
