"""Bad days told by hand: at each of them one thing happens at the moment at which it can do most harm.

Drawn stories hit such a moment now and then; these do every time. Nothing is expected of them here: they are judged
like any seed's story (outcome.py), and a sound daemon comes through them clean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from stagedrollout.core.model import CommandVerb, Store, Supersede
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    Onset,
    Outage,
    PlannedAct,
    Scenario,
    Submitted,
)
from tests.simulation.ambush import Ambush
from tests.simulation.by_hand import MONDAY, USUAL, app, hours, in_the_console, newer_release, order
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import LIVENESS, Plan
from tests.simulation.stops import StandsStill
from tests.simulation.weather import Weather

Event = PlannedAct | PlannedOrder | Outage | Ambush


def _day(
    troubled: float,
    *events: Event,
    story: AppStory | None = None,
    policy: str = "quick",
    poll: float = 0.5,
    begins: float = 0,
    weather: Weather = USUAL,
    switches: Mapping[str, Any] | None = None,
    stops: StandsStill | None = None,
) -> Plan:
    """So many troubled hours from `begins` hours after Monday, 06:00, and then those of calm that every story ends with."""
    scenario = Scenario(
        name="bad-day",
        story="",
        seed=7,
        start=MONDAY + hours(begins),
        until=hours(troubled) + LIVENESS,
        poll=hours(poll),
        policy=policy,
        mode="act",
        on_new_release="adopt",
        apps=(story or app(),),
        people=tuple(event for event in events if isinstance(event, PlannedAct)),
        outages=tuple(event for event in events if isinstance(event, Outage)),
        switches=dict(switches or {}),
    )
    return Plan(
        seed=7,
        scenario=scenario,
        weather=weather,
        calm_from=scenario.start + hours(troubled),
        points_per_life=0,
        orders=tuple(event for event in events if isinstance(event, PlannedOrder)),
        supersede=Supersede.FINISH,
        ambushes=tuple(event for event in events if isinstance(event, Ambush)),
        stops=stops,
    )


def _strikes(at: float, service: str, kind: str, operation: str, **more: Any) -> Ambush:
    """From then on it waits for its request."""
    return Ambush(MONDAY + hours(at), Fault(service, kind, operation, **more))


def _turning_bad(at: float, store: str = GOOGLE_PLAY) -> AppStory:
    story = app(store)
    return replace(
        story, releases=(*story.releases[:-1], replace(story.releases[-1], onset=Onset(hours(at), 940_000)))
    )


def _unphased() -> AppStory:
    """Approved, and waiting for somebody to release it."""
    story = app(APP_STORE)
    submitted = Submitted(timedelta(0), hours(1), "manual", phased=False)
    return replace(story, releases=(*story.releases[:-1], replace(story.releases[-1], submitted=submitted)))


_HALT, _RESUME = CommandVerb.HALT, CommandVerb.RESUME

BAD_DAYS: Mapping[str, Plan] = MappingProxyType(
    {
        "evidence comes slowly": _day(9),
        "it begins to crash": _day(6, story=_turning_bad(2.5)),
        "nobody tells of crashes while Apple goes on": _day(
            40,
            Outage("sentry", hours(6), hours(30), "empty"),
            story=app(APP_STORE),
            policy="apples-clock",
            poll=2,
        ),
        "the line to Slack breaks when a halt is told": _day(
            5, order(3.2, _HALT, "5.2.0"), _strikes(3.1, "slack", "drop", "chat.postMessage", count=2)
        ),
        "a rollout reaches a day of rest": _day(30, begins=24 + 12, policy="office", poll=1),
        "a halt's commit fails and nothing tells": _day(
            8, order(3.2, _HALT, "5.2.0"), _strikes(3.1, "google_play", "500", "edits.commit")
        ),
        "Play is down when it has to be halted": _day(
            8, order(3.2, _HALT, "5.2.0"), Outage("google_play", hours(3), hours(5), "down")
        ),
        "the older one has to be halted while the next goes out": _day(
            17, newer_release(12), order(13.2, _HALT, "5.2.0")
        ),
        "no phases can be made for a version that is let out by hand": _day(
            3,
            order(1.2, CommandVerb.START, "5.2.0", Store.APP_STORE),
            _strikes(0, "app_store", "500", "phased.create", count=100),
            story=_unphased(),
            poll=2,
        ),
        "somebody raises it while its evidence is read": _day(
            8,
            _strikes(3.9, "sentry", "slow", "sessions", seconds=15.0),
            in_the_console(4 + 10 / 3600, "raise", exposure_ppm=30_000),
        ),
        "somebody halts while Apple's step is being asked for": _day(
            40,
            _strikes(4.95, "app_store", "slow", "versions.list", skip=1, seconds=15.0),
            order(5 + 10 / 3600, _HALT, "5.2.0", Store.APP_STORE),
            story=app(APP_STORE),
            poll=2,
        ),
        "a person lets Apple take its step before the evidence would": _day(
            30, order(2.6, CommandVerb.ADVANCE, "5.2.0", Store.APP_STORE), story=app(APP_STORE), poll=2
        ),
        "it stands still between the evidence and the raise": _day(
            8,
            _strikes(3.9, "sentry", "slow", "sessions", seconds=15.0),
            stops=StandsStill(MONDAY + hours(4) + timedelta(seconds=10), hours(3)),
        ),
        "a release is halted for something else and resumed": _day(
            14, order(5.2, _HALT, "5.2.0"), order(6.2, _RESUME, "5.2.0"), story=app(population=400_000)
        ),
    }
)
