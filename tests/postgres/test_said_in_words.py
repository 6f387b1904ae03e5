"""What is wrong with the address, the server or the role is said in words, with what helps, and never with a password."""

from __future__ import annotations

import socket
import subprocess
import sys
from urllib.parse import quote

import pytest

from stagedrollout.config.database import database_url
from stagedrollout.config.load import check, load
from stagedrollout.core.errors import StorageError, WrongConfiguration
from stagedrollout.http.database import as_user, beside, handed_on, server_of
from stagedrollout.storage.engine import open_engine, open_existing, reading
from stagedrollout.storage.presence import Presence
from tests.acceptance.processes import run
from tests.postgres.fixtures import ASKED, PASSWORD
from tests.storage.rows import NOW

WRONG = "n0t-the-right-one"


def _config(folder, database: str, *more: str):
    path = folder / "stagedrollout.yaml"
    path.write_text("\n".join([f"database: {database}", "apps: []", *more, ""]), "utf-8")
    return path


def _said(url: str) -> str:
    engine = open_existing(url)
    with pytest.raises(StorageError) as refused, reading(engine):
        pass
    engine.dispose()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _status(path, **environ: str):
    return run("status", "--config", str(path), **environ)


def test_the_password_is_used_from_where_the_configuration_says(
    server, server_database, daemon_role, tmp_path
):
    file = tmp_path / "pg"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    file.chmod(0o600)
    path = _config(tmp_path, server.url(server_database, ASKED), "database_password: {file: pg}")
    url = database_url(path)
    assert PASSWORD not in url
    engine = open_engine(url)
    assert Presence(engine).claim("one", NOW, {}) == 1
    assert PASSWORD not in repr(engine)
    engine.dispose()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_password_in_the_environment_is_found_by_its_name(
    server, server_database, daemon_role, tmp_path, monkeypatch
):
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    url = database_url(
        _config(tmp_path, server.url(server_database, ASKED), "database_password: {env: DB_PASSWORD}")
    )
    engine = open_existing(url)
    assert Presence(engine).current() is None
    engine.dispose()


def test_a_wrong_password_is_said_without_it(server, server_database, daemon_role, tmp_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", WRONG)
    path = _config(tmp_path, server.url(server_database, ASKED), "database_password: {env: DB_PASSWORD}")
    said = _said(database_url(path))
    assert "password authentication failed" in said
    assert "`database_password`" in said
    assert WRONG not in said
    asked = _status(path, DB_PASSWORD=WRONG)
    assert (asked.code, WRONG in asked.said) == (1, False), asked.said


def test_a_password_that_is_not_there_is_told_with_its_reference(
    server, server_database, tmp_path, monkeypatch
):
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    path = _config(tmp_path, server.url(server_database), "database_password: {env: DB_PASSWORD}")
    assert "environment variable DB_PASSWORD is not set" in _said(database_url(path))
    (problem,) = [p for p in check(path, environ={}) if p.where == "database_password"]
    assert problem.line == 3


def test_no_password_where_one_is_asked_for(server, server_database, daemon_role):
    said = _said(server.url(server_database, ASKED))
    assert "no password supplied" in said
    assert "PGPASSWORD" in said


@pytest.mark.parametrize(
    ("user", "database", "words", "cure"),
    [
        ("nobody_we_know", "postgres", 'role "nobody_we_know" does not exist', "db roles"),
        ("postgres", "no_such_database", 'database "no_such_database" does not exist', "createdb"),
    ],
)
def test_a_role_or_a_database_that_is_not_there(server, user, database, words, cure):
    said = _said(server.url(database, user))
    assert words in said
    assert cure in said


def test_a_server_that_cannot_be_reached():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        said = _said(f"postgresql://bob@127.0.0.1:{taken.getsockname()[1]}/x")
    assert "Connection refused" in said
    assert "is the server running" in said


def test_every_host_that_was_tried_is_told():
    said = _said("postgresql://bob@127.0.0.1:1,127.0.0.1:2/x")
    assert "port 1" in said
    assert "port 2" in said


def test_a_database_without_our_tables_is_empty_and_status_says_so(server, tmp_path):
    with server.database("template1") as name:
        asked = _status(_config(tmp_path, server.url(name)))
    assert asked.code == 1
    assert "the database is empty" in asked.said


def test_a_role_that_may_not_read_is_told_what_it_needs(server, server_database, tmp_path):
    server.runs("drop role if exists reads_nothing", "create role reads_nothing login")
    said = _said_of_current(server.url(server_database, "reads_nothing"))
    assert "permission denied" in said
    assert "`stagedrollout db roles`" in said


def _said_of_current(url: str) -> str:
    engine = open_existing(url)
    with pytest.raises(StorageError) as refused:
        Presence(engine).current()
    engine.dispose()
    return str(refused.value)


def test_without_the_driver_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "stagedrollout.storage.bounded", raising=False)
    with pytest.raises(StorageError, match=r"pip install 'stagedrollout\[postgres\]'"):
        open_existing("postgresql://bob@db/x")
    (problem,) = check(_config(tmp_path, "postgresql://bob@db/x"), environ={})[:1]
    assert (problem.line, problem.where) == (1, "database")
    assert "stagedrollout[postgres]" in problem.right


