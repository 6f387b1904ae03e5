"""A name that leads inside: nothing is sent there, whichever client asks, and whoever answers the look-up."""

from __future__ import annotations

import socket

import pytest

from stagedrollout.core.errors import EdgeError
from stagedrollout.http.client import HttpClient
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.http.peers import peer_problem
from stagedrollout.notify.slack import open_call
from stagedrollout.stores.google_play.wire import BoundedHttp, PeerRefused
from tests.http.loopback import answer, says, served

pytestmark = pytest.mark.promise("R24")

NAME = "rebound.example"

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1")
PRIVATE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "::ffff:10.0.0.1")
THIS_MACHINE = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
NOBODY = (
    *("169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "nonsense", ""),
)


@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE, *THIS_MACHINE, *NOBODY])
def test_who_may_be_at_the_other_end(address: str):
    def fine(host: str, *, inside: bool) -> bool:
        return not peer_problem(address, host=host, inside=inside)

    assert fine("service.example", inside=False) is (address in PUBLIC)
    assert fine("service.example", inside=True) is (address in PUBLIC + PRIVATE)
    assert fine("127.0.0.1", inside=False) is (address in PUBLIC + THIS_MACHINE)
    assert fine("localhost", inside=True) is (address not in NOBODY)


@pytest.fixture
def rebound(monkeypatch):
    """A look-up that answers with this machine for a name of the internet's."""
    real = socket.getaddrinfo

    def looked_up(host, *args, **more):
        return real("127.0.0.1" if host in (NAME, NAME.encode()) else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket.socket, "connect", _here(socket.socket.connect))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _here(connect):
    """httplib2 hands the name to connect(), which looks it up once more."""

    def connected(self, address):
        return connect(self, ("127.0.0.1", *address[1:]) if address[0] == NAME else address)

    return connected


def test_httpx_sends_nothing_to_a_name_that_leads_to_this_machine(rebound):
    with served(says(answer(b"{}"))) as world:
        port = world.base_url.rpartition(":")[2]
        endpoint = Endpoint("sentry", f"http://{NAME}:{port}", allow_http=True)
        with (
            HttpClient(endpoint, authorization=lambda: "Bearer t") as http,
            pytest.raises(EdgeError, match="its name leads to this machine"),
        ):
            http.get_json("looking", "/x")
        with HttpClient(Endpoint("sentry", world.base_url)) as http:
            assert http.get_json("looking", "/x").body == {}
    assert [request.split(b" ")[0] for request in world.requests if request] == [b"GET"]


def test_slack_s_client_sends_nothing_to_a_name_that_leads_to_this_machine(rebound):
    with served(says(answer(b"{}"))) as world:
        port = world.base_url.rpartition(":")[2]
        call = open_call("xoxb-1", Endpoint("slack", f"http://{NAME}:{port}/api/", allow_http=True), 5.0)
        with pytest.raises(EdgeError, match="its name leads to this machine"):
            call("chat.postMessage", {})
    assert not [request for request in world.requests if request]


def test_google_s_client_sends_nothing_to_a_name_that_leads_to_this_machine(rebound):
    with served(says(answer(b"{}"))) as world:
        port = world.base_url.rpartition(":")[2]
        with pytest.raises(PeerRefused, match="its name leads to this machine"):
            BoundedHttp(2.0).request(f"http://{NAME}:{port}/", headers={"authorization": "Bearer t"})
        response, _ = BoundedHttp(2.0).request(f"{world.base_url}/")
        assert response.status == 200
    assert [request.split(b" ")[0] for request in world.requests if request] == [b"GET"]
