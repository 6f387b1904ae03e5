"""A monitoring run: its terms, frozen as it begins (decision-engine.md section 2), and its evidence written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.evidence.grid import LOOPS_UNKNOWN, loops
from stagedrollout.core.evidence.ratings import mu_base
from stagedrollout.core.evidence.terms import FLOOR_FACTOR, SignalId, Terms, shared_out, tolerated
from stagedrollout.core.evidence.weighing import Run, Weighing
from stagedrollout.core.gates import EvidenceGate, Part, Role
from stagedrollout.core.ledger import Past
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.observation import Stars

PAST_SESSIONS_MIN = 1_000
"""With fewer sessions in a week a baseline says nothing about what is normal."""

_NEEDS_BASELINE = (SignalId.CRASHED_SESSIONS, SignalId.CRASHED_USERS, SignalId.ABNORMAL_SESSIONS)


@dataclass(frozen=True, slots=True)
class NamedCounts:
    """A team's own signal that brings counts: what the policy makes of it, and whether it may halt at all."""

    signal: SignalId
    role: Role
    can_halt: bool


def terms_of(
    gate: EvidenceGate,
    past: Past | None,
    *,
    reviewed: bool,
    floor: float | None = None,
    own: tuple[NamedCounts, ...] = (),
) -> Terms:
    """By what a run is judged. `past` is None without a release to compare with; then only a floor can judge it.

    `floor`: the crash rate (0..1) tolerated at most where neither the gate names one nor a past gives one.
    `reviewed`: whether reviews are read at all; their weight is kept for them until they can be compared (`rated`).
    Weights of signals that cannot take part are shared out among the others. `own`: the team's; like all that
    are compared with a baseline they take no part without one.
    """
    p_ref = usual(past) if past else None
    named = gate.crash_floor or (min(1.0, FLOOR_FACTOR * p_ref) if p_ref else floor)
    able = {
        signal
        for signal in SignalId
        if (p_ref is not None or signal not in _NEEDS_BASELINE)
        and (named is not None or signal is not SignalId.FLOOR)
        and (reviewed or signal is not SignalId.RATINGS)
    }
    own = own if p_ref is not None else ()
    deciding = [each for each in own if each.role is not Role.ADVISORY]
    return Terms(
        rho0=tolerated(float(gate.margin) / 100, p_ref) if p_ref else 1 + float(gate.margin) / 100,
        s=loops(past.crashed, past.crashed_users) if past else LOOPS_UNKNOWN,
        p_ref=p_ref,
        floor=named,
        weights=shared_out(
            (
                *(s for s in gate.signals.that_are(Part.REQUIRED) if s in able),
                *(each.signal for each in deciding if each.can_halt),
            )
        ),
        advisory=(
            *(s for s in gate.signals.that_are(Part.ADVISORY) if s in able),
            *(each.signal for each in own if each.role is Role.ADVISORY),
        ),
        holding=tuple(each.signal for each in deciding if not each.can_halt),
        vetoes=tuple(each.signal for each in deciding if each.role is Role.VETO),
    )


def rated(terms: Terms, stars: Stars | None) -> Terms:
    """The terms with what stars are compared with, once there are enough reviews of the release before. It is taken
    once: from the baseline alone, so that nothing the candidate does can choose it."""
    if terms.mu_base is not None or stars is None or SignalId.RATINGS not in terms.computed:
        return terms
    return replace(terms, mu_base=mu_base(stars))


def usual(past: Past) -> float | None:
    """The baseline's crash rate (0..1); half a crash where there was none. None where hardly anybody used it."""
    if past.sessions < PAST_SESSIONS_MIN:
        return None
    return max(min(past.crashed, past.sessions), 0.5) / past.sessions


def run_of(rollout: Rollout) -> Run | None:
    """The monitoring run that the journal tells of; None while it has no terms."""
    if rollout.terms is None:
        return None
    return Run(rollout.terms, rollout.run_since, rollout.stages, first=rollout.runs == 1)


def written_down(found: Weighing | None, settled_until: datetime) -> facts.Weighed | None:
    """The evidence of a pass as it enters the journal; None while there is none."""
    if found is None:
        return None
    terms = found.run.terms
    return facts.Weighed(
        ledger=found.head,
        ln_e=found.ln_e,
        ln_e_advance=found.ln_e_advance(settled_until),
        signals=tuple(facts.SignalWeighed(signal, found.ln_e_of(signal)) for signal in terms.computed),
        reserve=found.reserve,
        tau2=found.tau2,
        rho0=terms.rho0,
        s=terms.s,
        settled_until=settled_until,
    )
