"""Google's token endpoint for service accounts: a signed assertion in, an access token out.

Expiry is judged by real time, since google-auth signs with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jwt

from stagedrollout.emulator.credentials import SCOPES, TOKEN_SECONDS, Credentials
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.service import Call

PREFIX = "/oauth2/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth signs whatever the key's token_uri says (google-play.md section 10)."""

SKEW_SECONDS = 300
LONGEST_SECONDS = 3600


class OAuth:
    """Answers POST /oauth2/token. `wall` is real time in seconds since 1970."""

    name = "oauth"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, credentials: Credentials, wall: Callable[[], float]) -> None:
        self._credentials = credentials
        self._wall = wall

    def operation(self, method: str, path: str) -> str:
        return "token" if (method, path) == ("POST", PREFIX) else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:
        if status == 502:
            return Reply(502, text="<html><title>502 Server Error</title></html>")
        word = {401: "invalid_client", 403: "access_denied", 429: "rate_limit_exceeded"}.get(status)
        return Reply(status, {"error": word or "internal_failure", "error_description": kind})

    def answer(self, call: Call) -> Reply:
        if call.operation == "unknown":
            return Reply(404, text="<html><title>Error 404 (Not Found)!!1</title></html>")
        form = call.request.form()
        if form.get("grant_type") != GRANT:
            return _no("unsupported_grant_type", "Invalid grant_type")
        try:
            claims = self._claims(form.get("assertion", ""), call.request)
        except jwt.PyJWTError:
            return _no("invalid_grant", "Invalid JWT Signature.")
        except ValueError as wrong:
            return _no("invalid_grant", str(wrong))
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes & SCOPES:
            return _no("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = self._credentials.issue(str(claims["iss"]), scopes)
        return Reply(
            document={"access_token": token, "expires_in": TOKEN_SECONDS - 1, "token_type": "Bearer"}
        )

    def _claims(self, assertion: str, request: Request) -> dict[str, Any]:
        """The verified claims. Raises jwt.PyJWTError or ValueError."""
        issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
        key = self._credentials.key_of(str(issuer))
        if key is None:
            raise ValueError("Invalid grant: account not found")
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], options=options)
        if not _is_here(claims.get("aud"), request):
            raise ValueError("Invalid JWT: Failed audience check.")
        self._check_times(claims.get("iat"), claims.get("exp"))
        return claims

    def _check_times(self, issued: Any, expires: Any) -> None:
        now = self._wall()
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise ValueError("Invalid JWT: iat and exp are required.")
        if issued > now + SKEW_SECONDS or expires < now or expires - issued > LONGEST_SECONDS:
            raise ValueError(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            )


def _is_here(audience: Any, request: Request) -> bool:
    if audience == GOOGLE_AUDIENCE:
        return True
    parts = urlsplit(audience) if isinstance(audience, str) else None
    return parts is not None and parts.path == PREFIX and parts.netloc == request.headers.get("host")


def _no(error: str, description: str) -> Reply:
    return Reply(400, {"error": error, "error_description": description})
