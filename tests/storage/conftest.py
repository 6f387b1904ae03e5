"""A migrated database per test, copied from one that is migrated once: a file, and for what is true of both (`either`) one of
a server as well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.migrate import upgrade
from tests.postgres.fixtures import server, server_database, server_url
from tests.storage.behind import Behind

__all__ = ["server", "server_database", "server_url"]

ON_BOTH = (
    "test_history_is_verified",
    "test_journal_is_kept",
    "test_ledger_is_kept",
    "test_ledger_tampering_shows",
    "test_notices_wait_in_order",
    "test_one_daemon",
    "test_orders_are_kept",
    "test_schema_moves_on",
    "test_tampering_shows",
)
"""Files of tests that are about behaviour: each of their tests that has a database is run on both kinds."""

ONLY_OF_A_FILE = "of_a_file"
"""The mark of a test among those that is about SQLite itself."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    alone = metafunc.definition.get_closest_marker(ONLY_OF_A_FILE)
    if "kind" in metafunc.fixturenames:
        kinds = ["sqlite", "postgresql"] if module in ON_BOTH and not alone else ["sqlite"]
        metafunc.parametrize("kind", kinds, indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "state.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def path(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "state.db"))


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('path')}"
    return request.getfixturevalue("server_url")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def behind(engine: Engine, url: str) -> Iterator[Behind]:
    """A hand that changes the same database."""
    hand = Behind(url)
    yield hand
    hand.close()
