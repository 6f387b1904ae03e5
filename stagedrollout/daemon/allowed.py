"""Whom this process may look up: the hosts that its configuration speaks of, and nobody else (promise S3).

Every client is bound to its own host already. This is the net below: whatever a library takes into its head (a
metadata server, a redirect, a host that came with an answer), its name is not looked up, and no connection is
made to an address that nobody has any business at. It is Python's own audit hook, which nothing can take out again
while the process lives; so only `run` sets it.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from stagedrollout.config.load import Loaded
from stagedrollout.http.peers import PeerRefused, never

log = logging.getLogger(__name__)

_GOOGLE = (".googleapis.com", "accounts.google.com")
_APPLE = ("api.appstoreconnect.apple.com", "itunes.apple.com")
_SLACK = ("slack.com", ".slack.com")
_TOLD_MAX = 20

Hosts = frozenset[str] | None
"""Names, and with a dot before them all below it; None: any."""


def hosts_of(loaded: Loaded) -> Hosts:
    """Names, and with a dot before them all below it; None where packages bring signals from hosts of their own."""
    settings = loaded.settings
    listings = [each for app in settings.apps for each in (app.google_play, app.app_store) if each]
    if any(signal.plugin and not signal.plugin.url for each in listings for signal in each.signals):
        return None
    named = {_host(address) for address in _addresses(settings)}
    if settings.google_play:
        named.update(_GOOGLE)
        named.add(_host(_token_uri(loaded.secret(settings.google_play.credentials).reveal())))
    if settings.app_store:
        named.update(_APPLE)
    if settings.slack:
        named.update(_SLACK)
    if settings.health.sentry_dsn:
        named.add(_host(loaded.secret(settings.health.sentry_dsn).reveal()))
    if settings.health.dead_man_url:
        named.add(_host(loaded.secret(settings.health.dead_man_url).reveal()))
    named.update(
        _host(loaded.secret(each.secret_url).reveal()) for each in settings.calendars if each.secret_url
    )
    named.update(_host(proxy if "://" in proxy else f"http://{proxy}") for proxy in getproxies().values())
    return frozenset(named - {""})


class Claim:
    """That somebody needs these hosts; None: all. Each is one of its own, whatever the hosts."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts


class Net:
    """The hosts that may be looked up: those that anybody needs who is alive. May be shared by threads."""

    def __init__(self, hosts: Hosts) -> None:
        self._guard = threading.Lock()
        self.first = Claim(hosts)
        self._claims: tuple[Claim, ...] = (self.first,)
        self._told: set[str] = set()

    def widen(self, hosts: Hosts) -> Claim:
        """By what a reload brings, until it is dropped."""
        claim = Claim(hosts)
        with self._guard:
            self._claims = (*self._claims, claim)
        return claim

    def drop(self, claim: Claim) -> None:
        """Whoever needed those is no more."""
        with self._guard:
            self._claims = tuple(each for each in self._claims if each is not claim)

    def check(self, host: str) -> None:
        """Raises socket.gaierror for one that the configuration does not speak of."""
        if any(claim.hosts is None or allowed(host, claim.hosts) for claim in self._claims):
            return
        if len(self._told) < _TOLD_MAX and host not in self._told:
            self._told.add(host)
            log.error("the configuration does not speak of %s: it is not looked up", host)
        raise socket.gaierror(socket.EAI_NONAME, "not in the configuration")


def keep_to(hosts: Hosts) -> Net:
    """From now on and for good, in this whole process; a reload may exchange the hosts."""
    net = Net(hosts)

    def look(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            net.check(_text(args[0]))
        elif event == "socket.connect" and isinstance(args[1], tuple) and never(_text(args[1][0])):
            raise PeerRefused("no service lives at that address")

    sys.addaudithook(look)
    return net


def allowed(host: str, hosts: frozenset[str]) -> bool:
    """Whether it is one of them, or below one with a dot before it."""
    host = host.lower().rstrip(".")
    below = (host[at:] for at, mark in enumerate(host) if mark == ".")
    return host in hosts or any(suffix in hosts for suffix in below)


def _addresses(value: Any) -> Iterator[str]:
    """Every web address in a part of the settings."""
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _addresses(item)
    elif is_dataclass(value):
        for entry in fields(value):
            yield from _addresses(getattr(value, entry.name))


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _token_uri(key: str) -> str:
    try:
        found = json.loads(key)
    except ValueError:
        return ""
    return str(found.get("token_uri", "")) if isinstance(found, dict) else ""


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
