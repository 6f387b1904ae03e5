"""Tokens: what Apple is shown, how long, and that nobody else is."""

from __future__ import annotations

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import jwt
import pytest
from apple_fake import (
    ISSUER,
    KEY_ID,
    NEW,
    FakeApple,
    FakeVersion,
    Ticking,
    client_of,
    old,
    pem,
    private_key,
    store,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.stores.app_store import ApiKey, AppStoreClient
from stagedrollout.stores.app_store.tokens import Tokens

WALL = 1_772_431_200.0


class Wall:
    def __init__(self) -> None:
        self.seconds = WALL

    def __call__(self) -> float:
        return self.seconds


def claims_of(token):
    return jwt.decode(
        token,
        private_key().public_key(),
        algorithms=["ES256"],
        audience="appstoreconnect-v1",
        options={"verify_exp": False, "verify_iat": False},
    )


def test_a_team_key_speaks_for_its_issuer_for_a_quarter_of_an_hour():
    token = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=Wall()).current()
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
    assert claims_of(token) == {
        "iss": ISSUER,
        "iat": int(WALL) - 60,
        "exp": int(WALL) + 900,
        "aud": "appstoreconnect-v1",
    }


def test_an_individual_key_speaks_for_its_user():
    claims = claims_of(Tokens(ApiKey(pem(), KEY_ID), wall=Wall()).current())
    assert (claims["sub"], "iss" in claims) == ("user", False)


def test_a_token_is_used_until_two_minutes_before_its_end():
    wall, steady = Wall(), Wall()
    tokens = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=wall, steady=steady)
    first = tokens.current()
    wall.seconds += 780
    steady.seconds += 13 * 60 - 1
    assert tokens.current() == first
    steady.seconds += 1
    second = tokens.current()
    assert second != first
    assert claims_of(second)["exp"] == int(wall.seconds) + 900


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_is_set_makes_a_token_neither_older_nor_younger(days):
    wall, steady = Wall(), Wall()
    tokens = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=wall, steady=steady)
    first = tokens.current()
    wall.seconds += days * 86_400
    assert tokens.current() == first
    steady.seconds += 13 * 60
    assert tokens.current() != first


@pytest.mark.promise("R3")
@pytest.mark.parametrize("days", [-20_000, -2, 2])
def test_a_refused_token_is_signed_anew_by_the_time_at_apple(days):
    wall, steady = Wall(), Wall()
    wall.seconds += days * 86_400
    tokens = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=wall, steady=steady)
    tokens.instead_of(tokens.current(), formatdate(WALL, usegmt=True))
    assert claims_of(tokens.current())["exp"] == int(WALL) + 900
    steady.seconds += 14 * 60
    assert claims_of(tokens.current())["exp"] == int(WALL) + 900 + 14 * 60


def test_a_time_at_apple_that_is_refused_as_well_is_not_believed_any_longer():
    wall = Wall()
    tokens = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=wall, steady=Wall())
    lie = formatdate(WALL + 86_400, usegmt=True)
    tokens.instead_of(tokens.current(), lie)
    tokens.instead_of(tokens.current(), lie)
    assert claims_of(tokens.current())["exp"] == int(WALL) + 900


def test_a_refused_token_is_replaced_once_by_whoever_comes_first():
    tokens = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=Wall())
    refused = tokens.current()
    tokens.instead_of(refused)
    fresh = tokens.current()
    tokens.instead_of(refused)
    assert (fresh != refused, tokens.current()) == (True, fresh)


def test_threads_share_one_token():
    tokens, gate = Tokens(ApiKey(pem(), KEY_ID, ISSUER), wall=Wall()), threading.Barrier(6)

    def ask(_):
        gate.wait(10)
        return tokens.current()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


def test_many_looks_travel_with_one_token():
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    port.read()
    port.read()
    assert len({call.headers["authorization"] for call in fake.calls}) == 1
    assert claims_of(fake.calls[0].headers["authorization"].removeprefix("Bearer "))["iss"] == ISSUER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CANARY-not-a-key",
        "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "\udcff",
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(rsa.generate_private_key(65537, 2048)),
        private_key()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
        .decode(),
    ],
    ids=["empty", "words", "nonsense", "torn", "bytes", "public", "P-384", "ed25519", "rsa", "with password"],
)
def test_a_key_of_another_kind_is_a_wrong_configuration_that_keeps_it(text):
    with pytest.raises(WrongConfiguration, match=r"the whole \.p8 file") as caught:
        AppStoreClient(ApiKey(text, KEY_ID), clock=Ticking())
    shown = "".join(traceback.format_exception(caught.value))
    assert "CANARY" not in shown
    assert "Q0FOQVJZ" not in shown


def test_the_key_is_in_no_repr():
    key = ApiKey(pem(), KEY_ID, ISSUER)
    assert "BEGIN" not in repr(key)
    client = client_of(FakeApple())
    assert "BEGIN" not in repr(client) + repr(vars(client))
