"""Access tokens, shared by all threads and fetched by one at a time.

google-auth signs and keeps the token; the conversation with the token endpoint is ours. Left to itself
google-auth (2.62) repeats that request with sleeps of its own, and `before_request`, which
google_auth_httplib2.AuthorizedHttp calls, starts a thread that talks to another Google host.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import google_auth_httplib2
from google.oauth2 import service_account

from stagedrollout.core.errors import Faulty, WrongConfiguration
from stagedrollout.http.held import HELD
from stagedrollout.http.peers import named_loopback
from stagedrollout.stores.google_play.errors import SERVICE, classified_token
from stagedrollout.stores.google_play.wire import HttpLike

PUBLISHER_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_DOING = "getting an access token"


def credentials_from(info: Mapping[str, Any], scope: str = PUBLISHER_SCOPE) -> service_account.Credentials:
    """Credentials from a parsed key file, for one scope. Raises WrongConfiguration, which never repeats the key."""
    match info.get("type"):
        case "service_account":
            if not _googles(info.get("token_uri")):
                raise WrongConfiguration(
                    "the Google Play key asks for its tokens elsewhere than at Google: token_uri is "
                    "https://oauth2.googleapis.com/token in every key that Google makes"
                )
            try:
                credentials: service_account.Credentials = (
                    service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                        dict(info), scopes=[scope]
                    )
                )
            except (ValueError, TypeError, AttributeError, KeyError):
                # The library's message may quote what it could not read.
                raise WrongConfiguration(
                    "the Google Play key is no complete service account key: it needs client_email, "
                    "token_uri and a private_key in PEM form"
                ) from None
            return credentials
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
    """The current token of one account for one scope. Times are the real clock's: Google's server checks them."""

    def __init__(self, credentials: service_account.Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    def current(self, wire: HttpLike) -> str:
        """A token that is good for some minutes. Raises EdgeError, and OSError and the like from `wire`."""
        with self._lock:
            if not self._credentials.valid:
                self._fetch(wire)
            return str(self._credentials.token)

    def instead_of(self, refused: str, wire: HttpLike) -> str:
        """Another token than the one just refused; somebody else may have fetched it meanwhile."""
        with self._lock:
            if self._credentials.token == refused or not self._credentials.valid:
                self._fetch(wire)
            return str(self._credentials.token)

    def _fetch(self, wire: HttpLike) -> None:
        speak = google_auth_httplib2.Request(wire)

        def ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any) -> Any:
            reply = speak(url, method=method, body=body, headers=headers, redirections=0)
            # Judged here, because google-auth would repeat a failed request by itself.
            if reply.status != 200:
                raise classified_token(reply.status, reply.headers, reply.data)
            if not _holds_a_token(reply.data):
                raise Faulty(SERVICE, _DOING, "the answer holds no token", status=200)
            return reply

        try:
            self._credentials.refresh(ask)  # type: ignore[no-untyped-call]
            HELD.token(str(self._credentials.token))
        except (ValueError, TypeError, OverflowError):
            raise Faulty(SERVICE, _DOING, "the answer holds no usable expiry", status=200) from None


def _holds_a_token(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    token = document.get("access_token") if isinstance(document, dict) else None
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token.strip())
