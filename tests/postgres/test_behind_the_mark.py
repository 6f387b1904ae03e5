"""A standby that lagged, or a dump put back, takes the place of the database: it is noticed (promise R17)."""

from __future__ import annotations

import pytest

from tests.acceptance.stories import short, turns_bad
from tests.postgres.fixtures import ASKED, PASSWORD

pytestmark = pytest.mark.promise("R17")


@pytest.fixture
def failed_over(opens, server, server_database, daemon_role):
    """At eight hours, with 50 % of users, the server is what it was at five, with 10 %."""
    with server.database() as older:
        server.runs(f"drop database {older}")

        def opened(story):
            stage = opens(story)
            stage.moves_to_server(server.url(server_database, ASKED), PASSWORD)
            stage.stops_at("0m")
            stage.starts_daemon()
            stage.plays_to("5h")
            _goes(stage)
            server.runs(f"create database {older} template {server_database}")
            stage.starts_daemon()
            stage.plays_to("8h")
            assert stage.served() == ("inProgress", 500_000)
            _goes(stage)
            server.runs(
                f"drop database {server_database} with (force)",
                f"alter database {older} rename to {server_database}",
            )
            stage.starts_daemon()
            return stage

        yield opened


def _goes(stage) -> None:
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=20) == 0


def test_nothing_is_raised_and_everybody_is_told_until_a_person_goes_on(failed_over):
    stage = failed_over(short(until="40h"))
    stage.plays_to("14h")
    assert stage.served() == ("inProgress", 500_000)
    assert "had come to" in stage.status()["journal_problem"]
    assert "NOTHING IS RAISED" in stage.types("status").out
    assert stage.messages("db accept", broadcast=True)
    health = stage.types("health")
    assert (health.code, "nothing is raised" in health.out) == (1, True), health.out
    checked = stage.types("db", "check")
    assert "NO  high-water" in checked.out
    accepted = stage.types("db", "accept", "--reason", "the standby lagged, we have looked at the console")
    assert accepted.code == 0, accepted.said
    stage.plays_out()
    assert stage.served() == ("completed", 1_000_000)


def test_a_bad_release_is_halted_all_the_same(failed_over):
    stage = failed_over(turns_bad(short(until="24h"), at="9h"))
    stage.plays_to("16h")
    assert stage.served() == ("halted", 0)
