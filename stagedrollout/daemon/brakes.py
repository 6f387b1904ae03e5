"""What people have pulled beside the configuration, as passes meet it: halts given past the daemon, and a stopped line.

Asked for when a raise is decided on, and again right before each of its requests; never by a halt. A halt that waits
there is imported by the first pass that sees it, as that person's, and taken out once the journal has it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from stagedrollout.core.errors import StorageError, Unfounded
from stagedrollout.core.facts import LineFreed, LineStopped
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.line import Line, news_of_the_line
from stagedrollout.core.model import Command, StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.storage.brakes import BrakesFolder, Left

log = logging.getLogger(__name__)

HALT_WAITS = "halt_waits"


class Brakes(Protocol):
    """Nothing of it raises anything but what is said."""

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:
        """Why nothing of this store app may be raised; empty where nobody has pulled anything."""
        ...

    def check(self, app: StoreApp) -> None:
        """Raises Unfounded where there is such a reason."""
        ...

    def news(self, rollout: Rollout) -> tuple[LineStopped | LineFreed, ...]:
        """What the journal of a rollout does not say of the line yet."""
        ...

    def halts(self, app: StoreApp) -> tuple[Command, ...]:
        """Halts of this store app that people have given past the daemon, and no journal has."""
        ...

    def lift(self, order: str) -> None:
        """The halt of this id is in the journal, or there is nothing to halt: it is waited for no more."""
        ...

    def newly(self) -> bool:
        """Whether anything was pulled or let go since this was asked last."""
        ...


class NothingPulled:
    """For whoever has no configuration on a disk."""

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:  # noqa: ARG002 - the common signature
        return ()

    def check(self, app: StoreApp) -> None:
        """There is nothing that speaks against it."""

    def news(self, rollout: Rollout) -> tuple[LineStopped | LineFreed, ...]:  # noqa: ARG002
        return ()

    def halts(self, app: StoreApp) -> tuple[Command, ...]:  # noqa: ARG002
        return ()

    def lift(self, order: str) -> None:
        """Nobody waits for it."""

    def newly(self) -> bool:
        return False


@dataclass(slots=True)
class PulledBrakes:
    """`wall` is the machine's own time, by which people stop the line for so long."""

    folder: BrakesFolder
    wall: Clock
    _lifted: set[str] = field(default_factory=set)
    """Halts that the journal has, also where the file cannot be taken away."""

    _known: object = None

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:
        stopped = self.folder.line().reason(self.wall.now())
        waiting = (each for each in self._waiting() if each.concerns(app))
        held = tuple(Reason(HALT_WAITS, f"nothing is raised: {each.words}") for each in waiting)
        return (*((stopped,) if stopped else ()), *held)

    def check(self, app: StoreApp) -> None:
        for reason in self.reasons(app):
            raise Unfounded(reason.text)

    def news(self, rollout: Rollout) -> tuple[LineStopped | LineFreed, ...]:
        return news_of_the_line(rollout, self.folder.line(), self.wall.now())

    def halts(self, app: StoreApp) -> tuple[Command, ...]:
        return tuple(each.marker.order for each in self._waiting() if each.marker and each.concerns(app))

    def lift(self, order: str) -> None:
        for each in self._waiting():
            if each.marker is None or each.marker.id != order:
                continue
            self._lifted.add(order)
            try:
                self.folder.take_out(each)
            except (
                StorageError
            ) as error:  # it binds nobody any more, and the next daemon finds it in the journal
                log.warning("%s", error)

    def newly(self) -> bool:
        now = self._state()
        before, self._known = self._known, now
        return before is not None and before != now

    def _state(self) -> tuple[Line, LineStopped | None, tuple[Left, ...]]:
        line = self.folder.line()
        return line, line.standing(self.wall.now()), self._waiting()

    def _waiting(self) -> tuple[Left, ...]:
        return tuple(
            each for each in self.folder.halts() if each.marker is None or each.marker.id not in self._lifted
        )
