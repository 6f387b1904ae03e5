"""One release as a team looks back on it: a pure value, computed from its journal, its counts and its notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.ledger import Ledger
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import Actor, ActorKind, RolloutKey
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hands import Override, Trouble, console, overrides, troubles
from stagedrollout.reporting.spans import Span, by_cause, spans, times
from stagedrollout.reporting.stages import Stage, stages
from stagedrollout.reporting.steps import Step, Told, steps
from stagedrollout.reporting.stops import Failing, Stop, failing, stops


class Outcome(StrEnum):
    """How it stands. HALTED and COMPLETED stay what they are when a newer release takes its place."""

    COMPLETED = "completed"
    HALTED = "halted"
    SUPERSEDED = "superseded"
    GOING_ON = "going_on"


@dataclass(frozen=True, slots=True)
class NoticesOfKind:
    """`broadcast`: so many of `count` went to the whole channel. `waiting` are not sent yet, `failed` given up."""

    kind: str
    count: int
    broadcast: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database keeps of a release. `counted`: None where the counts cannot be read. `now`: by the daemon's clock."""

    key: RolloutKey
    told: Told
    now: datetime
    counted: Ledger | None = None
    notices: tuple[NoticesOfKind, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """`course`: every moment from `started_at` to `ended_at`, each with one cause.

    `ended_at`: 100 % reached (the last time), or the halt that still stands true in the store, or superseded; for what
    goes on, now. `reached_all_at`: the first time everyone could get it. `ppm`: who can get it.
    """

    key: RolloutKey
    version: str
    label: str
    policy: str
    started_at: datetime
    started_by: Actor
    ended_at: datetime
    outcome: Outcome
    phase: Phase
    ppm: int
    superseded_by: str
    reached_all_at: datetime | None
    course: tuple[Span, ...]
    stops: tuple[Stop, ...]
    failing: tuple[Failing, ...]
    stages: tuple[Stage, ...]
    overrides: tuple[Override, ...]
    console: tuple[tuple[Drift, int], ...]
    troubles: tuple[Trouble, ...]
    notices: tuple[NoticesOfKind, ...]

    @property
    def time_to_all(self) -> timedelta | None:
        """From the start to everyone, the first time; None if it never came to that."""
        return self.reached_all_at - self.started_at if self.reached_all_at else None

    @property
    def lasted(self) -> timedelta:
        return self.ended_at - self.started_at

    @property
    def adopted(self) -> bool:
        """The daemon took it up by itself."""
        return self.started_by.kind is ActorKind.MACHINE

    @property
    def hours(self) -> dict[Cause, timedelta]:
        """By cause; they add up to `lasted`."""
        return by_cause(self.course)

    @property
    def holds(self) -> int:
        """How many times it was held, whatever for."""
        return times(self.course, Cause.HELD)

    @property
    def undelivered(self) -> int:
        return sum(each.waiting + each.failed for each in self.notices)


@dataclass(frozen=True, slots=True)
class Begun:
    at: datetime
    by: Actor


def begun(told: Told) -> Begun | None:
    """When it was first started, and by whom; or halted, where nobody ever started it. None where neither was: then
    there is nothing of ours to look back on."""
    started = (Begun(at, fact.actor) for fact, at in told if isinstance(fact, facts.Started))
    halted = (
        Begun(at, fact.actor)
        for fact, at in told
        if isinstance(fact, facts.Decided) and fact.decision is DecisionKind.HALT and fact.intent
    )
    return next(started, None) or next(halted, None)


def release_report(kept: Kept) -> ReleaseReport:
    """Raises ValueError for a journal that does not begin with its discovery, or of a release that was not begun."""
    walked, first = steps(kept.key, kept.told), begun(kept.told)
    if first is None:
        raise ValueError(f"nobody has started {kept.key}")
    rollout, since = walked[-1].after, first.at
    outcome = _outcome(rollout)
    ended_at = _ended(walked, outcome, max(kept.now, walked[-1].at))
    return ReleaseReport(
        key=kept.key,
        version=rollout.release.version,
        label=rollout.release.label,
        policy=rollout.policy,
        started_at=since,
        started_by=first.by,
        ended_at=ended_at,
        outcome=outcome,
        phase=rollout.phase,
        ppm=rollout.live_ppm,
        superseded_by=rollout.superseded_by,
        reached_all_at=next((s.at for s in walked if s.after.completed_at and s.at >= since), None),
        course=spans(walked, since, ended_at),
        stops=stops(walked, since, kept.counted),
        failing=failing(walked),
        stages=stages(walked, ended_at, kept.counted),
        overrides=overrides(walked),
        console=console(walked, kept.key.store),
        troubles=troubles(walked),
        notices=kept.notices,
    )


def _outcome(rollout: Rollout) -> Outcome:
    """A halt that the store does not show yet is not over."""
    if rollout.halt and rollout.halt.confirmed:
        return Outcome.HALTED
    if rollout.completed_at and not rollout.halt:
        return Outcome.COMPLETED
    return Outcome.SUPERSEDED if rollout.superseded_by else Outcome.GOING_ON


def _ended(walked: tuple[Step, ...], outcome: Outcome, now: datetime) -> datetime:
    match outcome:
        case Outcome.COMPLETED:
            return _last(walked, lambda rollout: rollout.completed_at is not None)
        case Outcome.HALTED:
            return _last(walked, lambda rollout: rollout.halt is not None and rollout.halt.confirmed)
        case Outcome.SUPERSEDED:
            return _last(walked, lambda rollout: bool(rollout.superseded_by))
        case Outcome.GOING_ON:
            return now


def _last(walked: tuple[Step, ...], holds: Callable[[Rollout], bool]) -> datetime:
    """Since when it has been so without a break, to the end."""
    since = walked[-1].at
    for step in reversed(walked):
        if not holds(step.after):
            break
        since = step.at
    return since
