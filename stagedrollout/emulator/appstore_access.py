"""Who may use App Store Connect, and how often (app-store-connect.md sections 2 and 10).

Tokens are judged by real time, since clients sign by it; requests are counted in virtual time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from stagedrollout.emulator import appstore_errors as no
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.credentials import AppStoreKey, Credentials
from stagedrollout.emulator.switches import Switches

AUDIENCE = "appstoreconnect-v1"
LONGEST_SECONDS = 20 * 60
MINUTE_LIMIT = 150
HEADER = "X-Rate-Limit"
_BY_HAND: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token that was found to be signed with the key; a client shows the same one again and again for minutes."""

    token: str
    key: AppStoreKey
    claims: dict[str, Any]


class Tokens:
    """`wall` is real time in seconds since 1970."""

    def __init__(self, credentials: Credentials, wall: Callable[[], float]) -> None:
        self._credentials = credentials
        self._wall = wall
        self._shown: dict[str, _Shown] = {}

    def key_of(self, token: str | None) -> str:
        """The key id of a good bearer token. Raises AppStoreError (401) for any other."""
        try:
            header = jwt.get_unverified_header(token or "")
            key = self._credentials.app_store_key(str(header.get("kid")))
            if key is None or header.get("alg") != "ES256":
                raise no.not_authorized()
            claims = self._signed(token or "", key)
        except jwt.PyJWTError:
            raise no.not_authorized() from None
        if not self._good(claims, key):
            raise no.not_authorized()
        return key.key_id

    def _signed(self, token: str, key: AppStoreKey) -> dict[str, Any]:
        """What a token says that is signed with this key. Raises PyJWTError for any other."""
        shown = self._shown.get(key.key_id)
        if shown is None or shown.token != token or shown.key is not key:
            claims = jwt.decode(token, key.public, algorithms=["ES256"], options=_BY_HAND)
            shown = self._shown[key.key_id] = _Shown(token, key, claims)
        return shown.claims

    def _good(self, claims: dict[str, Any], key: AppStoreKey) -> bool:
        """A team key names its issuer, an individual one has the subject "user" instead."""
        team = claims.get("iss") == key.issuer_id and "sub" not in claims
        individual = "iss" not in claims and claims.get("sub") == "user"
        expires = claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            return False
        now = self._wall()
        in_time = now < expires <= now + LONGEST_SECONDS
        return (team or individual) and claims.get("aud") == AUDIENCE and in_time


def check_role(operation: str, switches: Switches, *, writes: bool) -> None:
    """Raises AppStoreError (403) for what the key's role does not allow: App Manager is the least that releases, and
    analytics are for Admin, Sales and Finance (section 2)."""
    role = switches.app_store_role
    if (operation == "analytics.list" and role != "admin") or (writes and role == "developer"):
        raise no.forbidden()


class RateLimit:
    """Requests of each key within the last hour of virtual time."""

    def __init__(self, timeline: Timeline, switches: Callable[[], Switches]) -> None:
        self._timeline = timeline
        self._switches = switches
        self._taken: dict[str, deque[datetime]] = {}

    def take(self, key: str) -> None:
        """Count one request. Raises AppStoreError (429), counting nothing, when the limit is reached."""
        taken = self._taken.setdefault(key, deque())
        hour, minute = self._used(taken)
        switches = self._switches()
        over_minute = switches.app_store_minute_limit and minute >= MINUTE_LIMIT
        if hour >= switches.app_store_hourly_limit or over_minute:
            raise no.too_many()
        taken.append(self._timeline.now)

    def header(self, key: str | None, *, spent: bool) -> dict[str, str]:
        """What every answer tells of the limit; without a key, of the one that was used most."""
        used = [self._used(taken) for name, taken in self._taken.items() if key in (None, name)]
        hour, minute = max(used, default=(0, 0))
        switches = self._switches()
        parts = [("user-hour", switches.app_store_hourly_limit, hour)]
        if switches.app_store_minute_limit:
            parts.append(("user-minute", MINUTE_LIMIT, minute))
        told = (
            f"{name}-lim:{limit};{name}-rem:{0 if spent else limit - used};" for name, limit, used in parts
        )
        return {HEADER: "".join(told)}

    def _used(self, taken: deque[datetime]) -> tuple[int, int]:
        """Requests within the last hour, and within the last minute."""
        now = self._timeline.now
        while taken and taken[0] <= now - timedelta(hours=1):
            taken.popleft()
        return len(taken), sum(at > now - timedelta(minutes=1) for at in taken)
