"""What the core's values pass through: the shapes that stores, signals and clocks must have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from stagedrollout.core.declared import Declaration
from stagedrollout.core.freezing import Entry
from stagedrollout.core.issue import NewIssues
from stagedrollout.core.ledger import LedgerQuery, Past, Running, Tallied, Untallied
from stagedrollout.core.model import Change, Outcome, Release, StoreState
from stagedrollout.core.observation import Reading, SignalQuery, Unvalued, Valued

Clearance = Callable[[], None]
"""Called right before each request of a raise is sent; raises Preempted (a halt took over), LostLease,
or Unfounded."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


class Dates(Protocol):
    """Told the date of each answer, by whoever talks to a service."""

    def asked(self) -> float:
        """Right before a request is sent."""
        ...

    def answered(self, service: str, asked: float, date: str | None) -> None:
        """`date`: the answer's Date header as it came; `asked`: what `asked` gave. Raises nothing."""
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

    def glance(self) -> StoreState:
        """Look on behalf of a halt: without waiting for whoever else is talking to the store. Raises EdgeError."""
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


class IssueSource(Protocol):
    """A source that groups what crashed."""

    def read(self, release: Release) -> NewIssues:
        """The crashes that were first seen in this release. Raises EdgeError."""
        ...


class Tallies(Protocol):
    """A source of counts for the ledger: bucket by bucket, of a candidate and of what people run beside it."""

    @property
    def name(self) -> str: ...

    def read(self, query: LedgerQuery) -> tuple[Tallied | Untallied, ...]:
        """One reading of crashed and one of abnormal sessions; with `query.users` one of crashed users too.

        Raises EdgeError.
        """
        ...

    def unread(self, why: str, *, users: bool) -> tuple[Untallied, ...]:
        """What a failed `read` amounts to."""
        ...

    def running(self, candidate: Release, until: datetime) -> tuple[Running, ...]:
        """The other releases of the same app that had sessions in the day before `until`, most used first.

        Raises EdgeError.
        """
        ...

    def past(self, releases: tuple[Release, ...], until: datetime) -> Past:
        """What these releases had in the seven days before `until`. Raises EdgeError."""
        ...


class NamedCounts(Protocol):
    """One of a team's own signals that brings counts for the ledger: of a candidate, and of what people run beside."""

    @property
    def name(self) -> str: ...

    @property
    def declared(self) -> Declaration: ...

    def read(self, query: LedgerQuery) -> Tallied | Untallied:
        """Ask. Raises EdgeError; "no data" is a reading, not an error."""
        ...

    def unread(self, why: str) -> Untallied:
        """What a failed `read` amounts to."""
        ...


class NamedValues(Protocol):
    """One of a team's own signals that brings a value for each arm."""

    @property
    def name(self) -> str: ...

    @property
    def declared(self) -> Declaration: ...

    def read(self, query: SignalQuery) -> Valued | Unvalued:
        """Ask. Raises EdgeError; "no data" is a reading, not an error."""
        ...

    def unread(self, why: str) -> Unvalued:
        """What a failed `read` amounts to."""
        ...


class EntrySource(Protocol):
    """An iCalendar whose entries are freezes."""

    def read(self, now: datetime) -> tuple[Entry, ...]:
        """The entries from `now` on, for a year at least. Raises EdgeError."""
        ...
