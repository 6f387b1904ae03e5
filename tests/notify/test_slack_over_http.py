"""What slack_sdk makes of real answers, and what this project makes of slack_sdk."""

import io
import logging
import socket
import struct
import time
import traceback
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from slack_sdk.web.base_client import BaseClient

from stagedrollout.core.errors import (
    Denied,
    EdgeError,
    Faulty,
    Rejected,
    Throttled,
    Unreachable,
    WrongConfiguration,
)
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.slack import Slack, open_call
from tests.http.loopback import certificate
from tests.notify.fakes import CHANNEL, SHOP, notice
from tests.notify.loopback import Answer, Fake, says, says_json, served

TOKEN = "xoxb-canary-4711-do-not-show"
HALT = notice("shop/halted/1", "5.2.0 HALTED at 20 %", broadcast=True)


def post(fake: Fake | str, timeout_seconds: float = 5.0) -> str:
    base_url = fake if isinstance(fake, str) else fake.base_url
    call = open_call(TOKEN, Endpoint("slack", base_url), timeout_seconds)
    return Slack(call, CHANNEL).post(HALT, "1.1", rollout=SHOP)


def failure_of(answer: Answer, timeout_seconds: float = 5.0) -> EdgeError:
    with served(answer) as fake, pytest.raises(EdgeError) as caught:
        post(fake, timeout_seconds)
    assert len(fake.received) == 1, "trying again is the relay's business"
    assert caught.value.service == "slack"
    assert caught.value.doing == "chat.postMessage"
    return caught.value


def test_a_notice_arrives_with_the_token_and_its_id_comes_back() -> None:
    with served(says_json({"ok": True, "channel": CHANNEL, "ts": "1763892000.123456"})) as fake:
        assert post(fake) == "1763892000.123456"
    [received] = fake.received
    assert received.path == "/api/chat.postMessage"
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert received.headers["content-type"].startswith("application/json")
    assert received.body["channel"] == CHANNEL
    assert received.body["text"].startswith("5.2.0 HALTED at 20 %")
    assert received.body["thread_ts"] == "1.1"
    assert received.body["reply_broadcast"] is True


@pytest.mark.parametrize(
    "word",
    ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"],
)
def test_trouble_inside_slack_leaves_open_whether_it_was_told(word: str) -> None:
    assert isinstance(failure_of(says_json({"ok": False, "error": word})), Unreachable)


@pytest.mark.parametrize(
    "answer",
    [
        says_json({"ok": False, "error": "internal_error"}, 500),
        says(b"<html><title>502 Bad Gateway</title></html>", 502, Content_Type="text/html"),
        says(b"", 503),
        says_json({"ok": True, "ts": "1.1"}, 504),
        says_json({"ok": False, "error": "channel_not_found"}, 500),
        says(b"", 408),
    ],
    ids=["500", "502-html", "503-empty", "504-ok", "500-with-a-word", "408"],
)
def test_a_server_error_leaves_open_whether_it_was_told(answer: Answer) -> None:
    assert isinstance(failure_of(answer), Unreachable)


@pytest.mark.parametrize(
    "word",
    [
        "invalid_auth",
        "not_authed",
        "token_expired",
        "token_revoked",
        "account_inactive",
        "not_allowed_token_type",
        "no_permission",
        "access_denied",
        "org_login_required",
    ],
)
def test_a_token_slack_does_not_want_needs_a_human(word: str) -> None:
    error = failure_of(says_json({"ok": False, "error": word}))
    assert isinstance(error, Denied)
    assert error.detail == word


def test_a_missing_scope_is_named() -> None:
    answer = {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "files:write"}
    error = failure_of(says_json(answer))
    assert isinstance(error, Denied)
    assert error.detail == "missing_scope (the token needs chat:write and has files:write)"


@pytest.mark.parametrize("status", [401, 403])
def test_a_bare_refusal_of_the_token_needs_a_human(status: int) -> None:
    assert isinstance(failure_of(says(b"", status)), Denied)


