"""What one step of a rollout writes, as one value: recorded whole or not at all.

A Batch carries its own guards, so that a decision made on an old reading of the journal, or by a daemon
that has been replaced, cannot be written by mistake (promises R13, R14).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stagedrollout.core.events import CHAIN_START, Entry
from stagedrollout.core.ledger import Revision
from stagedrollout.core.model import Change, RolloutKey, Settlement
from stagedrollout.core.notice import Board, Notice
from stagedrollout.core.phasing import PauseClock


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """What is about to be sent to the store; durable before the first byte leaves.

    `key` is unique for ever. `seen` is the fingerprint of the store the decision was made on.
    """

    key: str
    change: Change
    seen: str
    epoch: int


@dataclass(frozen=True, slots=True)
class SettledIntent:
    """How an open intent ended. IN_DOUBT leaves it open: the next look at the store settles it."""

    key: str
    settlement: Settlement
    detail: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Where the rollout stands, for `status`. `phase` is a word of core.lifecycle.Phase.

    It repeats what the journal says and is never read to decide anything.
    """

    label: str
    phase: str
    exposure_ppm: int
    reason: str
    pauses: PauseClock = field(default_factory=PauseClock)


@dataclass(frozen=True, slots=True)
class Batch:
    """`at` is the pass's one `now`.

    Guards, each left out when None: `expected_seq` is the rollout's last seq when it was read (0: no entry
    yet), `epoch` the one this daemon claimed. A halt may leave both out: it never waits to be up to date, but its counts do.

    `revisions` are what was read anew, oldest first, and `ledger_prev` the head of the ledger they follow: a
    guard as well, looked at only if there are revisions. `standing` is what this pass found and decided, for
    people to look at; it holds only what JSON can say. Both may come without an entry.
    """

    rollout: RolloutKey
    at: datetime
    entries: tuple[Entry, ...] = ()
    expected_seq: int | None = None
    epoch: int | None = None
    opened: OpenIntent | None = None
    settled: SettledIntent | None = None
    notices: tuple[Notice, ...] = ()
    board: Board | None = None
    summary: Summary | None = None
    revisions: tuple[Revision, ...] = ()
    ledger_prev: str = CHAIN_START
    standing: dict[str, Any] | None = None

    @property
    def guarded(self) -> bool:
        """Whether it carries every guard, as whatever permits something does. A brake leaves one or both out."""
        return self.expected_seq is not None and self.epoch is not None
