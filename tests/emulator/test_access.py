"""Who gets in: tokens for a signed assertion, and nothing without one (google-play.md 2, 10; sentry.md 7)."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import jwt
import pytest

from stagedrollout.emulator.request import Request
from stagedrollout.emulator.world import World
from tests.emulator.calls import Answer, Caller, PlayCaller, scenario, sessions, slack

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE = "https://oauth2.googleapis.com/token"


@pytest.fixture(scope="module")
def keyed():
    world = World(scenario())
    return world, world.credentials.new_account("ours@example.invalid")


def ask(world, key, grant=GRANT, algorithm="RS256", **claims):
    now = int(time.time())
    usual = {"iss": "ours@example.invalid", "aud": GOOGLE, "scope": SCOPE, "iat": now, "exp": now + 3600}
    assertion = jwt.encode({**usual, **claims}, key, algorithm=algorithm)
    body = urlencode({"grant_type": grant, "assertion": assertion}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "127.0.0.1:8080"}
    response = world.handle(Request.to("POST", "/oauth2/token", headers=headers, body=body))
    return Answer(response.status, response.body, dict(response.headers))


@pytest.mark.parametrize("audience", [GOOGLE, "http://127.0.0.1:8080/oauth2/token"])
def test_a_signed_assertion_buys_a_token_that_play_takes(keyed, audience):
    world, key = keyed
    token = ask(world, key, aud=audience).document["access_token"]
    assert Caller(world, token)("POST", f"{PlayCaller.root}/edits", {}).status == 200


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "stranger@example.invalid"}, "invalid_grant"),
        ({"aud": "https://example.invalid/token"}, "invalid_grant"),
        ({"exp": 1_000_000_000}, "invalid_grant"),
        ({"exp": 9_000_000_000}, "invalid_grant"),
        ({"iat": "soon"}, "invalid_grant"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
def test_a_wrong_assertion_buys_nothing(keyed, claims, error):
    answer = ask(*keyed, **claims)
    assert (answer.status, answer.document["error"]) == (400, error)


def test_an_assertion_signed_by_another_key_or_not_at_all_buys_nothing(keyed):
    world, _ = keyed
    stranger = World(scenario()).credentials.new_account("ours@example.invalid")
    assert ask(world, stranger).document["error"] == "invalid_grant"
    assert ask(world, None, algorithm="none").document["error"] == "invalid_grant"
    assert ask(world, stranger, grant="password").document["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("token", ["", "wrong"])
def test_play_answers_401_without_a_token_of_its_own(token):
    answer = Caller(World(scenario()), token)("POST", f"{PlayCaller.root}/edits", {})
    assert (answer.status, answer.document["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_play_answers_401_once_a_token_is_an_hour_old():
    clock = [1_000_000.0]
    world = World(scenario(), wall=lambda: clock[0])
    ours = PlayCaller(world)
    ours.insert()
    clock[0] += 3601
    assert ours.call("POST", f"{ours.root}/edits", {}).status == 401


def test_play_answers_403_to_a_token_of_another_scope():
    world = World(scenario())
    token = world.credentials.issue("ours@example.invalid", frozenset({"openid"}))
    assert Caller(world, token)("POST", f"{PlayCaller.root}/edits", {}).status == 403


def test_sentry_answers_401_without_its_token():
    world = World(scenario())
    path = "/api/0/organizations/acme/sessions/"
    missing, wrong = Caller(world, "")("GET", path), Caller(world, "x")("GET", path)
    assert missing.document == {"detail": "Authentication credentials were not provided."}
    assert (wrong.status, wrong.document) == (401, {"detail": "Invalid token"})


def test_slack_says_ok_false_without_its_token():
    world = World(scenario())
    assert Caller(world, "")("POST", "/slack/api/auth.test").document["error"] == "not_authed"
    assert Caller(world, "x")("POST", "/slack/api/auth.test").document["error"] == "invalid_auth"


def test_no_credential_is_ever_written_down(keyed):
    world, key = keyed
    token = ask(world, key).document["access_token"]
    sessions(world)
    slack(world, "chat.postMessage", channel="C0RELEASE", text="x", token=world.credentials.slack_token)
    written = str(world.ledger.after(0))
    for secret in (token, world.credentials.sentry_token, world.credentials.slack_token, "eyJ"):
        assert secret not in written
