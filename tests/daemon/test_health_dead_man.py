"""A dead man's switch is asked for while all is well, and its silence is the alarm: nothing it does disturbs the daemon."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.config.secrets import Secret
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.health.dead_man import DeadMan, open_dead_man
from stagedrollout.daemon.health.report import OwnHealth
from stagedrollout.daemon.health.rounds import Pace, Rounds
from tests.acceptance.processes import eventually
from tests.http.loopback import Loopback, Script, answer, says, served

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLL = timedelta(minutes=15)
SHOP = StoreApp("shop", Store.GOOGLE_PLAY)
UUID = "0f9d2c1e-5a77-4a1b-9f55-3c0f6a1be111"
FINE = says(answer(b"OK"))


class Switch:
    def __init__(self, world: Loopback) -> None:
        self.world = world
        self.seconds = 0.0
        self.dead_man: DeadMan = open_dead_man(Secret(f"{world.base_url}/ping/{UUID}?rid=7"), None)
        self.dead_man._monotonic = lambda: self.seconds

    def beats(self, pace: Pace = Pace.IN_TIME, *, after: float = 0.0) -> None:
        self.seconds += after
        self.dead_man.beat(pace)

    def settled(self) -> list[bytes]:
        """What was asked, once nothing is on its way."""
        asking = self.dead_man._asking
        if asking:
            asking.join(10)
        return [request for request in self.world.requests if request]


@contextmanager
def switch(script: Script) -> Iterator[Switch]:
    with served(script) as world:
        yield Switch(world)


@pytest.mark.promise("R21")
def test_it_is_asked_for_once_a_minute_by_its_whole_address():
    with switch(FINE) as found:
        for _ in range(13):
            found.beats(after=10.0)
            found.settled()
        requests = found.settled()
    assert len(requests) == 3
    assert {request.split(b"\r\n")[0] for request in requests} == {
        f"GET /ping/{UUID}?rid=7 HTTP/1.1".encode()
    }


@pytest.mark.promise("R21")
@pytest.mark.parametrize("pace", [Pace.BEHIND, Pace.STARTING])
def test_it_is_not_asked_for_while_passes_are_late_or_none_has_ended(pace: Pace):
    with switch(FINE) as found:
        for _ in range(20):
            found.beats(pace, after=60.0)
        assert found.settled() == []
        found.beats(after=1.0)
        assert len(found.settled()) == 1


@pytest.mark.promise("R22")
def test_one_that_hangs_costs_the_turn_nothing_and_is_asked_one_at_a_time():
    with switch(lambda _connection: time.sleep(1.0)) as found:
        begun = time.monotonic()
        for _ in range(50):
            found.beats(after=60.0)
        assert time.monotonic() - begun < 0.5
        eventually(lambda: found.world.requests)
        assert len(found.world.requests) == 1


@pytest.mark.promise("R24")
@pytest.mark.parametrize(
    "script", [says(answer(b"", status="500 Oops")), says(answer(b"", status="404 No")), says(b"")]
)
def test_that_it_cannot_be_reached_is_said_once_and_without_its_address(
    script: Script, caplog: pytest.LogCaptureFixture
):
    with switch(script) as found, caplog.at_level(logging.DEBUG, "stagedrollout"):
        for _ in range(3):
            found.beats(after=60.0)
            found.settled()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said
    assert len(said) == len(set(said))
    start = "the dead man's switch cannot be reached: dead_man: saying that all is well: "
    assert all(words.startswith(start) for words in said)
    assert UUID not in caplog.text


@pytest.mark.promise("R24")
def test_it_follows_no_redirect():
    with served(FINE) as elsewhere:
        redirect = answer(b"", status="302 Found", headers=(f"Location: {elsewhere.base_url}/",))
        with switch(says(redirect)) as found:
            found.beats(after=60.0)
            assert len(found.settled()) == 1
        assert not [request for request in elsewhere.requests if request]


def test_a_daemon_asks_for_it_once_all_passes_ended_in_time_and_no_more_when_one_is_late():
    with switch(FINE) as found:
        clock = type("Clock", (), {"at": NOW, "now": lambda self: self.at})()
        report = OwnHealth(Rounds((SHOP,), POLL, NOW), clock, dead_man=found.dead_man)
        report.beat(clock.at)
        assert found.settled() == []
        report.passed(SHOP, NOW + POLL, "")
        for minute in range(1, 61):
            clock.at = NOW + timedelta(minutes=minute)
            found.seconds += 60.0
            report.beat(clock.at)
            found.settled()
        assert len(found.settled()) == 30  # a poll until it is due, and a poll that it is late


def test_its_hosts_may_be_looked_up(tmp_path: Path):
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.daemon.allowed import hosts_of  # noqa: PLC0415
    from tests.config.conftest import GOOD  # noqa: PLC0415

    secret = tmp_path / "url"
    secret.write_text(f"https://hc-ping.example.com/{UUID}\n")
    secret.chmod(0o600)
    key = tmp_path / "play.json"
    key.write_text("{}")
    key.chmod(0o600)
    config = tmp_path / "stagedrollout.yaml"
    config.write_text(GOOD + "health: {dead_man_url: {file: url}}\n")
    hosts = hosts_of(load(config, environ={"SENTRY_TOKEN": "x", "SLACK_TOKEN": "y"}))
    assert hosts is not None
    assert "hc-ping.example.com" in hosts
