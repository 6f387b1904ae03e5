"""The way to Sentry's ingest: one host, no redirect, hardly anything of an answer."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sentry_sdk.transport import HttpTransport

from stagedrollout.config.secrets import Secret
from stagedrollout.core.redaction import Redactor
from stagedrollout.daemon.health.errors import Ingest, OwnSentry
from stagedrollout.daemon.health.ingest_line import BoundedTransport
from tests.http.loopback import answer, says, served

KEY = "0123456789abcdef0123456789abcdef"


def told(script):
    """What arrives where one mistake is told to a server that answers like this; and the SDK's transport."""
    with served(script) as world:
        dsn = world.base_url.replace("://", f"://{KEY}@") + "/7"
        own = OwnSentry(
            Ingest(dsn=Secret(dsn), environment="x", monitor="", poll=timedelta(minutes=15)), Redactor()
        )
        transport = own._client.transport
        own.report("a pass", RuntimeError("broken"))
        own.close()
        return [request for request in world.requests if request], transport


def test_the_sdk_still_sends_through_the_line_of_ours():
    requests, transport = told(says(answer(b"{}")))
    assert {request.split(b" ")[0] for request in requests} == {b"POST"}
    assert isinstance(transport, BoundedTransport)
    assert BoundedTransport._request is not HttpTransport._request


@pytest.mark.promise("R24")
@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_is_not_followed_with_the_key_in_hand(status: str):
    with served(says(answer(b"{}"))) as elsewhere:
        requests, _ = told(says(answer(b"", status=status, headers=(f"Location: {elsewhere.base_url}/",))))
        assert requests
        assert not [request for request in elsewhere.requests if request]


@pytest.mark.promise("R22")
def test_a_flood_for_an_answer_is_not_read():
    sent = []

    def flood(connection):
        connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000000\r\n\r\n")
        sent.extend(connection.send(b"x" * 65_536) for _ in range(4_000))

    told(flood)
    assert sum(sent) < 64 * 1024 * 1024


@pytest.mark.promise("R22")
def test_a_server_that_asks_for_silence_for_years_is_asked_again_after_an_hour():
    _, transport = told(says(answer(b"", status="429 Slow", headers=("Retry-After: 999999999999",))))
    (until,) = transport._disabled_until.values()
    assert until.timestamp() - time.time() < 3_700
