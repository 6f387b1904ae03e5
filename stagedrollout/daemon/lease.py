"""What this replica may raise: the store apps whose leases it holds, and until when (promises R14 and R15).

A lease is believed only as long as it is certain. Its end is computed from the time at which the last sign of life was sent,
by a clock that goes on while a machine sleeps; and a request of a raise is sent only where it would be over, one way or the
other, before the lease is. Right before each such request the database is asked once more whose the lease is.

While the database does not answer, what was held last is watched on: a halt needs no lease, a raise finds that it has none.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, inf
from typing import Protocol

from stagedrollout.core.errors import LostLease, StorageError, Unfounded
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.core.units import duration_text
from stagedrollout.daemon.elapsed import Elapsed
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.sharing import Company, company
from stagedrollout.storage.leases import NOTICES, Held, Leases
from stagedrollout.storage.presence import Presence

log = logging.getLogger(__name__)

HEARTBEAT = timedelta(seconds=10)

TAKEN_OVER = "taken_over"
"""Why nothing is raised yet of what another replica held."""

OFFERED_AGAIN_LEASES = 5
"""What another replica knows and did not take within a lease, for it stood still or the database was slow, is its share again
after so many."""


class Tenures(Protocol):
    """What passes ask."""

    @property
    def shared(self) -> bool:
        """Whether other replicas may hold some of it."""
        ...

    def epoch(self, app: StoreApp) -> int:
        """Under which to record. Raises LostLease where this replica does not hold the store app."""
        ...

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:
        """Why nothing of it may be raised yet; empty where there is nothing. Raises nothing."""
        ...

    def clearance(self, app: StoreApp) -> Clearance:
        """To be taken when a pass begins, and called before each request of a raise. Raises LostLease, Unfounded."""
        ...


class Holdings(Tenures, Protocol):
    """What the scheduler asks."""

    def holds(self, app: StoreApp) -> bool:
        """As far as this replica knows."""
        ...

    def lets_go(self, app: StoreApp) -> bool:
        """Whether it is given to another replica as soon as nothing of it is under way here: no further pass begins."""
        ...

    def elsewhere(self, app: StoreApp) -> bool:
        """Whether another replica holds it now. Raises StorageError."""
        ...

    @property
    def beat(self) -> timedelta:
        """How often a sign of life is due."""
        ...

    def may_tell(self) -> bool:
        """Whether notices are this replica's to deliver, and one that is sent now would be over before the lease is."""
        ...

    def on_duty(self) -> bool:
        """Whether notices are this replica's to deliver, as far as it knows."""
        ...

    def go_by(self, terms: Terms) -> None:
        """From now on by these."""
        ...

    def epochs(self) -> Mapping[str, int]:
        """By name, of all that are held."""
        ...

    def renew(self) -> None:
        """A sign of life. Raises LostLease when another daemon runs in this place, StorageError."""
        ...

    def wants(self, apps: Collection[StoreApp]) -> bool:
        """Whether `tend` may find anything to do."""
        ...

    def tend(
        self, apps: Collection[StoreApp], idle: Callable[[StoreApp | None], bool]
    ) -> tuple[StoreApp, ...]:
        """Claim what is this replica's share of these, and give away what is more; which of them are its own from now on.
        `idle`: that nothing of a store app is under way, or (None) of telling people. Raises StorageError."""
        ...

    def give_all(self) -> None:
        """With nothing under way any more: another replica need not wait. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`lease`: how long a replica holds what it claimed after a sign of life; None: nobody else can be here, as the kernel's
    lock on a file says. `longest_request`: what a request to a store takes at most."""

    lease: timedelta | None = None
    longest_request: timedelta = timedelta(seconds=45)

    @property
    def beat(self) -> timedelta:
        """How often a sign of life is due: six times in a lease, so that one that is late does no harm."""
        return HEARTBEAT if self.lease is None else min(HEARTBEAT, self.lease / 6)


@dataclass(frozen=True, slots=True)
class _Tenure:
    """`raise_from`: an instant of the steady clock."""

    epoch: int
    raise_from: float


