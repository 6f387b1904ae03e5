"""Readings and gates to verdicts: one Judgement per gate, no default arm, the worst wins.

    FAIL > CONTRADICTORY > ERROR > MISSING > STALE > INSUFFICIENT > PASS

A breach that is not yet confirmed over the gate's number of polls is CONTRADICTORY: the numbers say "bad",
chance has not been ruled out, and nothing may be raised meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from stagedrollout.core import evidence
from stagedrollout.core.gates import Gate, Role
from stagedrollout.core.observation import Counts, Gap, Measured, Metric, Reading, Unmeasured
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import duration_text, percent_text

QUIET_START = timedelta(hours=6)
"""A release that went live this recently may have no sessions at all without anything being wrong."""


class Verdict(IntEnum):
    """Ordered: the larger is the worse."""

    PASS = 0
    INSUFFICIENT = 1
    STALE = 2
    MISSING = 3
    ERROR = 4
    CONTRADICTORY = 5
    FAIL = 6


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for machines and people. Numbers are in ppm and counts; None where a number makes no sense."""

    code: str
    text: str
    gate: str = ""
    value_ppm: int | None = None
    threshold_ppm: int | None = None
    sample: int | None = None
    sample_needed: int | None = None
    baseline_ppm: int | None = None
    baseline_sample: int | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A gate breached in `count` consecutive polls (counted up to what it needs), last at `counted_at`."""

    gate: str
    count: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    gate: Gate
    verdict: Verdict
    reason: Reason


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the judges must know besides the readings.

    `run_since`: start of the monitoring run (a human's resume begins a new one). `live_since`: when people
    could first get the release at today's exposure. `poll`: the interval between regular looks.
    """

    now: datetime
    run_since: datetime
    live_since: datetime
    poll: timedelta
    suspicions: tuple[Suspicion, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """`stage_sample`: settled candidate sessions since the stage went live; 0 when nobody could tell."""

    judgements: tuple[Judgement, ...]
    suspicions: tuple[Suspicion, ...]
    stage_sample: int

    def required(self) -> tuple[Judgement, ...]:
        return tuple(j for j in self.judgements if j.gate.role is Role.REQUIRED)

    @property
    def worst(self) -> Verdict:
        """The worst verdict among required gates. A policy always has one."""
        return max(judgement.verdict for judgement in self.required())

    @property
    def blind(self) -> tuple[str, ...]:
        """The required gates whose signal gives no usable data."""
        unusable = (Verdict.ERROR, Verdict.MISSING, Verdict.STALE)
        return tuple(j.gate.name for j in self.required() if j.verdict in unusable)

    def reasons(self, verdict: Verdict) -> tuple[Reason, ...]:
        return tuple(j.reason for j in self.required() if j.verdict is verdict)


def assess(policy: Policy, readings: tuple[Reading, ...], seen: Circumstances) -> Assessment:
    """Judge every gate of the policy. A gate whose metric nobody read is MISSING, never skipped."""
    by_metric = {reading.metric: reading for reading in readings}
    judgements: list[Judgement] = []
    suspicions: list[Suspicion] = []
    for gate in policy.gates:
        judgement, suspicion = _judge(policy, gate, by_metric.get(gate.metric), seen)
        judgements.append(judgement)
        if suspicion:
            suspicions.append(suspicion)
    sample = _stage_sample(policy, by_metric.get(Metric.CRASH_FREE_SESSIONS), seen)
    return Assessment(tuple(judgements), tuple(suspicions), sample)


def _judge(
    policy: Policy, gate: Gate, reading: Reading | None, seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    match reading:
        case None:
            reason = Reason("missing", f"{gate.metric.words}: no signal reads this", gate.name)
            return Judgement(gate, Verdict.MISSING, reason), _kept(gate, seen)
        case Unmeasured():
            return _unmeasured(gate, reading, seen), _kept(gate, seen)
        case Measured():
            return _measured(policy, gate, reading, seen)


def _kept(gate: Gate, seen: Circumstances) -> Suspicion | None:
    """Not hearing from a gate neither confirms nor clears what it said before."""
    return next((s for s in seen.suspicions if s.gate == gate.name), None)


def _unmeasured(gate: Gate, reading: Unmeasured, seen: Circumstances) -> Judgement:
    text = f"{gate.metric.words}: {reading.why}"
    match reading.gap:
        case Gap.FAILED:
            return Judgement(gate, Verdict.ERROR, Reason("error", text, gate.name))
        case Gap.IMPLAUSIBLE:
            return Judgement(gate, Verdict.CONTRADICTORY, Reason("implausible", text, gate.name))
        case Gap.ABSENT if seen.now - seen.run_since < QUIET_START:
            reason = Reason(
                "no_data_yet", f"{text} (yet)", gate.name, sample=0, sample_needed=gate.min_sample
            )
            return Judgement(gate, Verdict.INSUFFICIENT, reason)
        case Gap.ABSENT:
            return Judgement(gate, Verdict.MISSING, Reason("missing", text, gate.name))


def _measured(
    policy: Policy, gate: Gate, reading: Measured, seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    over = evidence.span(gate, seen.run_since, seen.now, policy.settle)
    found = evidence.weigh(reading, over)
    if evidence.breaches(gate, found.all):
        return _breach(gate, found, seen)
    age = seen.now - found.as_of
    reason = _numbers(gate, found, found.settled)
    if age > gate.freshness:
        text = f"{reason.text}; the newest data are {duration_text(age)} old, {duration_text(gate.freshness)} at most"
        return Judgement(gate, Verdict.STALE, replace(reason, code="stale", text=text)), _kept(gate, seen)
    if not evidence.passes(gate, found.settled):
        text = f"{gate.metric.words}: {found.settled.total} of {gate.min_sample} needed"
        if found.settled.total >= gate.min_sample:
            text = f"{reason.text}: under the floor among settled data"
        return Judgement(gate, Verdict.INSUFFICIENT, replace(reason, code="sample", text=text)), None
    return Judgement(gate, Verdict.PASS, replace(reason, code="pass")), None


def _breach(gate: Gate, found: evidence.Evidence, seen: Circumstances) -> tuple[Judgement, Suspicion | None]:
    suspicion = _counted(gate, seen)
    reason = _numbers(gate, found, found.all)
    if suspicion.count >= gate.confirm:
        return Judgement(gate, Verdict.FAIL, replace(reason, code="fail")), suspicion
    text = f"{reason.text}: seen in {suspicion.count} of {gate.confirm} polls"
    return Judgement(gate, Verdict.CONTRADICTORY, replace(reason, code="suspected", text=text)), suspicion


def _counted(gate: Gate, seen: Circumstances) -> Suspicion:
    """One more poll saw the breach, unless the last one counted is too recent to be a poll of its own."""
    before = _kept(gate, seen)
    if before is None:
        return Suspicion(gate.name, 1, seen.now)
    if seen.now - before.counted_at < seen.poll / 2:
        return before
    return Suspicion(gate.name, min(before.count + 1, gate.confirm), seen.now)


def _numbers(gate: Gate, found: evidence.Evidence, counts: Counts) -> Reason:
    """The finding as a sentence with its numbers; the baseline stands beside it where there is one."""
    value = counts.good_ppm if counts.total else None
    baseline = found.baseline if found.baseline and found.baseline.total else None
    shown = percent_text(value // 100 * 100) if value is not None else "unknown"
    relation = "below the floor of" if value is not None and value < gate.floor_ppm else "floor"
    text = f"{gate.metric.words} {shown}, {relation} {percent_text(gate.floor_ppm)}, n = {counts.total}"
    return Reason(
        code="",
        text=text,
        gate=gate.name,
        value_ppm=value,
        threshold_ppm=gate.floor_ppm,
        sample=counts.total,
        sample_needed=gate.min_sample,
        baseline_ppm=baseline.good_ppm if baseline else None,
        baseline_sample=baseline.total if baseline else None,
        as_of=found.as_of,
    )


def _stage_sample(policy: Policy, reading: Reading | None, seen: Circumstances) -> int:
    if not isinstance(reading, Measured):
        return 0
    return evidence.total(reading.candidate, seen.live_since, seen.now - policy.settle).total
