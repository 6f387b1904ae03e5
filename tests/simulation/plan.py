"""What a seed draws: the story, the policy, the people, which faults exist and how often, and how it dies.

Swarm testing: most kinds of trouble are absent from most runs, so that each meets the others in many mixtures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.faults import OUTAGES, SERVICES, kinds_of
from stagedrollout.emulator.scenario import (
    Act,
    AppStory,
    Onset,
    Outage,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Scenario,
)

HTTP_TIMEOUT = timedelta(seconds=20)
LIVENESS = timedelta(hours=7)
"""How long nothing more goes wrong at the end of a story, before everything must have come to rest."""

_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_QUICK = ("quick", "quick", "quick", "by-hand", "office", "anxious", "hotfix")
_SLACK_WORDS = (
    "ratelimited",
    "internal_error",
    "invalid_blocks",
    "msg_too_long",
    "invalid_metadata_format",
    "channel_not_found",
    "thread_not_found",
    "invalid_auth",
)
_SWITCHES: dict[str, tuple[Any, ...]] = {
    "halted_fraction": ("required", "forbidden"),
    "halted_fraction_shown": (False,),
    "lowering": ("accepted",),
    "raises_in_review": (True,),
    "halts_in_review": (True,),
    "unsent_halt_takes_effect": (True,),
    "edit_deleted": ("INVALID_ARGUMENT", "gone_410"),
    "same_edit_within_2s": (True,),
    "managed_publishing": (True,),
    "sentry_self_hosted": (True,),
    "sentry_without_users": (True,),
    "slack_rate_limit": (True,),
    "slack_deduplicates": (True,),
}

Kind = tuple[str, str]
"""A fault's kind, and Slack's word for it ("" elsewhere)."""


@dataclass(frozen=True, slots=True)
class Weather:
    """`faults`: by service, the kinds that befall a request with `chance`; `latency`: at most, one way."""

    faults: Mapping[str, tuple[Kind, ...]]
    chance: float
    latency: timedelta


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    at: datetime
    command: Command


@dataclass(frozen=True, slots=True)
class Plan:
    """`points_per_life`: how many points of I/O the daemon survives on average (0: all)."""

    seed: int
    scenario: Scenario
    weather: Weather
    calm_from: datetime
    points_per_life: int
    orders: tuple[PlannedOrder, ...]

    def words(self) -> str:
        """The plan for people who look for a failure's cause."""
        story = self.scenario
        people = [f"{p.at} {p.act.app} {p.act.act} {p.act.exposure_ppm or ''}" for p in story.people]
        orders = [f"{o.at:%m-%d %H:%M} {o.command.verb} {o.command.app}" for o in self.orders]
        return "\n".join(
            (
                f"policy {story.policy}, poll {story.poll}, {story.on_new_release}, {story.mode}",
                f"{story.start:%a %m-%d %H:%M} for {story.until}, calm from {self.calm_from:%m-%d %H:%M}",
                f"population {[app.population for app in story.apps]}",
                *(f"release {release}" for app in story.apps for release in app.releases[1:]),
                f"faults {dict(self.weather.faults)} with {self.weather.chance}, latency {self.weather.latency}",
                f"outages {[(o.service, o.kind, str(o.begins), str(o.ends)) for o in story.outages]}",
                f"switches {story.switches}, a life of {self.points_per_life or 'endless'} points",
                f"console {people}, orders {orders}",
            )
        )


def drawn(seed: int) -> Plan:
    draw = Random(f"{seed}")
    long = draw.random() < 0.05
    start = _MONDAY + timedelta(hours=draw.randrange(0, 96))
    poll = timedelta(hours=2) if long else timedelta(minutes=draw.choice((15, 30, 30, 60)))
    troubled = timedelta(days=5) if long else timedelta(hours=draw.randrange(12, 25))
    if poll < timedelta(minutes=30):
        troubled = min(troubled, timedelta(hours=16))
    names = ("acme",) if draw.random() < 0.85 else ("acme", "shop")
    policy = "standard" if long else draw.choice(_QUICK)
    apps = tuple(_app(draw, name, troubled) for name in names)
    scenario = Scenario(
        name=f"seed-{seed}",
        story="",
        seed=seed,
        start=start,
        until=troubled + LIVENESS,
        poll=poll,
        policy=policy,
        mode="observe" if draw.random() < 0.04 else "act",
        on_new_release=draw.choice(("adopt",) * 8 + ("wait", "ignore")),
        apps=apps,
        people=_people(draw, names, troubled),
        outages=_outages(draw, troubled),
        switches={
            name: draw.choice(positions) for name, positions in _SWITCHES.items() if draw.random() < 0.08
        },
    )
    return Plan(
        seed=seed,
        scenario=scenario,
        weather=_weather(draw),
        calm_from=start + troubled,
        points_per_life=draw.choice((0, 0, 0, 100, 300, 1000)),
        orders=_orders(draw, seed, scenario, troubled),
    )


