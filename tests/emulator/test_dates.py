"""Every answer carries the date of the world's own time, through both doors."""

from __future__ import annotations

import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

import pytest

from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.world import World


@pytest.fixture
def world() -> World:
    return World(load_scenario("tour"))


def test_in_this_process(world: World) -> None:
    answer = world.handle(Request.to("GET", "/api/0/organizations/acme/"))
    assert parsedate_to_datetime(answer.headers["date"]) == world.timeline.now.replace(microsecond=0)


def test_over_a_socket_and_only_once(world: World) -> None:
    with (
        RunningEmulator(world, 0) as door,
        urllib.request.urlopen(f"{door.url}/_emulator/clock", timeout=10) as answer,
    ):
        dates = answer.headers.get_all("date")
        assert [parsedate_to_datetime(date) for date in dates] == [world.timeline.now.replace(microsecond=0)]
