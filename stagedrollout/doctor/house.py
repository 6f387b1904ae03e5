"""What the configuration itself gives to think about: nothing here asks anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from stagedrollout.config.addresses import on_loopback
from stagedrollout.config.settings import ClockSource, Settings
from stagedrollout.core.model import Mode
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.storage.private import Loose


def files(tell: Telling, found: Iterable[Loose]) -> Iterator[Finding]:
    """What of the daemon's state is open to others (promise S1)."""
    for each in found:
        right = each.right if each.folder else f"{each.right}, or start the daemon: it closes what is its own"
        yield tell.warning("files", each.wrong, right)


def remarks(tell: Telling, settings: Settings) -> Iterator[Finding]:
    """Raises nothing: what is wrong has been refused before (`check`)."""
    yield from _addresses(tell, settings)
    if settings.clock is ClockSource.EMULATOR:
        yield tell.note("clock", "the emulator's clock counts: this is a rehearsal")
    for app in settings.apps:
        if app.mode is Mode.OBSERVE:
            said = f"{app.name} is in mode observe: the daemon decides and touches nothing"
            yield tell.note("mode", said, "write mode: act once you have seen it decide well")
    yield from _people(tell, settings)


def _addresses(tell: Telling, settings: Settings) -> Iterator[Finding]:
    """Promise S3."""
    for name, address in _addresses_of(settings):
        if address.startswith("http://") and not on_loopback(address):
            host = urlsplit(address).hostname or ""
            said = f"{name} is plain http to {host} (allow_http): whoever is on the way reads the token and can alter the evidence"
            yield tell.warning("plain http", said, "give the server a certificate and write https://")
    stores = (("google_play", settings.google_play), ("app_store", settings.app_store))
    emulated = [name for name, access in stores if access and access.endpoint]
    if emulated:
        yield tell.note(
            "address", f"no real store is asked: {' and '.join(emulated)} at an address on this machine"
        )


def _addresses_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every address of a signal that plain http can be allowed for, by its place."""
    services = (
        ("sentry", settings.sentry),
        ("prometheus", settings.prometheus),
        ("grafana", settings.grafana),
    )
    for name, access in services:
        if access is not None:
            yield f"{name}.url", access.url
    for app in settings.apps:
        android = app.google_play.signals if app.google_play else ()
        for signal in (*android, *(app.app_store.signals if app.app_store else ())):
            source = signal.http_json or signal.plugin
            if source is not None:
                yield f"the url of the signal {signal.name} of {app.name}", source.url


def _people(tell: Telling, settings: Settings) -> Iterator[Finding]:
    if settings.slack is None:
        right = "add a section `slack:` with token and channel"
        yield tell.warning("notices", "there is no slack section: notices go to the daemon's log only", right)
    elif not settings.slack.fallback_channel:
        said = "there is no fallback channel: halts that Slack's channel does not take go to the log"
        yield tell.note("notices", said, "add `fallback_channel:` to the section `slack:`")
    health = settings.health
    if not health.monitor:
        said = "nobody outside this machine notices that the daemon is dead"
        yield tell.warning("alarm", said, "add `health: {sentry_dsn: ..., monitor: stagedrollout}`")
