"""A team's own values, judged: one number for the candidate, one for what people run beside it.

A plain gate: what it knows is what it was told in this look, so a breach must be found again by a look that brought
news before it fails. Beside that the rules are those of the other gates:

- Only a value that was read, is fresh, and is compared with what it must be compared with, passes.
- Not hearing neither confirms nor clears. A suspicion outlives silence for as long as a reading would be fresh.
- A signal that declares that it cannot halt holds, however often it says the same.
- A share of nothing says nothing: where the baseline's value is 0, any worse value holds and asks for a person, and
  only a `limit` halts. A baseline below 0 is no measure for a share at all.
"""

from __future__ import annotations

from datetime import timedelta

from stagedrollout.core.declared import Better
from stagedrollout.core.judgement import Circumstances, Judgement, Reason, Suspicion, Verdict
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap, Reading, Unvalued, Value, Valued
from stagedrollout.core.units import duration_text

QUIET_START = timedelta(hours=6)
"""A release that went live this recently may have no value at all without anything being wrong."""

STALE_MIN = timedelta(hours=2)
STALE_POLLS = 3

Found = tuple[Judgement, Suspicion | None]


def judge(gate: NamedGate, readings: tuple[Reading, ...], seen: Circumstances) -> Found:
    """The verdict on the gate's signal among `readings`, and the suspicion that stands after it."""
    read = next(
        (r for r in readings if isinstance(r, (Valued, Unvalued)) and r.signal == gate.signal),
        None,
    )
    match read:
        case Valued():
            return _valued(gate, read, seen)
        case Unvalued():
            return _silent(gate, seen, _of_gap(read, seen), read.why, read.declared.lag)
        case None:
            return _silent(gate, seen, Verdict.MISSING, "this app has no value of this name", timedelta(0))


def freshness(gate: NamedGate, lag: timedelta, poll: timedelta) -> timedelta:
    """How old what was read may be."""
    return gate.freshness or lag + max(STALE_MIN, STALE_POLLS * poll)


def beyond_limit(gate: NamedGate, better: Better, candidate: Value) -> bool:
    """Whether the value is beyond what is tolerated whatever the baseline does."""
    if gate.limit is None:
        return False
    limit = float(gate.limit)
    return candidate.number > limit if better is Better.LOWER else candidate.number < limit


def worse(gate: NamedGate, better: Better, candidate: Value, baseline: Value) -> bool:
    """Whether the value is worse than the baseline's by more than is tolerated. A baseline of 0 has no share."""
    if gate.worse_by is None:
        return False
    factor = 1 + float(gate.worse_by) / 100
    if better is Better.LOWER:
        return candidate.number > baseline.number * factor
    return baseline.number > candidate.number * factor


def _of_gap(read: Unvalued, seen: Circumstances) -> Verdict:
    match read.gap:
        case Gap.FAILED:
            return Verdict.ERROR
        case Gap.IMPLAUSIBLE:
            return Verdict.CONTRADICTORY
        case Gap.ABSENT:
            return Verdict.INSUFFICIENT if _young(seen, read.declared.lag) else Verdict.MISSING


_CODES = {
    Verdict.ERROR: "error",
    Verdict.CONTRADICTORY: "implausible",
    Verdict.MISSING: "missing",
    Verdict.INSUFFICIENT: "no_data_yet",
}

_DOUBTS = {Verdict.STALE: "stale", Verdict.MISSING: "missing", Verdict.INSUFFICIENT: "sample"}


def _young(seen: Circumstances, lag: timedelta) -> bool:
    return seen.now - seen.run_since < QUIET_START + lag


def _silent(gate: NamedGate, seen: Circumstances, verdict: Verdict, why: str, lag: timedelta) -> Found:
    before = _suspected(gate, seen)
    if before is not None and verdict < Verdict.CONTRADICTORY and _stands(gate, before, seen, lag):
        ago = duration_text(seen.now - before.counted_at)
        text = f"{gate.words}: {why}; {ago} ago it was too bad ({before.count} of {gate.confirm} looks)"
        return Judgement(gate, Verdict.CONTRADICTORY, Reason("suspected", text, gate.name)), before
    return Judgement(gate, verdict, Reason(_CODES[verdict], f"{gate.words}: {why}", gate.name)), before


def _suspected(gate: NamedGate, seen: Circumstances) -> Suspicion | None:
    before = seen.suspicion(gate)
    return before.as_of(seen.now) if before else None


def _stands(gate: NamedGate, before: Suspicion, seen: Circumstances, lag: timedelta) -> bool:
    return seen.now - before.counted_at <= freshness(gate, lag, seen.poll)


def _valued(gate: NamedGate, read: Valued, seen: Circumstances) -> Found:
    """The worst first: bad news counts also when it is old, good news does not."""
    if gate.by_evidence:
        why = "it brings a value, no counts: give the gate worse_by or limit"
        return _silent(gate, seen, Verdict.MISSING, why, read.declared.lag)
    better, baseline = read.declared.better, read.baseline
    short = _too_few(gate, read.candidate)
    if not short and beyond_limit(gate, better, read.candidate):
        return _breach(gate, read, seen)
    if gate.worse_by is not None and baseline is not None:
        short = short or _too_few(gate, baseline)
        if not short and worse(gate, better, read.candidate, baseline):
            return _breach(gate, read, seen) if baseline.number > 0 else _no_share(gate, read, seen)
    return _harmless(gate, read, seen, short)


