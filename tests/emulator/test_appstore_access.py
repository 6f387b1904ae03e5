"""Who gets into App Store Connect, and how often (app-store-connect.md 2 and 10)."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stagedrollout.emulator.world import World
from tests.emulator.appstore_calls import APP, AppleCaller, apple_at, error, ios_scenario, wait
from tests.emulator.calls import Caller

APPS = "/v1/apps"


@pytest.fixture(scope="module")
def apple():
    return apple_at(4)


def asked(apple, token):
    return Caller(apple.world, token)("GET", APPS)


def test_team_keys_and_individual_keys_get_in(apple):
    assert asked(apple, apple.token()).status == 200
    assert asked(apple, apple.token(iss=None, sub="user")).status == 200
    assert asked(apple, apple.token(exp=int(time.time()) + 1195, iat=None)).status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "appstoreconnect-v2"},
        {"aud": None},
        {"iss": "57246542-96fe-1a63-e053-0824d011072a"},
        {"iss": None},
        {"iss": None, "sub": "someone"},
        {"exp": None},
        {"exp": 1_000_000_000},
        {"exp": int(time.time()) + 3600},
        {"exp": "soon"},
        {"exp": True},
    ],
)
def test_a_token_that_is_not_in_order_is_answered_with_401(apple, claims):
    answer = asked(apple, apple.token(**claims))
    told = error(answer)
    assert (answer.status, told["code"]) == (401, "NOT_AUTHORIZED")
    assert told["title"] == "Authentication credentials are missing or invalid."


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_at_all_is_answered_with_401(apple, token):
    assert asked(apple, token).status == 401


def test_only_the_right_key_and_es256_count(apple):
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert asked(apple, apple.token(key=stranger)).status == 401
    assert asked(apple, apple.token("HS256", "a shared secret of some thirty-two bytes")).status == 401
    other = AppleCaller(World(ios_scenario()))
    assert asked(apple, other.token()).status == 401


def test_a_revoked_key_is_worth_nothing():
    apple = apple_at(4)
    apple.world.credentials.revoke_app_store_key(apple.key_id)
    assert apple("GET", APPS).status == 401


def test_neither_token_nor_key_is_ever_written_down():
    apple = apple_at(4)
    apple("GET", APPS)
    written = str(apple.world.ledger.after(0))
    assert "eyJ" not in written
    assert "PRIVATE KEY" not in written


def test_every_answer_tells_what_is_left_of_a_rolling_hour():
    apple = apple_at(4)
    lefts = []
    for target in (APPS, f"{APP}/appStoreVersions?sort=x", "/v1/nonsense"):
        lefts.append(apple("GET", target).headers["X-Rate-Limit"])
        wait(apple, minutes=20)
    assert lefts == [f"user-hour-lim:3500;user-hour-rem:{left};" for left in (3499, 3498, 3497)]
    assert apple("GET", APPS).headers["X-Rate-Limit"] == "user-hour-lim:3500;user-hour-rem:3497;"
    assert Caller(apple.world, "x")("GET", APPS).headers["X-Rate-Limit"].startswith("user-hour-lim:3500;")


def test_when_the_hour_is_spent_the_answer_is_429_until_requests_grow_old():
    apple = apple_at(4, rest="switches: {app_store_hourly_limit: 3}")
    assert [apple("GET", APPS).status for _ in range(4)] == [200, 200, 200, 429]
    answer = apple("GET", APPS)
    assert (error(answer)["code"], answer.headers["X-Rate-Limit"]) == (
        "RATE_LIMIT_EXCEEDED",
        "user-hour-lim:3;user-hour-rem:0;",
    )
    assert AppleCaller(apple.world)("GET", APPS).status == 200
    wait(apple, hours=1)
    assert apple("GET", APPS).status == 200


def test_a_minute_may_have_a_limit_of_its_own():
    apple = apple_at(4, rest="switches: {app_store_minute_limit: true}")
    headers = [apple("GET", APPS) for _ in range(151)]
    assert headers[0].headers["X-Rate-Limit"].endswith("user-minute-lim:150;user-minute-rem:149;")
    assert [answer.status for answer in headers[149:]] == [200, 429]
    wait(apple, minutes=1)
    assert apple("GET", APPS).status == 200