@pytest.mark.parametrize(
    "word",
    [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "team_not_found",
        "messages_tab_disabled",
        "ekm_access_denied",
        "a_word_nobody_has_heard_of",
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_channel_that_refuses_is_named_in_slacks_word(word: str, status: int) -> None:
    error = failure_of(says_json({"ok": False, "error": word}, status))
    assert type(error) is Rejected
    assert error.detail == word
    assert error.status == status


@pytest.mark.parametrize(
    ("answer", "wait_seconds"),
    [
        (says_json({"ok": False, "error": "ratelimited"}, 429, Retry_After="30"), 30),
        (says(b"<html>slow down</html>", 429, Retry_After="7"), 7),
        (says(b"", 429), 0),
        (says(b"", 429, Retry_After="soon"), 0),
        (says(b"", 429, Retry_After="1e99"), 3_600),
        (says_json({"ok": False, "error": "ratelimited"}, Retry_After="2"), 2),
        (says_json({"ok": False, "error": "rate_limited"}), 60),
        (says_json({"ok": False, "error": "message_limit_exceeded"}), 60),
    ],
    ids=["429", "429-html", "429-bare", "429-words", "429-huge", "200", "rate_limited", "message_limit"],
)
def test_being_too_fast_says_how_long_to_wait(answer: Answer, wait_seconds: float) -> None:
    started = time.monotonic()
    error = failure_of(answer)
    assert isinstance(error, Throttled)
    assert error.wait_seconds == wait_seconds
    assert time.monotonic() - started < 1.5, "waiting is written down, not slept"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in to the hotel's network</html>",
        b"",
        b"[]",
        b"null",
        b'"ok"',
        b"{}",
        b'{"ok": false}',
        b'{"ok": false, "error": 7}',
        b'{"ok": false, "error": null}',
        b'{"ok": true, "ts": NaN}',
        b"\xff\xfe\xfd",
        b'{"ok": true, "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"ok": true, "a": ' + b"9" * 5_000 + b"}",
        b'{"ok": true, "ts": "1.1", "a": "' + b"x" * 2_000_000 + b'"}',
        b'{"ok": true}',
    ],
    ids=[
        *("html", "empty", "list", "null", "string", "object", "no-word", "number", "null-word"),
        *("nan", "no-utf8", "deep", "huge-number", "too-much", "no-ts"),
    ],
)
def test_an_answer_that_cannot_be_read_is_slacks_fault(body: bytes) -> None:
    assert isinstance(failure_of(says(body)), Faulty)


@pytest.mark.parametrize("kind", ["application/gzip", "text/html; charset=no-such-charset", "text/plain"])
def test_an_answer_counts_whatever_it_calls_itself(kind: str) -> None:
    with served(says(b'{"ok": true, "ts": "1.1"}', Content_Type=kind)) as fake:
        assert post(fake) == "1.1"


