"""The course of a release as spans of time that follow each other without a gap, each with its one cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from stagedrollout.reporting.causes import Because, Cause, because
from stagedrollout.reporting.steps import Step


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` to `until`; `ppm`: the share of people who could get it (at a halt: had got it)."""

    since: datetime
    until: datetime
    because: Because
    ppm: int

    @property
    def length(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Stretch:
    """All time that one reason took: how long in all, and how many times it began."""

    because: Because
    length: timedelta
    times: int


def spans(walked: tuple[Step, ...], since: datetime, until: datetime) -> tuple[Span, ...]:
    """From `since` to `until`, without a gap and without an overlap; neighbours differ in cause or share."""
    ends = [*(step.at for step in walked[1:]), until]
    found: list[Span] = []
    for step, end in zip(walked, ends, strict=True):
        span = Span(max(step.at, since), min(end, until), because(step.after), step.after.live_ppm)
        if span.since >= span.until:
            continue
        if found and (found[-1].because.key, found[-1].ppm) == (span.because.key, span.ppm):
            found[-1] = replace(found[-1], until=span.until)
        else:
            found.append(span)
    return tuple(found)


def by_cause(course: Iterable[Span]) -> dict[Cause, timedelta]:
    """How long each cause took in all; those that took no time are left out. In the order of `Cause`."""
    total: dict[Cause, timedelta] = {}
    for span in course:
        total[span.because.cause] = total.get(span.because.cause, timedelta(0)) + span.length
    return {cause: total[cause] for cause in Cause if cause in total}


def stretches(course: tuple[Span, ...], cause: Cause) -> tuple[Stretch, ...]:
    """What one cause was in detail, by reason, the longest first."""
    found: dict[tuple[Cause, str, str], Stretch] = {}
    for before, span in pairwise((None, *course)):
        if span is None or span.because.cause is not cause:
            continue
        goes_on = before is not None and before.because.key == span.because.key
        known = found.get(span.because.key, Stretch(span.because, timedelta(0), 0))
        found[span.because.key] = Stretch(
            known.because, known.length + span.length, known.times + (0 if goes_on else 1)
        )
    return tuple(sorted(found.values(), key=lambda each: -each.length))


def times(course: tuple[Span, ...], cause: Cause) -> int:
    """How many times the cause began, whatever its reasons."""
    return sum(
        span is not None
        and span.because.cause is cause
        and (before is None or before.because.cause is not cause)
        for before, span in pairwise((None, *course))
    )
