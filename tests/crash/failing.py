"""One input or output fails, or everything from one on: the database with the driver's own errors, a request by a
connection that breaks before it was sent or after it was answered."""

from __future__ import annotations

import sqlite3
import time
import traceback
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.client import RemoteDisconnected
from random import Random

from stagedrollout.emulator.faults import Fault, outage_fault
from stagedrollout.emulator.world import World
from tests.crash.playing import Played, longer, story_of
from tests.judge import judge
from tests.simulation.outcome import _timeline
from tests.simulation.perils import Perils, of_request
from tests.simulation.points import AFTER, AFTER_RECEIVE, BEFORE_SEND, COMMIT
from tests.simulation.rest import unrest
from tests.simulation.run import play

DATABASE = (
    ("disk I/O error", sqlite3.SQLITE_IOERR_WRITE),
    ("database or disk is full", sqlite3.SQLITE_FULL),
    ("database is locked", sqlite3.SQLITE_BUSY),
)
KINDS = ("storage", "http")
FAILED = ("play-raise", "play-halt", "apple-halt")
"""The stories in which everything fails once."""

_UNTOLD = "notices_doubled"
"""The ledger does not know that an answer was lost on its way to us, and a notice that may be lost is sent again."""

OUTAGE = "refuse"
STICKY = timedelta(hours=1)
"""How long everything of the kind fails from the Nth time on; far more than a pass, far less than a story."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`kind` is "storage" or "http"; it strikes at the Nth of them, at once or from then on for an hour."""

    kind: str
    number: int
    sticky: bool = False

    @property
    def error(self) -> sqlite3.OperationalError:
        """As the driver makes it: it sets the code beside the words."""
        words, code = DATABASE[self.number % len(DATABASE)]
        error = sqlite3.OperationalError(words)
        error.sqlite_errorcode = code
        return error

    @property
    def words(self) -> str:
        return f"{self.kind} fails {'from then on' if self.sticky else 'once'}"


class Failing(Perils):
    """A life that does not end, but in which things fail."""

    def __init__(self, world: World, failure: Failure | None) -> None:
        super().__init__(Random(0), 0)
        self._world = world
        self._failure = failure
        self._began = None if failure is None else world.timeline.now
        self._struck = self._claims = self._claimed = False
        self.count = 0

    def met(self, name: str) -> None:
        failure = self._failure
        if not self._claimed:  # a daemon that cannot claim the database does not start, and says so
            self._claims = self._claims or name == f"storage insert replica{AFTER}"
            self._claimed = self._claims and name == f"{COMMIT}{AFTER}"
            return
        if not _can_fail(name, failure.kind if failure else ""):
            return
        self.count += 1
        if failure is None or not self._strikes(failure):
            return
        if failure.kind == "storage":
            raise failure.error
        if name.endswith(AFTER_RECEIVE):
            self._is_lost(name)
        raise RemoteDisconnected("the connection was closed")

    def spare(self) -> None:
        """Failures come when they come."""

    def _strikes(self, failure: Failure) -> bool:
        if self.count == failure.number:
            self._began, self._struck = self._world.timeline.now, True
            if failure.sticky and failure.kind == "http":
                self._nobody_answers()
            return True
        return (
            failure.sticky
            and failure.kind == "storage"
            and self._struck
            and self._world.timeline.now < self._began + STICKY
        )

    def _is_lost(self, name: str) -> None:
        """The log of requests tells of it as of a connection that the emulator breaks once it has done its work."""
        for record in reversed(self._world.ledger.requests):
            if of_request(self._world, record["method"], record["path"]) + AFTER_RECEIVE == name:
                record.update(status=None, response=None, fault="drop_after")
                return

    def _nobody_answers(self) -> None:
        """For a while: an outage of everybody, as the emulator has them, so that its ledger tells of it."""
        world, began = self._world, self._world.timeline.now
        for service in world._services:
            world.ledger.add("outage", service=service.name, kind=OUTAGE, begins=True)
            fault = world.faults.add(outage_fault(service.name, OUTAGE), began)
            world.timeline.at(began + STICKY, partial(self._answers_again, service.name, fault))

    def _answers_again(self, service: str, fault: Fault) -> None:
        self._world.faults.remove(fault)
        self._world.ledger.add("outage", service=service, kind=OUTAGE, begins=False)


@dataclass
class Fails:
    """A fate without death."""

    failure: Failure | None = None
    lives: int = 0

    def life(self, world: World) -> Perils:
        self.lives += 1
        self.only = Failing(world, self.failure)
        return self.only

    def hours_dead(self) -> float:
        return 0.0


def how_many(name: str, kind: str) -> int:
    """How often something of the kind is done in the story."""
    fate = Fails(Failure(kind, 0))
    play(story_of(name).plan, fate)
    return fate.only.count


def failures(name: str) -> list[Failure]:
    """One at every input and output, once and lasting."""
    return [
        Failure(kind, number, sticky)
        for kind in KINDS
        for number in range(1, how_many(name, kind) + 1)
        for sticky in (False, True)
    ]


def with_failure(name: str, failure: Failure) -> Played:
    """The story with this failure, and what it breaks of the promises, in words."""
    story, fate, began = story_of(name), Fails(failure), time.process_time()
    plan = longer(story.plan, 2 * story.plan.scenario.poll)
    try:
        left = play(plan, fate)
    except Exception:  # noqa: BLE001 - whatever comes out of the daemon is a fault
        faults, timeline = (traceback.format_exc(),), ""
    else:
        found = [f for f in judge(left.evidence).findings if f.check != _UNTOLD]
        faults = (
            *(f"{f.check}: {f.at} {f.app} {f.text}" for f in found),
            *left.unrepeatable,
            *unrest(plan, left),
        )
        timeline = _timeline(left) if faults else ""
    return Played(name, (failure.number,), (failure.words,), faults, timeline, time.process_time() - began)


def _can_fail(name: str, kind: str) -> bool:
    """A statement fails before it is carried out, a commit before or after: its answer can be lost."""
    if kind == "storage":
        return name.startswith("storage ") and (not name.endswith(AFTER) or name == f"{COMMIT}{AFTER}")
    return name.endswith((BEFORE_SEND, AFTER_RECEIVE)) and not name.startswith("storage ")
