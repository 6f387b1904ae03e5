"""Readings and gates to verdicts: one Judgement per gate, no default arm, the worst wins.

    FAIL > CONTRADICTORY > ERROR > MISSING > STALE > INSUFFICIENT > PASS

A breach that is not yet confirmed over the gate's number of polls is CONTRADICTORY: the numbers say "bad",
chance has not been ruled out, and nothing may be raised meanwhile. Floors are judged here, the evidence in harm.py,
what people write in opinion.py, a team's own signals in named_counts.py and values.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from stagedrollout.core import floors, harm, named_counts, opinion, values
from stagedrollout.core.gates import Gate, Role
from stagedrollout.core.judgement import Circumstances, Judgement, Reason, Suspicion, Verdict
from stagedrollout.core.observation import Counts, Gap, Measured, Metric, Reading, Unmeasured
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import duration_text, percent_text

__all__ = ["Assessment", "Circumstances", "Judgement", "Reason", "Suspicion", "Verdict", "assess"]

QUIET_START = timedelta(hours=6)
"""A release that went live this recently may have no sessions at all without anything being wrong."""

SPEAKING = (Verdict.CONTRADICTORY, Verdict.FAIL)
"""The verdicts of a VETO gate that decide something; in all others it is silent."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """`stage_sample`: settled candidate sessions since the stage went live; 0 when nobody could tell.

    `advice`: what is worth knowing and decides nothing; a decision may cite it.
    """

    judgements: tuple[Judgement, ...]
    suspicions: tuple[Suspicion, ...]
    stage_sample: int
    advice: tuple[Reason, ...] = ()

    def required(self) -> tuple[Judgement, ...]:
        """What a raise needs, PASS by PASS."""
        return tuple(j for j in self.judgements if j.gate.role is Role.REQUIRED)

    def deciding(self) -> tuple[Judgement, ...]:
        """The required gates, and each VETO gate that has something to say."""
        return tuple(
            j
            for j in self.judgements
            if j.gate.role is Role.REQUIRED or (j.gate.role is Role.VETO and j.verdict in SPEAKING)
        )

    @property
    def worst(self) -> Verdict:
        """The worst verdict of what decides. A policy always has a required gate."""
        return max(judgement.verdict for judgement in self.deciding())

    @property
    def inconclusive(self) -> bool:
        """Whether every required gate says PASS but the evidence as a whole, which was read and is inconclusive."""
        return self.worst <= Verdict.INSUFFICIENT and all(
            j.reason.code == "inconclusive" for j in self.required() if j.verdict is not Verdict.PASS
        )

    @property
    def blind(self) -> tuple[str, ...]:
        """The required gates whose signal gives no usable data."""
        unusable = (Verdict.ERROR, Verdict.MISSING, Verdict.STALE)
        return tuple(j.gate.name for j in self.required() if j.verdict in unusable)

    def reasons(self, verdict: Verdict) -> tuple[Reason, ...]:
        return tuple(j.reason for j in self.deciding() if j.verdict is verdict)


def assess(policy: Policy, readings: tuple[Reading, ...], seen: Circumstances) -> Assessment:
    """Judge every gate of the policy. A gate whose metric nobody read is MISSING, never skipped."""
    by_metric = {r.metric: r for r in readings if isinstance(r, (Measured, Unmeasured))}
    found = [_judge(policy, gate, by_metric.get(gate.metric), seen) for gate in policy.gates]
    weighed: tuple[Judgement, ...] = ()
    if policy.evidence:
        weighed = harm.judge(policy.evidence, seen, policy.settle)
        weighed += named_counts.judge(policy.named_counts, seen)
    found += [values.judge(gate, readings, seen) for gate in policy.named_values]
    if policy.ratings:
        found.append(opinion.judge(policy.ratings, readings, seen))
    return Assessment(
        judgements=(*weighed, *(judgement for judgement, _ in found)),
        suspicions=tuple(suspicion for _, suspicion in found if suspicion),
        stage_sample=_stage_sample(policy, by_metric.get(Metric.CRASH_FREE_SESSIONS), seen),
        advice=opinion.advice(readings),
    )


def _judge(
    policy: Policy, gate: Gate, reading: Measured | Unmeasured | None, seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    match reading:
        case None:
            reason = Reason("missing", f"{gate.metric.words}: no signal reads this", gate.name)
            return Judgement(gate, Verdict.MISSING, reason), seen.suspicion(gate)
        case Unmeasured():
            return _unmeasured(gate, reading, seen), seen.suspicion(gate)
        case Measured():
            return _measured(policy, gate, reading, seen)


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
    over = floors.span(gate, seen.run_since, seen.now, policy.settle)
    found = floors.weigh(reading, over)
    if floors.breaches(gate, found.all):
        return _breach(gate, found, seen)
    age = seen.now - found.as_of
    reason = _numbers(gate, found, found.settled)
    if age > gate.freshness:
        text = f"{reason.text}; the newest data are {duration_text(age)} old, {duration_text(gate.freshness)} at most"
        return Judgement(gate, Verdict.STALE, replace(reason, code="stale", text=text)), seen.suspicion(gate)
    if not floors.passes(gate, found.settled):
        text = f"{gate.metric.words}: {found.settled.total} of {gate.min_sample} needed"
        if found.settled.total >= gate.min_sample:
            text = f"{reason.text}: under the floor among settled data"
        return Judgement(gate, Verdict.INSUFFICIENT, replace(reason, code="sample", text=text)), None
    return Judgement(gate, Verdict.PASS, replace(reason, code="pass")), None


def _breach(gate: Gate, found: floors.Findings, seen: Circumstances) -> tuple[Judgement, Suspicion | None]:
    suspicion = _counted(gate, seen)
    reason = _numbers(gate, found, found.all)
    if suspicion.count >= gate.confirm:
        return Judgement(gate, Verdict.FAIL, replace(reason, code="fail")), suspicion
    text = f"{reason.text}: seen in {suspicion.count} of {gate.confirm} polls"
    return Judgement(gate, Verdict.CONTRADICTORY, replace(reason, code="suspected", text=text)), suspicion


def _counted(gate: Gate, seen: Circumstances) -> Suspicion:
    """One more poll saw the breach, unless the last one counted is too near to be a poll of its own. One that is long
    to come was counted by a clock that was ahead; a halt does not wait until then."""
    before = seen.suspicion(gate)
    if before is None:
        return Suspicion(gate.name, 1, seen.now)
    if abs(seen.now - before.counted_at) < seen.poll / 2:
        return before
    return Suspicion(gate.name, min(before.count + 1, gate.confirm), seen.now)


def _numbers(gate: Gate, found: floors.Findings, counts: Counts) -> Reason:
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


def _stage_sample(policy: Policy, reading: Measured | Unmeasured | None, seen: Circumstances) -> int:
    until = seen.now - policy.settle
    if seen.heard.weighing:
        return seen.heard.weighing.sessions(seen.live_since, until)
    if not isinstance(reading, Measured):
        return 0
    return floors.total(reading.candidate, seen.live_since, until).total
