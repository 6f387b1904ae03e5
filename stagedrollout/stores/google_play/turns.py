"""Who may talk to Play about a package when: the one place that says so, for all tracks and apps of it.

Play allows one open edit per account and package; opening another one ends it (google-play.md section 5.2). So
looks and raises take turns, whatever track or configured app they are about. A halt takes no turn: it begins at
once, and its edit ends whatever is open. The look or raise that it overtakes finds that out before its next
request, sends nothing more, and starts afresh when the halt is over. Only two halts wait for each other, and
not for long: a halt that would come too late is worth more than an edit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stagedrollout.core.errors import Conflict
from stagedrollout.core.ports import Clearance
from stagedrollout.stores.google_play.errors import SERVICE

PATIENCE_SECONDS = 20.0
"""How long a look or raise waits for its turn: about one slow conversation. The next pass is the better retry."""

HALT_PATIENCE_SECONDS = 10.0
"""How long a halt waits for another halt of the same package before it goes on all the same."""


class Turn:
    """The turns of one package. Safe to be shared by threads."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._talking = False
        self._halting: list[int] = []
        self._halts = 0

    @contextmanager
    def patient(self) -> Iterator[Clearance]:
        """A look or a raise: alone, and after every halt that is under way.

        The clearance given is to be asked before each request; it raises Conflict once a halt has begun since.
        Raises Conflict when no turn comes in `PATIENCE_SECONDS`.
        """
        began = self._begin()
        try:
            yield lambda: self._still(began)
        finally:
            with self._free:
                self._talking = False
                self._free.notify_all()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A halt, or a look that a halt needs: now, whoever else is talking."""
        this = threading.get_ident()
        with self._free:
            self._halts += 1
            self._wait(lambda: all(other == this for other in self._halting), HALT_PATIENCE_SECONDS)
            self._halting.append(this)
        try:
            yield
        finally:
            with self._free:
                self._halting.remove(this)
                self._free.notify_all()

    def _begin(self) -> int:
        with self._free:
            if not self._wait(lambda: not self._talking and not self._halting, PATIENCE_SECONDS):
                raise Conflict(
                    SERVICE, "waiting for a turn", "another conversation about this package takes too long"
                )
            self._talking = True
            return self._halts

    def _still(self, began: int) -> None:
        with self._free:
            if self._halts != began:
                raise Conflict(SERVICE, "talking to Play", "a halt of this package took over")

    def _wait(self, free: Callable[[], bool], seconds: float) -> bool:
        return self._free.wait_for(free, seconds)


class Turns:
    """The turns of every package of one account."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._packages: dict[str, Turn] = {}

    def of(self, package: str) -> Turn:
        with self._guard:
            return self._packages.setdefault(package, Turn())
