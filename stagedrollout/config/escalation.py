"""Whom to wake when nobody answers, what to remind people of, and the daily digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stagedrollout.config.fields import ChannelId, WebAddress, between, count
from stagedrollout.config.secrets import SecretReference
from stagedrollout.core.calendar import TimeOfDay
from stagedrollout.core.units import FromFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyAccess(FromFile):
    """A service of PagerDuty's with an Events API v2 integration."""

    routing_key: SecretReference
    """The integration key, 32 characters."""

    url: WebAddress = "https://events.pagerduty.com"
    """https://events.eu.pagerduty.com for an account in the EU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAccess(FromFile):
    """An address of the team's own, which is sent JSON."""

    url: WebAddress
    secret: SecretReference
    """What each message is signed with: X-Stagedrollout-Signature is v1=HMAC-SHA256 of "time.body" in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation(FromFile):
    """Each place is told once of each halt that needs it, until it takes it."""

    unanswered_after: Annotated[timedelta, between("1m", "24h", example="15m")] = timedelta(minutes=15)
    """How long a halt that no person ordered may go without anybody's answer. 15m: long enough to sit up."""

    not_halted_after: Annotated[timedelta, between("1m", "24h", example="5m")] = timedelta(minutes=5)
    """How long the store may not show a halt. 5m: the tries that settle most such cases have been made by then."""

    channel: ChannelId = ""
    """A second Slack channel's id."""

    webhook: WebhookAccess | None = None
    pagerduty: PagerDutyAccess | None = None

    def __post_init__(self) -> None:
        if not (self.channel or self.webhook or self.pagerduty):
            raise ValueError("name whom to tell: channel, webhook or pagerduty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(FromFile):
    """Once a day, where everything stands."""

    at: TimeOfDay
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {self.time_zone!r}: write it like Europe/Berlin") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders(FromFile):
    """Of what waits on a person, in the rollout's thread."""

    every: Annotated[timedelta, between("15m", "7d", example="4h")] = timedelta(hours=4)
    most: Annotated[int, count(1, 50, example="6")] = 6
    """So often at most for the same cause. 6: whoever has not reacted by then does not read them."""
