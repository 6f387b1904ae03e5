"""`health` as whatever watches over the daemon sees it: one verdict, the reasons, and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.storage.batch import Batch, Summary
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from tests.acceptance.processes import Done, eventually, run
from tests.acceptance.stories import short, turns_bad

ACME = StoreApp("acme", Store.GOOGLE_PLAY)
FOR_EVER = None


class Left:
    """A database as a daemon has left it, and what `health` says of it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "stagedrollout.yaml"
        self.config.write_text("database: sqlite:///x.db\napps: []\n")
        engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(engine)
        self.presence, self.journal = Presence(engine), Journal(engine)
        self.close = engine.dispose
        self.now = datetime.now(UTC)

    def daemon(self, *, beat: timedelta = timedelta(0), begun: timedelta = timedelta(days=1)) -> None:
        """A daemon that began and beat so long ago."""
        info = {"poll_seconds": 900, "clock": "system", "watching": [str(ACME)]}
        epoch = self.presence.claim("host:1", self.now - begun, info)
        self.presence.beat(epoch, self.now - beat)

    def passed(self, *, due: timedelta, problem: str = "") -> None:
        self.presence.pass_finished(ACME, self.now, next_due=self.now + due, problem=problem)

    def asked(self, *options: str) -> Done:
        return run("health", *options, "--config", str(self.config))

    def said(self, *options: str) -> dict[str, Any]:
        done = self.asked("--json", *options)
        document: dict[str, Any] = json.loads(done.out)
        assert done.code == (0 if document["healthy"] else 1), done
        return document


@pytest.fixture
def left(tmp_path: Path):
    found = Left(tmp_path)
    yield found
    found.close()


def _not_halted(left: Left) -> None:
    key = RolloutKey("acme", Store.GOOGLE_PLAY, "5020")
    summary = Summary("5.2.0 (5020)", "not_halted", 100_000, "Play refuses")
    left.journal.record(Batch(key, left.now, summary=summary))


def _undelivered(left: Left) -> None:
    key = RolloutKey("acme", Store.GOOGLE_PLAY, "5020")
    notice = Notice("one", NoticeKind.RAISED, broadcast=False, headline="raised")
    left.journal.record(Batch(key, left.now - timedelta(minutes=11), notices=(notice,)))


TROUBLES: dict[str, tuple[Callable[[Left], None], str, str]] = {
    "dead": (lambda left: left.daemon(beat=timedelta(minutes=3)), "daemon", "no heartbeat for 3m"),
    "late": (
        lambda left: left.passed(due=-timedelta(minutes=40)),
        "late",
        "acme/google_play: its pass is 40m",
    ),
    "problem": (
        lambda left: left.passed(due=timedelta(minutes=5), problem="the store could not be read: timed out"),
        "problem",
        "acme/google_play: the store could not be read: timed out",
    ),
    "not halted": (_not_halted, "halt", "acme on google_play 5.2.0 (5020) is NOT HALTED: Play refuses"),
    "undelivered": (_undelivered, "notices", "1 notice is not delivered for 11m"),
}


def test_a_well_daemon_is_well_in_one_word(left: Left):
    left.daemon()
    left.passed(due=timedelta(minutes=15))
    done = left.asked()
    assert (done.code, done.out, done.err) == (0, "healthy\n", "")
    assert left.said() == {"healthy": True, "findings": []}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_is_one_line_under_the_verdict(left: Left, trouble: str):
    brought_about, about, words = TROUBLES[trouble]
    left.daemon()
    left.passed(due=timedelta(minutes=15))
    brought_about(left)
    done = left.asked()
    verdict, *lines = done.out.splitlines()
    assert (done.code, verdict, len(lines)) == (1, "UNHEALTHY", 1)
    assert lines[0].startswith(f"- {words}")
    (finding,) = left.said()["findings"]
    assert (finding["about"], finding["ill"]) == (about, True)


def test_who_watches_decides_how_old_a_heartbeat_may_be(left: Left):
    left.daemon(beat=timedelta(minutes=3))
    left.passed(due=timedelta(minutes=15))
    assert left.said("--max-age", "1h")["healthy"] is True
    assert left.said()["healthy"] is False


def test_a_database_that_cannot_be_read_is_ill_and_told_as_a_document(tmp_path: Path):
    config = tmp_path / "stagedrollout.yaml"
    config.write_text("database: sqlite:///nowhere.db\napps: []\n")
    done = run("health", "--json", "--config", str(config))
    document = json.loads(done.out)
    assert (done.code, document["healthy"]) == (1, False)
    assert [finding["about"] for finding in document["findings"]] == ["database"]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, (), "stagedrollout.yaml"),
        ("apps: []\n", (), "`database` is missing"),
        ("database: sqlite:///x.db\n", ("--max-age", "45"), "a duration is written like 45m"),
        ("database: sqlite:///x.db\n", ("--max-age", "10s"), "more than 10s"),
    ],
)
def test_a_wrong_configuration_is_not_an_ill_daemon(
    tmp_path: Path, text: str | None, options: tuple[str, ...], words: str
):
    config = tmp_path / "stagedrollout.yaml"
    if text:
        config.write_text(text)
    done = run("health", *options, "--config", str(config))
    assert (done.code, done.out) == (2, "")
    assert words in done.err


# ---- of a daemon that runs


def _with_a_heartbeat(config: Any) -> None:
    config["health"] = {"heartbeat_file": "state/heartbeat"}


def test_a_running_daemon_is_well_writes_its_heartbeat_and_is_ill_once_stopped(opens):
    stage = opens(short(until="9h"))
    stage.edits_config(_with_a_heartbeat)
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to("3h")
    assert stage.document("health")["healthy"] is True
    path = stage.conf / "state" / "heartbeat"
    first = eventually(path.exists, within=15, what="the first heartbeat") and json.loads(path.read_text())
    assert first["epoch"] == 1
    assert path.stat().st_mode & 0o777 == 0o600

    eventually(lambda: json.loads(path.read_text())["at"] > first["at"], within=25, what="the next heartbeat")
    assert json.loads(path.read_text())["problem"] == ""
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
    stopped = stage.types("health")
    assert stopped.code == 1
    assert "the daemon was stopped at" in stopped.out


def test_a_store_that_refuses_the_halt_makes_the_daemon_ill_until_it_does_not(opens):
    stage = opens(turns_bad(short(until="8h"), at="3h"), to="3h")
    stage.breaks("google_play", "500", "edits.commit", count=FOR_EVER)
    stage.stops_at("4h 15m")
    stage.shows("not_halted")
    ill = stage.types("health")
    assert ill.code == 1
    assert "acme on google_play" in ill.out
    assert "NOT HALTED" in ill.out
    stage.heals()
    stage.stops_at("6h")
    stage.serves("halted", 0)
    eventually(lambda: stage.types("health").code == 0, within=20, what="being well again")


def _with_a_wrong_dsn(config: Any) -> None:
    config["health"] = {"sentry_dsn": {"file": "secrets/sentry-token"}}


def test_a_daemon_with_a_wrong_dsn_does_not_start_and_does_not_show_it(opens):
    stage = opens(short(until="2h"))
    stage.edits_config(_with_a_wrong_dsn)
    done = stage.types("run")
    assert done.code == 2
    assert "health.sentry_dsn: the file secrets/sentry-token holds no DSN" in done.err
    assert not [secret for secret in stage.secrets() if secret in done.said]
