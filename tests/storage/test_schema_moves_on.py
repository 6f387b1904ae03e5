"""Migrations: from nothing, twice, and in agreement with the tables the code uses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from stagedrollout.core.errors import StorageError
from stagedrollout.storage import migrate
from stagedrollout.storage.engine import Engine, is_server, open_engine, reading, writing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.numbers import of_a_server
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import metadata
from tests.storage.rows import NOW, SHOP, STANDING, batch, entry, intent, notice, revision


@pytest.fixture
def empty(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'empty.db'}"
        if kind == "postgresql":
            server = request.getfixturevalue("server")
            url = server.url(stack.enter_context(server.database("template1")))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        yield engine


def test_an_empty_database_is_made_ready_and_a_second_upgrade_changes_nothing(empty: Engine) -> None:
    with pytest.raises(StorageError, match="empty"):
        migrate.check(empty)
    migrate.upgrade(empty)
    migrate.check(empty)
    Presence(empty).claim("host/1", NOW, {})
    migrate.upgrade(empty)
    migrate.check(empty)
    assert Presence(empty).claim("host/1", NOW, {}) == 2


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Engine) -> None:
    with writing(empty) as connection:
        connection.execute(text("create table rollout (mine text)"))
    with pytest.raises(StorageError, match="rollout"):
        migrate.upgrade(empty)
    with reading(empty) as connection:
        assert inspect(connection).get_table_names() == ["rollout"]


def test_a_newer_schema_is_refused_in_words_by_everybody(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for asking in (migrate.check, migrate.upgrade):
        with pytest.raises(StorageError, match="newer stagedrollout"):
            asking(engine)


def test_an_older_schema_is_said_with_its_cure(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "9998"))
    monkeypatch.setattr(migrate, "HEAD", "9998")
    with pytest.raises(StorageError, match=r"older stagedrollout.*`stagedrollout db upgrade`"):
        migrate.check(engine)


@pytest.mark.of_a_file  # no daemon has ever run on a server whose schema is that old
def test_a_rollout_under_way_goes_on_where_it_was_when_the_ledger_comes(empty: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "stagedrollout.storage:migrations")
    with writing(empty) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    journal, ledger, presence = Journal(empty), LedgerTable(empty), Presence(empty)
    # Alone, so that it is as the version before wrote it: nothing of it touches the new tables.
    whole = batch(entries=(entry(),), opened=intent(), notices=(notice("n"),), summary=STANDING)
    recorded = journal.record(whole)
    before = (journal.history(SHOP), journal.open_intents(SHOP))
    migrate.upgrade(empty)
    migrate.check(empty)
    assert (journal.history(SHOP), journal.open_intents(SHOP)) == before
    assert [row.summary for row in presence.statuses().rollouts] == [STANDING]
    assert (ledger.revisions(SHOP), ledger.standing(SHOP)) == ((), None)
    journal.record(batch(expected_seq=recorded[-1].seq, revisions=(revision(),), standing={"looks": "well"}))
    assert ledger.revisions(SHOP) == (revision(),)


def test_migrations_tables_and_the_known_revisions_agree(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        both = [metadata, of_a_server] if is_server(engine) else metadata
        assert compare_metadata(context, both) == []
    config = Config()
    config.set_main_option("script_location", "stagedrollout.storage:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrate.HEAD]
    assert tuple(step.revision for step in scripts.walk_revisions())[::-1] == migrate.REVISIONS


@pytest.mark.of_a_file
def test_the_tables_are_the_ones_the_migrations_make_to_the_letter(engine: Engine, tmp_path: Path) -> None:
    """Autogeneration overlooks AUTOINCREMENT and the order of columns; SQLite's own words do not."""
    plain = open_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    with writing(plain) as connection:
        metadata.create_all(connection)
    query = text("select name, sql from sqlite_master where name != 'alembic_version' and sql is not null")
    found = []
    for each in (engine, plain):
        with reading(each) as connection:
            rows = connection.execute(query).all()
        found.append({name: "".join(sql.split()) for name, sql in rows if name != "sqlite_sequence"})
    plain.dispose()
    assert found[0] == found[1]


def test_every_table_can_be_said_in_postgresql() -> None:
    dialect = postgresql.dialect()
    said = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    said += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.sorted_tables
        for index in table.indexes
    ]
    assert "seq SERIAL NOT NULL" in "".join(said)
    assert "at_us BIGINT NOT NULL" in "".join(said)


def test_looking_at_the_status_imports_no_alembic(url: str) -> None:
    look = (
        "import sys\n"
        "from stagedrollout.storage.engine import open_readonly\n"
        "from stagedrollout.storage.migrate import check\n"
        "from stagedrollout.storage.presence import Presence\n"
        "engine = open_readonly(sys.argv[1])\n"
        "check(engine)\n"
        "Presence(engine).statuses()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", look, url], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
