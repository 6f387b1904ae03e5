"""Medians, ranges and sums over the releases of a selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from stagedrollout.core.hours import HOUR
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.release import NoticesOfKind, Outcome, ReleaseReport
from stagedrollout.reporting.spans import Stretch, stretches
from stagedrollout.reporting.stops import Stop

RELEASES_MIN = 5
"""With fewer releases that are over, a median is an anecdote, and nothing is said about the policy."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `count` values."""

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Overall:
    """`outcomes`: how many of each. `halted`: releases with a halt, whatever became of it. Hours are hours, shares ppm.

    `exposure_at_halt`: of every halt. `to_halt`: from the first suspicion; `to_confirm`: until the store showed it.
    `taken_back`: halts of the machine's that a person resumed, after which the release reached everyone.
    """

    releases: int
    over: int
    outcomes: dict[Outcome, int]
    hours_to_all: Spread | None
    halted: int
    halts: int
    machine_halts: int
    taken_back: int
    exposure_at_halt: Spread | None
    sessions_at_halt: Spread | None
    to_halt: Spread | None
    to_confirm: Spread | None
    hours: dict[Cause, timedelta]
    held: tuple[Stretch, ...]
    overrides: int
    notices: tuple[NoticesOfKind, ...]
    undelivered: int

    @property
    def enough(self) -> bool:
        """Whether there are releases enough to say something about the policy."""
        return self.over >= RELEASES_MIN


def overall(releases: tuple[ReleaseReport, ...]) -> Overall:
    halts = [stop for each in releases for stop in each.stops]
    return Overall(
        releases=len(releases),
        over=sum(each.outcome is not Outcome.GOING_ON for each in releases),
        outcomes={outcome: sum(each.outcome is outcome for each in releases) for outcome in Outcome},
        hours_to_all=spread(_hours(each.time_to_all for each in releases)),
        halted=sum(bool(each.stops) for each in releases),
        halts=len(halts),
        machine_halts=sum(stop.by_machine for stop in halts),
        taken_back=sum(stop.taken_back for stop in halts),
        exposure_at_halt=spread(stop.ppm for stop in halts),
        sessions_at_halt=spread(stop.sessions for stop in halts if stop.sessions is not None),
        to_halt=spread(_hours(stop.suspicion for stop in _machine(halts))),
        to_confirm=spread(_hours(stop.unconfirmed for stop in halts)),
        hours=_summed(releases),
        held=_held(releases),
        overrides=sum(len(each.overrides) for each in releases),
        notices=tuple(_notices(releases)),
        undelivered=sum(each.undelivered for each in releases),
    )


def percent(part: float) -> str:
    """A part (0..1) as people read it: "30 %"."""
    return f"{100 * part:.0f} %"


def spread(values: Iterable[float]) -> Spread | None:
    """None of no values at all."""
    found = sorted(values)
    return Spread(median(found), found[0], found[-1], len(found)) if found else None


def _machine(halts: list[Stop]) -> list[Stop]:
    return [stop for stop in halts if stop.by_machine]


def _hours(lengths: Iterable[timedelta | None]) -> list[float]:
    return [length / HOUR for length in lengths if length is not None]


def _summed(releases: tuple[ReleaseReport, ...]) -> dict[Cause, timedelta]:
    total = {cause: timedelta(0) for cause in Cause}
    for each in releases:
        for cause, length in each.hours.items():
            total[cause] += length
    return {cause: length for cause, length in total.items() if length}


def _held(releases: tuple[ReleaseReport, ...]) -> tuple[Stretch, ...]:
    """Why they were held, all releases together, the longest first."""
    found: dict[tuple[Cause, str, str], Stretch] = {}
    for stretch in (s for each in releases for s in stretches(each.course, Cause.HELD)):
        known = found.get(stretch.because.key, Stretch(stretch.because, timedelta(0), 0))
        found[stretch.because.key] = Stretch(
            known.because, known.length + stretch.length, known.times + stretch.times
        )
    return tuple(sorted(found.values(), key=lambda each: -each.length))


def _notices(releases: tuple[ReleaseReport, ...]) -> Iterator[NoticesOfKind]:
    """All releases together, by kind."""
    told = [each for release in releases for each in release.notices]
    for kind in sorted({each.kind for each in told}):
        own = [each for each in told if each.kind == kind]
        yield NoticesOfKind(
            kind,
            sum(each.count for each in own),
            sum(each.broadcast for each in own),
            sum(each.waiting for each in own),
            sum(each.failed for each in own),
        )
