"""Tokens for App Store Connect: signed here with the key, for a quarter of an hour (section 2).

Their times are the real clock's, because Apple's servers check them, or those servers' own where they refuse that.
They begin a minute ago, for clocks that run ahead, and end well before the 20 minutes Apple allows at most. How old one
is goes by time that only passes, whatever the clock is set to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.http.held import HELD
from stagedrollout.http.signing_time import SigningTime

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIFETIME_SECONDS = 15 * 60
BACKDATED_SECONDS = 60
RENEWED_BEFORE_END_SECONDS = 2 * 60

_AUDIENCE = "appstoreconnect-v1"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of App Store Connect: the .p8 file's text, and whose it is.

    `issuer_id` names the team of a team key; "" means an individual key, which speaks for its user.
    """

    pem: str = field(repr=False)
    key_id: str
    issuer_id: str = ""


class Tokens:
    """The current token of one key. `wall` gives seconds since 1970, `steady` those that pass.

    Raises WrongConfiguration, which never repeats the key, for anything but an EC P-256 key in PEM.
    """

    def __init__(
        self,
        key: ApiKey,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._private = _private_key(key.pem)
        self._key_id = key.key_id
        self._whose = {"iss": key.issuer_id} if key.issuer_id else {"sub": "user"}
        self._time = SigningTime(wall, steady)
        self._steady = steady
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def current(self) -> str:
        """A token that is good for two minutes at least."""
        with self._lock:
            if not self._token or self._good_until - self._steady() <= RENEWED_BEFORE_END_SECONDS:
                self._sign()
            return self._token

    def instead_of(self, refused: str, date: str = "") -> None:
        """Forget the token that was just refused, in an answer of this `date`; somebody else may have done so
        meanwhile."""
        with self._lock:
            if self._token == refused:
                self._time.refused(date)
                self._sign()

    def _sign(self) -> None:
        import jwt  # noqa: PLC0415 - brings cryptography, which only this store needs

        now, begun = self._time.now(), self._steady()
        claims: dict[str, Any] = {
            **self._whose,
            "iat": int(now) - BACKDATED_SECONDS,
            "exp": int(now) + LIFETIME_SECONDS,
            "aud": _AUDIENCE,
        }
        self._token = jwt.encode(claims, self._private, algorithm="ES256", headers={"kid": self._key_id})
        HELD.token(self._token)
        self._good_until = begun + LIFETIME_SECONDS


def _private_key(pem: str) -> EllipticCurvePrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's message may quote what it could not read.
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WrongConfiguration(
            "app_store: the key is none of App Store Connect: it needs the whole .p8 file as downloaded, "
            "a private key in PEM form on the curve P-256"
        )
    return key