def _harmless(gate: NamedGate, read: Valued, seen: Circumstances, short: str) -> Found:
    """Nothing that was read is too bad: is enough of it known to say that all is well?"""
    before, numbers = _suspected(gate, seen), _numbers(gate, read)
    age, most = seen.now - read.as_of, freshness(gate, read.declared.lag, seen.poll)
    if age > most:
        why = f"{numbers}; it is {duration_text(age)} old, {duration_text(most)} at most"
        return _doubted(gate, read, seen, Verdict.STALE, why)
    if short:
        return _doubted(gate, read, seen, Verdict.INSUFFICIENT, f"{gate.words}: {short}")
    if gate.worse_by is not None and read.baseline is None:
        return _uncompared(gate, read, seen)
    if gate.worse_by is not None and read.baseline is not None and read.baseline.number < 0:
        why = f"{numbers}; a share of less than nothing cannot be told: use a limit"
        reason = _reason(gate, read, "implausible", why)
        return Judgement(gate, Verdict.CONTRADICTORY, reason), before
    return Judgement(gate, Verdict.PASS, _reason(gate, read, "pass", numbers)), None


def _uncompared(gate: NamedGate, read: Valued, seen: Circumstances) -> Found:
    if read.baseline_name:
        text = f"{_numbers(gate, read)}; the source has nothing of {read.baseline_name} to compare with"
        return _doubted(gate, read, seen, Verdict.MISSING, text)
    if gate.limit is None:
        text = f"{_numbers(gate, read)}; no earlier release to compare with, and no limit"
        return _doubted(gate, read, seen, Verdict.INSUFFICIENT, text)
    text = f"{_numbers(gate, read)}; no earlier release to compare with, so the limit alone judges"
    return Judgement(gate, Verdict.PASS, _reason(gate, read, "pass", text)), None


def _doubted(gate: NamedGate, read: Valued, seen: Circumstances, verdict: Verdict, text: str) -> Found:
    """What is no pass does not clear a suspicion that is young enough to stand."""
    before = _suspected(gate, seen)
    if before is not None and _stands(gate, before, seen, read.declared.lag):
        told = f"{text}; it was too bad in {before.count} of {gate.confirm} looks"
        return Judgement(gate, Verdict.CONTRADICTORY, _reason(gate, read, "suspected", told)), before
    return Judgement(gate, verdict, _reason(gate, read, _DOUBTS[verdict], text)), before


def _no_share(gate: NamedGate, read: Valued, seen: Circumstances) -> Found:
    text = f"{_numbers(gate, read)}; 0 or less has no share: a person decides, or a limit would"
    reason = _reason(gate, read, "suspected", text)
    return Judgement(gate, Verdict.CONTRADICTORY, reason), _suspected(gate, seen)


def _breach(gate: NamedGate, read: Valued, seen: Circumstances) -> Found:
    suspicion = _counted(gate, read, seen)
    text = f"{_numbers(gate, read)}: worse than tolerated"
    if suspicion.count >= gate.confirm and read.declared.can_halt:
        return Judgement(gate, Verdict.FAIL, _reason(gate, read, "fail", text)), suspicion
    if suspicion.count >= gate.confirm:
        text = f"{text}; this signal holds, it does not halt"
    else:
        text = f"{text}; seen in {suspicion.count} of {gate.confirm} looks"
    return Judgement(gate, Verdict.CONTRADICTORY, _reason(gate, read, "suspected", text)), suspicion


def _counted(gate: NamedGate, read: Valued, seen: Circumstances) -> Suspicion:
    """One more look found it, unless it is the last one's reading again, or too soon after it.

    What is confirmed already is renewed before it would lapse: it is still there. What is long to come was counted by a
    clock that was ahead; a halt does not wait until then.
    """
    before = seen.suspicion(gate)
    if before is None:
        return Suspicion(gate.name, 1, seen.now, newest=read.as_of)
    news = before.newest is None or read.as_of > before.newest or before.newest > seen.now
    apart = seen.poll / 2
    if before.count >= gate.confirm:
        apart = freshness(gate, read.declared.lag, seen.poll) / 2
    if not news or abs(seen.now - before.counted_at) < apart:
        return before.as_of(seen.now)
    return Suspicion(gate.name, min(before.count + 1, gate.confirm), seen.now, newest=read.as_of)


def _too_few(gate: NamedGate, arm: Value) -> str:
    """Why the arm's sample is too small to say anything; "" if it is not."""
    if not gate.min_sample:
        return ""
    if arm.sample is None:
        return f"the source does not tell its sample, and {gate.min_sample} are needed"
    return f"{arm.sample} of {gate.min_sample} needed" if arm.sample < gate.min_sample else ""


def _reason(gate: NamedGate, read: Valued, code: str, text: str) -> Reason:
    return Reason(
        code=code,
        text=text,
        gate=gate.name,
        sample=read.candidate.sample,
        sample_needed=gate.min_sample or None,
        baseline_sample=read.baseline.sample if read.baseline else None,
        as_of=read.as_of,
    )


def _numbers(gate: NamedGate, read: Valued) -> str:
    """The finding as a sentence: the value, what it is compared with, and what is tolerated."""
    unit = read.declared.unit
    told = f"{gate.words} {number_text(read.candidate.number)} {unit}"
    if read.baseline is not None:
        told += f", {number_text(read.baseline.number)} for {read.baseline_name or 'the baseline'}"
    bounds = []
    if gate.worse_by is not None:
        bounds.append(f"{gate.worse_by:f} % worse")
    if gate.limit is not None:
        bounds.append(f"{'more' if read.declared.better is Better.LOWER else 'less'} than {gate.limit:f}")
    return f"{told} (too bad: {' or '.join(bounds)})"


def number_text(number: float) -> str:
    """A number as people read it, in at most four digits, or whole where it has more."""
    return f"{number:,.0f}" if 10_000 <= abs(number) < 1e15 else f"{number:,.4g}"