def hangs(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.settimeout(5)
    handler.connection.recv(1)  # until the client gives up


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    _drip(handler, b" ")


def drips_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    _drip(handler, b"x")


def _drip(handler: BaseHTTPRequestHandler, mark: bytes) -> None:
    try:
        for _ in range(100):
            handler.connection.sendall(mark)
            time.sleep(0.05)
    except OSError:
        handler.wfile = io.BytesIO()


def never_ends(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            handler.connection.sendall(b" " * 65_536)
    except OSError:
        handler.wfile = io.BytesIO()


def closes(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def resets(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.wfile = io.BytesIO()


def speaks_no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 smtp.example ready\r\n")


@pytest.mark.parametrize("answer", [hangs, drips, drips_headers, closes, resets, speaks_no_http])
def test_a_conversation_that_breaks_leaves_open_whether_it_was_told(answer: Answer) -> None:
    started = time.monotonic()
    assert isinstance(failure_of(answer, timeout_seconds=0.4), Unreachable)
    assert time.monotonic() - started < 2.5


def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    error = failure_of(never_ends, timeout_seconds=5.0)
    assert isinstance(error, Faulty)
    assert "more than 1048576 bytes" in error.detail


def test_a_body_cut_short_is_not_taken_for_an_answer() -> None:
    error = failure_of(says(b'{"ok": true, "ts": "1.1"', Content_Length="500"))
    assert isinstance(error, (Unreachable, Faulty))


def test_nobody_at_the_address_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        post(f"http://127.0.0.1:{port}/api/")


def test_over_tls_a_notice_goes_only_to_who_can_prove_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certificate(tmp_path)
    with served(says_json({"ok": True, "ts": "1.1"}), tls) as fake:
        with pytest.raises(Unreachable, match="certificate"):
            post(fake)
        assert fake.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert post(fake) == "1.1"


def test_over_tls_a_dripping_answer_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with served(drips, tls) as fake, pytest.raises(Unreachable, match=r"within 0\.4 s"):
        post(fake, timeout_seconds=0.4)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_follow_a_redirect(status: int) -> None:
    with served(says_json({"ok": True, "ts": "1.1"})) as elsewhere:
        error = failure_of(says(b"", status, Location=elsewhere.base_url + "chat.postMessage"))
    assert isinstance(error, Rejected)
    assert elsewhere.received == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_stands_before_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(says_json({"ok": True, "ts": "1.1"})) as fake, served(says(b"", 502)) as proxy:
        monkeypatch.setenv(name, proxy.base_url)
        assert post(fake) == "1.1"
    assert proxy.received == []


def test_a_proxy_of_the_environment_is_used_beyond_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(says_json({"ok": True, "ts": "1.1"})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url)
        monkeypatch.delenv("no_proxy", raising=False)
        call = open_call(TOKEN, Endpoint("slack", "http://slack.example.invalid/api", allow_http=True))
        assert Slack(call, CHANNEL).post(HALT, None, rollout=SHOP) == "1.1"
    assert [received.path for received in proxy.received] == [
        "http://slack.example.invalid/api/chat.postMessage"
    ]


def test_a_proxy_nobody_can_use_is_said_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http:///{TOKEN}")
    monkeypatch.delenv("no_proxy", raising=False)
    call = open_call(TOKEN, Endpoint("slack", "http://slack.example.invalid/api", allow_http=True))
    with pytest.raises(EdgeError) as caught:
        Slack(call, CHANNEL).post(HALT, None, rollout=SHOP)
    assert TOKEN not in everything_said(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        says_json({"ok": False, "error": f"invalid_auth {TOKEN}"[:12]}),
        says_json({"ok": False, "error": "channel_not_found"}, 404),
        says_json({"ok": False, "error": "internal_error"}, 500),
        says(b"<html>", 200),
        closes,
    ],
    ids=["denied", "rejected", "error", "html", "closed"],
)
def test_the_token_is_in_no_error_and_no_log(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = failure_of(answer)
    assert TOKEN not in everything_said(error)
    assert TOKEN not in caplog.text
    assert "slack_sdk" not in {record.name.split(".")[0] for record in caplog.records}


@pytest.mark.parametrize("place", ["error", "needed"])
def test_a_token_that_slack_echoes_is_not_passed_on(place: str) -> None:
    answer = {"ok": False, "error": "missing_scope", place: f"no such token: {TOKEN}"}
    assert TOKEN not in everything_said(failure_of(says_json(answer)))


def everything_said(error: BaseException) -> str:
    """The error, its traceback and all that hangs on it, whether it is shown or not."""
    said = "".join(traceback.format_exception(error)) + repr(vars(error))
    for other in (error.__cause__, error.__context__):
        if other is not None:
            said += everything_said(other)
    return said


@pytest.mark.parametrize(
    "token", ["", " ", "xoxb-canary\nX-Evil: 1", "xoxb-cänary", "xoxb canary", "xoxb\x00"]
)
def test_a_token_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(WrongConfiguration) as caught:
        open_call(token, Endpoint("slack", "http://127.0.0.1:9/api/"), 1.0)
    assert "canary" not in everything_said(caught.value)


def test_a_token_file_may_end_in_a_line_break() -> None:
    with served(says_json({"ok": True, "ts": "1.1"})) as fake:
        call = open_call(f"{TOKEN}\n", Endpoint("slack", fake.base_url.rstrip("/")), 5.0)
        call("chat.postMessage", {"channel": CHANNEL, "text": "hello"})
    assert fake.received[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert fake.received[0].path == "/api/chat.postMessage"


def test_a_slack_sdk_that_cannot_be_bounded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(BaseClient, "_perform_urllib_http_request_internal")
    with pytest.raises(WrongConfiguration, match="slack_sdk"):
        open_call(TOKEN, Endpoint("slack", "http://127.0.0.1:9/api/"), 1.0)
