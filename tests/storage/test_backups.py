"""Copies of the database: taken under way, verified, put back with what they replace kept; and what is refused."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner, Result

from stagedrollout.cli.main import cli
from stagedrollout.core.errors import StorageError
from stagedrollout.storage.backup import back_up
from stagedrollout.storage.engine import Engine, open_engine, open_readonly, writing
from stagedrollout.storage.highwater import HighWater, mark_file
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.migrate import HEAD, REVISIONS, revision
from stagedrollout.storage.verifying import verify
from tests.storage.rows import SHOP, STANDING, batch, entry

pytestmark = pytest.mark.promise("R17")


@pytest.fixture
def journal(engine: Engine) -> Journal:
    path = mark_file(engine)
    assert path is not None
    highwater = HighWater(path, engine)
    highwater.begin(at_first=True)
    found = Journal(engine, highwater)
    for n in range(3):
        found.record(batch(entries=(entry("cleared", gate=str(n)),), summary=STANDING))
    return found


def db(path: Path, *typed: str) -> Result:
    config = path.with_name("stagedrollout.yaml")
    config.write_text(f"database: sqlite:///{path}\n", "utf-8")
    return CliRunner().invoke(cli, ["db", *typed, "--config", str(config)])


def said(answer: Result) -> str:
    return answer.output + str(answer.exception or "")


def heads(path: Path) -> tuple[int, str]:
    engine = open_readonly(f"sqlite:///{path}")
    proof = verify(engine)
    engine.dispose()
    return proof.entries, proof.head


def test_a_backup_is_one_file_of_its_own_and_holds_the_whole_journal(path: Path, journal: Journal) -> None:
    copy = path.with_name("copy.db")
    answer = db(path, "backup", str(copy))
    assert answer.exit_code == 0, said(answer)
    assert heads(copy) == heads(path)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "3 entries" in answer.output
    assert not list(path.parent.glob("copy.db-*"))


def test_a_backup_overwrites_nothing(path: Path, journal: Journal) -> None:
    copy = path.with_name("copy.db")
    copy.write_text("mine")
    assert "overwrites nothing" in said(db(path, "backup", str(copy)))
    assert copy.read_text() == "mine"


def test_a_backup_taken_while_a_daemon_writes_is_one_state_of_it(path: Path, journal: Journal) -> None:
    stop = threading.Event()

    def writes() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            both = tuple(entry("cleared", gate=f"{n}/{half}") for half in "ab")
            journal.record(batch(entries=both, summary=STANDING))

    daemon = threading.Thread(target=writes)
    daemon.start()
    try:
        proofs = [back_up(path, path.with_name(f"copy-{n}.db")) for n in range(5)]
    finally:
        stop.set()
        daemon.join()
    assert all(proof.sound for proof in proofs)
    assert [proof.entries % 2 for proof in proofs] == [1] * 5  # three, and then always two together
    assert proofs[-1].entries > proofs[0].entries


def test_a_damaged_database_makes_no_backup(path: Path, journal: Journal) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("update event set body = '{}' where seq = 2")
    connection.close()
    copy = path.with_name("copy.db")
    assert "seq 2" in said(db(path, "backup", str(copy)))
    assert not copy.exists()


def test_what_a_restore_replaces_is_kept_and_the_user_is_told_that_raises_are_closed(
    path: Path, engine: Engine, journal: Journal
) -> None:
    copy = path.with_name("copy.db")
    db(path, "backup", str(copy))
    before = heads(copy)
    journal.record(batch(entries=(entry("cleared", gate="late"),), summary=STANDING))
    newest = heads(path)
    engine.dispose()
    answer = db(path, "restore", str(copy))
    assert answer.exit_code == 0, said(answer)
    assert "NOTHING IS RAISED" in answer.output
    assert "ends at entry 3 and had come to 4" in answer.output
    (kept,) = path.parent.glob("state.db.replaced-*Z")
    assert (heads(path), heads(kept)) == (before, newest)
    assert path.stat().st_mode & 0o777 == 0o600
    again = db(path, "restore", str(kept))
    assert "goes on as before" in again.output  # the newest one is back: nothing to accept


def test_nothing_is_restored_or_upgraded_under_a_running_daemon(path: Path, journal: Journal) -> None:
    copy = path.with_name("copy.db")
    db(path, "backup", str(copy))
    with SingleDaemonLock.beside(path):
        for typed in (("restore", str(copy)), ("upgrade",)):
            assert "already runs" in said(db(path, *typed))
    assert not list(path.parent.glob("state.db.replaced-*"))


def _foreign(copy: Path) -> None:
    connection = sqlite3.connect(copy)
    connection.execute("create table mine (x)")
    connection.commit()
    connection.close()


def _newer(copy: Path) -> None:
    connection = sqlite3.connect(copy)
    with connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()


def _torn(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:20_000])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda copy: copy.write_text("a letter, and no database at all" * 99), "not a database"),
        (lambda copy: (copy.unlink(), _foreign(copy)), "no database of stagedrollout's"),
        (_newer, "newer stagedrollout"),
        (_torn, "not a backup"),
        (lambda copy: copy.unlink(), "there is no file"),
    ],
)
def test_what_is_no_backup_of_ours_is_refused_and_the_database_stays(
    path: Path, journal: Journal, spoil: Any, words: str
) -> None:
    copy, before = path.with_name("copy.db"), heads(path)
    db(path, "backup", str(copy))
    spoil(copy)
    answer = db(path, "restore", str(copy))
    assert answer.exit_code == 1
    assert words in said(answer)
    assert heads(path) == before
    assert not list(path.parent.glob("state.db.re*"))


def test_an_old_database_is_upgraded_after_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = open_engine(f"sqlite:///{path}")
    _at_schema(engine, REVISIONS[-2])
    engine.dispose()
    answer = db(path, "upgrade")
    assert answer.exit_code == 0, said(answer)
    (copy,) = tmp_path.glob(f"old.db.schema-{REVISIONS[-2]}-*")
    assert [revision(open_readonly(f"sqlite:///{each}")) for each in (path, copy)] == [HEAD, REVISIONS[-2]]
    assert "is up to date" in db(path, "upgrade").output


def _at_schema(engine: Engine, wanted: str) -> None:
    config = Config()
    config.set_main_option("script_location", "stagedrollout.storage:migrations")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, wanted)


def test_check_says_of_each_part_whether_it_is_well(path: Path, journal: Journal) -> None:
    answer = db(path, "check", "--json")
    found = json.loads(answer.output)
    assert (answer.exit_code, found["sound"]) == (0, True)
    abouts = [each["about"] for each in found["findings"]]
    assert abouts == ["file", "schema", "journal", "counts", "high-water", "spool"]
    mark_file_path = path.with_name("state.db.highwater")
    mark_file_path.write_text("{")
    answer = db(path, "check")
    assert answer.exit_code == 1
    assert "NO  high-water" in answer.output


def test_a_damaged_file_is_said_to_be_damaged_with_its_cure(
    path: Path, engine: Engine, journal: Journal
) -> None:
    engine.dispose()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 5] = b"x" * (4096 * 3)
    path.write_bytes(content)
    answer = db(path, "check")
    assert answer.exit_code == 1
    assert "db restore" in answer.output
    path.write_bytes(b"this is no database any more, and will not be one" * 100)
    assert "NO  file" in db(path, "check").output
    with pytest.raises(StorageError, match=r"damaged.*db restore"):
        open_engine(f"sqlite:///{path}")


def test_the_half_of_a_mark_that_a_crash_left_is_no_mark(
    path: Path, engine: Engine, journal: Journal
) -> None:
    """A crash before the rename leaves the old mark, which the journal still holds."""
    path.with_name("state.db.highwater.new").write_text('{"seq": 9')
    assert db(path, "check").exit_code == 0
    journal.record(batch(entries=(entry("cleared", gate="on"),), summary=STANDING))
    assert json.loads(path.with_name("state.db.highwater").read_text())["seq"] == 4


def test_a_crash_between_commit_and_mark_is_no_restored_backup(
    path: Path, engine: Engine, journal: Journal
) -> None:
    Journal(engine).record(batch(entries=(entry("cleared", gate="unmarked"),), summary=STANDING))
    assert json.loads(path.with_name("state.db.highwater").read_text())["seq"] == 3
    assert db(path, "check").exit_code == 0
    again = HighWater(path.with_name("state.db.highwater"), engine)
    again.begin(at_first=False)
    assert again.doubt() is None
    Journal(engine, again).record(batch(entries=(entry("cleared", gate="on"),), expected_seq=4))
    assert json.loads(path.with_name("state.db.highwater").read_text())["seq"] == 5
    assert Journal(engine).verify(SHOP) is None
