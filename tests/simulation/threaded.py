"""The same world under a daemon with all its threads, while one service hangs. Virtual time stands still meanwhile.

The apps on Google Play hang with their store. On the App Store one release fails and somebody orders another one's
halt: whether, and how soon, the two are stopped is read from the emulator's ledger.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from stagedrollout.config.load import Loaded
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.daemon.bootstrap import Daemon, open_daemon
from stagedrollout.emulator.request import Request, Response
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
from stagedrollout.emulator.world import World
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_existing
from tests.simulation.doors import Gate, doors
from tests.simulation.setting import loaded
from tests.simulation.weather import Weather

FAILING, ORDERED = "failing", "ordered"
_START = datetime(2026, 3, 2, tzinfo=UTC)
_HEALTHY, _FAILED = timedelta(hours=1), timedelta(hours=5)
"""When all apps are looked at for the first time, and when there is enough to say that one of them fails."""

_NOTHING = timedelta(0)


class Standstill(Gate):
    """Google Play hangs from `hang` on: a request of it gets no answer until `let_go`, or until `seconds` are over.

    Everything else is answered at once, one request at a time in the world. `answered` is told of both.
    """

    def __init__(self, world: World, *, seconds: float | None) -> None:
        super().__init__(world, Weather({}, {}, _NOTHING), Random(0))
        self._seconds = seconds
        self._turn = threading.Lock()
        self._hangs = threading.Event()
        self._over = threading.Event()
        self.answered = threading.Condition()
        self.hanging = 0

    def hang(self) -> None:
        self._hangs.set()

    def let_go(self) -> None:
        self._over.set()

    def pass_through(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        if self._hangs.is_set() and "/androidpublisher" in target:
            with self.answered:
                self.hanging += 1
                self.answered.notify_all()
            self._over.wait(self._seconds)
            raise TimeoutError("timed out")
        with self._turn:
            response = self._world.handle(Request.to(method, target, headers=headers, body=body))
        with self.answered:
            self.answered.notify_all()
        return response


@dataclass(frozen=True, slots=True)
class Stage:
    """A daemon that is about to look at all apps, one of which fails since the last time."""

    daemon: Daemon
    gate: Standstill
    world: World
    orders: CommandBox

    def begin(self) -> datetime:
        """Everything starts, and somebody orders a halt; returns when."""
        began = datetime.now(UTC)
        self.orders.put(_halt(ORDERED, "first"))
        self.daemon.start()
        return began

    def order_halts_of_the_hanging(self, most: int) -> None:
        """Somebody is impatient: `most` orders to halt the first app whose store hangs."""
        for number in range(most):
            self.orders.put(_halt(_slow(0), f"again-{number}", Store.GOOGLE_PLAY))

    def stopped(self, app: str) -> datetime | None:
        """When, in real time, the request arrived that stopped the app's release; None: it still goes on."""
        stops = [
            record["request"]
            for record in self.world.ledger.entries
            if record["type"] == "served" and record["app"] == app and record["status"] == "PAUSED"
        ]
        seen = {request["seq"]: request["wall"] for request in self.world.ledger.requests}
        return datetime.fromisoformat(seen[stops[0]]) if stops and stops[0] in seen else None

    def wait_until_stopped(self, *apps: str, seconds: float) -> bool:
        """Whether all of `apps` are stopped within `seconds` of real time."""
        with self.gate.answered:
            return self.gate.answered.wait_for(lambda: all(map(self.stopped, apps)), seconds)

    def wait_until_hanging(self, requests: int, *, seconds: float) -> bool:
        """Whether so many requests hang within `seconds` of real time."""
        with self.gate.answered:
            return self.gate.answered.wait_for(lambda: self.gate.hanging >= requests, seconds)


@contextmanager
def stage(
    folder: Path,
    *,
    slow_apps: int,
    pass_workers: int,
    halt_workers: int,
    hang_seconds: float | None,
) -> Iterator[Stage]:
    """`slow_apps` on Google Play, which hangs for `hang_seconds` (None: until the end) at each request."""
    scenario = _scenario(slow_apps)
    world = World(scenario)
    gate = Standstill(world, seconds=hang_seconds)
    setting = _bounded(loaded(scenario, world, folder), pass_workers, halt_workers)
    people = open_existing(setting.settings.database)
    try:
        with open_daemon(setting, doors(gate, world)) as daemon:
            world.timeline.advance(_START + _HEALTHY)
            for listing in daemon.works.listings.values():
                daemon.works.passes.run(listing)
            world.timeline.advance(_START + _FAILED)
            gate.hang()
            try:
                yield Stage(daemon, gate, world, CommandBox(people))
            finally:
                gate.let_go()
    finally:
        people.dispose()


def _bounded(setting: Loaded, pass_workers: int, halt_workers: int) -> Loaded:
    limits = replace(setting.settings.limits, pass_workers=pass_workers, halt_workers=halt_workers)
    return replace(setting, settings=replace(setting.settings, limits=limits))


def _scenario(slow_apps: int) -> Scenario:
    slow = tuple(_app(_slow(number), GOOGLE_PLAY) for number in range(slow_apps))
    return Scenario(
        name="standstill",
        story="",
        seed=7,
        start=_START,
        until=timedelta(days=1),
        poll=timedelta(minutes=30),
        policy="by-hand",
        mode="act",
        on_new_release="adopt",
        apps=(*slow, _app(FAILING, APP_STORE, fails=True), _app(ORDERED, APP_STORE)),
    )


def _slow(number: int) -> str:
    return f"slow-{number:02d}"


def _app(name: str, store: str, *, fails: bool = False) -> AppStory:
    package = f"com.example.{name.replace('-', '')}"
    onset = Onset(_HEALTHY, 900_000) if fails else None
    on_app_store = store == APP_STORE
    rolled_out = None if on_app_store else RolledOut(_NOTHING, 100_000, _NOTHING)
    submitted = Submitted(_NOTHING, _NOTHING, processing=_NOTHING) if on_app_store else None
    return AppStory(
        name=name,
        store=store,
        package=package,
        track="" if on_app_store else "production",
        population=400_000,
        sessions_per_user=4.0,
        uptake=timedelta(hours=2),
        review=_NOTHING,
        releases=(
            ReleaseStory("5.1.0", 5010, 998_000),
            ReleaseStory("5.2.0", 5020, 998_000, rolled_out=rolled_out, onset=onset, submitted=submitted),
        ),
        reviews_per_million_sessions=0.0,
        app_id=usual_app_id(package) if on_app_store else "",
        processing=_NOTHING,
    )


def _halt(app: str, name: str, store: Store = Store.APP_STORE) -> Command:
    return Command(
        id=f"halt-{app}-{name}",
        verb=CommandVerb.HALT,
        app=app,
        store=store,
        actor=Actor(ActorKind.HUMAN, "kim"),
        reason="because",
        created_at=datetime.now(UTC),
        expires_at=None,
    )
