"""Where a service lives, and the one rule that keeps a credential there.

A base URL comes from the user's configuration and is checked once, here, before anything is sent: https
unless it is this machine or plain http was allowed by name, nothing hidden in it (no user, no password, no
query), no address that only a mistake or an attacker would name. Every request is then built from that base
and a path of ours, so that no answer and no payload can make us talk to another host. Needs no HTTP library,
so that a configuration can be checked without loading one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.http.peers import named_loopback, peer_problem

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`service` names it in errors ("sentry"); `base_url` is scheme, host, maybe a port and a path.

    `allow_http` is the user's word that plain http beyond this machine is wanted (a self-hosted service).
    Raises WrongConfiguration, which never repeats the URL (it may hold a password).
    """

    service: str
    base_url: str
    allow_http: bool = False
    inside: bool = False
    """Whether the service may stand in the team's own network: one that teams run themselves."""

    def __post_init__(self) -> None:
        problem = _problem(self.base_url, allow_http=self.allow_http)
        if problem:
            raise WrongConfiguration(f"{self.service}: base_url {problem}")

    @property
    def loopback(self) -> bool:
        """Whether the service runs on this machine."""
        return named_loopback(self.host)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    def refuses(self, address: str) -> str:
        """Why this service cannot be at that address, in words; "" if it can."""
        return peer_problem(address, host=self.host, inside=self.inside)

    def url(self, path: str) -> str:
        """The address of `path`, which starts with "/" and is already percent-encoded.

        Raises ValueError for a path that could lead elsewhere; that is a mistake of ours, not of a service.
        """
        if not plain_path(path):
            raise ValueError(f"{path!r} is no plain path below a base URL")
        return self.base_url.rstrip("/") + path


def plain_path(path: str) -> bool:
    """Whether it is percent-encoded, begins with "/" and leads below wherever it is put."""
    return path.startswith("/") and bool(_PATH.fullmatch(path)) and ".." not in path.split("/")


def _problem(base_url: str, *, allow_http: bool) -> str:
    """What is wrong with the URL, in words; "" if nothing is."""
    if not base_url.isascii() or not base_url.isprintable() or any(mark in base_url for mark in " ?#\\"):
        return "is a plain address: no spaces, no query, no fragment, no letters beyond ASCII"
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no address; write it like https://sentry.io"
    if parts.scheme not in ("https", "http") or not host or port == 0:
        return "is no address; write it like https://sentry.io"
    return _part_problem(parts, host) or _scheme_problem(parts.scheme, host, allow_http=allow_http)


def _part_problem(parts: SplitResult, host: str) -> str:
    if "@" in parts.netloc:
        return "must not hold a user or a password: credentials have their own place"
    if not _PATH.fullmatch(parts.path) or ".." in parts.path.split("/"):
        return "has a path that is not plain"
    address = _address(host)
    if address is None:
        return "" if _HOST_NAME.fullmatch(host) else "names no valid host"
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return "names an address no service lives at"
    return ""


def _scheme_problem(scheme: str, host: str, *, allow_http: bool) -> str:
    if scheme == "https" or allow_http or named_loopback(host):
        return ""
    return "must begin with https: plain http shows the credential to everybody on the way"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
