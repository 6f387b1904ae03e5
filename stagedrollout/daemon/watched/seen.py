"""Everything that is known of the daemon at one instant, as one value: what checks and metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core.clocks import ClockReading
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.daemon.in_force import InForce
from stagedrollout.daemon.watched.memory import Look, PassEnded


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read beside the passes, of which some is in the database. `at`: an instant of `elapsed`.

    `oldest`: since when the oldest undelivered notice waits, by the clock of the passes. `barred`: why nothing of any app
    may be raised.
    """

    at: float
    waiting: int
    oldest: datetime | None
    lost: int
    barred: tuple[Reason, ...]
    clocks: tuple[ClockReading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`turn_age`, `written_age`, `sample_age`: of the last turn, of the last write that the database took, and of
    `sample`; where there was none yet, since the daemon began. `now` is by the clock of the passes.

    `epochs`: of the leases that are held. `tells_people`: whether notices are this replica's to deliver.

    `problem`: what keeps the daemon as a whole from its work. `lateness`: of every store app that is watched.
    """

    now: datetime
    epoch: int
    poll: timedelta
    lost: bool
    turn_age: timedelta
    written_age: timedelta
    written: bool
    problem: str
    lateness: dict[StoreApp, timedelta]
    problems: dict[StoreApp, str]
    passes: dict[tuple[StoreApp, PassEnded], int]
    looks: dict[RolloutKey, Look]
    sample: Sample | None
    sample_age: timedelta
    in_force: InForce | None
    epochs: dict[StoreApp, int] = field(default_factory=dict)
    tells_people: bool = True
