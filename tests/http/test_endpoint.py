"""A base URL is where a credential goes, so what could send it astray is refused before anything is sent."""

import pytest

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.http.endpoint import Endpoint


@pytest.mark.parametrize(
    "url",
    [
        "https://sentry.io",
        "https://de.sentry.io/",
        "https://sentry.example.com:9443/prefix",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:8080",
        "https://10.0.0.7",
    ],
)
def test_a_plain_address_is_accepted(url):
    assert Endpoint("sentry", url).url("/api/0/").endswith("/api/0/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sentry.io",
        "ftp://sentry.io",
        "https://",
        "https://user:hunter2hunter2@sentry.io",
        "https://token@sentry.io",
        "https://sentry.io/?a=b",
        "https://sentry.io/#x",
        "https://sentry.io/a b",
        "https://sentry.io\\@evil.example",
        "https://sentry.io/../x",
        "https://sentry.io:0",
        "https://sentry.io:99999",
        "https://sentry.io:x",
        "https://[::1",
        "https://sentry..io",
        "https://-sentry.io",
        "https://" + "a" * 64 + ".io",
        "https://sentry.io\n",
        "https://sentrý.io",
        "https://169.254.169.254",
        "https://0.0.0.0",
        "https://224.0.0.1",
    ],
)
def test_an_address_that_could_lead_astray_is_refused_without_repeating_it(url):
    with pytest.raises(WrongConfiguration) as caught:
        Endpoint("sentry", url)
    assert "hunter2" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_plain_http_beyond_this_machine_needs_the_users_word():
    with pytest.raises(WrongConfiguration, match="https"):
        Endpoint("sentry", "http://sentry.example.com")
    assert (
        Endpoint("sentry", "http://sentry.example.com", allow_http=True).url("/x")
        == "http://sentry.example.com/x"
    )


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1", True),
        ("http://127.8.8.8:1", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("https://localhost.example.com", False),
        ("https://127.0.0.1.example.com", False),
        ("https://sentry.io", False),
    ],
)
def test_only_this_machine_is_loopback(url, loopback):
    assert Endpoint("sentry", url).loopback is loopback


@pytest.mark.parametrize(
    "path", ["", "x", "//evil.example/x?", "/a?b=c", "/a#b", "/a/../b", "/a b", "@evil.example", "/ä"]
)
def test_a_path_cannot_name_another_place(path):
    with pytest.raises(ValueError, match="no plain path"):
        Endpoint("sentry", "https://sentry.io").url(path)


def test_two_slashes_stay_below_the_base():
    assert (
        Endpoint("sentry", "https://sentry.io/base/").url("//evil.example/")
        == "https://sentry.io/base//evil.example/"
    )
