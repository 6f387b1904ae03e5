"""The server is away while something has to be stopped, and while something could be raised (promise R18)."""

from __future__ import annotations

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad
from tests.postgres.fixtures import ASKED, PASSWORD
from tests.postgres.proxy import Proxy

pytestmark = pytest.mark.promise("R18")


@pytest.fixture
def proxied(opens, server, server_database, daemon_role):
    proxy = Proxy(server.port)

    def opened(story, to):
        stage = opens(story)
        address = f"postgresql://{ASKED}@127.0.0.1:{proxy.port}/{server_database}"
        stage.moves_to_server(address, PASSWORD)
        stage.stops_at("0m")
        stage.starts_daemon()
        stage.plays_to(to)
        return stage, proxy

    yield opened
    proxy.close()


def test_a_halt_goes_out_and_is_written_down_once_when_the_server_is_back(proxied):
    stage, proxy = proxied(turns_bad(short(until="12h"), at="3h"), to="3h")
    proxy.goes()
    stage.stops_at("8h")
    stage.serves("halted", 0, within=90)
    spools = list((stage.conf / "state").glob("*.spool"))
    assert len(spools) == 1
    assert "the database could not be read or written" in stage.types("status").said
    proxy.comes_back()
    stage.plays_to("8h")
    assert stage.shows("halted")
    eventually(lambda: not spools[0].exists(), what="the spool's end")
    halts = [r["body"] for r in stage.document("history")["history"] if r["kind"] == "decided"]
    assert [body["decision"] for body in halts].count("HALT") == 1
    assert stage.types("history", "--verify").code == 0


def test_nothing_is_raised_while_it_is_away_and_the_rollout_goes_on_afterwards(proxied):
    stage, proxy = proxied(short(until="40h"), to="5h")
    before = stage.served()
    proxy.goes()
    stage.stops_at("12h")
    eventually(
        lambda: stage.clock["now"] >= stage.at("12h").isoformat() and stage.idle, within=90, what="12h"
    )
    assert stage.served() == before
    proxy.comes_back()
    stage.plays_out()
    assert stage.served() == ("completed", 1_000_000)
    assert stage.is_clean()
