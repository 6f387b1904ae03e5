"""A team's own counts, judged signal by signal; what they say of the release as a whole is in harm.py.

They feed the evidence like the built-in ones. A verdict of its own tells whether each was read, is fresh and has both
arms, and whether its own evidence is below 10 : 1. It never fails by itself: a halt is for the evidence as a whole, in
which a signal that may not halt has no weight.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core.evidence.terms import LN_HOLD, SignalId, Terms
from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.gates import Role
from stagedrollout.core.harm import odds_text
from stagedrollout.core.judgement import Circumstances, Judgement, Reason, Verdict
from stagedrollout.core.ledger import Measure, Tallied, Tally, Untallied
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap
from stagedrollout.core.units import duration_text
from stagedrollout.core.values import QUIET_START, freshness

_NOTHING = Tally(0, 0, 0, 0)

Said = tuple[Verdict, str, str]
"""Verdict, code and words."""


def judge(gates: tuple[NamedGate, ...], seen: Circumstances) -> tuple[Judgement, ...]:
    """One verdict for each gate, and for each signal that this run is judged by although the policy no longer asks."""
    weighed = seen.heard.weighing
    if weighed is None:
        return tuple(_unweighed(gate, seen) for gate in gates)
    asked = {gate.id for gate in gates}
    left = [s for s in weighed.run.terms.computed if s.given and s not in asked]
    both = (*gates, *(NamedGate(signal=signal.given) for signal in left))
    return tuple(_judged(gate, weighed, seen) for gate in both)


def _unweighed(gate: NamedGate, seen: Circumstances) -> Judgement:
    why = seen.heard.problem or "nothing was read for the evidence"
    verdict, code = (Verdict.ERROR, "error") if seen.heard.problem else (Verdict.MISSING, "missing")
    return Judgement(gate, verdict, Reason(code, f"{gate.words}: {why}", gate.name))


def _judged(gate: NamedGate, weighed: Weighing, seen: Circumstances) -> Judgement:
    terms, signal = weighed.run.terms, gate.id
    if signal not in terms.computed:
        verdict, code, told = _not_weighed(terms, seen)
        return Judgement(gate, verdict, Reason(code, f"{gate.words}: {told}", gate.name))
    own = replace(gate, role=_role(terms, signal))
    verdict, code, told = _found(own, weighed, seen)
    reason = Reason(
        code=code,
        text=f"{own.words}: {told}",
        gate=own.name,
        sample=_counted(weighed, signal).n_c,
        sample_needed=own.min_sample or None,
        as_of=_newest(seen, signal),
        ln_e=weighed.ln_e_of(signal),
        ln_e_needed=LN_HOLD,
    )
    return Judgement(own, verdict, reason)


def _not_weighed(terms: Terms, seen: Circumstances) -> Said:
    if terms.p_ref is None:
        return Verdict.INSUFFICIENT, "no_data_yet", "no release to compare with"
    if seen.now - seen.run_since < QUIET_START:
        return Verdict.INSUFFICIENT, "no_data_yet", "it takes part from the next run on"
    why = "this run is not judged by it: it came later, or this app has no counts of this name"
    return Verdict.MISSING, "missing", why


def _role(terms: Terms, signal: SignalId) -> Role:
    """By the terms of the run, not by what the policy says meanwhile."""
    if signal in terms.advisory:
        return Role.ADVISORY
    return Role.VETO if signal in terms.vetoes else Role.REQUIRED


def _found(gate: NamedGate, weighed: Weighing, seen: Circumstances) -> Said:
    """The worst first."""
    told = f"evidence of harm {odds_text(weighed.ln_e_of(gate.id))}"
    if weighed.ln_e_of(gate.id) >= LN_HOLD:
        return Verdict.CONTRADICTORY, "suspected", f"{told}, 10 : 1 holds"
    return (
        _unusable(gate, seen) or _thin(gate, _counted(weighed, gate.id), seen) or (Verdict.PASS, "pass", told)
    )


def _unusable(gate: NamedGate, seen: Circumstances) -> Said | None:
    """Why what was read in this pass, if anything was, cannot clear the release."""
    measure, read = _measure(gate.id), _read(seen, gate.id)
    if read is None:
        return Verdict.ERROR, "error", "not read in this pass"
    if isinstance(read, Untallied):
        if read.gap is Gap.ABSENT:
            return _absent(seen, read.lag, read.why)
        return Verdict.ERROR, "error", read.why
    refused = [row for row in seen.heard.refused if row.measure is measure]
    if refused:
        return Verdict.ERROR, "bad_data", f"bad data: {refused[0].start:%Y-%m-%d %H:%M}: {refused[0].why}"
    age, most = seen.now - read.as_of, freshness(gate, read.lag, seen.poll)
    if age > most:
        old = f"the newest data are {duration_text(age)} old, {duration_text(most)} at most"
        return Verdict.STALE, "stale", old
    return None


def _thin(gate: NamedGate, counted: Tally, seen: Circumstances) -> Said | None:
    """Why what was counted in the whole run is too little. An arm without anything looks healthy, and is not known."""
    read = _read(seen, gate.id)
    lag = read.lag if read else timedelta(0)
    if not counted.n_c or not counted.n_b:
        arm = "the baseline" if counted.n_c else "the release"
        return _absent(seen, lag, f"the source has nothing of {arm}")
    if counted.n_c < gate.min_sample:
        return Verdict.INSUFFICIENT, "sample", f"{counted.n_c} of {gate.min_sample} needed"
    return None


def _absent(seen: Circumstances, lag: timedelta, why: str) -> Said:
    if seen.now - seen.run_since < QUIET_START + lag:
        return Verdict.INSUFFICIENT, "no_data_yet", f"{why} (yet)"
    return Verdict.MISSING, "missing", why


def _counted(weighed: Weighing, signal: SignalId) -> Tally:
    folded = weighed.folds.get(signal)
    return folded.now.counted if folded else _NOTHING


def _measure(signal: SignalId) -> Measure:
    return Measure(signal.value)


def _read(seen: Circumstances, signal: SignalId) -> Tallied | Untallied | None:
    return next((t for t in seen.heard.tallies if t.measure is _measure(signal)), None)


def _newest(seen: Circumstances, signal: SignalId) -> datetime | None:
    read = _read(seen, signal)
    return read.as_of if isinstance(read, Tallied) else None