class HeldLeases:
    """Of one replica, whose epoch is `replica`. Safe from many threads."""

    def __init__(  # noqa: PLR0913 - whose, where, and by which clocks
        self,
        leases: Leases,
        presence: Presence,
        replica: int,
        *,
        place: str = "",
        wall: Clock,
        steady: Elapsed,
        terms: Terms,
        reach: Reach | None = None,
    ) -> None:
        self._leases = leases
        self._presence = presence
        self._replica, self._place = replica, place
        self._wall = wall
        self._steady = steady
        self._terms = terms
        self._reach = reach or Reach(steady)
        self._asking = threading.Lock()
        """Held while the database is asked and its answer noted: an older answer must not undo a newer one."""
        self._held: dict[str, _Tenure] = {}
        self._until = inf if terms.lease is None else -inf
        self._free_since: dict[str, float] = {}
        self._forsaken: dict[str, float] = {}
        """What was taken beyond this replica's share, and when: it is kept while the company is what it is, and for a while
        where another one knows it."""
        self._company = Company()
        self._announced: Mapping[str, int] = {}
        """Which tenures `tend` has told of. An app that was lost and is held again may look as if it had been held all along."""
        self._begun = steady()
        self._closed = False

    def begin(self, apps: Collection[StoreApp]) -> None:
        """Claim what is free, if nobody else is there. Raises StorageError."""
        if self.shared:
            self.renew()
        self.tend(apps, lambda _: True)
        self._announced = self.epochs()

    @property
    def beat(self) -> timedelta:
        return self._terms.beat

    def go_by(self, terms: Terms) -> None:
        self._terms = terms

    @property
    def shared(self) -> bool:
        return self._terms.lease is not None

    def holds(self, app: StoreApp) -> bool:
        return str(app) in self._held

    def wants(self, apps: Collection[StoreApp]) -> bool:
        return self.shared or {NOTICES, *map(str, apps)} != set(self._held)

    def epoch(self, app: StoreApp) -> int:
        return self._tenure(str(app)).epoch

    def epochs(self) -> Mapping[str, int]:
        return {name: tenure.epoch for name, tenure in self._held.copy().items()}

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:
        tenure = self._held.get(str(app))
        wait = tenure.raise_from - self._steady() if tenure else 0.0
        if wait <= 0:
            return ()
        left = duration_text(timedelta(seconds=ceil(wait)))
        said = f"taken over from a replica that fell silent: nothing is raised for another {left}, in which a request of it may still arrive"
        return (Reason(TAKEN_OVER, said),)

    def clearance(self, app: StoreApp) -> Clearance:
        name, tenure = str(app), self._held.get(str(app))

        def check() -> None:
            if tenure is None or self._held.get(name) != tenure:
                raise LostLease(f"this replica does not hold {name} any more")
            for reason in self.reasons(app):
                raise Unfounded(reason.text)
            self._check(name, tenure)

        return check

    def on_duty(self) -> bool:
        tenure = self._held.get(NOTICES)
        return tenure is not None and tenure.raise_from <= self._steady()

    def may_tell(self) -> bool:
        return self.on_duty() and self._left() >= self._request

    def renew(self) -> None:
        with self._asking:
            asked = self._steady()
            self._presence.beat(self._replica, self._wall.now(), self._terms.lease, place=self._place)
            self._until = asked + self._terms.lease.total_seconds() if self._terms.lease else inf
            if self.shared:
                self._know(self._leases.mine(self._replica))

    def tend(
        self, apps: Collection[StoreApp], idle: Callable[[StoreApp | None], bool]
    ) -> tuple[StoreApp, ...]:
        named = {str(app): app for app in apps}
        with self._asking:
            if not self._closed:
                self._share(
                    named, lambda name: idle(None if name == NOTICES else named.get(name) or _app(name))
                )
            held = self.epochs()
            fresh = [
                app for name, app in named.items() if name in held and held[name] != self._announced.get(name)
            ]
            self._announced = held
        return tuple(fresh)

    def _share(self, named: Collection[str], idle: Callable[[str], bool]) -> None:
        wanted, company = {*named, NOTICES}, self._in_company()
        free = self._leases.free(wanted)
        most = company.share(named)
        gone = [name for name in self._held if name not in wanted or company.bars(name)]
        mine = [name for name in self._held if name in named and name not in {*self._forsaken, *gone}]
        mine.sort(key=lambda name: not company.is_only_ours(name))
        if given := [name for name in (*mine[most:], *gone) if idle(name)]:
            self._give(given)
        open_to_us = frozenset(name for name in free if not company.bars(name))
        if claimed := self._to_claim(open_to_us, named, most - len(mine)):
            longest = self._terms.longest_request
            self._know(self._leases.claim(self._replica, claimed, longest_request=longest))

    def _to_claim(self, free: frozenset[str], named: Collection[str], room: int) -> list[str]:
        """What is free, up to this replica's share; and what is beyond everybody's, or unknown to another configuration: what
        nobody has taken for a whole lease."""
        if not self._settled_in:
            return []
        now, lease = self._steady(), self._terms.lease
        self._free_since = {name: self._free_since.get(name, now) for name in free}
        first = sorted(free & set(named), key=lambda name: (not self._company.is_only_ours(name), name))
        share = first[: max(room, 0)]
        long = lease.total_seconds() if lease else inf
        forsaken = {name for name, since in self._free_since.items() if now - since >= long} - set(share)
        self._forsaken |= dict.fromkeys(forsaken - {NOTICES}, now)
        return [*share, *sorted(forsaken | ({NOTICES} & free))]

    @property
    def _settled_in(self) -> bool:
        """Beside others it claims nothing before it has lived for a while: one that dies again and again would otherwise keep
        apps from them of which no pass ever ends."""
        return not self._company.others or self._steady() - self._begun >= self._terms.beat.total_seconds()

    def _in_company(self) -> Company:
        """With whom it is shared now. Raises StorageError."""
        if not self.shared:
            return self._company
        before, cut_off, lease = self._company, self._reach.cut_off(), self._terms.lease
        self._company = now = company(self._presence.replicas(), self._replica, cut_off)
        self._reach.hopes(now.reached_elsewhere)
        again = self._steady() - OFFERED_AGAIN_LEASES * (lease.total_seconds() if lease else inf)
        self._forsaken = {
            name: at for name, at in self._forsaken.items() if at > again or not now.knows(name)
        }
        if now.shape != before.shape:
            self._forsaken = {}
        for service in sorted(now.cut_off & now.reached_elsewhere):
            if service not in before.cut_off & before.reached_elsewhere:
                log.warning("%s is not reached from here: %s left to another replica", *_left(service))
        return now

    def give_all(self) -> None:
        with self._asking:
            self._closed = True
            if self.shared:
                self._give(list(self._held))

    def lets_go(self, app: StoreApp) -> bool:
        """While the lease lasts: whoever is cut off from the database as well goes on trying."""
        return self._company.bars(str(app)) and self._left() > 0

    def elsewhere(self, app: StoreApp) -> bool:
        return self.shared and not self._leases.free([str(app)])

    @property
    def _request(self) -> float:
        return self._terms.longest_request.total_seconds()

    def _left(self) -> float:
        return self._until - self._steady()

    def _tenure(self, name: str) -> _Tenure:
        tenure = self._held.get(name)
        if tenure is None:
            raise LostLease(f"this replica does not hold {name}")
        return tenure

    def _check(self, name: str, tenure: _Tenure) -> None:
        try:
            if self._left() < self._request:
                self.renew()
            ours = self._leases.is_held(name, self._replica, tenure.epoch, place=self._place)
        except LostLease:
            raise
        except StorageError as error:
            raise LostLease(f"whether the lease is still ours cannot be told: {error}") from error
        if not ours:
            raise LostLease(f"another replica has taken {name} over")
        if self._left() < self._request:
            raise LostLease(f"the lease of {name} is over too soon for a request")

    def _give(self, names: list[str]) -> None:
        self._held = {name: tenure for name, tenure in self._held.items() if name not in names}
        self._leases.give(self._replica, names)

    def _know(self, mine: Mapping[str, Held]) -> None:
        now = self._steady()
        before = self._held
        self._held = {name: _known(before.get(name), held, now) for name, held in mine.items()}
        if lost := before.keys() - self._held.keys():
            log.warning("taken over by another replica: %s", ", ".join(sorted(lost)))


def _left(service: str) -> tuple[str, str]:
    """A service and what is left of it, in words."""
    return ("Slack", "telling people is") if service == NOTICES else (service, "its apps are")


def _app(name: str) -> StoreApp:
    app, _, store = name.rpartition("/")
    return StoreApp(app, Store(store))


def _known(before: _Tenure | None, held: Held, now: float) -> _Tenure:
    """The same tenure is the same value: a pass compares the two."""
    if before is not None and before.epoch == held.epoch:
        return before
    return _Tenure(held.epoch, now + held.raise_in.total_seconds() if held.raise_in else -inf)
