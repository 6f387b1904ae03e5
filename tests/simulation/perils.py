"""Where a daemon can die: before and after each request, and at each transaction's begin and commit."""

from __future__ import annotations

from random import Random

from sqlalchemy import event

from stagedrollout.storage.engine import Engine


class SimulatedCrash(BaseException):
    """The process is gone. Not an Exception: nothing of the daemon's may survive it or tidy up after it."""


class Perils:
    """Counts the points at which one life of the daemon could end, and ends it at one of them.

    `mean` is how many points a life lasts on average; 0: it does not end. After the end every further
    point ends it again, so that no cleaning up of a dead process reaches the world.
    """

    def __init__(self, draw: Random, mean: int) -> None:
        self._left = 1 + int(draw.expovariate(1 / mean)) if mean else None
        self.died_at = ""

    def point(self, place: str) -> None:
        if self.died_at:
            raise SimulatedCrash(self.died_at)
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self.died_at = place
            raise SimulatedCrash(place)

    def spare(self) -> None:
        """From now on this life does not end by itself."""
        self._left = None

    def haunt(self, engine: Engine) -> None:
        """A crash at "commit" undoes the transaction; one at the next "begin" comes right after it."""
        event.listen(engine, "begin", lambda _: self.point("begin of a transaction"))
        event.listen(engine, "commit", lambda _: self.point("commit of a transaction"))
