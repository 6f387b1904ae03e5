"""Alarms, reminders and the digest, wired from the configuration."""

from __future__ import annotations

import time
from collections.abc import Callable

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import Settings
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.channels import slack_call
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.errands import Errands, NoErrands, Rounds, Wishes
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.http.client import HttpClient, Limits
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.places import ChannelPlace, PagerDuty, Place, Webhook, split_address
from stagedrollout.notify.slack import Slack
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.errands import ErrandTable
from stagedrollout.storage.outbox import OutboxTable


def open_errands(  # noqa: PLR0913, PLR0917 - what it is made of, and whether it is its turn
    loaded: Loaded,
    doors: Doors,
    engine: Engine,
    recorder: Recorder,
    clock: Clock,
    may_tell: Callable[[], bool],
) -> Errands:
    """Sends nothing yet. `may_tell`: whether this replica is the one that tells people. Raises WrongConfiguration."""
    settings = loaded.settings
    wishes = Wishes(escalation=settings.escalation, reminders=settings.reminders, digest=settings.digest)
    if wishes == Wishes():
        return NoErrands()
    return Rounds(
        apps=tuple(StoreApp(app.name, store) for app in settings.apps for store in app.stores),
        recorder=recorder,
        outbox=OutboxTable(engine),
        table=ErrandTable(engine),
        places=_places(loaded, doors),
        clock=clock,
        wishes=wishes,
        may_tell=may_tell,
    )


def _places(loaded: Loaded, doors: Doors) -> dict[str, Place]:
    terms, settings = loaded.settings.escalation, loaded.settings
    if terms is None:
        return {}
    found: dict[str, Place] = {}
    if terms.channel:
        found["channel"] = ChannelPlace(_channel(loaded, doors, terms.channel))
    if terms.pagerduty:
        http = _http(settings, doors, Endpoint("pagerduty", terms.pagerduty.url))
        found["pagerduty"] = PagerDuty(http, loaded.secret(terms.pagerduty.routing_key).reveal())
    if terms.webhook:
        base, path = split_address(terms.webhook.url)
        http = _http(settings, doors, Endpoint("webhook", base, inside=True))
        found["webhook"] = Webhook(http, path, loaded.secret(terms.webhook.secret).reveal(), time.time)
    return found


def _channel(loaded: Loaded, doors: Doors, channel: str) -> Slack:
    access = loaded.settings.slack
    if access is None:
        raise WrongConfiguration("escalation: channel needs a section slack, with a token")
    return Slack(doors.slack or slack_call(loaded, access), channel)


def _http(settings: Settings, doors: Doors, endpoint: Endpoint) -> HttpClient:
    limits = Limits(timeout_seconds=settings.limits.http_timeout.total_seconds())
    return HttpClient(endpoint, limits=limits, transport=doors.http)
