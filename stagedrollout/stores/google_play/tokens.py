"""Access tokens, shared by all threads and fetched by one at a time.

google-auth signs; the conversation with the token endpoint is ours. Left to itself google-auth (2.62) signs by the
machine's clock alone, repeats that request with sleeps of its own, and its `before_request` starts a thread that talks
to another Google host. How old a token is goes by time that only passes, whatever the clock is set to.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import google.auth.jwt
import httplib2
from google.auth.crypt import RSASigner

from stagedrollout.core.errors import Faulty, WrongConfiguration
from stagedrollout.http.held import HELD
from stagedrollout.http.peers import named_loopback
from stagedrollout.http.signing_time import SigningTime
from stagedrollout.stores.google_play.errors import SERVICE, classified_token
from stagedrollout.stores.google_play.wire import HttpLike

PUBLISHER_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_DOING = "getting an access token"

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""For whom the assertion is, whatever the key's token_uri says (google-play.md section 10)."""

LIFETIME_SECONDS = 3_600
"""Of an assertion at most; and of a token, where the answer does not tell."""

LIFETIME_SECONDS_MAX = 12 * 3_600
"""Google gives none that lives longer."""

RENEWED_BEFORE_END_SECONDS = 4 * 60

REFUSALS = (400, 401)
"""invalid_grant and invalid_client."""

ASKED_MAX = 2
"""By this machine's clock, and by the date in the refusal."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who asks for tokens, where, and for which scope."""

    email: str
    token_uri: str
    scope: str
    signer: RSASigner = field(repr=False)


def credentials_from(info: Mapping[str, Any], scope: str = PUBLISHER_SCOPE) -> ServiceAccount:
    """Credentials from a parsed key file, for one scope. Raises WrongConfiguration, which never repeats the key."""
    match info.get("type"):
        case "service_account":
            if not _googles(info.get("token_uri")):
                raise WrongConfiguration(
                    "the Google Play key asks for its tokens elsewhere than at Google: token_uri is "
                    "https://oauth2.googleapis.com/token in every key that Google makes"
                )
            try:
                signer = RSASigner.from_service_account_info(dict(info))  # type: ignore[no-untyped-call]
            except (ValueError, TypeError, AttributeError, KeyError):
                # The library's message may quote what it could not read.
                signer = None
            email = info.get("client_email")
            if signer is None or not isinstance(email, str) or not email:
                raise WrongConfiguration(
                    "the Google Play key is no complete service account key: it needs client_email, "
                    "token_uri and a private_key in PEM form"
                )
            return ServiceAccount(email, info["token_uri"], scope, signer)
        case _:
            raise WrongConfiguration(
                'the Google Play key is of another type than "service_account", the only one supported: '
                "create a JSON key for a service account in the Google Cloud console"
            )


def _googles(address: Any) -> bool:
    """Whether tokens come from Google, or from an emulator on this machine."""
    try:
        asked = urlsplit(address if isinstance(address, str) else "")
        host = asked.hostname or ""
    except ValueError:
        return False
    if named_loopback(host):
        return asked.scheme in ("http", "https")
    return (
        asked.scheme == "https"
        and "@" not in asked.netloc
        and host.endswith((".googleapis.com", ".google.com"))
    )


class Tokens:
    """The current token of one account for one scope. `wall` is the real clock, since Google's server checks what is
    signed; `steady` counts what has passed."""

    def __init__(
        self,
        account: ServiceAccount,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._time = SigningTime(wall, steady)
        self._steady = steady
        self._lock = threading.Lock()
        self._token = ""
        self._renewed_at = 0.0

    def current(self, wire: HttpLike) -> str:
        """A token that is good for some minutes. Raises EdgeError, and OSError and the like from `wire`."""
        with self._lock:
            if not self._good():
                self._fetch(wire)
            return self._token

    def instead_of(self, refused: str, wire: HttpLike) -> str:
        """Another token than the one just refused; somebody else may have fetched it meanwhile."""
        with self._lock:
            if self._token == refused or not self._good():
                self._fetch(wire)
            return self._token

    def _good(self) -> bool:
        return bool(self._token) and self._steady() < self._renewed_at

    def _fetch(self, wire: HttpLike) -> None:
        asked = self._steady()
        response, content = self._answer(wire)
        if response.status != 200:
            raise classified_token(response.status, response, content)
        token, lifetime = _token_in(content)
        HELD.token(token)
        self._token, self._renewed_at = token, asked + lifetime - RENEWED_BEFORE_END_SECONDS

    def _answer(self, wire: HttpLike) -> tuple[httplib2.Response, bytes]:
        """Of asking, once more where the machine's clock may have been the reason for a refusal."""
        for _ in range(ASKED_MAX):
            body = urlencode({"assertion": self._assertion(), "grant_type": _GRANT})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            response, content = wire.request(self._account.token_uri, "POST", body, headers, redirections=0)
            if response.status not in REFUSALS or not self._time.refused(response.get("date", "")):
                break
        return response, content

    def _assertion(self) -> str:
        now = int(self._time.now())
        claims = {
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "iss": self._account.email,
            "aud": _AUDIENCE,
            "scope": self._account.scope,
        }
        signed: bytes = google.auth.jwt.encode(self._account.signer, claims)  # type: ignore[no-untyped-call]
        return signed.decode()


def _token_in(content: bytes) -> tuple[str, float]:
    """The token, and how many seconds it lives. Raises Faulty."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    found: Mapping[str, Any] = document if isinstance(document, dict) else {}
    token = found.get("access_token")
    if not (isinstance(token, str) and token.isascii() and token.isprintable() and token.strip()):
        raise Faulty(SERVICE, _DOING, "the answer holds no token", status=200)
    try:
        lifetime = float(found.get("expires_in", LIFETIME_SECONDS))
    except (ValueError, TypeError, OverflowError):
        lifetime = -1.0
    if not 0 <= lifetime <= LIFETIME_SECONDS_MAX:
        raise Faulty(SERVICE, _DOING, "the answer holds no usable expiry", status=200)
    return token, lifetime
