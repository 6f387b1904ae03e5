"""Plans told by hand: one app on one store on a Monday, and what people do about it, in hours after 06:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.scenario import (
    GOOGLE_PLAY,
    Act,
    AppStory,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Submitted,
)
from tests.simulation.people import PlannedOrder
from tests.simulation.weather import Weather

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
FINE = Weather({}, {}, timedelta(0))
USUAL = Weather({}, {}, timedelta(seconds=0.02))
"""The same, but every request takes some time, in which others have their turn."""

ANA = Actor(ActorKind.HUMAN, "ana")


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def app(store: str = GOOGLE_PLAY, *more: ReleaseStory, population: int = 2_000_000) -> AppStory:
    """5.1.0 is out; 5.2.0 is rolled out at 06:00 and published at once."""
    on_play = store == GOOGLE_PLAY
    newest = ReleaseStory(
        "5.2.0",
        5020,
        998_000,
        rolled_out=RolledOut(timedelta(0), 10_000, timedelta(0)) if on_play else None,
        submitted=None if on_play else Submitted(timedelta(0), timedelta(0), "after_approval", True),
    )
    return AppStory(
        name="acme",
        store=store,
        package="com.acme.app",
        track="production" if on_play else "",
        population=population,
        sessions_per_user=4.0,
        uptake=hours(4),
        review=timedelta(0),
        releases=(ReleaseStory("5.1.0", 5010, 998_000), newest, *more),
        app_id="" if on_play else "6448311069",
        processing=timedelta(minutes=10),
    )


def in_the_console(at: float, act: str, **more: Any) -> PlannedAct:
    return PlannedAct(hours(at), Act("acme", act, **more))


def a_draft(at: float) -> PlannedAct:
    return in_the_console(at, "new_draft", version="5.3.0", code=5030, crash_free_ppm=998_000)


def newer_release(at: float) -> PlannedAct:
    """It takes the place of what is staged."""
    new = {"version": "5.3.0", "code": 5030, "crash_free_ppm": 998_000, "exposure_ppm": 10_000}
    return in_the_console(at, "new_release", **new)


def order(
    at: float, verb: CommandVerb, release: str, store: Store = Store.GOOGLE_PLAY, **more: Any
) -> PlannedOrder:
    when = MONDAY + hours(at)
    command = Command(
        f"{verb.value}-{at}", verb, "acme", store, ANA, "for a test", when, None, release, **more
    )
    return PlannedOrder(when, command)
