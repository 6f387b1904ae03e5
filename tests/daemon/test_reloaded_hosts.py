"""The hosts that a reload brings may be looked up while it is opened, and no more when it is refused."""

from __future__ import annotations

import socket
from concurrent.futures import Future
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from stagedrollout.config.load import load_with_secrets
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.daemon.allowed import Net, hosts_of
from stagedrollout.daemon.pressed import NoButtons
from stagedrollout.daemon.reloading import Reloading
from tests.config.conftest import GOOD
from tests.daemon.test_allowed_hosts import ENVIRON

CALENDAR = "calendars: [{name: c, url: 'https://brought.example.com/x.ics'}]\n"


class Scheduler:
    """Takes everything over at once."""

    def __init__(self, works) -> None:
        self.works = works

    def renew(self, works, bounds):
        self.works, taken = works, Future()
        taken.set_result([])
        return SimpleNamespace(taken=taken)


def _works():
    clock = SimpleNamespace(now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    nothing = SimpleNamespace(
        close=lambda: None, busy=False, tell=lambda *_: None, stop=lambda: None, start=lambda: None
    )
    return SimpleNamespace(
        wall=clock,
        clock=clock,
        presence=nothing,
        relay=nothing,
        report=nothing,
        epoch=1,
        listings={},
        buttons=NoButtons(),
    )


@pytest.fixture
def world(tmp_path, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "play.json").touch(0o600)
    (tmp_path / "play.json").write_text("{}")
    path = tmp_path / "x.yaml"
    path.write_text(GOOD)
    loaded = load_with_secrets(path, environ=ENVIRON)
    net, said = Net(hosts_of(loaded)), []
    world = SimpleNamespace(net=net, path=path, said=said, refuses=False, asked=[])

    def rewire(_loaded, before):
        world.asked.append(_known(net))
        if world.refuses:
            raise WrongConfiguration("no")
        return _works()

    outbox = SimpleNamespace(announce=lambda notice, at: said.append(notice))
    world.reloading = Reloading(loaded, Scheduler(_works()), outbox, rewire=rewire, net=net)
    yield world
    world.reloading.close()


def _known(net: Net) -> bool:
    try:
        net.check("brought.example.com")
    except socket.gaierror:
        return False
    return True


def test_what_is_opened_by_a_new_configuration_may_ask_its_hosts_already(world):
    world.path.write_text(GOOD + CALENDAR)
    world.reloading._reload()
    assert world.asked == [True]
    assert _known(world.net)
    assert not world.said


def test_what_a_refused_configuration_speaks_of_is_not_looked_up_any_more(world):
    world.path.write_text(GOOD + CALENDAR)
    world.refuses = True
    world.reloading._reload()
    assert world.asked == [True]
    assert not _known(world.net)
    assert len(world.said) == 1
