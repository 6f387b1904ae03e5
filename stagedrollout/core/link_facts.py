"""The facts of a linked rollout: what the other store's journals told, and what became of its halts (linking.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.model import Actor, Store


@dataclass(frozen=True, slots=True)
class Linked:
    """What the other store's journals tell of the same version, of an app whose stores are linked.

    `release`: its newest build there, "" without one. Only of a lead: `steered`, and `earned_ppm`, the share that
    evidence has raised it to. `unread`: why it is not known.
    """

    lead: Store
    after_ppm: int
    release: str = ""
    steered: bool = False
    earned_ppm: int = 0
    halted: bool = False
    superseded_by: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Unlinked:
    """The configuration links the app's stores no more."""


@dataclass(frozen=True, slots=True)
class LinkHeld:
    """The same version was halted on the other store: nothing is raised here until a person answers that.

    `by` names the halted rollout, and with `halted_at` the halt.
    """

    by: str
    store: Store
    release: str
    actor: Actor
    reason: str
    halted_at: datetime


@dataclass(frozen=True, slots=True)
class LinkAnswered:
    """A person has answered a halt on the other store: by resuming this side, or the halted one."""

    by: str
    halted_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class LinkHolds:
    """A halt of this rollout holds the same version on the other store. `halt` names both."""

    halt: str
    store: Store
    release: str


LinkFact = Linked | Unlinked | LinkHeld | LinkAnswered | LinkHolds

KINDS = ("linked", "unlinked", "link_held", "link_answered", "link_holds")
"""Their words in the journal, for whoever looks for them without knowing all facts."""
