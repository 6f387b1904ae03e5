"""A database as a big team has it: many rollouts with their journals, and a daemon that beats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.facts import DecisionKind
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
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence

DECISIONS = 60
"""Journal entries of one rollout beside its first ones: a rollout of two weeks has about so many."""

_WHY = "bakes at 5 % until 2026-03-04 10:00 UTC"


def many(folder: Path, rollouts: int) -> Path:
    """Writes it, and a configuration for it, which it gives."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{folder / 'x.db'}")
    upgrade(engine)
    now = datetime.now(UTC)
    presence = Presence(engine)
    epoch = presence.claim("bench", now, {"version": "bench"})
    recorder = Recorder(Journal(engine), LedgerTable(engine), epoch)
    for number in range(rollouts):
        app = StoreApp(f"app-{number // 2:03d}", (Store.GOOGLE_PLAY, Store.APP_STORE)[number % 2])
        presence.pass_finished(app, now, next_due=now + timedelta(minutes=15), problem="")
        _one(recorder, RolloutKey(app.app, app.store, "5020"), now)
    engine.dispose()
    config = folder / "stagedrollout.yaml"
    apps = "".join(f"- name: app-{number:03d}\n" for number in range((rollouts + 1) // 2))
    config.write_text(f"database: sqlite:///x.db\napps:\n{apps}")
    return config


def _one(recorder: Recorder, key: RolloutKey, now: datetime) -> None:
    release = Release("5020", "5.2.0", "5020")
    began = now - timedelta(hours=DECISIONS)
    found = facts.Discovered(
        release, "standard", OnNewRelease.ADOPT, ReleaseStatus.IN_PROGRESS, ReviewState.PUBLISHED, 50_000
    )
    seen = facts.Seen(ReleaseStatus.IN_PROGRESS, "inProgress", 50_000, ReviewState.PUBLISHED, "PUBLISHED")
    started = facts.Started(DAEMON, "the app adopts releases", "")
    known = recorder.begin(key, (found, seen, started, facts.WentLive(50_000)), began)
    for hour in range(DECISIONS):
        word, text = ("bake", _WHY) if hour % 2 else ("evidence", "evidence of safety 1.9 : 1, 10 : 1 needed")
        decided = facts.Decided(DecisionKind.WAIT, (Reason(word, text),), DAEMON)
        known = recorder.record(known, (decided,), began + timedelta(hours=hour))
