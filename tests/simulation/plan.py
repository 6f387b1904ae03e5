"""What a seed draws: the story, the policy, the people, which faults exist and how often, and how it dies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from stagedrollout.core.model import Supersede
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Scenario
from tests.simulation import people, stories
from tests.simulation.clocks import WrongClock
from tests.simulation.disk import FailingDisk
from tests.simulation.people import PlannedOrder
from tests.simulation.stops import StandingStill
from tests.simulation.weather import Weather, outages, switches, weather

HTTP_TIMEOUT = timedelta(seconds=20)
LIVENESS = timedelta(hours=7)
"""How long nothing more goes wrong at the end of a story, before everything must have come to rest."""

MONTH_EVERY = 40
"""Every so many seeds the story is more than a month long: long enough for Apple's pause-days to run out."""

_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_STORES = (
    (GOOGLE_PLAY,),
    (GOOGLE_PLAY,),
    (APP_STORE,),
    (APP_STORE,),
    (APP_STORE,),
    (GOOGLE_PLAY, APP_STORE),
)
_QUICK = ("quick", "quick", "quick", "by-hand", "office", "anxious", "hotfix")
_QUICK_APPLE = ("quick", "quick", "quick", "by-hand", "office", "anxious", "apples-clock", "hotfix")


@dataclass(frozen=True, slots=True)
class Span:
    """How long a story is troubled, how often the daemon looks, and how long all is calm at the end."""

    troubled: timedelta
    poll: timedelta
    calm: timedelta = LIVENESS


class SecondThoughts(StrEnum):
    NONE = "none"
    HALT = "halt"
    NAP = "nap"


@dataclass(frozen=True, slots=True)
class Plan:
    """`points_per_life`: how many points of I/O the daemon survives on average (0: all).

    `second_thoughts`: what somebody does about our first request that lets Apple go on: HALT comes while its answer
    is lost and it takes effect late; NAP is a pause in the console that lasts for less than a poll.

    `clock`, `disk`, `stops`: what is wrong with the machine the daemon runs on; None: nothing.
    """

    seed: int
    scenario: Scenario
    weather: Weather
    calm_from: datetime
    points_per_life: int
    orders: tuple[PlannedOrder, ...]
    second_thoughts: SecondThoughts = SecondThoughts.NONE
    supersede: Supersede = Supersede.FINISH
    clock: WrongClock | None = None
    disk: FailingDisk | None = None
    stops: StandingStill | None = None

    def words(self) -> str:
        """The plan for people who look for a failure's cause."""
        story = self.scenario
        acts = [
            f"{p.at} {p.act.store} {p.act.app} {p.act.act} {p.act.exposure_ppm or ''}" for p in story.people
        ]
        orders = [
            f"{o.at:%m-%d %H:%M} {o.command.verb} {o.command.app} on {o.command.store} {o.command.release}"
            for o in self.orders
        ]
        return "\n".join(
            (
                f"policy {story.policy}, poll {story.poll}, {story.on_new_release}, {story.mode}",
                f"supersede {self.supersede}",
                f"machine: {self.clock}, {self.disk}, {self.stops}",
                f"{story.start:%a %m-%d %H:%M} for {story.until}, calm from {self.calm_from:%m-%d %H:%M}",
                f"population {[(app.name, app.store, app.population) for app in story.apps]}",
                *(f"release {app.store} {release}" for app in story.apps for release in app.releases[1:]),
                f"faults {dict(self.weather.faults)} with {self.weather.chances}, latency {self.weather.latency}",
                f"outages {[(o.service, o.kind, str(o.begins), str(o.ends)) for o in story.outages]}",
                f"switches {story.switches}, a life of {self.points_per_life or 'endless'} points",
                f"console {acts}, orders {orders}, second thoughts: {self.second_thoughts}",
            )
        )


def drawn(seed: int) -> Plan:
    draw = Random(f"{seed}")
    month = seed % MONTH_EVERY == 0
    stores = (APP_STORE,) if month else draw.choice(_STORES)
    policy, span = _month(draw) if month else _days(draw, stores)
    start = _MONDAY + timedelta(hours=draw.randrange(0, 96))
    apps = stories.apps(draw, stores, min(span.troubled, timedelta(days=4)))
    acts = people.a_long_pause(draw, apps) if month else people.acts(draw, apps, span.troubled)
    acts += people.with_other_releases(Random(f"{seed}/other releases"), apps, span.troubled)
    scenario = Scenario(
        name=f"seed-{seed}",
        story="",
        seed=seed,
        start=start,
        until=span.troubled + span.calm,
        poll=span.poll,
        policy=policy,
        mode="observe" if draw.random() < 0.04 else "act",
        on_new_release=draw.choice(("adopt",) * 8 + ("wait", "ignore")),
        apps=apps,
        people=acts,
        outages=outages(draw, stores, span.troubled),
        switches=switches(draw, stores),
    )
    return Plan(
        seed=seed,
        scenario=scenario,
        weather=weather(draw, stores),
        calm_from=start + span.troubled,
        points_per_life=draw.choice((0, 0, 0, 100, 300, 1000)),
        orders=() if month else people.orders(draw, scenario, span.troubled),
        second_thoughts=_second_thoughts(draw) if APP_STORE in stores else SecondThoughts.NONE,
        supersede=Random(f"{seed}/supersede").choice(tuple(Supersede)),
    )


def _second_thoughts(draw: Random) -> SecondThoughts:
    return draw.choice(
        (*(SecondThoughts.NONE,) * 10, SecondThoughts.HALT, SecondThoughts.NAP, SecondThoughts.NAP)
    )


def _days(draw: Random, stores: tuple[str, ...]) -> tuple[str, Span]:
    """Apple takes a day for each step, so that stories with the App Store are days long, and polled less often."""
    long = draw.random() < 0.05
    if APP_STORE in stores:
        hours = draw.randrange(72, 120) if long else draw.randrange(30, 76)
        poll = timedelta(minutes=draw.choice((30, 60, 60) if stores == (APP_STORE,) else (60,)))
        return ("standard" if long else draw.choice(_QUICK_APPLE)), Span(timedelta(hours=hours), poll)
    if long:
        return "standard", Span(timedelta(days=5), timedelta(hours=2))
    poll = timedelta(minutes=draw.choice((15, 30, 30, 60)))
    hours = draw.randrange(12, 25 if poll >= timedelta(minutes=30) else 17)
    return draw.choice(_QUICK), Span(timedelta(hours=hours), poll)


def _month(draw: Random) -> tuple[str, Span]:
    poll = timedelta(hours=draw.choice((4, 6)))
    policy = draw.choice(("quick", "by-hand", "apples-clock", "cautious"))
    return policy, Span(timedelta(days=draw.choice((31, 34))), poll, timedelta(days=2))
