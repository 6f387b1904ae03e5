from __future__ import annotations

from collections.abc import Iterator

import pytest

from stagedrollout.storage.engine import Engine, open_engine
from tests.acceptance.conftest import born, nursery, opens, started_anew
from tests.postgres.fixtures import daemon_role, server, server_database, server_url

__all__ = [
    "born",
    "daemon_role",
    "nursery",
    "opens",
    "server",
    "server_database",
    "server_url",
    "started_anew",
]


@pytest.fixture
def engine(server_url: str) -> Iterator[Engine]:
    engine = open_engine(server_url)
    yield engine
    engine.dispose()
