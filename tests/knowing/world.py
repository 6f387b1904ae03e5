"""Rollouts in a database and a configuration for them, as a daemon would have left both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from stagedrollout.cli.main import cli
from stagedrollout.core import facts
from stagedrollout.core.fold import fold
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.storage.batch import Batch, Summary
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.highwater import HighWater, mark_file
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from tests.reporting.histories import History

CONFIG = """\
database: sqlite:///x.db
google_play: {credentials: {file: play.json}}
sentry: {organization: acme, token: {env: SENTRY_TOKEN}}
slack: {token: {env: SLACK_TOKEN}, channel: C0RELEASE}
policies: [policies]
apps:
  - name: shop
    policy: standard
    google_play: {package: com.acme.shop, sentry: {project: shop}}
  - name: mail
    policy: standard
    google_play: {package: com.acme.mail, sentry: {project: mail}}
"""

STANDARD = """\
stages:
  - {percent: 1, bake: 24h}
  - {percent: 10, bake: 24h}
  - {percent: 100}
gates:
  - {metric: crash_free_sessions, floor: 99.0, min_sample: 500}
calendar: {time_zone: Asia/Tokyo}
"""
"""It takes precedence over the shipped policy of that name."""


class World:
    """`running`: a daemon beats; else it stopped."""

    def __init__(self, folder: Path, *histories: History, running: bool = True) -> None:
        self.config = folder / "stagedrollout.yaml"
        self.config.write_text(CONFIG, "utf-8")
        (folder / "policies").mkdir()
        (folder / "policies" / "standard.yaml").write_text(STANDARD, "utf-8")
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        path = mark_file(self.engine)
        assert path is not None
        highwater = HighWater(path, self.engine)
        highwater.begin(at_first=True)
        self.journal, self.presence = Journal(self.engine, highwater), Presence(self.engine)
        self.epoch = self.presence.claim("test", datetime.now(UTC), {})
        for history in histories:
            self.writes(history)
            self.presence.pass_finished(history.key.store_app, history.told[-1][1], next_due=None, problem="")
        if not running:
            self.stops()

    def writes(self, history: History, *, told_before: int = 0, notices: tuple[Notice, ...] = ()) -> None:
        """What the history has from its `told_before`th fact on."""
        at, new = history.told[-1][1], history.told[told_before:]
        rollout = fold(history.key, tuple(history.told))
        assert rollout is not None
        summary = Summary(
            rollout.release.version, rollout.phase.value, rollout.exposure_ppm, rollout.reason, rollout.pauses
        )
        entries = tuple(facts.written(fact, when) for fact, when in new)
        self.journal.record(Batch(history.key, at, entries=entries, summary=summary, notices=notices))

    def halt_notice(self, history: History) -> Notice:
        return Notice(f"{history.key}/halt", NoticeKind.HALTED, True, "halted", (), "policy standard")

    def stops(self) -> None:
        self.presence.leave(self.epoch, datetime.now(UTC))

    def says(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--config", str(self.config)], env={"COLUMNS": "80"})


def at(history: History, hours: float) -> datetime:
    return history.start + timedelta(hours=hours)


def superseded(history: History, hours: float, by: str) -> History:
    return history.at(hours, facts.Superseded(by))


def typed(instant: datetime) -> str:
    return instant.isoformat()
