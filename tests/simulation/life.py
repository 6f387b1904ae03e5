"""One life of the daemon: its real objects, wired by its own bootstrap, under its own scheduler.

Only what sets the scheduler's turns in motion, and the threads of its pools, are the simulation's. A turn that would
find nothing is left out, so that hours in which nobody does anything cost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from stagedrollout.config.load import Loaded
from stagedrollout.core.errors import LostLease, StagedRolloutError, StorageError
from stagedrollout.core.model import Command, StoreApp
from stagedrollout.core.ports import Clearance
from stagedrollout.daemon.at_the_desk import AtTheDesk
from stagedrollout.daemon.bells_of_others import listening
from stagedrollout.daemon.bootstrap import _leave as leave
from stagedrollout.daemon.bootstrap import wire
from stagedrollout.daemon.linking import Bell
from stagedrollout.daemon.pressed import Buttons, NoButtons
from stagedrollout.daemon.pressing import Pressing
from stagedrollout.daemon.scheduler import TURN_SECONDS, Scheduler
from stagedrollout.daemon.works import Works
from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.server_clock import with_clock
from tests.simulation.buttons import Socket
from tests.simulation.doors import Gate, doors
from tests.simulation.keeping import Keeper
from tests.simulation.kernel import Kernel
from tests.simulation.machine import Machine
from tests.simulation.perils import SimulatedCrash
from tests.simulation.standins import Event

TURNS_MOST = 20_000
"""Far more than any story needs: a daemon that is due again at once, for ever, is stuck."""

NOTHING = timedelta(0)
UNDER_WAY = datetime.max.replace(tzinfo=UTC)
"""When the scheduler says that an app is due of which a pass goes on."""

TURN = timedelta(seconds=TURN_SECONDS)
_CUT_OFF = timedelta(seconds=60)
"""From one turn to the next of a daemon that cannot read its database: more seldom than the product's, which finds nothing
either."""

_ON_WHAT_IS_TOLD = tuple(
    f"storage {kind} {table}" for kind in ("insert", "update") for table in ("outbox", "thread")
)
PASS, HALT, TELL, ERRANDS = "pass", "halt", "tell", "errands"
_LOOKS_AT_ONCE = 0.25
"""How often the next turn comes while a pass goes on that has just written something down: with all of them a notice
would be looked for more often than anything else is done."""


@dataclass(frozen=True, slots=True)
class Company:
    """Others on the same database, whose clock is `clock`. `lives`: all that live now; `took` is told by each that it has
    taken a lease, or given one away, `decided`, that it has written down what it is about to do, and `wrote`, that it has written
    anything else."""

    clock: Callable[[], datetime]
    keeper: Keeper
    lives: Callable[[], Iterable[Life]]
    took: Callable[[Life], None]
    decided: Callable[[Life], None]
    wrote: Callable[[], None]

    @property
    def told(self) -> int:
        """How often any of them has changed what is to be told."""
        return sum(life.told for life in self.lives())


class Life:
    """From start to crash. Nothing but the database file outlives it."""

    def __init__(
        self,
        loaded: Loaded,
        gate: Gate,
        world: World,
        marks: Counter[str],
        machine: Machine,
        company: Company | None = None,
    ) -> None:
        """`company`: the others on the same database; None: nobody else can be there."""
        self._engine = open_engine(loaded.settings.database)
        gate.perils.haunt(self._engine)
        machine.carry(gate, self._engine, gate.perils).wrote = self._something_was_written
        self._company = company
        self._gate = gate
        self._world = world
        self._marks = marks
        self.machine = machine
        self._kernel = machine.kernel
        self._pools: dict[str, Pool] = {}
        self._foreseen = Foreseen(marks)
        self._stirred = Event(self._kernel)
        self._turn_soon = False
        self._leaving = False
        self._hands = self._acts = self._entries = 0
        self._born = False
        self._nothing_waits_at: tuple[int, bool] | None = None
        self._socket: Socket | None = None
        self._buttons: Buttons = NoButtons()
        try:
            ways = doors(gate, world, machine.clock)
            if company:
                company.keeper.disturb()  # whoever sleeps lives, when this one looks who does
                shared = with_clock(self._engine, company.clock)
                wired = wire(loaded, ways, shared, place=machine.process.name)
            else:
                wired = wire(loaded, ways, self._engine)
            self._works = works = replace(wired, report=self._foreseen)
            limits = loaded.settings.limits
            self._drain = limits.drain
            self._scheduler = Scheduler(
                works,
                pass_workers=limits.pass_workers,
                halt_workers=limits.halt_workers,
                drain_seconds=limits.drain.total_seconds(),
                open_pool=self._open_pool,
            )
            self._hear(works.bell)
            if isinstance(works.buttons, Pressing):
                self._listen(works.buttons)
            machine.clock.when_set(self.stir, before=TURN)  # so that a turn has seen what it said until then
            if company:
                self._watch_leases()
                self._born = True
                company.keeper.born(self)
                company.took(self)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """The process is gone: the database connections are closed by whoever owned it."""
        if self._socket:
            self._socket.close()
        if self._company:
            self._company.keeper.gone(self)
        try:
            self.machine.bury()
        finally:
            self._engine.dispose()

    def until(self, ends: datetime) -> None:
        """Turn after turn until the story ends and what was begun before is done; or until it is asked to leave, and has."""
        for _ in range(TURNS_MOST):
            self._turn()
            if self._scheduler.lost:
                return self._leave()
            self._wait_for_the_next(ends)
            if self._leaving:
                return self._leave()
            if self._world.timeline.now >= ends and self.is_at_rest():
                return None
        raise AssertionError(f"the daemon goes round and round at {self._world.timeline.now}")

    def leave(self) -> None:
        """As a service manager asks."""
        self._leaving = True
        self.stir()

    @property
    def epoch(self) -> int:
        return self._works.epoch

    @property
    def hands_changed(self) -> int:
        """How often it has taken a lease, or given one away."""
        changes = self._gate.perils.changes
        return changes["storage insert lease"] + changes["storage update lease"]

    @property
    def told(self) -> int:
        """How often it has changed something that is to be told."""
        return sum(self._gate.perils.changes[statement] for statement in _ON_WHAT_IS_TOLD)

    @property
    def is_there(self) -> bool:
        return self.machine.is_there

    def wake(self) -> None:
        """It looks again how long it may wait."""
        self._stirred.set()

    def may_hear(self) -> None:
        """Another one has written to the journal, which this one reads in each turn if it listens."""
        if listening(self._works.listings, self._works.leases):
            self.stir()

    def look_anew(self) -> None:
        """Whatever was known of the database is not so any more."""
        self._nothing_waits_at = None
        self.stir()

    def _leave(self) -> None:
        """Nothing is begun any more; what is not over within the time there is for it lasts as long as its lease."""
        ends = self._kernel.now + self._drain
        while self._working() and self._kernel.now < ends:
            self._kernel.pause(TURN)
        if not self._working():
            leave(self._scheduler)

    def _turn(self) -> None:
        self._turn_soon = False
        if self._company:
            self._company.keeper.wakes(self)
        self._foreseen.stumbles = 0
        try:
            self._scheduler.turn()
        except StagedRolloutError as error:
            self._foreseen.stumbled("a turn", error)
        self._take_the_desk()
        self._foreseen.look()

    def stir(self) -> None:
        """There may be something to do that no clock tells of: the next turn comes within its usual time."""
        self._turn_soon = True
        self._stirred.set()

    def _wait_for_the_next(self, ends: datetime) -> None:
        """Return when a turn finds something to start, or the story ends."""
        while True:
            self._stirred.clear()
            left = self._left()
            if (
                left is not None and self._foreseen.stumbles
            ):  # what is due is tried in the next turn, and not before
                left = max(left, TURN)
            if self._turn_soon or (left is not None and left <= NOTHING):
                break
            if self._company:
                left = self._company.keeper.rests(self, working=self._working(), left=left)
            to_the_end = ends - self._world.timeline.now
            if to_the_end > NOTHING:
                left = to_the_end if left is None else min(left, to_the_end)
            elif not self._working():
                return
            stirred = self._stirred.wait(None if left is None else left.total_seconds())
            if not stirred and self._world.timeline.now < ends:
                break
        self._kernel.pause(TURN * self._kernel.draw.choice((0.0, self._kernel.draw.random())))

    def _left(self) -> timedelta | None:
        """How long it is until something is due that is not under way already; None: for ever."""
        if self._scheduler.hurried:
            return TURN
        if not self.machine.reaches_its_database:
            return _CUT_OFF
        now = self.machine.clock.now()
        dues = [at for at in self._scheduler.dues() if at != UNDER_WAY]
        dues = [at for at in dues if at > now or not self._pools[PASS].working]
        try:
            telling = None if self._pools[TELL].working else self._when_to_tell()
            errands = None if self._pools[ERRANDS].working else self._when_to_alarm()
        except StorageError:
            return TURN
        dues += [at for at in (telling, errands) if at]
        return self.machine.clock.until(min(dues)) if dues else None

    def _when_to_tell(self) -> datetime | None:
        """Asked by the simulation, not by the daemon: nobody gets his turn for it, and nothing dies or fails here. Where
        nothing waited, nothing waits until the daemon changes something that is to be told."""
        others = self._company.told if self._company else 0
        known = (self.told + others, self._works.leases.may_tell())
        if known == self._nothing_waits_at:
            return None
        with self.machine.unnoticed(self._gate.perils):
            due = self._works.relay.next_due()
        self._nothing_waits_at = known if due is None else None
        return due

    def _when_to_alarm(self) -> datetime | None:
        """Asked by the simulation as well."""
        if not (self._works.errands.wanted and self._works.leases.may_tell()):
            return None
        with self.machine.unnoticed(self._gate.perils):
            return self._works.errands.next_due()

    def is_at_rest(self) -> bool:
        """Whether nothing is under way, and nothing due."""
        left = self._left()
        return not self._working() and (left is None or left > NOTHING)

    def _working(self) -> bool:
        pressed = self._socket is not None and self._socket.working
        return pressed or any(pool.working for pool in self._pools.values())

    def _listen(self, pressing: Pressing) -> None:
        self._socket = Socket(
            self._kernel, self._world.slack.lines, pressing, self.stir, self.machine.process
        )

    def _take_the_desk(self) -> None:
        """What the thread of AtTheDesk does, between turns: whoever tells people listens to their buttons."""
        desk = self._works.buttons
        if not isinstance(desk, AtTheDesk):
            return
        on_duty = self._works.leases.may_tell()
        if on_duty and self._socket is None and isinstance(pressing := desk._open(), Pressing):
            pressing.go_on_from(self._buttons)
            self._buttons = pressing
            self._listen(pressing)
        elif self._socket is not None and not on_duty and not self._socket.working:
            self._socket.close()
            self._socket = None

    def _hear(self, bell: Bell) -> None:
        """What a linked store has to say reaches the scheduler as always, and its next turn comes in time."""
        heard = bell._heard

        def also(app: StoreApp) -> None:
            heard(app)
            self.stir()

        bell.listen(also)

    def _open_pool(self, most: int, name: str) -> Pool:
        ended = self._passed if name == PASS else self._look_again
        self._pools[name] = Pool(self._kernel, most, name, self._begins, ended)
        return self._pools[name]

    def _begins(self, name: str) -> None:
        if name == HALT and self._pools[PASS].working:
            self._marks["halt in the middle of a pass"] += 1

    def _passed(self) -> None:
        self.stir()
        if self._socket:
            self._socket.look()

    def _look_again(self) -> None:
        """Whether there is more to tell, or a halt to be followed, what is due says; a pass has its say in that."""
        self._stirred.set()
        if self._socket:
            self._socket.look()

    def _something_was_written(self) -> None:
        if self._company and self._born:
            self._tell_company(self._company)
        if self._kernel.running.name in (PASS, HALT) and self._kernel.draw.random() < _LOOKS_AT_ONCE:
            self.stir()

    def _watch_leases(self) -> None:
        """What is refused for want of a lease, and what is done without one, is counted."""
        leases, others = self._works.leases, self._scheduler._others
        clearance, may_take = leases.clearance, others.may_take

        def cleared(app: StoreApp) -> Clearance:
            check = clearance(app)

            def checked() -> None:
                try:
                    check()
                except LostLease as lost:
                    self._marks[f"raise refused: {_why_lost(str(lost))}"] += 1
                    raise

            return checked

        def taken(works: Works, app: StoreApp, order: Command) -> bool:
            may = may_take(works, app, order)
            self._marks["order: a halt taken by another"] += may and not leases.holds(app)
            return may

        leases.clearance = cleared  # type: ignore[method-assign]
        others.may_take = taken  # type: ignore[method-assign]

    def _tell_company(self, company: Company) -> None:
        changes = self._gate.perils.changes
        hands, acts = self.hands_changed, changes["storage insert intent"]
        if self._hands != hands:
            self._hands = hands
            company.took(self)
        if self._entries != (entries := changes["storage insert event"]):
            self._entries = entries
            for life in company.lives():
                if life is not self:
                    life.may_hear()
        if self._acts != acts:
            self._acts = acts
            company.decided(self)
        else:
            company.wrote()


class Pool:
    """Threads of the scheduler's, as tasks. Nothing is ever queued, because each app has a thread of its own."""

    def __init__(
        self, kernel: Kernel, most: int, name: str, begins: Callable[[str], None], ended: Callable[[], None]
    ) -> None:
        self._kernel = kernel
        self._most = most
        self._name = name
        self._begins = begins
        self._ended = ended
        self.working = 0

    def submit(self, work: Callable[[], None], /) -> None:
        if self.working >= self._most:
            raise AssertionError(f"more than {self._most} at once: {self._name}")
        self.working += 1

        def whole() -> None:
            self._begins(self._name)
            try:
                work()
            finally:
                self.working -= 1
            self._ended()

        self._kernel.start(self._name, whole)

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """A life ends by a crash, or when there is nothing left to do."""