def _app(draw: Random, name: str, troubled: timedelta) -> AppStory:
    return AppStory(
        name=name,
        store="google_play",
        package=f"com.example.{name}",
        track="production",
        population=draw.choice((20_000, 400_000, 2_000_000, 2_000_000)),
        sessions_per_user=4.0,
        uptake=timedelta(hours=draw.choice((2, 4, 12))),
        review=timedelta(hours=draw.randrange(0, 4)),
        releases=_releases(draw, troubled),
    )


def _releases(draw: Random, troubled: timedelta) -> tuple[ReleaseStory, ...]:
    onset = None
    crash_free = draw.choice((998_000, 998_000, 998_000, 993_000, 970_000))
    if draw.random() < 0.35:
        onset = Onset(_some_hours(draw, troubled), draw.choice((970_000, 940_000)))
    first = RolledOut(
        timedelta(minutes=draw.randrange(0, 180)),
        draw.choice((10_000, 10_000, 20_000, 50_000, 100_000, 3_000)),
        timedelta(hours=draw.choice((0, 1, 2, 4))),
    )
    releases = [
        ReleaseStory("5.1.0", 5010, 998_000),
        ReleaseStory("5.2.0", 5020, crash_free, first if draw.random() < 0.9 else None, onset),
    ]
    if draw.random() < 0.2:
        later = RolledOut(_some_hours(draw, troubled), 10_000, timedelta(hours=1))
        releases.append(ReleaseStory("5.3.0", 5030, 998_000, later if draw.random() < 0.8 else None))
    return tuple(releases)


def _people(draw: Random, apps: tuple[str, ...], troubled: timedelta) -> tuple[PlannedAct, ...]:
    """What people do in the console; some of it will not be possible then, and is refused there."""
    count = draw.choice((0, 0, 0, 1, 1, 2, 4))
    acts = []
    for number in range(count):
        act = draw.choice(
            ("halt", "halt", "raise", "lower", "complete", "resume", "resume", "new_release", "publish",
             "send_for_review", "reject")
        )  # fmt: skip
        exposure = draw.choice((10_000, 30_000, 100_000, 500_000))
        needs = act in ("raise", "lower", "resume", "new_release")
        new = act == "new_release"
        acts.append(
            PlannedAct(
                _some_hours(draw, troubled),
                Act(
                    draw.choice(apps),
                    act,
                    exposure if needs else None,
                    f"6.{number}.0" if new else None,
                    6000 + number if new else None,
                    998_000 if new else None,
                ),
            )
        )
    return tuple(sorted(acts, key=lambda act: act.at))


def _outages(draw: Random, troubled: timedelta) -> tuple[Outage, ...]:
    outages = []
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        service = draw.choice(("sentry", "sentry", *SERVICES))
        kinds = ["empty", *sorted(OUTAGES)] if service == "sentry" else ["down", "refuse", "unauthorized"]
        begins = _some_hours(draw, troubled)
        ends = min(begins + timedelta(minutes=draw.randrange(10, 600)), troubled)
        if ends > begins:
            outages.append(Outage(service, begins, ends, draw.choice(kinds)))
    return tuple(outages)


def _weather(draw: Random) -> Weather:
    faults: dict[str, tuple[Kind, ...]] = {}
    for service in SERVICES:
        kinds = draw.sample(sorted(kinds_of(service)), k=draw.choice((0, 1, 3, 6)))
        words = [(kind, draw.choice(_SLACK_WORDS) if kind == "error" else "") for kind in kinds]
        if words:
            faults[service] = tuple(words)
    chance = draw.choice((0.0, 0.01, 0.03, 0.03, 0.1))
    return Weather(faults, chance, timedelta(seconds=draw.choice((0, 0.3, 3))))


def _orders(draw: Random, seed: int, scenario: Scenario, troubled: timedelta) -> tuple[PlannedOrder, ...]:
    orders = []
    for number in range(draw.choice((0, 0, 1, 2, 4, 6))):
        at = scenario.start + _some_hours(draw, troubled)
        verb = draw.choice([*CommandVerb, CommandVerb.RESUME, CommandVerb.ADVANCE])
        orders.append(PlannedOrder(at, _order(draw, f"{seed}-{number}", verb, scenario, at)))
    return tuple(sorted(orders, key=lambda order: order.at))


def _order(draw: Random, name: str, verb: CommandVerb, scenario: Scenario, at: datetime) -> Command:
    long_enough = draw.random() < 0.7
    return Command(
        id=name,
        verb=verb,
        app=draw.choice(scenario.apps).name,
        store=Store.GOOGLE_PLAY,
        actor=Actor(ActorKind.HUMAN, "kim"),
        reason="because",
        created_at=at,
        expires_at=None,
        release=draw.choice(("", "", "5.2.0", "5.3.0")),
        hold_for=timedelta(hours=draw.randrange(1, 6)) if long_enough else None,
        without_evidence=draw.random() < 0.3,
    )


def _some_hours(draw: Random, most: timedelta) -> timedelta:
    """Any minute of the troubled time, not before there is something to act on."""
    return timedelta(minutes=draw.randrange(60, int(most / timedelta(minutes=1))))
