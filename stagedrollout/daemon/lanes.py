"""Who may talk to a store app when: raises one at a time, a halt at once.

A halt never queues. It takes the store app over; a raise that is under way notices before its next request
and sends nothing more. Its edit is sacrificed, and if its commit was already out, the halt looks and tries
again (architecture.md section 3).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stagedrollout.core.errors import Preempted
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clearance
from stagedrollout.daemon.elapsed import Elapsed, elapsed


@dataclass(frozen=True, slots=True)
class Permit:
    """What a pass may rely on: how many halts its store app had seen when it began, and until when."""

    app: StoreApp
    halts: int
    deadline: float


class Lanes:
    """One raise lane per store app, and the halts that overrule it."""

    def __init__(self, *, monotonic: Elapsed = elapsed) -> None:
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._raising: dict[StoreApp, threading.Lock] = {}
        self._halts: dict[StoreApp, int] = {}

    def permit(self, app: StoreApp, deadline: float) -> Permit:
        """Taken at the very beginning of a pass, before anything is read: a halt announced from then on
        stops every raise of that pass. `deadline` is an instant of `elapsed`."""
        with self._guard:
            return Permit(app, self._halts.get(app, 0), deadline)

    @contextmanager
    def raising(self, permit: Permit, still_ours: Clearance) -> Iterator[Clearance]:
        """Hold the raise lane. The clearance given refuses once a halt came since the permit, the lease
        went, or the deadline passed. Raises Preempted when another raise is under way."""
        with self._guard:
            lock = self._raising.setdefault(permit.app, threading.Lock())
        if not lock.acquire(blocking=False):
            raise Preempted("another change of this store app is under way")
        try:

            def clearance() -> None:
                if self.overtaken(permit):
                    raise Preempted("a halt took over")
                if self._monotonic() > permit.deadline:
                    raise Preempted("the pass ran out of time")
                still_ours()

            yield clearance
        finally:
            lock.release()

    def overtaken(self, permit: Permit) -> bool:
        """Whether a halt was announced since the permit was given."""
        with self._guard:
            return self._halts.get(permit.app, 0) != permit.halts

    def halt(self, app: StoreApp) -> None:
        """Announce a halt: every raise of this store app stops before its next request."""
        with self._guard:
            self._halts[app] = self._halts.get(app, 0) + 1
