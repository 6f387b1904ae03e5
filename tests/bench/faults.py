"""Faults at every place of the conversations with both stores: is every halt in effect, and no raise wrong?

    python -m tests.bench faults [--quick] [--json] [--seed N] [--workers N]

The real daemon below its trigger plays short stories on the emulator, in virtual time. Each story has one kind of
fault (--quick: all kinds) at one place, from its beginning until some hours before its end: a release that turns bad, or one that somebody
halts and resumes again and again; beside it on the track lie the release before it and the draft of the next one.
Stories are added until each kind has struck often enough, or it is plain that nobody ever comes to that place. What
was injected, which halts were due and became true, which raises were wrong: the outside judge counts it
(tests/judge/faults.py), from the emulator's ledger. How soon a halt is in effect while other apps' store hangs is
measured apart, with threads (hanging.py).
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random
from typing import Any

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
from tests.bench import hanging
from tests.bench.figure import Figure, aligned, shown
from tests.judge import faults as judged
from tests.judge.faults import PLACES, Account, Ordered
from tests.judge.finding import Finding
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.run import play
from tests.simulation.weather import Weather

EACH_PLACE, EACH_PLACE_QUICK = 50, 6
STORIES_MOST = 16
SEED = 1

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


_PLACES: Mapping[str, Place] = {
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


@dataclass(slots=True)
class Tally:
    """What all stories came to. `wrong` names each finding beside the story that it is of."""

    stories: int = 0
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    halts_due: int = 0
    halted: int = 0
    raises: int = 0
    wrong_raises: int = 0
    siblings_changed: int = 0
    others: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, told: Account, story: str) -> None:
        self.stories += 1
        self.injected.update(told.injected)
        self.visits.update(told.visits)
        self.halts_due += told.halts_due
        self.halted += told.halted
        self.raises += told.raises
        self.wrong_raises += len(told.wrong_raises)
        self.siblings_changed += len(told.siblings_changed)
        self.others += len(told.others)
        self.wrong += [
            _told(one, story) for one in (*told.wrong_raises, *told.siblings_changed, *told.others)
        ]
        if told.halted < told.halts_due:
            self.wrong.append(f"{story}: {told.halts_due} halts were due, {told.halted} came true")

    def add(self, other: Tally) -> None:
        self.stories += other.stories
        self.injected.update(other.injected)
        self.visits.update(other.visits)
        self.halts_due += other.halts_due
        self.halted += other.halted
        self.raises += other.raises
        self.wrong_raises += other.wrong_raises
        self.siblings_changed += other.siblings_changed
        self.others += other.others
        self.wrong += other.wrong

    def at(self, place: str) -> dict[str, int]:
        """How often each kind befell the place."""
        return {kind: self.injected[place, name] for kind, name in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Result:
    """`hanging`: halts beside a store that hangs; `seconds` of real time.

    `short`: the places that were struck less often than asked, and how often.
    """

    tally: Tally
    each_place: int
    hanging: tuple[Figure, ...]
    seconds: float

    @property
    def short(self) -> dict[str, int]:
        struck = {place: sum(self.tally.at(place).values()) for place in PLACES}
        return {place: times for place, times in struck.items() if times < self.each_place}

    @property
    def kept(self) -> bool:
        tally = self.tally
        wrong = tally.wrong_raises or tally.siblings_changed or tally.others or self.short
        return not wrong and tally.halted == tally.halts_due > 0 and all(one.kept for one in self.hanging)

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "injected": tally.injected.total(),
            "halts_due": tally.halts_due,
            "halted": tally.halted,
            "wrong_raises": tally.wrong_raises,
            "siblings_changed": tally.siblings_changed,
            "other_findings": tally.others,
            "raises": tally.raises,
            "stories": tally.stories,
            "asked_at_each_place": self.each_place,
            "short": self.short,
            "places": {place: {"visits": tally.visits[place], **tally.at(place)} for place in PLACES},
            "beside_a_store_that_hangs": [asdict(one) | {"kept": one.kept} for one in self.hanging],
            "wrong": tally.wrong,
            "seconds": round(self.seconds, 1),
            "kept": self.kept,
        }


def measure(*, quick: bool, seed: int, workers: int) -> Result:
    """Play everything. `quick`: few faults at each place, of all kinds in one story."""
    began, each = time.monotonic(), EACH_PLACE_QUICK if quick else EACH_PLACE
    aims = [
        Aim(place, kinds, ceil(each / len(at.kinds)), seed)
        for place, at in _PLACES.items()
        for kinds in ((at.kinds,) if quick else ((kind,) for kind in at.kinds))
    ]
    tally = Tally()
    with ProcessPoolExecutor(workers) as pool:
        for one in pool.map(aimed, aims):
            tally.add(one)
    return Result(tally, each, tuple(hanging.measure()), time.monotonic() - began)


def aimed(aim: Aim) -> Tally:
    """Stories with the aim's faults until each has struck often enough; one, where nobody ever comes to the place."""
    tally = Tally()
    for number in range(STORIES_MOST):
        plan, ordered = told(aim, number)
        tally.take(judged.account(play(plan).evidence, ordered), plan.scenario.name)
        enough = min(tally.injected[aim.place, KINDS[kind]] for kind in aim.kinds) >= aim.often
        if (enough and tally.stories >= aim.stories) or not _visited(tally, aim.place):
            break
    return tally


def _visited(tally: Tally, place: str) -> bool:
    """A commit that all faults befell before it was applied leaves no visit with a reply."""
    return bool(tally.visits[place] or (place == judged.REPLY and tally.visits[judged.COMMIT]))


def told(aim: Aim, number: int) -> tuple[Plan, tuple[Ordered, ...]]:
    """The story and what people will remember of it: releases that turn bad and people's halts take turns."""
    name = f"{aim.place}, {'/'.join(aim.kinds)}, seed {aim.seed}, story {number}"
    draw = Random(name)
    place, turns_bad = _PLACES[aim.place], number % 2 == 1
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


def _told(one: Finding, story: str) -> str:
    return f"{story}: {one.check}: {one.at} {one.text}"


def as_json(result: Result) -> str:
    return json.dumps(result.document(), indent=2)


def table(result: Result) -> str:
    """The counts, then each place's faults by kind, then everything that is wrong."""
    tally = result.tally
    halts = f"halts due {tally.halts_due}, halted {tally.halted}"
    wrong = f"wrong raises {tally.wrong_raises} of {tally.raises}, siblings changed {tally.siblings_changed}"
    head = (
        f"faults {tally.injected.total()} in {tally.stories} stories; {halts}; {wrong}; others {tally.others}"
    )
    rows = [("place", "visits", *KINDS, "in all", f"at least {result.each_place}")]
    for place in PLACES:
        struck = tally.at(place)
        verdict = "MISSED" if place in result.short else "kept"
        figures = (tally.visits[place], *struck.values(), sum(struck.values()))
        rows.append((place, *map(str, figures), verdict))
    beside = shown(result.hanging, as_json=False)
    return "\n".join((head, "", aligned(rows), "", beside, *(("", *tally.wrong) if tally.wrong else ())))
