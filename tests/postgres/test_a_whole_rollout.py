"""The daemon on PostgreSQL: a rollout from its start to its end, by the command line, under the role that can only add."""

from __future__ import annotations

import pytest

from tests.acceptance.stories import short
from tests.postgres.fixtures import ASKED, PASSWORD


@pytest.fixture
def on_server(opens, server, server_database, daemon_role):
    """A stage whose state is in the test's database; the daemon has no more rights than it needs."""

    def opened(story, to=""):
        stage = opens(story)
        stage.moves_to_server(server.url(server_database, ASKED), PASSWORD)
        if to:
            stage.stops_at("0m")
            stage.starts_daemon()
            stage.plays_to(to)
        return stage

    return opened


@pytest.mark.promise("R13", "R16")
def test_a_rollout_runs_from_its_start_to_everybody(on_server):
    stage = on_server(short(until="24h"), to="5h")
    assert stage.served() == ("inProgress", 100_000)
    assert stage.rollout()["phase"] == "rolling_out"
    held = stage.types("hold", "acme", "--for", "1h", "--reason", "a look at it")
    assert held.code == 0, held.said
    stage.plays_out()
    assert stage.served() == ("completed", 1_000_000)
    assert stage.is_clean()
    verified = stage.types("history", "--verify")
    assert verified.code == 0, verified.said
    checked = stage.types("db", "check")
    assert checked.code == 1, (
        checked.said
    )  # this server syncs nothing, since nothing of it outlives the tests
    assert "NO  server" in checked.out
    assert "fsync" in checked.out


def test_a_person_halts_and_it_is_read_back(on_server):
    stage = on_server(short(until="24h"), to="5h")
    halted = stage.types("halt", "acme", "--reason", "because of a test")
    assert halted.code == 0, halted.said
    assert stage.served() == ("halted", 0)
    assert "because of a test" in stage.types("explain", "acme").out


@pytest.mark.promise("R13")
def test_killed_at_half_of_all_users_it_loses_nothing_and_does_nothing_twice(on_server):
    stage = on_server(short(until="24h"), to="8h")
    assert stage.served() == ("inProgress", 500_000)
    stage.kills_daemon()
    stage.starts_daemon()  # at once: who held this machine's lock before is surely dead
    stage.plays_out()
    assert stage.served() == ("completed", 1_000_000)
    assert [percent for _, percent in stage.committed()] == sorted({p for _, p in stage.committed()})
    assert stage.is_clean()
