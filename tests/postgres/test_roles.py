"""The daemon's role adds to the journal and changes nothing of it; another one changes the schema (promise S9)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from stagedrollout.config.database import database_url
from stagedrollout.core.errors import StorageError
from stagedrollout.http.database import server_of
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_engine, open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import HEAD, check, upgrade
from stagedrollout.storage.presence import Presence
from tests.acceptance.processes import run
from tests.storage.holding import hold
from tests.storage.rows import NOW, SHOP, STANDING, batch, entry, intent, notice, order, revision


@pytest.fixture
def roles(server) -> Iterator[tuple[str, str]]:
    """Names that no other test uses: roles are the whole server's. The daemon's, and the owner's of the tables."""
    mine = uuid4().hex[:8]
    names = (f"adds_only_{mine}", f"owns_tables_{mine}")
    yield names
    server.runs(*(f"drop role if exists {name}" for name in names))


@pytest.fixture
def config(server, roles, tmp_path):
    """Of a database that was made as `db roles` says, step by step."""
    daemon, owner = roles
    with server.database("template1") as name:
        path = tmp_path / "stagedrollout.yaml"
        path.write_text(f"database: {server.url(name, daemon)}\napps: []\n", "utf-8")
        first, _, second = _types(path, "db", "roles", "--owner", owner).said.partition("-- 2.")
        made = [each for each in _statements(first) if not each.startswith(("CREATE DATABASE", "\\"))]
        server.runs(*made, f"alter database {name} owner to {owner}", database=name)
        upgraded = _types(path, "db", "upgrade", "--as", owner)
        assert upgraded.code == 0, upgraded.said
        assert f"(schema none -> {HEAD})" in upgraded.said
        server.runs(*_statements(second.partition("\n-- 3.")[2]), database=name, user=owner)
        yield path


def _statements(sql: str) -> list[str]:
    lines = (line.partition("--")[0].strip() for line in sql.splitlines())
    return [line.rstrip(";") for line in lines if line.endswith(";") or line.startswith("\\")]


def _types(path, *command: str):
    return run(*command, "--config", str(path))


@pytest.fixture
def url(config) -> str:
    return database_url(config)


def test_the_daemon_does_all_its_work_under_it(url):
    engine = open_engine(url)
    upgrade(engine)  # as at each start; the schema is the newest one
    check(engine)
    epoch = hold(engine)
    journal = Journal(engine)
    journal.record(
        batch(entries=(entry(),), opened=intent("k", epoch=epoch), epoch=epoch, notices=(notice("n"),), summary=STANDING,
              revisions=(revision(),), standing={"looks": "well"})
    )  # fmt: skip
    assert journal.verify(SHOP) is None
    CommandBox(engine).put(order())
    assert CommandBox(engine).take(order().id, NOW)
    Presence(engine).beat(epoch, NOW)
    Presence(engine).pass_started(SHOP.store_app, NOW)
    engine.dispose()


@pytest.mark.parametrize("table", ["event", "bucket"])
@pytest.mark.parametrize(
    "does",
    [
        "update {} set hash = 'x'",
        "delete from {}",
        "truncate {}",
        "drop table {}",
        "alter table {} add x int",
    ],
)
def test_what_is_recorded_cannot_be_changed(url, table, does):
    engine = open_existing(url)
    Journal(engine).record(batch(entries=(entry(),), revisions=(revision(),)))
    engine.dispose()
    with (
        psycopg.connect(server_of(url).address) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(does.format(table))


def test_a_schema_that_the_role_may_not_change_is_told_with_what_helps(server, roles, tmp_path):
    with server.database("template1") as name:
        server.runs(
            f"create role {roles[0]} login", "revoke create on schema public from public", database=name
        )
        engine = open_engine(server.url(name, roles[0]))
        with pytest.raises(StorageError, match=r"permission denied.*db upgrade --as"):
            upgrade(engine)
        engine.dispose()


def test_check_says_whether_the_role_could_rewrite_history(server, server_database, config, tmp_path):
    assert (
        "ok  role: can add to the journal, and change and delete nothing of it"
        in _types(config, "db", "check").said
    )
    loose = tmp_path / "loose.yaml"
    loose.write_text(f"database: {server.url(server_database)}\napps: []\n", "utf-8")
    assert "may also change and delete" in _types(loose, "db", "check").said


def test_names_that_would_have_to_be_quoted_are_refused(tmp_path):
    path = tmp_path / "stagedrollout.yaml"
    path.write_text("database: postgresql://bob@db/x\napps: []\n", "utf-8")
    asked = _types(path, "db", "roles", "--owner", "x; drop table event")
    assert (asked.code, "no plain name" in asked.said) == (1, True), asked.said


def test_a_file_has_no_roles(tmp_path):
    path = tmp_path / "stagedrollout.yaml"
    path.write_text("database: sqlite:///x.db\napps: []\n", "utf-8")
    assert "no roles" in _types(path, "db", "roles").said
    assert _types(path, "db", "upgrade", "--as", "bob").code == 2


def test_copies_are_the_servers_own_and_the_command_for_them_is_told(config, tmp_path):
    for command, tool in (("backup", "pg_dump --format=custom"), ("restore", "pg_restore")):
        asked = _types(config, "db", command, str(tmp_path / "a copy"))
        assert asked.code == 1
        assert tool in asked.said
        assert f"'{tmp_path}/a copy'" in asked.said
