"""Which services may be talked to, and over what (promise S3).

Plain http stays on this machine, except to a self-hosted Sentry whose owner says so. And the emulator's clock
never decides about real stores: with it, every address has to be on loopback.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from stagedrollout.config.crosscheck_signals import signal_places
from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document, Path

_LOOKUP = ("app_store", "lookup_endpoint")
_REPORTING = ("google_play", "reporting_endpoint")
_STORAGE = ("google_play", "storage_endpoint")
_PAGERDUTY = ("escalation", "pagerduty", "url")
_WEBHOOK = ("escalation", "webhook", "url")
_SERVICES: tuple[Path, ...] = (
    ("google_play", "endpoint"),
    _REPORTING,
    _STORAGE,
    ("app_store", "endpoint"),
    _LOOKUP,
    ("sentry", "url"),
    ("slack", "endpoint"),
    ("prometheus", "url"),
    ("grafana", "url"),
    ("new_relic", "url"),
    _PAGERDUTY,
    _WEBHOOK,
)
_SELF_HOSTED = ("sentry", "prometheus", "grafana")
"""The services that a team may run itself, on a server that has nothing but plain http."""


def address_problems(document: Document) -> Iterator[Problem]:
    """Everything about addresses that one key alone cannot know."""
    if document.get("clock") == "emulator":
        yield from _off_loopback(document)
        return
    yield from _plain_http(document)
    if document.get("emulator") is not None:
        yield document.problem(
            ("emulator",), "no clock is taken from here", "remove it, or add clock: emulator"
        )


def on_loopback(address: str) -> bool:
    """Whether the address names this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def self_hosted(address: str) -> bool:
    """Whether it is a Sentry of the team's own, which may stand in its network."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return host != "sentry.io" and not host.endswith(".sentry.io")


def _plain_http(document: Document) -> Iterator[Problem]:
    for place in (*_SERVICES, *_of_signals(document), *_of_calendars(document)):
        address = document.get(*place)
        if not isinstance(address, str) or not address.startswith("http://") or on_loopback(address):
            continue
        if place[0] in _SELF_HOSTED or place[0] == "apps":
            if document.get(*place[:-1], "allow_http") is not True:
                right = "write https://, or allow_http: true if this server has nothing else"
                yield document.problem(place, "plain http would show the token to the network", right)
        else:
            yield document.problem(place, "plain http is for this machine only", "write https://")


def _off_loopback(document: Document) -> Iterator[Problem]:
    addresses: list[Path] = [
        *_used(document),
        *_of_signals(document),
        *_of_calendars(document),
        ("emulator",),
    ]
    for place in addresses:
        address = document.get(*place)
        if not isinstance(address, str) or not on_loopback(address):
            shown: Path = place if document.get(place[0]) is not None else ("clock",)
            wrong = f"the emulator's clock needs {'.'.join(map(str, place))} on this machine"
            yield document.problem(
                shown, wrong, f"write {place[-1]}: http://127.0.0.1:PORT, or clock: system"
            )


def _used(document: Document) -> Iterator[Path]:
    """The addresses that something will be sent to."""
    for place in _SERVICES:
        if not isinstance(document.get(place[0]), dict):
            continue
        if place not in _ASKED_BY_SOME or document.get(*place) is not None or _ASKED_BY_SOME[place](document):
            yield place


def _of_source(source: str) -> Callable[[Document], bool]:
    """Whether any app has a signal from this source."""

    def used(document: Document) -> bool:
        return any(document.get(*place, source) is not None for place in signal_places(document))

    return used


def _looks_up(document: Document) -> bool:
    """Whether any app asks for the public averages of a country."""
    apps = document.get("apps")
    indices = range(len(apps)) if isinstance(apps, list) else range(0)
    return any(document.get("apps", index, "app_store", "countries") for index in indices)


def _of_signals(document: Document) -> Iterator[Path]:
    """The addresses that an app's own signals have for themselves."""
    for place in signal_places(document):
        section = document.get(*place)
        for source in section if isinstance(section, dict) else ():
            if document.get(*place, source, "url"):
                yield (*place, source, "url")


def _of_calendars(document: Document) -> Iterator[Path]:
    """Those that are written; a secret one is looked at when it is read."""
    calendars = document.get("calendars")
    for index in range(len(calendars)) if isinstance(calendars, list) else ():
        if document.get("calendars", index, "url") is not None:
            yield ("calendars", index, "url")


_ASKED_BY_SOME: Mapping[Path, Callable[[Document], bool]] = {
    _LOOKUP: _looks_up,
    _REPORTING: _of_source("vitals"),
    _STORAGE: _of_source("ratings_csv"),
    _PAGERDUTY: lambda document: document.get("escalation", "pagerduty") is not None,
    _WEBHOOK: lambda document: document.get("escalation", "webhook") is not None,
}
"""The services that not every app with access to them asks."""
