"""What the numbers of one reading say about one gate: counts in, a finding out.

A catastrophe floor with a minimum sample, freshness and confirmation, beside the evidence (core/evidence/),
which finds what is worse than before long before it is a catastrophe. A floor looks at the newest `window` of the
current monitoring run:

- a breach counts every session, however young or old the data: late reports make young data look too
  healthy, never too sick (sentry.md section 4), and old news of a disaster is still news;
- a pass counts settled sessions only, because a crash is reported when the app is next opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stagedrollout.core.gates import Gate
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.core.observation import Arm, Counts, Measured


@dataclass(frozen=True, slots=True)
class Findings:
    """The counts a gate is judged by. `settled` is never more than `all`."""

    all: Counts
    settled: Counts
    baseline: Counts | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """Which hours count: those that start at `since` or later; as evidence of health only hours that
    ended by `settled_until`. `run_since` is where the monitoring run began."""

    run_since: datetime
    since: datetime
    settled_until: datetime


def span(gate: Gate, run_since: datetime, now: datetime, settle: timedelta) -> Span:
    """The newest `window` of the current run (which begins on a full hour)."""
    since = max(run_since, hour_floor(now - gate.window))
    return Span(run_since=run_since, since=since, settled_until=now - settle)


def weigh(reading: Measured, over: Span) -> Findings:
    """Sum up a reading over a span.

    Where hours do not add up (distinct users) the source's own window stands for all of them, unless it
    reaches back before the run began: then it says nothing about this run.
    """
    baseline = reading.baseline
    if reading.candidate.buckets:
        return Findings(
            all=total(reading.candidate, over.since),
            settled=total(reading.candidate, over.since, over.settled_until),
            baseline=total(baseline, over.since) if baseline else None,
            as_of=min(reading.as_of, newest(reading.candidate)),
        )
    window = reading.candidate.window if reading.since >= over.run_since else Counts(0, 0)
    return Findings(window, window, baseline.window if baseline else None, reading.as_of)


def newest(arm: Arm) -> datetime:
    """The end of the newest hour in which the arm has data. A candidate that falls silent while the
    baseline goes on is no healthy one: a build that dies before its reporter starts looks like this."""
    ends = [bucket.start + HOUR for bucket in arm.buckets if bucket.counts.total]
    return max(ends, default=datetime.min.replace(tzinfo=UTC))


def total(arm: Arm, since: datetime, until: datetime | None = None) -> Counts:
    """All hours from `since` that, if `until` is given, ended by then."""
    counted = [
        bucket.counts
        for bucket in arm.buckets
        if bucket.start >= since and (until is None or bucket.start + HOUR <= until)
    ]
    return Counts(sum(c.total for c in counted), sum(c.bad for c in counted))


def breaches(gate: Gate, counts: Counts) -> bool:
    """Under the floor, with enough data to say so. Exact in integers: no rounding decides."""
    return counts.total >= gate.min_sample and _below(counts, gate.floor_ppm)


def passes(gate: Gate, counts: Counts) -> bool:
    return counts.total >= gate.min_sample and not _below(counts, gate.floor_ppm)


def _below(counts: Counts, floor_ppm: int) -> bool:
    return (counts.total - counts.bad) * 1_000_000 < floor_ppm * counts.total
