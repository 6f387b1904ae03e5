"""What the core's values pass through: the shapes that stores, signals and clocks must have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from stagedrollout.core.model import Change, Outcome, StoreState
from stagedrollout.core.observation import Reading, SignalQuery

Clearance = Callable[[], None]
"""Called right before each request of a raise is sent; raises Preempted (a halt took over) or LostLease."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


class StorePort(Protocol):
    """One app in one store. A vendor's room has exactly this door."""

    @property
    def fenced(self) -> bool:
        """Whether the store refuses a write that was decided on an older state (Play's edits do).

        Where it does not, a raise that was on its way when a halt came is followed by that halt once more.
        """
        ...

    def read(self) -> StoreState:
        """Look. Raises EdgeError."""
        ...

    def apply(self, change: Change, seen: str, clearance: Clearance) -> Outcome:
        """Bring about a raise of any kind, if the store still has the fingerprint `seen`; read it back.

        Raises EdgeError only when nothing can have been applied, Preempted and LostLease from `clearance`.
        """
        ...

    def halt(self, release_id: str) -> Outcome:
        """Stop the release whatever else the store shows, and read it back. Carries out HALT and PAUSE.

        Raises EdgeError only when nothing can have been applied.
        """
        ...


class Signal(Protocol):
    """A source of readings about a release."""

    @property
    def name(self) -> str: ...

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """Ask. Raises EdgeError; "no data" is a reading, not an error."""
        ...

    def unread(self, why: str) -> tuple[Reading, ...]:
        """What a failed `read` amounts to: one reading without numbers for each that it would have given."""
        ...
