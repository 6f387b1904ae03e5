"""The fixtures of whoever tests on PostgreSQL. Where there is no server, CI fails, and others are told what they miss."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from stagedrollout.http.database import handed_on
from stagedrollout.storage.roles import roles_sql
from tests.postgres.binaries import NoServer
from tests.postgres.cluster import OWNER
from tests.postgres.shared import Shared, shared


@pytest.fixture(scope="session")
def server() -> Iterator[Shared]:
    try:
        with shared() as found:
            yield found
    except NoServer as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def server_database(server: Shared) -> Iterator[str]:
    """The name of a migrated database of the test's own."""
    with server.database() as name:
        yield name


@pytest.fixture
def server_url(server: Shared, server_database: str, tmp_path) -> str:
    """Its address, as the configuration hands it on."""
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    return handed_on(server.url(server_database), state=str(state), password=("", ""))


ASKED = "asks_password"
"""Of this role the server asks a password (cluster.py)."""

PASSWORD = "c0rrect-h0rse-of-a-database"


@pytest.fixture
def daemon_role(server: Shared, server_database: str) -> str:
    """The daemon's role in the test's database, with what `stagedrollout db roles` grants it; it has PASSWORD."""
    with suppress_known():
        server.runs(f"create role {ASKED} login password '{PASSWORD}'")
    _, after = roles_sql(owner=OWNER, daemon=ASKED, database=server_database)
    server.runs("revoke create on schema public from public", after, database=server_database)
    return ASKED


@contextmanager
def suppress_known() -> Iterator[None]:
    """Roles are the whole server's: another test may have made it."""
    import psycopg  # noqa: PLC0415

    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        yield
