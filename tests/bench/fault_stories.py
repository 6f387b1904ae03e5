"""The stories of the benchmark of faults: what goes wrong where, and what people do about it.

Each has one release on its way, the one before it and the draft of the next one beside it, and one kind of fault at one
place until some hours before its end. Releases that turn bad, and ones that somebody halts and resumes again and
again, take turns.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    Onset,
    ReleaseStory,
    RolledOut,
    Scenario,
    Submitted,
)
from stagedrollout.emulator.scenario_app import usual_app_id
from tests.judge import faults as judged
from tests.judge.faults import Ordered
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.weather import Weather

RESET, RESET_AFTER, TIMEOUT_AFTER = "reset", "reset after apply", "timeout after apply"
ERROR, ERROR_AFTER, HTML, TRUNCATED = "500 before apply", "500 after apply", "HTML", "truncated body"
KINDS: Mapping[str, str] = {
    RESET: "drop",
    RESET_AFTER: "drop_after",
    TIMEOUT_AFTER: "slow",
    ERROR: "500",
    ERROR_AFTER: "500_after",
    HTML: "html",
    TRUNCATED: "truncated",
}
"""What each is called by the emulator, which sends HTML and half a body after it has applied the request."""

_BEFORE = (RESET, ERROR)
_AFTER = (RESET_AFTER, TIMEOUT_AFTER, ERROR_AFTER, HTML, TRUNCATED)
_ALL = (*_BEFORE, *_AFTER)


@dataclass(frozen=True, slots=True)
class Place:
    """A request of one service, and the kinds of faults that can befall it there."""

    service: str
    operation: str
    kinds: tuple[str, ...] = _ALL


AIMED_AT: Mapping[str, Place] = {
    judged.INSERT: Place(GOOGLE_PLAY, "edits.insert"),
    judged.GET: Place(GOOGLE_PLAY, "tracks.get"),
    judged.PUT: Place(GOOGLE_PLAY, "tracks.update"),
    judged.VALIDATE: Place(GOOGLE_PLAY, "edits.validate"),
    judged.COMMIT: Place(GOOGLE_PLAY, "edits.commit", _BEFORE),
    judged.REPLY: Place(GOOGLE_PLAY, "edits.commit", _AFTER),
    judged.APPLE_GET: Place(APP_STORE, "versions.list"),
    judged.APPLE_PATCH: Place(APP_STORE, "phased.update"),
}


@dataclass(frozen=True, slots=True)
class Aim:
    """Kinds of faults at one place, in `stories` stories at least, until each has struck `often` times."""

    place: str
    kinds: tuple[str, ...]
    often: int
    seed: int
    stories: int = 2


def told(aim: Aim, number: int) -> tuple[Plan, tuple[Ordered, ...]]:
    """The story and what people will remember of it: releases that turn bad and people's halts take turns."""
    name = f"{aim.place}, {'/'.join(aim.kinds)}, seed {aim.seed}, story {number}"
    draw = Random(name)
    place, turns_bad = AIMED_AT[aim.place], number % 2 == 1
    span = _SPANS[place.service]
    scenario = _scenario(draw, name, place.service, span, turns_bad=turns_bad)
    orders = () if turns_bad else tuple(_orders(draw, scenario, span))
    kinds = tuple((KINDS[kind], "") for kind in aim.kinds)
    plan = Plan(
        seed=zlib.crc32(name.encode()),
        scenario=scenario,
        weather=Weather({place.service: kinds}, {}, span.latency, place.operation),
        calm_from=scenario.start + span.troubled,
        points_per_life=0,
        orders=orders,
    )
    halts = [order for order in orders if order.command.verb is CommandVerb.HALT]
    return plan, tuple(Ordered(_APP, place.service, order.at) for order in halts)


@dataclass(frozen=True, slots=True)
class _Span:
    """`rhythm`: the hours from one order to the next, drawn evenly."""

    troubled: timedelta
    calm: timedelta
    poll: timedelta
    latency: timedelta
    rhythm: tuple[float, float]
    policies: tuple[str, ...]


_SPANS = {
    GOOGLE_PLAY: _Span(
        timedelta(hours=14), timedelta(hours=3), timedelta(minutes=30), timedelta(seconds=3), (0.4, 1.2), ("quick",)
    ),
    APP_STORE: _Span(
        timedelta(hours=50), timedelta(hours=6), timedelta(hours=1), timedelta(seconds=3), (2.1, 5.0),
        ("by-hand", "apples-clock", "quick"),
    ),
}  # fmt: skip
_APP = "acme"
_PACKAGE = "com.example.acme"
_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_SOON = timedelta(hours=1)
_NOTHING = timedelta(0)
_HEALTHY, _BAD = 998_000, 940_000


def _scenario(draw: Random, name: str, store: str, span: _Span, *, turns_bad: bool) -> Scenario:
    return Scenario(
        name=name,
        story="",
        seed=zlib.crc32(name.encode()),
        start=_MONDAY + timedelta(hours=draw.randrange(96)),
        until=span.troubled + span.calm,
        poll=span.poll,
        policy=draw.choice(span.policies),
        mode="act",
        on_new_release="adopt",
        apps=(_app(draw, store, span, turns_bad=turns_bad),),
    )


def _app(draw: Random, store: str, span: _Span, *, turns_bad: bool) -> AppStory:
    """5.1.0 is out, 5.2.0 rolls out, 5.3.0 lies beside it and is no business of ours."""
    on_play = store == GOOGLE_PLAY
    minutes = int(span.troubled / timedelta(minutes=1))
    onset = Onset(timedelta(minutes=draw.randrange(minutes // 6, minutes // 2)), _BAD) if turns_bad else None
    rolled_out = RolledOut(_SOON, 10_000, _NOTHING) if on_play else None
    submitted = None if on_play else Submitted(_SOON, _NOTHING, processing=timedelta(minutes=10))
    return AppStory(
        name=_APP,
        store=store,
        package=_PACKAGE,
        track="production" if on_play else "",
        population=2_000_000,
        sessions_per_user=4.0,
        uptake=timedelta(hours=2),
        review=_NOTHING,
        releases=(
            ReleaseStory("5.1.0", 5010, _HEALTHY),
            ReleaseStory("5.2.0", 5020, _HEALTHY, rolled_out=rolled_out, submitted=submitted, onset=onset),
            ReleaseStory("5.3.0", 5030, _HEALTHY),
        ),
        reviews_per_million_sessions=1.0,
        app_id="" if on_play else usual_app_id(_PACKAGE),
        processing=timedelta(minutes=10),
    )


def _orders(draw: Random, scenario: Scenario, span: _Span) -> Iterator[PlannedOrder]:
    """Halt, resume, halt, resume, as long as there is trouble; the last word is a halt."""
    at, verbs = scenario.start + 2 * _SOON, (CommandVerb.HALT, CommandVerb.RESUME)
    number = 0
    while True:
        at += timedelta(hours=draw.uniform(*span.rhythm))
        over, verb = at >= scenario.start + span.troubled, verbs[number % 2]
        if not (over and verb is CommandVerb.RESUME):
            yield PlannedOrder(at, _order(f"{scenario.seed}-{number}", verb, scenario.apps[0].store, at))
        if over:
            return
        number += 1


def _order(name: str, verb: CommandVerb, store: str, at: datetime) -> Command:
    return Command(
        id=name,
        verb=verb,
        app=_APP,
        store=Store(store),
        actor=Actor(ActorKind.HUMAN, "kim"),
        reason="because",
        created_at=at,
        expires_at=None,
        without_evidence=verb is CommandVerb.RESUME,
    )
