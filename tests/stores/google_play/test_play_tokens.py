"""Access tokens: one key, one token for all threads, and nothing of either in anybody's ears."""

from __future__ import annotations

import json
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from urllib.parse import parse_qsl

import httplib2
import jwt
import pytest
from play_fake import (
    HTML,
    NEW,
    OLD,
    PACKAGE,
    TOKEN,
    Answer,
    FakePlay,
    client_of,
    error,
    key_file,
    key_pem,
    store,
)

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Unreachable, WrongConfiguration
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from stagedrollout.stores.google_play.tokens import Tokens, credentials_from

REFUSED = error(401, "Request had invalid authentication credentials.", status="UNAUTHENTICATED")


def test_one_token_serves_many_looks():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    port.read()
    port.read()
    assert fake.tokens_issued == 1


def test_the_token_is_asked_for_with_the_one_scope_that_is_needed():
    fake = FakePlay(NEW, OLD)
    store(fake).read()
    asked = fake.calls[0]
    assert asked.step == "token"
    assert "jwt-bearer" in str(asked.body)
    assert "authorization" not in {name.lower() for name in asked.headers}


def test_threads_share_one_token_and_fetch_it_one_at_a_time():
    fakes = [FakePlay(NEW, OLD) for _ in range(6)]
    wires = threading.local()
    gate = threading.Barrier(6)
    issued = []

    class Router:
        def request(self, uri, *args, **kwargs):
            if uri.endswith("/token"):
                issued.append(uri)
            return wires.fake.request(uri, *args, **kwargs)

    client = PlayClient(key_file(), endpoint="http://127.0.0.1:9", open_http=Router)

    def look(fake):
        wires.fake = fake
        gate.wait(10)
        return store(fake, client=client).read()

    with ThreadPoolExecutor(6) as pool:
        states = list(pool.map(look, fakes))
    assert all(state.find("5020") for state in states)
    assert len(issued) == 1


def test_a_token_refused_once_is_replaced_and_the_request_sent_again():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    fake.fails("insert", REFUSED)
    assert port.read().find("5020")
    assert fake.tokens_issued == 2


def test_a_token_refused_twice_is_denied_and_not_tried_for_ever():
    fake = FakePlay(NEW, OLD)
    fake.fails("insert", REFUSED, turn=1)
    fake.fails("insert", REFUSED, turn=2)
    with pytest.raises(Denied, match="invalid authentication"):
        store(fake).read()
    assert fake.steps == ["insert", "insert"]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Answer(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'), Denied),
        (Answer(500, b'{"error":"internal_failure"}'), Faulty),
        (Answer(503, b""), Faulty),
        (HTML, Faulty),
        (Answer(200, b"<html>captive portal</html>"), Faulty),
        (Answer(200, b"[]"), Faulty),
        (Answer(200, b'{"token_type":"Bearer"}'), Faulty),
        (Answer(200, b'{"access_token":5,"expires_in":3600}'), Faulty),
        (Answer(200, b'{"access_token":"a\\r\\nx: y","expires_in":3600}'), Faulty),
        (Answer(200, b'{"access_token":"t","expires_in":"soon"}'), Faulty),
        (Answer(200, b'{"access_token":"t","expires_in":1e300}'), Faulty),
        (Answer(200, b'{"access_token":"t","expires_in":[]}'), Faulty),
        (Answer(200, b"\xff"), Faulty),
        (TimeoutError("t"), Unreachable),
        (ConnectionRefusedError("c"), Unreachable),
    ],
)
def test_without_a_token_nothing_is_asked_of_play_and_the_token_is_asked_for_once(trouble, kind):
    fake = FakePlay(NEW, OLD)
    fake.fails("token", trouble)
    port = store(fake)
    with pytest.raises(kind):
        port.read()
    assert [call.step for call in fake.calls] == ["token"]
    assert port.read().find("5020")


KEYS = {
    "another type": {"type": "authorized_user"},
    "no type": {"type": None},
    "no key": {"private_key": ""},
    "a key that is none": {"private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"},
    "half a key": {"private_key": key_pem()[:400]},
    "no account": {"client_email": None},
    "a key of another sort": {"private_key": 5},
}


@pytest.mark.parametrize("changes", KEYS.values(), ids=KEYS)
def test_a_key_that_cannot_work_is_refused_at_the_start_without_being_shown(changes):
    info = {name: value for name, value in key_file(**changes).items() if value is not None}
    with pytest.raises(WrongConfiguration) as caught:
        PlayClient(info)
    shown = "".join(traceback.format_exception(caught.value))
    assert "canary" not in shown
    assert key_pem().splitlines()[1] not in shown


