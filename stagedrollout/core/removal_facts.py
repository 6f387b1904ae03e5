"""What a person's removal of an app from sale leaves in the journal: it goes past the daemon, and past every rule."""

from __future__ import annotations

from dataclasses import dataclass

from stagedrollout.core.model import Actor


@dataclass(frozen=True, slots=True)
class RemovalOrdered:
    """A person takes the app off sale everywhere, past the daemon; written before anything is sent. A hold stands
    beside it: nothing may be raised from here."""

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class RemovalTold:
    """What the store showed after that: `off` of `territories` no longer sell the app, and `going` are on their way.

    All 0 where it could not be read back; `detail` says how it went.
    """

    actor: Actor
    territories: int
    off: int
    going: int
    detail: str
