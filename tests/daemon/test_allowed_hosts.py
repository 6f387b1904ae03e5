"""A daemon looks up the hosts of its configuration and nobody else, whichever library asks."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from stagedrollout.config.load import load_with_secrets
from stagedrollout.daemon.allowed import Net, allowed, hosts_of
from tests.config.conftest import GOOD

pytestmark = pytest.mark.promise("R24")

ENVIRON = {
    "SENTRY_TOKEN": "sentry-secret",
    "SLACK_TOKEN": "slack-secret",
    "CALENDAR": "https://calendar.intern/private/basic.ics",
    "DSN": "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.example/7",
}
MORE = (
    "health: {sentry_dsn: {env: DSN}}\nprometheus: {url: 'https://prometheus.intern:9090/x'}\n"
    "calendars: [{name: own, secret_url: {env: CALENDAR}}, {name: open, url: 'https://open.example.com/x.ics'}]\n"
)


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.intern:3128")
    (tmp_path / "play.json").touch(0o600)
    (tmp_path / "play.json").write_text('{"token_uri": "https://oauth2.googleapis.com/token"}')
    (tmp_path / "x.yaml").write_text(GOOD + MORE)
    return load_with_secrets(tmp_path / "x.yaml", environ=ENVIRON)


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("androidpublisher.googleapis.com", True),
        ("OAUTH2.googleapis.com.", True),
        ("sentry.io", True),
        ("slack.com", True),
        ("files.slack.com", True),
        ("o1.ingest.sentry.example", True),
        ("prometheus.intern", True),
        ("proxy.intern", True),
        ("calendar.intern", True),
        ("open.example.com", True),
        ("metadata.google.internal", False),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("api.appstoreconnect.apple.com", False),
        ("googleapis.com.evil.example", False),
        ("evilgoogleapis.com", False),
        ("xslack.com", False),
        ("intern", False),
        ("", False),
    ],
)
def test_what_the_configuration_speaks_of_may_be_looked_up(loaded, host: str, may: bool):
    assert allowed(host, hosts_of(loaded)) is may


def test_a_package_with_hosts_of_its_own_is_not_kept_from_them(loaded, tmp_path):
    text = (tmp_path / "x.yaml").read_text()
    signal = "      signals: [{name: own, plugin: {source: crashlytics}}]\n"
    (tmp_path / "x.yaml").write_text(text.replace("health:", signal + "health:"))
    assert hosts_of(load_with_secrets(tmp_path / "x.yaml", environ=ENVIRON)) is None


TRY = """
import socket, sys
from stagedrollout.daemon.allowed import keep_to
keep_to(frozenset({"127.0.0.1", "localhost"}))
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("127.0.0.1", listener.getsockname()[1])).close()
for host, port in (("metadata.google.internal", 80), ("192.0.2.1", 9), (b"sentry.io", 443)):
    try:
        socket.create_connection((host, port), timeout=1)
    except socket.gaierror as error:
        print(error.args[1])
raw = socket.socket()
try:
    raw.connect(("169.254.169.254", 80))
except OSError as error:
    print(error)
"""


def test_the_net_below_holds_for_every_library_of_the_process():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["not in the configuration"] * 3 + ["no service lives at that address"]
    assert "does not speak of metadata.google.internal" in done.stderr


def _refused(net: Net, host: str) -> bool:
    try:
        net.check(host)
    except socket.gaierror:
        return True
    return False


def test_a_reload_brings_hosts_and_takes_the_old_ones_away_when_nothing_needs_them_any_more():
    net = Net(frozenset({"old.example.com"}))
    net.widen(frozenset({"new.example.com"}))
    for host in ("old.example.com", "new.example.com"):
        net.check(host)
    net.drop(net.first)
    net.check("new.example.com")
    assert _refused(net, "old.example.com")
    assert _refused(net, "other.example.com")


def test_what_ends_late_takes_away_no_host_of_what_came_after_it():
    net = Net(frozenset({"old.example.com"}))
    second = net.widen(frozenset({"second.example.com"}))
    third = net.widen(frozenset({"third.example.com"}))
    net.widen(frozenset({"third.example.com"}))
    net.drop(net.first)
    net.check("second.example.com")
    net.drop(third)
    net.check("third.example.com")
    net.drop(second)
    assert _refused(net, "second.example.com")
    net.check("third.example.com")
