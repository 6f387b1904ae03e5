"""When a stage has lasted for its longest and the evidence is still inconclusive: whose choice it is then."""

from __future__ import annotations

from stagedrollout.core.case import Case
from stagedrollout.core.gates import OnInconclusive


def overdue(case: Case) -> bool:
    """Whether this exposure has been kept for the longest that the policy waits for evidence."""
    lasted, key = case.lasted, case.rollout.key
    if case.policy.evidence is None or lasted is None:
        return False
    longest = case.policy.stay_at(key.store, case.rollout.exposure_ppm).max_bake
    return lasted >= longest


def by_policy(case: Case) -> bool:
    """Whether the policy names the choice to advance, and everything else that a raise needs is there: the sample, each
    signal read in this pass, and none that speaks against it."""
    gate, key = case.policy.evidence, case.rollout.key
    if gate is None or gate.on_inconclusive is not OnInconclusive.ADVANCE:
        return False
    needed = max(case.policy.stay_at(key.store, case.rollout.exposure_ppm).min_sample, 1)
    return overdue(case) and case.assessment.inconclusive and case.assessment.stage_sample >= needed