@pytest.mark.parametrize(
    "database",
    ["mysql://bob@db/x", "postgresql://bob:CANARY@db/x", "postgresql://bob@db/x?password=CANARY", "postgresql://db/x",
     "postgresql://bob@/x", "postgresql://bob@db/", "postgresql://bob@db/x?sslmod=require", "postgres://bob@db/x"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_told_where_it_stands(tmp_path, database):
    path = _config(tmp_path, database)
    with pytest.raises(WrongConfiguration) as refused:
        database_url(path)
    assert f"{path}:1:11: database: this value cannot be used; " in str(refused.value)
    assert "CANARY" not in str(refused.value)
    asked = _status(path)
    assert asked.code not in (0, None)
    assert "CANARY" not in asked.said
    with pytest.raises(StorageError) as not_opened:
        open_existing(database + "#").dispose()
    assert "CANARY" not in str(not_opened.value)


def test_an_address_is_handed_on_with_where_its_password_and_state_are():
    url = handed_on(
        "postgresql://a%40b@h1:1,h2/x?sslmode=require", state="/var/my state", password=("file", "/etc/a&b")
    )
    server = server_of(url)
    assert server is not None
    assert (server.user, server.name, server.state) == ("a@b", "x", "/var/my state")
    assert server.password == ("file", "/etc/a&b")
    assert server.address == "postgresql://a%40b@h1:1,h2/x?sslmode=require"
    assert server.shown == "postgresql://a%40b@h1:1,h2/x"
    assert beside(url) == "/var/my state/x.postgresql"
    owner = server_of(as_user(url, "owner"))
    assert owner is not None
    assert (owner.address, owner.password) == ("postgresql://owner@h1:1,h2/x?sslmode=require", ("", ""))
    assert owner.state == server.state
    assert beside("sqlite:////x/y.db") == "/x/y.db"
    assert beside("postgresql://a@h/x") == ""
    assert as_user("sqlite:////x/y.db", "owner") == "sqlite:////x/y.db"


def test_what_the_daemon_uses_is_what_a_command_uses(tmp_path):
    path = _config(tmp_path, "postgresql://bob@db/x", "state: elsewhere", "database_password: {credential: pg}",
                   "google_play: {credentials: {file: play.json}}", "sentry: {organization: a, token: {env: T}}",
                   "slack: {token: {env: T}, channel: C0RELEASE}")  # fmt: skip
    path.write_text(
        path.read_text().replace(
            "apps: []",
            "apps:\n  - {name: a, policy: standard, google_play: {package: com.a.b, sentry: {project: a}}}",
        )
    )
    assert database_url(path) == load(path, environ={}).settings.database
    assert database_url(path).endswith(
        f"password_credential=pg&state={quote(str(tmp_path / 'elsewhere'), safe='')}"
    )


def test_the_driver_is_imported_only_where_it_is_used(tmp_path):
    code = (
        "import sys; from stagedrollout.storage.engine import open_engine;"
        "from stagedrollout.storage.migrate import upgrade; upgrade(open_engine(sys.argv[1]));"
        "print([n for n in sys.modules if n.startswith('psycopg')])"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'x.db'}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
