"""Who lives by the clock, where several daemons do: it goes on only once all of them are idle.

A daemon says under a name of its own when it wants to be woken. From the moment at which the clock gets there it is at work,
until it is heard of again; who is not heard of for a while is dead or cut off, and nobody waits for it any more. Whoever
killed it need not wait for that, and lets all be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

PATIENCE_SECONDS = 30.0
"""Real time. More than a pass takes, also one that waits in vain for one answer after another."""


@dataclass(slots=True)
class _Idler:
    """`wants`: None while it is at work."""

    heard: float
    wants: datetime | None


class Idlers:
    """`wall`: real time in seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._known: dict[str, _Idler] = {}
        self._several = False

    def begins(self, who: str) -> None:
        """`who` is at work from now on."""
        self._known[who] = _Idler(self._wall(), None)

    def idle(self, who: str, wants: datetime, now: datetime) -> datetime | None:
        """`who` has nothing to do before `wants`: how far the clock may go on for all; None: somebody is at work. `now`: what
        the clock shows."""
        self._known[who] = _Idler(self._wall(), wants if wants > now else None)
        wishes = [each.wants for name, each in self._heard_of() if name != who]
        if None in wishes:
            return None
        return min([wants, *(wish for wish in wishes if wish)])

    @property
    def several(self) -> bool:
        """Whether more than one was ever heard of."""
        return self._several or len(self._known) > 1

    @property
    def busy(self) -> bool:
        """Whether anybody is at work."""
        return any(each.wants is None for _, each in self._heard_of())

    def _heard_of(self) -> list[tuple[str, _Idler]]:
        real = self._wall()
        lately = {name for name, each in self._known.items() if 0 <= real - each.heard < PATIENCE_SECONDS}
        return [(name, each) for name, each in self._known.items() if name in lately]

    def forget(self) -> None:
        """Who lives says so again."""
        self._several = self.several
        self._known.clear()

    def moved(self, to: datetime) -> None:
        """The clock shows `to` now: whoever waited for it is at work."""
        for each in self._known.values():
            if each.wants is not None and each.wants <= to:
                each.heard, each.wants = self._wall(), None
