"""The terms of a run, frozen as it begins (decision-engine.md section 2)."""

from __future__ import annotations

from stagedrollout.core.evidence.grid import LOOPS_UNKNOWN, loops
from stagedrollout.core.evidence.ratings import mu_base
from stagedrollout.core.evidence.terms import FLOOR_FACTOR, SignalId, Terms, shared_out, tolerated
from stagedrollout.core.gates import EvidenceGate, Part
from stagedrollout.core.ledger import Past
from stagedrollout.core.observation import Stars

_NEEDS_BASELINE = (SignalId.CRASHED_SESSIONS, SignalId.CRASHED_USERS, SignalId.ABNORMAL_SESSIONS)


def terms_of(
    gate: EvidenceGate, past: Past | None, stars: Stars | None, *, floor: float | None = None
) -> Terms:
    """By what a run is judged. `past` is None without a release to compare with; then only a floor can judge it.

    `floor`: the crash rate (0..1) tolerated at most where neither the gate names one nor a past gives one.
    `stars`: the baseline's reviews; too few, or None, and the ratings take no part. Weights of signals that cannot
    take part are shared out among the others.
    """
    p_ref = usual(past) if past else None
    named = gate.crash_floor or (min(1.0, FLOOR_FACTOR * p_ref) if p_ref else floor)
    base = mu_base(stars) if stars else None
    able = {
        signal
        for signal in SignalId
        if (p_ref is not None or signal not in _NEEDS_BASELINE)
        and (named is not None or signal is not SignalId.FLOOR)
        and (base is not None or signal is not SignalId.RATINGS)
    }
    return Terms(
        rho0=tolerated(float(gate.margin) / 100, p_ref) if p_ref else 1 + float(gate.margin) / 100,
        s=loops(past.crashed, past.crashed_users) if past else LOOPS_UNKNOWN,
        p_ref=p_ref,
        floor=named,
        weights=shared_out(tuple(s for s in gate.signals.that_are(Part.REQUIRED) if s in able)),
        mu_base=base,
        advisory=tuple(s for s in gate.signals.that_are(Part.ADVISORY) if s in able),
    )


def usual(past: Past) -> float | None:
    """The baseline's crash rate (0..1); half a crash where there was none. None where nobody used it."""
    if past.sessions <= 0:
        return None
    return max(min(past.crashed, past.sessions), 0.5) / past.sessions
