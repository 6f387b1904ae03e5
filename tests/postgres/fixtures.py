"""The fixtures of whoever tests on PostgreSQL. Where there is no server, CI fails, and others are told what they miss."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from stagedrollout.core.database import handed_on
from tests.postgres.binaries import NoServer
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
