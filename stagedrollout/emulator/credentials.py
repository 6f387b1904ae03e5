"""Who may knock: throw-away service accounts, access tokens and bearer tokens of one world.

Nothing here is ever written to a log or to the ledger.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PUBLISHER_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token stands for; `expires` is real time, in seconds since 1970."""

    account: str
    scopes: frozenset[str]
    expires: float


class Credentials:
    """`wall` is real time: clients decide by it when a token is old."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._access: dict[str, AccessToken] = {}
        self.sentry_token = "sntry-emulated-" + secrets.token_hex(16)
        self.slack_token = "xoxb-emulated-" + secrets.token_hex(16)

    def new_account(self, email: str) -> str:
        """Create a service account; returns its private key as PEM, which is kept nowhere here."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.learn_account(email, key.public_key())
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def learn_account(self, email: str, key: rsa.RSAPublicKey) -> None:
        """Accept assertions of this service account that verify with `key`."""
        self._keys[email] = key

    def key_of(self, email: str) -> rsa.RSAPublicKey | None:
        return self._keys.get(email)

    def issue(self, account: str, scopes: frozenset[str] = frozenset({PUBLISHER_SCOPE})) -> str:
        """An access token for `account`, valid for an hour of real time."""
        token = "ya29.emulated-" + secrets.token_urlsafe(24)
        self._access[token] = AccessToken(account, scopes, self._wall() + TOKEN_SECONDS)
        return token

    def holder_of(self, token: str | None) -> AccessToken | None:
        """Whom an access token stands for; None when it is unknown or too old."""
        found = self._access.get(token) if token else None
        return found if found and found.expires > self._wall() else None

    def revoke_access(self) -> None:
        """Make every access token worthless, as when a key is revoked or a session is ended."""
        self._access.clear()
