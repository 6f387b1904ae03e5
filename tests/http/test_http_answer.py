"""Whatever bytes a service sends end in a value or in one of our errors."""

import json
import time
from contextlib import suppress
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.http.answer import WAIT_SECONDS_MAX, NotJson, json_value, refusal, shortened, words_of

STEADY = settings(derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty answer"),
        (b"  \n", "empty answer"),
        (b"<html>502</html>", "HTML page"),
        (b"\n <!doctype html>", "HTML page"),
        (b"upstream error", "text instead of JSON"),
        (b'{"a": 1', "text instead of JSON"),
        (b"\xff\xfe\x00", "instead of JSON"),
        (b'{"rate": NaN}', "NaN"),
        (b'{"rate": Infinity}', "Infinity"),
        (b'{"rate": -Infinity}', "-Infinity"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 40 + b"]" * 40, "too deeply"),
        (b"9" * 5_000, "instead of JSON"),
    ],
)
def test_what_is_no_json_is_said_in_words(content, words):
    with pytest.raises(NotJson, match=words):
        json_value(content, depth_max=32)


def test_the_deepest_allowed_json_is_read():
    assert json_value(b'[[{"a": 1}]]', depth_max=3) == [[{"a": 1}]]
    with pytest.raises(NotJson):
        json_value(b'[[{"a": []}]]', depth_max=3)


@settings(STEADY)
@given(st.binary(max_size=200))
def test_any_bytes_give_json_or_a_reason_and_words_that_fit_a_line(content):
    with suppress(NotJson):
        json_value(content, depth_max=8)
    words = shortened(words_of(content))
    assert len(words) <= 200
    assert words.isprintable()
    assert words.encode("utf-8").decode("utf-8") == words


def test_a_services_words_lose_their_control_characters_and_their_length():
    assert shortened("one\x1b[31m two\r\nthree\u202e\ud800 four\x00") == "one [31m two three four"
    assert len(shortened("x" * 10_000)) == 200


@pytest.mark.parametrize("echo", ["Bearer sntrys_secret123", "sntrys_secret123"])
def test_a_credential_echoed_by_the_service_is_removed(echo):
    assert shortened(f"bad token {echo}!", without="Bearer sntrys_secret123") == "bad token ***!"


def test_a_credential_is_removed_before_the_words_are_cut():
    words = shortened("x" * 195 + " sntrys_secret123", without="Bearer sntrys_secret123")
    assert "sntry" not in words


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Rejected),
        (302, Rejected),
        (308, Rejected),
        (400, Rejected),
        (401, Denied),
        (403, Denied),
        (404, Rejected),
        (407, Denied),
        (408, Faulty),
        (409, Rejected),
        (422, Rejected),
        (429, Throttled),
        (500, Faulty),
        (502, Faulty),
        (503, Faulty),
        (599, Faulty),
    ],
)
def test_every_status_has_its_error(status, kind):
    error = refusal("sentry", "read sessions", status, {}, "words")
    assert type(error) is kind
    assert error.status == status
    assert f"HTTP {status}" in str(error)


_NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait_seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "1e99"}, WAIT_SECONDS_MAX),
        ({"retry-after": "soon"}, 0),
        ({"date": formatdate(_NOW, usegmt=True), "retry-after": formatdate(_NOW + 30, usegmt=True)}, 30),
        ({"date": formatdate(_NOW, usegmt=True), "x-sentry-rate-limit-reset": str(int(_NOW) + 42)}, 42),
        ({"date": formatdate(_NOW, usegmt=True), "x-sentry-rate-limit-reset": "0"}, 0),
        ({"x-sentry-rate-limit-reset": "99999999999999"}, WAIT_SECONDS_MAX),
        ({"x-sentry-rate-limit-reset": "later"}, 0),
    ],
)
def test_a_throttled_call_says_how_long_to_wait(headers, wait_seconds):
    error = refusal("sentry", "read sessions", 429, headers, "slow down")
    assert isinstance(error, Throttled)
    assert error.wait_seconds == wait_seconds


def test_without_a_date_the_wait_is_counted_from_this_machines_clock():
    error = refusal("sentry", "x", 429, {"x-sentry-rate-limit-reset": str(int(time.time()) + 100)}, "")
    assert isinstance(error, Throttled)
    assert 90 <= error.wait_seconds <= 100


@settings(STEADY)
@given(
    st.integers(300, 999),
    st.dictionaries(st.sampled_from(["retry-after", "date", "x-sentry-rate-limit-reset"]), st.text()),
)
def test_any_refusal_is_one_of_our_errors(status, headers):
    error = refusal("sentry", "x", status, headers, "words")
    assert isinstance(error, EdgeError)
    if isinstance(error, Throttled):
        assert 0 <= error.wait_seconds <= WAIT_SECONDS_MAX


@settings(STEADY)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_the_words_of_any_json_are_text(value):
    assert isinstance(words_of(json.dumps(value).encode()), str)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "Invalid token"}', "Invalid token"),
        (b'{"environment": ["This field is required."]}', '{"environment": ["This field is required."]}'),
        (b'{"detail": {"code": "sso-required"}}', '{"detail": {"code": "sso-required"}}'),
        (b"<html>secret internals</html>", "an HTML page"),
        (b"", "an empty answer"),
        (b"no healthy upstream", "no healthy upstream"),
    ],
)
def test_a_refusals_own_words_are_kept(body, words):
    assert words_of(body) == words
