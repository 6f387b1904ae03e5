"""What a scheduler sets in motion, and the threads it does so on: one value, so that nothing of it is ever half exchanged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from stagedrollout.config.settings import Limits
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.bells_of_others import BellsOfOthers
from stagedrollout.daemon.brakes import Brakes, NothingPulled
from stagedrollout.daemon.clocks import LockStep
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.errands import Errands, NoErrands
from stagedrollout.daemon.health.replicas import UNREACHED
from stagedrollout.daemon.health.report import SelfReport, Silent
from stagedrollout.daemon.lease import Holdings
from stagedrollout.daemon.linking import Bell
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.pacing import AsAsked, Pace
from stagedrollout.daemon.peers import Peers
from stagedrollout.daemon.pressed import Buttons, NoButtons
from stagedrollout.daemon.put_back import PutBack
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.watched.memory import Memory
from stagedrollout.notify.relay import Relay
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.presence import Presence

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What the scheduler sets in motion."""

    listings: Mapping[StoreApp, Listing]
    passes: AppPasses
    relay: Relay
    commands: CommandBox
    presence: Presence
    clock: Clock
    wall: Clock
    epoch: int
    leases: Holdings = field(default_factory=Everything)
    peers: Peers | None = None
    lock_step: LockStep | None
    report: SelfReport = field(default_factory=Silent)
    bell: Bell = field(default_factory=Bell)
    bells_of_others: BellsOfOthers = field(default_factory=BellsOfOthers)
    brakes: Brakes = field(default_factory=NothingPulled)
    buttons: Buttons = field(default_factory=NoButtons)
    errands: Errands = field(default_factory=NoErrands)
    memory: Memory = field(default_factory=Memory)
    pace: Pace = field(default_factory=AsAsked)
    reach: Reach = field(default_factory=Reach)
    put_back: PutBack | None = None
    doors: Doors = field(default_factory=Doors)
    """What its parts were opened through, for those that will take their place."""

    @property
    def stores(self) -> frozenset[Store]:
        """Those on which there are apps."""
        return frozenset(app.store for app in self.listings)

    def tell_people(self) -> None:
        """Raises StorageError."""
        if self.put_back:
            self.put_back.look()
        self.relay.deliver_due()

    def is_to_look_at(self, app: StoreApp) -> bool:
        """What people have pulled lies on this machine, where no other replica sees it, whoever holds the app."""
        return self.steers(app) or bool(self.brakes.halts(app))

    def steers(self, app: StoreApp) -> bool:
        """Whether passes over it begin here."""
        return self.leases.holds(app) and not self.leases.lets_go(app)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much runs at once: `pass_workers` passes; `halt_workers` halts of one store app; and what a stop waits for."""

    pass_workers: int
    halt_workers: int
    drain_seconds: float

    @classmethod
    def of(cls, limits: Limits) -> Bounds:
        drain = limits.drain.total_seconds()
        return cls(pass_workers=limits.pass_workers, halt_workers=limits.halt_workers, drain_seconds=drain)


class Beside:
    """What is wrong beside passes and notices, told in the daemon's row whenever that changes; and, where there are others,
    what does not answer here."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {"buttons_problem": "", "alarms_problem": "", UNREACHED: {}}

    def tell(self, works: Works) -> None:
        ours = works.leases.on_duty()  # what was wrong when they were is another one's to mend now, or mended
        troubles = {
            "buttons_problem": works.buttons.problem() if ours else "",
            "alarms_problem": works.errands.problem() if ours else "",
            UNREACHED: works.reach.told() if works.leases.shared else {},
        }
        if troubles == self._told:
            return
        try:
            works.presence.tell(works.epoch, troubles)
        except StorageError as error:
            log.warning("what is wrong with buttons or alarms cannot be noted: %s", error)
            return
        self._told = troubles


class Renewal:
    """Other works, to be taken over in the next turn; `taken` then has what was under way."""

    def __init__(self, works: Works, bounds: Bounds) -> None:
        self.works, self.bounds = works, bounds
        self.taken: Future[list[Future[Any]]] = Future()


@dataclass(frozen=True, slots=True)
class HaltUnderWay:
    """The name of a person's halt while it is under way."""

    app: StoreApp
    order: str

    def __str__(self) -> str:
        return f"the halt {self.order}"


def halts_under_way(app: StoreApp, running: Iterable[object]) -> int:
    """`running`: the names of what is under way."""
    return sum(isinstance(name, HaltUnderWay) and name.app == app for name in running)


class Pool(Protocol):
    """Threads that take work, each piece at once where one is free."""

    def submit(self, work: Callable[[], None], /) -> object: ...

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None: ...


OpenPool = Callable[[int, str], Pool]
"""How many threads at most, and what they are called."""


def threads(most: int, name: str) -> Pool:
    """Threads are made when they are needed: mostly there are as many as places."""
    return ThreadPoolExecutor(most, thread_name_prefix=name)
