"""Opening the database: who may read it, who waits for whom, and our words when it cannot be used."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.engine import (
    Engine,
    database_file,
    open_engine,
    open_existing,
    open_readonly,
    reading,
    writing,
)
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import replicas
from tests.storage.rows import NOW


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_the_database_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "var" / "stagedrollout" / "100 % état.db"
    before = os.umask(umask)
    try:
        engine = open_engine(f"sqlite:///{path}")
        upgrade(engine)
        Presence(engine).claim("host/1", NOW, {})
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert database_file(engine) == path
    engine.dispose()


def test_a_commit_is_on_the_disk_when_it_returns(engine: Engine) -> None:
    with reading(engine) as connection:
        found = [
            connection.execute(text(f"pragma {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert found == ["wal", 2, 5000, 1]


def test_two_threads_of_two_hundred_increments_lose_nothing(engine: Engine) -> None:
    Presence(engine).claim("counter", NOW, {})
    failures: list[BaseException] = []

    def increment() -> None:
        try:
            for _ in range(200):
                with writing(engine) as connection:
                    found = connection.execute(select(replicas.c.epoch)).scalar_one()
                    connection.execute(replicas.update().values(epoch=found + 1))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=increment) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = Presence(engine).current()
    assert failures == []
    assert row is not None
    assert row.epoch == 401


def test_a_reader_sees_one_state_while_a_writer_commits(engine: Engine) -> None:
    Presence(engine).claim("one", NOW, {})
    with reading(engine) as connection:
        first = connection.execute(select(replicas.c.epoch)).scalar()
        Presence(engine).claim("two", NOW, {})
        assert connection.execute(select(replicas.c.epoch)).scalar() == first == 1
    row = Presence(engine).current()
    assert row is not None
    assert row.epoch == 2


def test_a_writer_that_waits_too_long_gets_our_error_and_can_go_on(engine: Engine, url: str) -> None:
    hasty = open_existing(url, busy_seconds=0.05)
    with writing(engine), pytest.raises(StorageError, match="locked"):
        Presence(hasty).claim("hasty", NOW, {})
    assert Presence(hasty).claim("hasty", NOW, {}) == 1
    hasty.dispose()


def test_an_error_inside_a_transaction_undoes_it_and_passes_through(engine: Engine) -> None:
    def write_then_fail() -> None:
        with writing(engine) as connection:
            row = {"place": "", "holder": "x", "epoch": 7, "started_us": 0, "heartbeat_us": 0, "info": "{}"}
            row |= {"heard_us": 0, "expires_us": 0}
            connection.execute(replicas.insert().values(row))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_then_fail()
    assert Presence(engine).current() is None


def test_whoever_only_looks_cannot_write(engine: Engine, url: str) -> None:
    Presence(engine).claim("host/1", NOW, {})
    looking = open_readonly(url)
    assert Presence(looking).current() == Presence(engine).current()
    with pytest.raises(StorageError, match="readonly"):
        Presence(looking).claim("intruder", NOW, {})
    looking.dispose()


@pytest.mark.parametrize("opening", [open_readonly, open_existing])
def test_a_missing_database_is_said_in_words_and_not_made(tmp_path: Path, opening) -> None:
    path = tmp_path / "state.db"
    with pytest.raises(StorageError, match=r"no database at .*state.db: has `stagedrollout run` ever"):
        opening(f"sqlite:///{path}")
    assert not path.exists()


def test_a_database_that_vanishes_is_our_error_and_is_not_made_anew(url: str, path: Path) -> None:
    engine = open_existing(url)
    path.unlink()
    with pytest.raises(StorageError, match="unable to open"):
        Presence(engine).current()
    assert not path.exists()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory", "sqlite:///x.db?cache=shared"]
)
def test_a_database_that_would_forget_is_refused(url: str) -> None:
    for opening in (open_engine, open_readonly):
        with pytest.raises(StorageError, match="survive a restart"):
            opening(url)


@pytest.mark.parametrize("url", ["", "state.db", "nonsense://u:s3cret@host/db", "//u:s3cret@host"])
def test_an_unreadable_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StorageError) as refused:
        open_engine(url)
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_no_database_is_our_error(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("shopping list\n" * 100)
    with pytest.raises(StorageError, match="not a database"):
        open_engine(f"sqlite:///{path}")


def test_a_directory_in_the_files_place_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        open_engine(f"sqlite:///{tmp_path}")
    (tmp_path / "plain").write_text("")
    with pytest.raises(StorageError, match="cannot be created"):
        open_engine(f"sqlite:///{tmp_path}/plain/state.db")


def test_a_failed_statement_does_not_tell_what_was_to_be_written(engine: Engine) -> None:
    with pytest.raises(StorageError) as failed, writing(engine) as connection:
        connection.execute(replicas.insert().values(place="canary", holder="canary"))
    assert "canary" not in str(failed.value)
    assert "canary" not in str(failed.value.__cause__)


def test_what_was_wrong_with_the_disk_is_told_not_what_it_led_to(tmp_path):
    """SQLite undoes the whole transaction then, so that SQLAlchemy finds no savepoint to go back to."""
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with (
        pytest.raises(StorageError, match="no such table: nowhere"),
        writing(engine) as connection,
        connection.begin_nested(),
    ):
        connection.connection.driver_connection.execute("ROLLBACK")
        connection.execute(text("SELECT 1 FROM nowhere"))