_LOST = {
    "over too soon": "the lease was over",
    "cannot be told": "nobody can tell whose the lease is",
}


def _why_lost(words: str) -> str:
    return next((why for said, why in _LOST.items() if said in words), "another holds it")


class Foreseen:
    """What the daemon reports of itself: errors of ours are counted, and any other is a mistake in it."""

    def __init__(self, marks: Counter[str]) -> None:
        self._marks = marks
        self._mistake: BaseException | None = None
        self.stumbles = 0

    def look(self) -> None:
        """Raises the first mistake."""
        if self._mistake:
            raise self._mistake

    def passed(self, app: StoreApp, due: datetime, problem: str) -> None:
        """As it should be."""

    def broke_off(self, app: StoreApp, due: datetime, error: BaseException, problem: str) -> None:
        self._meet("pass", error)

    def stumbled(self, doing: str, error: BaseException) -> None:
        self.stumbles += 1
        self._meet(doing.removeprefix("the ").split()[0], error)

    def holds(self, apps: Collection[StoreApp]) -> None:
        """Nobody looks."""

    def beat(self, now: datetime, problem: str = "") -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing is open."""

    def _meet(self, what: str, error: BaseException) -> None:
        if isinstance(error, StagedRolloutError):
            self._marks[f"{what} broke off: {type(error).__name__}"] += 1
        elif not isinstance(error, SimulatedCrash):
            self._mistake = self._mistake or error
