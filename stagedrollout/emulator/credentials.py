"""Who may knock: throw-away service accounts, access tokens and bearer tokens of one world.

Nothing here is ever written to a log or to the ledger.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PUBLISHER_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
REPORTING_SCOPE = "https://www.googleapis.com/auth/playdeveloperreporting"
STORAGE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
SCOPES = frozenset({PUBLISHER_SCOPE, REPORTING_SCOPE, STORAGE_SCOPE})
TOKEN_SECONDS = 3600
INGEST_PROJECT = 4_500_000
"""The Sentry project that takes the daemon's own errors; the apps' projects count from the next number."""

_KEY_ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token stands for; `expires` is real time, in seconds since 1970."""

    account: str
    scopes: frozenset[str]
    expires: float


@dataclass(frozen=True, slots=True)
class AppStoreKey:
    """A team key of App Store Connect: whose tokens it verifies."""

    key_id: str
    issuer_id: str
    public: ec.EllipticCurvePublicKey


class Credentials:
    """`wall` is real time: clients decide by it when a token is old."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._access: dict[str, AccessToken] = {}
        self._app_store_keys: dict[str, AppStoreKey] = {}
        self.sentry_token = "sntry-emulated-" + secrets.token_hex(16)
        self.sentry_public_key = secrets.token_hex(16)
        self.signals_token = "signals-emulated-" + secrets.token_hex(16)
        self.slack_token = "xoxb-emulated-" + secrets.token_hex(16)
        self.pagerduty_key = secrets.token_hex(16)
        self.webhook_secret = "webhook-emulated-" + secrets.token_hex(16)
        self.slack_app_token = "xapp-1-emulated-" + secrets.token_hex(16)

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

    def new_app_store_key(self) -> tuple[str, str, str]:
        """A team key for App Store Connect: key id, issuer id, and the .p8 file's text, kept nowhere here."""
        key = ec.generate_private_key(ec.SECP256R1())
        key_id = "".join(secrets.choice(_KEY_ID_LETTERS) for _ in range(10))
        issuer_id = str(uuid.uuid4())
        self.learn_app_store_key(key_id, issuer_id, key.public_key())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        return key_id, issuer_id, pem

    def learn_app_store_key(self, key_id: str, issuer_id: str, key: ec.EllipticCurvePublicKey) -> None:
        """Accept App Store Connect tokens that name `key_id` and verify with `key` (EC P-256)."""
        self._app_store_keys[key_id] = AppStoreKey(key_id, issuer_id, key)

    def app_store_key(self, key_id: str) -> AppStoreKey | None:
        return self._app_store_keys.get(key_id)

    def revoke_app_store_key(self, key_id: str) -> None:
        """Make every token of this key worthless from now on."""
        self._app_store_keys.pop(key_id, None)

    def sentry_dsn(self, url: str) -> str:
        """Where an SDK sends its own errors and check-ins, for a world that is served at `url`."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{self.sentry_public_key}@{parts.netloc}/{INGEST_PROJECT}"

    def revoke_access(self) -> None:
        """Make every access token worthless, as when a key is revoked or a session is ended."""
        self._access.clear()
