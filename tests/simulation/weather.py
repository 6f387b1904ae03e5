"""Which faults exist in a story and how often they strike, which services fail for hours, how they behave.

Swarm testing: most kinds of trouble are absent from most runs, so that each meets the others in many mixtures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from stagedrollout.emulator.faults import DATA, OUTAGES, kinds_of
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Outage
from tests.simulation.drawing import some_hours

Kind = tuple[str, str]
"""A fault's kind, and Slack's word for it ("" elsewhere)."""

_SERVICES = {GOOGLE_PLAY: ("google_play", "oauth"), APP_STORE: ("app_store", "app_store", "itunes")}
"""What a store brings with it; the App Store is asked least often, and counts twice."""

SLACK_WORDS = (
    "ratelimited",
    "internal_error",
    "invalid_blocks",
    "msg_too_long",
    "invalid_metadata_format",
    "channel_not_found",
    "thread_not_found",
    "invalid_auth",
)
ABOUT_SHAPE = ("invalid_blocks", "msg_too_long", "invalid_metadata_format")
"""What Slack says of how a message is made up. It does not say so of a plain sentence (slack.md section 1)."""

_SWITCHES: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    GOOGLE_PLAY: {
        "halted_fraction": ("required", "forbidden"),
        "halted_fraction_shown": (False,),
        "lowering": ("accepted",),
        "raises_in_review": (True,),
        "halts_in_review": (True,),
        "unsent_halt_takes_effect": (True,),
        "edit_deleted": ("INVALID_ARGUMENT", "gone_410"),
        "same_edit_within_2s": (True,),
        "managed_publishing": (True,),
        "halt_waits_for_cancelled_review": (True,),
        "halted_completed_listed": (False,),
        "patch_arrays": ("merged",),
    },
    APP_STORE: {
        "phased_missing": ("404",),
        "pause_days_used_up": ("nothing",),
        "day_8_shown": (True,),
        "start_date_while_inactive": (False,),
        "app_store_error_detail": (False,),
        "app_store_sparse": (True,),
        "app_store_minute_limit": (True,),
        "app_store_hourly_limit": (240,),
        "lookup_stale_hours": (120,),
        "phased_while_pending": ("refused",),
        "phased_delete_after_start": ("releases_to_all",),
        "phased_patch_inactive": ("ignored",),
        "removal_in_old_state": (False,),
        "removal_takes_a_day": (True,),
        "bundle_filter_exact": (False,),
    },
    "": {
        "reviews_at_once": (True,),
        "sentry_self_hosted": (True,),
        "sentry_without_users": (True,),
        "sentry_four_statuses": (True,),
        "slack_rate_limit": (True,),
        "slack_deduplicates": (True,),
        "slack_retry_after_seconds": (60,),
    },
}
"""Positions other than the usual one, by the store they matter to."""


@dataclass(frozen=True, slots=True)
class Weather:
    """`faults`: by service, the kinds that befall a request with the service's chance; `latency`: at most, one way.

    `operation`: the only one of the service's that they befall, one after the other, each at its first, second or
    third request from the last one on, whatever the chances; "*": any.
    """

    faults: Mapping[str, tuple[Kind, ...]]
    chances: Mapping[str, float]
    latency: timedelta
    operation: str = "*"


def weather(draw: Random, stores: tuple[str, ...]) -> Weather:
    chance = draw.choice((0.0, 0.01, 0.03, 0.1, 0.1))
    faults: dict[str, tuple[Kind, ...]] = {}
    for service in dict.fromkeys(services(stores)):
        kinds = draw.sample(kinds_that_befall(service), k=draw.choice((0, 1, 3, 6)))
        words = [(kind, draw.choice(SLACK_WORDS) if kind == "error" else "") for kind in kinds]
        if words:
            faults[service] = tuple(words)
    chances = {service: min(0.2, 3 * chance) if service == APP_STORE else chance for service in faults}
    return Weather(faults, chances, timedelta(seconds=draw.choice((0.02, 0.3, 3))))


def kinds_that_befall(service: str) -> list[str]:
    """All of a service's faults, those of its own twice: there are many of the common ones."""
    return sorted((*kinds_of(service), *DATA[service]))


def outages(draw: Random, stores: tuple[str, ...], troubled: timedelta) -> tuple[Outage, ...]:
    found = []
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        service = draw.choice(("sentry", *services(stores)))
        begins = some_hours(draw, troubled)
        ends = min(begins + timedelta(minutes=draw.randrange(10, 600)), troubled)
        if ends > begins:
            found.append(Outage(service, begins, ends, draw.choice(_outage_kinds(service))))
    return tuple(found)


def days_without_slack(draw: Random) -> tuple[Outage, ...]:
    """In most long stories nobody can be told anything for days."""
    begins = timedelta(hours=draw.randrange(24, 20 * 24))
    days = Outage("slack", begins, begins + timedelta(hours=draw.randrange(72, 100)), "down")
    return (days,) if draw.random() < 0.7 else ()


def _outage_kinds(service: str) -> tuple[str, ...]:
    match service:
        case "sentry":
            return ("empty", *sorted(OUTAGES))
        case "app_store":
            return ("down", "refuse", "unauthorized", "agreement")
        case _:
            return ("down", "refuse", "unauthorized")


def switches(draw: Random, stores: tuple[str, ...]) -> dict[str, Any]:
    known = {name: positions for place in (*stores, "") for name, positions in _SWITCHES[place].items()}
    return {name: draw.choice(positions) for name, positions in known.items() if draw.random() < 0.08}


def services(stores: tuple[str, ...]) -> tuple[str, ...]:
    return (*(service for store in stores for service in _SERVICES[store]), "sentry", "slack")
