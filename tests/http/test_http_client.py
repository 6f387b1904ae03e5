"""What callers of the client can rely on, seen from a server that misbehaves in every known way."""

import json
import socket
import struct
import time
import traceback

import pytest
from loopback import answer, certificate, says, served

from stagedrollout.core.errors import (
    Denied,
    EdgeError,
    Faulty,
    Rejected,
    Throttled,
    Unreachable,
    WrongConfiguration,
)
from stagedrollout.http.client import Endpoint, HttpClient, Limits, in_process

TOKEN = "sntrys_0123456789abcdef"


def client(base_url, **options):
    options.setdefault("authorization", lambda: f"Bearer {TOKEN}")
    allow_http = options.pop("allow_http", False)
    return HttpClient(Endpoint("sentry", base_url, allow_http=allow_http), **options)


def get(base_url, **options):
    with client(base_url, **options) as http:
        return http.get_json("read sessions", "/api/0/x/", [("query", "private-query")])


def failure(script, **options):
    """The error a caller gets from a server that follows `script`; it must give nothing away."""
    with served(script) as server:
        return refused(server.base_url, **options)


def refused(base_url, **options):
    with pytest.raises(EdgeError) as caught:
        get(base_url, **options)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert TOKEN not in shown
    assert "private-query" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


def test_json_comes_back_with_its_headers():
    with served(says(answer(b'{"a": [1]}', headers=("X-Thing: y", "Content-Type: text/html")))) as server:
        reply = get(server.base_url)
    assert (reply.status, reply.body, reply.headers["x-thing"]) == (200, {"a": [1]}, "y")
    assert TOKEN not in repr(reply)


def test_parameters_arrive_repeated_and_encoded_and_the_credential_in_its_header():
    with served(says(answer(b"{}"))) as server, client(server.base_url) as http:
        http.get_json(
            "x", "/api/0/", [("field", "sum(session)"), ("field", "b"), ("query", 'release:["a@1+2"]')]
        )
    request = server.requests[0].decode()
    assert request.startswith(
        "GET /api/0/?field=sum%28session%29&field=b&query=release%3A%5B%22a%401%2B2%22%5D HTTP/1.1"
    )
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n" in request
    assert "\r\nAccept-Encoding: identity\r\n" in request


def test_a_body_is_posted_as_json():
    seen = []

    def handle(method, path, query, headers, body):
        seen.append((method, path, query, headers["content-type"], body))
        return 201, {}, b'{"id": 1}'

    with client("https://sentry.io", transport=in_process(handle)) as http:
        assert http.post_json("create", "/api/0/deploys/", {"a": 1}).status == 201
    assert seen == [("POST", "/api/0/deploys/", "", "application/json", b'{"a":1}')]


def test_a_change_is_sent_as_json():
    seen = []

    def handle(method, path, query, headers, body):
        seen.append((method, path, headers["content-type"], body))
        return 200, {}, b"{}"

    with client("https://sentry.io", transport=in_process(handle)) as http:
        assert http.patch_json("change", "/v1/things/1", {"a": 1}).status == 200
    assert seen == [("PATCH", "/v1/things/1", "application/json", b'{"a":1}')]


def test_a_service_with_words_of_its_own_reads_its_refusals_itself_without_our_credential():
    body = f'{{"errors": [{{"code": "X", "detail": "unknown {TOKEN}"}}]}}'.encode()

    def reads(doing, status, headers, content):
        code = json.loads(content)["errors"][0]
        return Throttled("apple", doing, f"{code['code']}: {code['detail']}", status=status)

    script = says(answer(body, status="409 Conflict", headers=("X-Thing: y",)))
    error = failure(script, refused=reads)
    assert type(error) is Throttled
    assert (error.status, error.detail) == (409, "X: unknown ***")


def test_nobody_listening_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refused(f"http://127.0.0.1:{port}")
    assert type(error) is Unreachable
    assert "refused" in str(error)


def test_a_connection_reset_is_unreachable():
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert type(failure(reset)) is Unreachable


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=["silent", "half a line", "half a body", "no HTTP", "endless header", "bad chunk"],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_unreachable(text):
    assert type(failure(says(text))) is Unreachable


def test_a_plain_server_behind_an_https_address_is_unreachable_by_tls():
    with served(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = refused(server.base_url.replace("http:", "https:"), limits=Limits(timeout_seconds=5))
    assert type(error) is Unreachable
    assert "TLS" in str(error)


def test_an_untrusted_certificate_is_unreachable_and_sees_no_request(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    tls, _ = certificate(tmp_path)
    with served(says(answer(b"{}")), tls=tls) as server:
        error = refused(server.base_url)
        assert server.requests == []
    assert type(error) is Unreachable
    assert "TLS, self-signed certificate" in str(error)


QUICK = Limits(timeout_seconds=0.4, connect_seconds=0.4)


@pytest.mark.promise("R22")
def test_a_server_that_hangs_is_left_in_time():
    began = time.monotonic()
    error = failure(lambda connection: connection.recv(1), limits=QUICK)
    assert type(error) is Unreachable
    assert time.monotonic() - began < 3


@pytest.mark.promise("R22")
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["header", "body"]
)
def test_a_server_that_drips_is_left_in_time(head):
    def drip(connection):
        connection.sendall(head)
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)

    began = time.monotonic()
    error = failure(drip, limits=QUICK)
    assert type(error) is Unreachable
    assert "within 0.4 s" in str(error)
    assert time.monotonic() - began < 3


