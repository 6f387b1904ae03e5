"""The facts with which a monitoring run begins, or its bake. All of them, and what else begins one (facts.Drifted,
facts.Settled), carry `since`: when that was by the clock of a store, where the machine's was wrong; None where it was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.model import Actor
from stagedrollout.core.seen import Seen


@dataclass(frozen=True, slots=True)
class WentLive:
    """People can now get the release at this exposure: the bake clock starts."""

    exposure_ppm: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A person lifted the halt, and nothing was sent: the release stays paused until evidence opens a window."""

    actor: Actor
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """It was over or gone, or another track had it, and the store has it again. Nothing that was agreed of it holds:
    it waits to be started, and stays known bad if it was halted."""

    before: Seen | None
    after: Seen
    since: datetime | None = None
