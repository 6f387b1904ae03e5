"""The meter carries what it counts, also for a program that believes it speaks to the store itself."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

import pytest

from tests.bench.meter import HOSTS, Meter, certified, metered
from tests.bench.store_world import stores

PATH = "/_emulator/clock"


@pytest.fixture(scope="module")
def port():
    with stores(1) as world:
        yield world.emulator.port


def asked(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", PATH)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def at(meter: Meter) -> tuple[str, int]:
    parts = urlsplit(meter.url)
    return parts.hostname or "", parts.port or 0


def test_every_byte_of_a_request_and_its_answer_is_counted(port: int):
    with metered(port) as meter, meter.reading() as traffic:
        assert asked(http.client.HTTPConnection(*at(meter))) == 200
    assert traffic.sent > len(PATH)
    assert traffic.received > 100


def test_whoever_asks_the_proxy_for_the_store_gets_the_emulator(port: int, tmp_path):
    whole, trusted = certified(tmp_path)
    trusting = ssl.create_default_context(cafile=trusted)
    with metered(port, whole) as meter, meter.reading() as traffic:
        for host in HOSTS:
            connection = http.client.HTTPSConnection(*at(meter), context=trusting)
            connection.set_tunnel(host, 443)
            assert asked(connection) == 200
    assert traffic.received > 100


def test_the_proxy_leads_nowhere_else(port: int, tmp_path):
    whole, trusted = certified(tmp_path)
    with metered(port, whole) as meter:
        connection = http.client.HTTPSConnection(
            *at(meter), context=ssl.create_default_context(cafile=trusted)
        )
        connection.set_tunnel("example.com", 443)
        with pytest.raises(OSError, match="403"):
            connection.connect()
