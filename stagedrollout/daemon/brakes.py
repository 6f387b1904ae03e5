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
HALT_OF_NOTHING = "halt_of_nothing"


class Brakes(Protocol):
    """Nothing of it raises anything but what is said."""

    def line(self) -> Reason | None:
        """Why nothing of any app may be raised; None while the line is not stopped."""
        ...

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

    def keep(self, order: str, why: str) -> None:
        """The halt of this id means no release, and nobody was told: it waits on until a person takes it out."""
        ...

    def newly(self) -> bool:
        """Whether anything was pulled or let go since this was asked last."""
        ...


class NothingPulled:
    """For whoever has no configuration on a disk."""

    def line(self) -> Reason | None:
        return None

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

    def keep(self, order: str, why: str) -> None:
        """There is none."""

    def newly(self) -> bool:
        return False


@dataclass(slots=True)
class PulledBrakes:
    """`wall` is the machine's own time, by which people stop the line for so long."""

    folder: BrakesFolder
    wall: Clock
    _lifted: set[str] = field(default_factory=set)
    """Halts that the journal has, also where the file cannot be taken away."""

    _of_nothing: dict[str, str] = field(default_factory=dict)
    """Halts that mean no release, and why."""

    _line: Line | None = None
    _known: tuple[object, ...] | None = None

    def line(self) -> Reason | None:
        return self.folder.line().reason(self.wall.now())

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:
        stopped = self.line()
        waiting = (each for each in self._waiting() if each.concerns(app))
        return (*((stopped,) if stopped else ()), *map(self._held, waiting))

    def _held(self, left: Left) -> Reason:
        missing = self._of_nothing.get(left.marker.id) if left.marker else None
        if missing is None:
            return Reason(HALT_WAITS, f"nothing is raised: {left.words}")
        return Reason(HALT_OF_NOTHING, f"nothing is raised: {_how_it_ends(left, missing)}")

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

    def keep(self, order: str, why: str) -> None:
        for each in self._waiting():
            if each.marker is None or each.marker.id != order:
                continue
            if order not in self._of_nothing:
                log.critical("NOT HALTED: %s", _how_it_ends(each, why))
            self._of_nothing[order] = why

    def newly(self) -> bool:
        """Reads nothing while nothing has changed: it is asked at every turn, on which all halts depend."""
        seen, before = (self.folder.signature(), len(self._lifted)), self._known
        if self._line is None or before is None or before[0] != seen:
            self._line = self.folder.line()
        self._known = seen, self._line.standing(self.wall.now())
        return before is not None and before != self._known

    def _waiting(self) -> tuple[Left, ...]:
        return tuple(
            each for each in self.folder.halts() if each.marker is None or each.marker.id not in self._lifted
        )


def _how_it_ends(left: Left, missing: str) -> str:
    """For people: no daemon can tell what was meant, and theirs is the next word."""
    what = left.marker.words if left.marker else left.words
    return f"{what}; {missing}. Halt it by the right name, then take {left.path} away"