@pytest.mark.parametrize("step", ["insert", "get", "list", "token"])
@pytest.mark.parametrize(
    "trouble",
    [
        error(400, f"you sent authorization: Bearer {TOKEN}-1 and {TOKEN}-1"),
        error(403, f"{TOKEN}-1"),
        Answer(400, json.dumps({"error": "invalid", "error_description": f"Bearer {TOKEN}"}).encode()),
        HTML,
        OSError(f"could not send Bearer {TOKEN} to http://127.0.0.1:9"),
    ],
    ids=["echo", "bare echo", "oauth echo", "html echo", "exception"],
)
def test_no_failure_tells_a_secret_not_even_in_its_traceback(step, trouble):
    fake = FakePlay(NEW, OLD)
    fake.fails(step, trouble)
    with pytest.raises(EdgeError) as caught:
        store(fake).read()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args) + caught.value.detail
    assert TOKEN not in shown
    assert "canary" not in shown


def test_neither_the_client_nor_the_store_shows_its_key():
    client = client_of(FakePlay(NEW))
    port = store(FakePlay(NEW), client=client)
    assert isinstance(port, GooglePlay)
    for thing in (client, port, vars(client), vars(port)):
        assert key_pem().splitlines()[1] not in repr(thing)
    assert PACKAGE in str(vars(port))


@pytest.mark.promise("R24")
@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com.evil.example/token",
        "https://evilgoogleapis.com/token",
        "https://oauth2.googleapis.com@evil.example/token",
        "https://169.254.169.254/token",
        "ftp://127.0.0.1/token",
        "https://[::1",
        None,
    ],
)
def test_a_key_that_asks_for_its_tokens_elsewhere_is_refused_before_anything_is_signed(elsewhere):
    with pytest.raises(WrongConfiguration, match="token_uri"):
        PlayClient(key_file(token_uri=elsewhere))


def test_google_s_own_token_address_is_taken():
    PlayClient(key_file(token_uri="https://oauth2.googleapis.com/token"))
    PlayClient(key_file(token_uri="https://accounts.google.com/o/oauth2/token"))


NOW = 1_772_431_200.0


class Google:
    """Takes an assertion of its own time only, and says what that is; `date` None: it does not."""

    def __init__(self, true: float = NOW, date: float | None = NOW) -> None:
        self.true, self.date = true, date
        self.asked = 0

    def request(self, uri, method="GET", body=None, headers=None, redirections=0, connection_type=None):
        self.asked += 1
        assertion = dict(parse_qsl(body))["assertion"]
        claims = jwt.decode(assertion, options={"verify_signature": False})
        told = {} if self.date is None else {"date": formatdate(self.date, usegmt=True)}
        if claims["iat"] <= self.true + 300 and self.true < claims["exp"]:
            answer = {"access_token": f"ya29.{self.asked}", "expires_in": 3600}
            return httplib2.Response({**told, "status": "200"}), json.dumps(answer).encode()
        answer = {"error": "invalid_grant", "error_description": "Invalid JWT: in a reasonable timeframe"}
        return httplib2.Response({**told, "status": "400"}), json.dumps(answer).encode()


def tokens_at(wall, steady=lambda: 0.0):
    return Tokens(credentials_from(key_file()), wall=lambda: wall, steady=steady)


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-20_000, -2, 2])
def test_a_machine_whose_clock_is_wrong_gets_a_token_by_googles_own_time(days):
    google = Google()
    assert tokens_at(NOW + days * 86_400).current(google) == "ya29.2"


def test_a_time_that_google_tells_is_tried_once():
    google = Google(true=NOW, date=NOW + 9 * 86_400)
    tokens = tokens_at(NOW + 2 * 86_400)
    with pytest.raises(Denied, match="reasonable timeframe"):
        tokens.current(google)
    assert google.asked == 2


def test_a_refusal_without_a_date_is_not_tried_again():
    google = Google(date=None)
    with pytest.raises(Denied):
        tokens_at(NOW + 2 * 86_400).current(google)
    assert google.asked == 1


def test_a_token_grows_old_by_time_that_passes_alone():
    google, passed, wall = Google(), [50.0], [NOW]
    tokens = Tokens(credentials_from(key_file()), wall=lambda: wall[0], steady=lambda: passed[0])
    first = tokens.current(google)
    wall[0] += 2 * 86_400
    passed[0] += 3_300
    assert tokens.current(google) == first
    wall[0] = NOW
    passed[0] += 100
    assert tokens.current(google) != first