def test_a_server_that_drips_over_tls_is_left_in_time(tmp_path, monkeypatch):
    def drip(connection):
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)

    tls, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    began = time.monotonic()
    with served(drip, tls=tls) as server:
        error = refused(server.base_url, limits=Limits(timeout_seconds=0.6, connect_seconds=0.6))
        assert len(server.requests) == 1
    assert "within 0.6 s" in str(error)
    assert time.monotonic() - began < 3


def test_a_drip_that_ends_by_closing_is_no_whole_answer():
    """Without a length, closing ends a body: cut by our deadline it must not be taken for the whole of it."""

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)

    assert type(failure(drip, limits=QUICK)) is Unreachable


@pytest.mark.promise("R22")
def test_an_oversized_answer_is_faulty_and_not_read_to_its_end():
    sent = 0

    def flood(connection):
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while sent < 400:
            connection.sendall(b"0," * 65_536)
            sent += 1

    error = failure(flood, limits=Limits(bytes_max=100_000))
    assert type(error) is Faulty
    assert "more than 100000 bytes" in str(error)
    assert sent < 400


def test_a_refusal_with_an_endless_page_is_still_classified():
    def flood(connection):
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>")
        while True:
            connection.sendall(b"x" * 65_536)

    error = failure(flood)
    assert type(error) is Faulty
    assert error.status == 502
    assert "an HTML page" in str(error)


def test_a_packed_answer_is_faulty():
    assert type(failure(says(answer(b"\x1f\x8b", headers=("Content-Encoding: gzip",))))) is Faulty


@pytest.mark.parametrize("body", [b"<html>login</html>", b"", b'{"a": NaN}', b"[" * 100_000])
def test_an_answer_that_is_no_usable_json_is_faulty(body):
    assert type(failure(says(answer(body)))) is Faulty


@pytest.mark.promise("R24")
def test_a_redirect_is_not_followed_and_the_credential_stays():
    with served(says(answer(b"{}"))) as elsewhere:
        location = f"Location: {elsewhere.base_url}/stolen"
        error = failure(says(answer(b"", status="302 Found", headers=(location,))))
        assert elsewhere.requests == []
    assert type(error) is Rejected
    assert error.status == 302


def test_a_cookie_is_not_sent_back():
    with (
        served(says(answer(b"{}", headers=("Set-Cookie: session=1; Path=/",)))) as server,
        client(server.base_url) as http,
    ):
        http.get_json("x", "/a")
        http.get_json("x", "/b")
    assert b"cookie" not in server.requests[1].lower()


def test_a_proxy_from_the_environment_is_not_used_on_this_machine(monkeypatch):
    with served(says(answer(b"{}"))) as proxy, served(says(answer(b"[]"))) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        monkeypatch.setenv("ALL_PROXY", proxy.base_url)
        assert get(server.base_url).body == []
        assert proxy.requests == []


def test_a_proxy_from_the_environment_is_used_for_a_real_service(monkeypatch):
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with served(says(answer(b'"by proxy"'))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        assert get("http://sentry.example.test", allow_http=True).body == "by proxy"


def test_an_unusable_proxy_is_a_wrong_configuration_that_keeps_its_password(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:hunter2hunter2@proxy.example.test")
    with pytest.raises(WrongConfiguration) as caught:
        client("https://sentry.io")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_credential_no_header_can_carry_is_denied_before_anything_is_sent():
    with served(says(answer(b"{}"))) as server:
        error = refused(server.base_url, authorization=lambda: f"Bearer {TOKEN}\r\nX-Evil: 1")
        assert server.requests == []
    assert type(error) is Denied


@pytest.mark.promise("R24")
def test_a_credential_echoed_by_the_service_is_not_repeated():
    body = f'{{"detail": "unknown token {TOKEN}"}}'.encode()
    error = failure(says(answer(body, status="401 Unauthorized")))
    assert type(error) is Denied
    assert "unknown token ***" in str(error)


def test_a_parameter_that_cannot_be_written_is_rejected():
    with client("https://sentry.io", transport=in_process(lambda *_: (200, {}, b"{}"))) as http:
        for value in ("\ud800", "x" * 100_000):
            with pytest.raises(Rejected):
                http.get_json("x", "/", [("query", value)])


@pytest.mark.parametrize(("dropped", "words"), [(ConnectionResetError, "broke"), (TimeoutError, "in time")])
def test_a_handler_in_this_process_can_drop_and_delay(dropped, words):
    def handle(*_):
        raise dropped

    error = refused("https://sentry.io", transport=in_process(handle))
    assert type(error) is Unreachable
    assert words in str(error)


def test_a_handler_in_this_process_sees_the_request_as_on_the_wire():
    def handle(method, path, query, headers, body):
        assert (method, path, query, body) == ("GET", "/api/0/a%2Fb/", "query=x%2By", b"")
        assert headers["authorization"] == f"Bearer {TOKEN}"
        return 429, {"Retry-After": "3"}, b'{"detail": "slow"}'

    with (
        client("https://sentry.io", transport=in_process(handle)) as http,
        pytest.raises(Throttled) as caught,
    ):
        http.get_json("x", "/api/0/a%2Fb/", [("query", "x+y")])
    assert caught.value.wait_seconds == 3
