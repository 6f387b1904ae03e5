"""kill -9 in the middle of an upgrade, and a database that is newer than the daemon: clear words, and nothing lost."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.processes import eventually, run
from tests.acceptance.stories import short

pytestmark = pytest.mark.promise("R13", "R18")


WHY = ("--reason", "because of a test")
RAISED = [("inProgress", 50)]
OLD, NEW = "0006", "0023"
BEFORE_THE_COMMIT, AFTER_THE_COMMIT = 18, 19
"""Points of the upgrade from the one to the other (dying/sitecustomize.py)."""


def dies_at(point: int) -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).with_name("dying")), "DIES_AT": str(point)}


def _database(stage) -> Path:
    (database,) = (stage.conf / "state").glob("*.db")
    return database


def _schema(stage) -> str:
    return _rows(stage, "SELECT version_num FROM alembic_version")[0][0]


def _rows(stage, query: str):
    with closing(sqlite3.connect(_database(stage))) as connection:
        return connection.execute(query).fetchall()


def _changed(stage, *statements: str) -> None:
    with closing(sqlite3.connect(_database(stage))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def _made_old(stage) -> None:
    """As an older version made and wrote it: later steps added tables and indexes, which it did not have."""
    indexes = (
        "ix_event_rollout_kind_at",
        "ix_rollout_phase",
        "ix_intent_rollout",
        "ix_outbox_rollout",
        "ix_thread_behind",
    )
    _changed(stage, "DROP TABLE errand", "DROP TABLE retired", *(f"DROP INDEX {name}" for name in indexes))
    _changed(
        stage,
        "CREATE TABLE daemon (id INTEGER NOT NULL PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL,"
        " started_us BIGINT NOT NULL, heartbeat_us BIGINT NOT NULL, info TEXT NOT NULL)",
        "INSERT INTO daemon SELECT 1, holder, epoch, started_us, heartbeat_us, info FROM replica",
        "DROP TABLE replica",
        "DROP TABLE lease",
    )
    _changed(stage, f"UPDATE alembic_version SET version_num = '{OLD}'")


def _everything(stage) -> dict[str, list[tuple[object, ...]]]:
    """All that is written down, but for what the last step adds."""
    tables = ("event", "intent", "outbox", "thread", "rollout", "bucket", "standing")
    return {table: _rows(stage, f"SELECT * FROM {table}") for table in tables}


@pytest.fixture
def killed_over_a_raise(opens):
    """The daemon of the version before was killed while it waited for the answer to its raise's commit."""
    stage = opens(short(until="8h"), to="5h")
    stage.breaks("google_play", "slow", "edits.commit", seconds=2.0)
    stage.stops_at("7h")
    eventually(lambda: stage.ledger("fault"), what="the raise's commit")
    stage.kills_daemon()
    stage.heals()
    _made_old(stage)
    return stage


def test_an_upgrade_that_is_killed_anywhere_leaves_the_old_database_or_the_new_one(killed_over_a_raise):
    stage = killed_over_a_raise
    before = _everything(stage)
    assert "db upgrade" in stage.types("status").err
    for point in range(1, AFTER_THE_COMMIT + 1):
        died = run("db", "upgrade", "--config", str(stage.config), **dies_at(point))
        assert died.code == -signal.SIGKILL, died.said
        assert _schema(stage) == (NEW if point == AFTER_THE_COMMIT else OLD)
        assert _everything(stage) == before
    upgraded = stage.types("db", "upgrade")
    assert (upgraded.code, "up to date" in upgraded.out) == (0, True)
    checked = stage.types("db", "check")
    assert (checked.code, "NO" in checked.out) == (0, False), checked.said
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()


@pytest.mark.parametrize(("point", "schema"), [(BEFORE_THE_COMMIT, OLD), (AFTER_THE_COMMIT, NEW)])
def test_a_daemon_killed_in_its_first_start_after_an_upgrade_is_started_again_and_goes_on(
    killed_over_a_raise, point, schema
):
    """What the version before had left in doubt is settled by looking, and not sent again."""
    stage = killed_over_a_raise
    before = _everything(stage)
    assert stage.starts_daemon_unwatched(**dies_at(point)).ended(within=30) == -signal.SIGKILL
    stage.kills_daemon()
    assert (_schema(stage), _everything(stage)) == (schema, before)
    stage.starts_daemon()
    stage.plays_out()
    assert _schema(stage) == NEW
    assert stage.committed() == RAISED
    stage.is_clean()


def test_a_database_newer_than_the_daemon_is_refused_in_words_and_left_as_it_is(opens):
    """Somebody went back to an older version. It raises nothing and says what it needs; the newer one goes on."""
    stage = opens(short(until="8h"), to="5h")
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
    _changed(stage, "CREATE TABLE novelty (what TEXT)", "UPDATE alembic_version SET version_num = '9999'")
    before = _everything(stage)
    started = stage.starts_daemon_unwatched()
    assert started.ended(within=30) != 0
    said = [started.said]
    for command in (("status",), ("db", "upgrade"), ("db", "check"), ("history",)):
        done = stage.types(*command)
        assert done.code != 0
        said.append(done.said)
    for words in said:
        assert "newer stagedrollout" in words
        assert "Traceback" not in words
    refused = stage.types("halt", "acme", *WHY)
    assert (refused.code, "NOT HALTED" in refused.err) == (3, True)
    assert _everything(stage) == before
    assert stage.writes() == []
    _changed(stage, "DROP TABLE novelty", f"UPDATE alembic_version SET version_num = '{NEW}'")
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()
