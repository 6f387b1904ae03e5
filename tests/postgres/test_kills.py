"""`kill -9` at random instants, with the state in PostgreSQL: nothing is lost, and nothing done twice."""

from __future__ import annotations

import pytest

from tests.postgres.fixtures import ASKED, PASSWORD
from tests.processes.kills import killed

pytestmark = [pytest.mark.promise("R13"), pytest.mark.usefixtures("started_anew")]


def test_three_kills_lose_nothing_and_double_nothing(tmp_path, server, server_database, daemon_role):
    told = killed(
        5,
        3,
        tmp_path,
        prepare=lambda stage: stage.moves_to_server(server.url(server_database, ASKED), PASSWORD),
    )
    assert told.findings == ()
    assert told.deaths.total() == 3
    assert told.counts["raises_of_ours"] >= 3
