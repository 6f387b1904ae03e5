"""How many sessions a stage still needs before it can be left, and how long that takes at the present rate.

An expectation for a release that is as good as the one before (decision-engine.md section 7), not a promise: chance
and a release that is a little worse take longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from stagedrollout.core.evidence import course, planning
from stagedrollout.core.evidence.terms import LN_ADVANCE
from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.hours import HOUR, hour_ceil, hour_floor
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import PPM_ALL
from stagedrollout.explaining.evidence import main_fold
from stagedrollout.explaining.finding import Kept

RATE_HOURS = 6
"""The present rate is the mean of so many full hours."""


@dataclass(frozen=True, slots=True)
class Needed:
    """`sessions` and `hours` that are still needed, 0 or more; None where that cannot be told, and `why`.

    `seen`: settled sessions of the stage so far; `per_hour`: the present rate, None without a full hour.
    """

    sessions: int | None
    hours: float | None
    seen: int
    per_hour: float | None
    why: str = ""


def needed(kept: Kept, policy: Policy | None, weighed_now: Weighing | None) -> Needed | None:
    """What the present stage still needs; None where there is no next stage to go to."""
    rollout, standing = kept.rollout, kept.standing
    if policy is None or policy.evidence is None or standing is None or not _climbs(rollout):
        return None
    seen = int(standing.found.get("stage_sample") or 0)
    per_hour = _rate(weighed_now, rollout.live_since, standing.at)
    floor = policy.stay_at(rollout.key.store, rollout.exposure_ppm).min_sample
    if weighed_now is None or weighed_now.run.terms.p_ref is None:
        return Needed(None, None, seen, per_hour, "there is no release to compare with")
    terms = weighed_now.run.terms
    weighed = standing.weighed
    safe = weighed.ln_e_advance if weighed else None
    wanted = 0
    if safe is None or safe < LN_ADVANCE:
        crashes = planning.crashes_to_advance(course.rho_advance(rollout.exposure_ppm), terms.s)
        wanted = ceil(crashes / (terms.p_ref or 1.0))
    sessions = max(max(wanted, floor) - seen, 0)
    if not sessions:
        return Needed(0, 0.0, seen, per_hour)
    if not per_hour:
        return Needed(sessions, None, seen, per_hour, "the stage has no sessions to tell a rate from")
    return Needed(sessions, sessions / per_hour, seen, per_hour)


def _climbs(rollout: Rollout) -> bool:
    going = rollout.steered and rollout.live_since is not None and not rollout.finished
    return going and rollout.halt is None and rollout.completed_at is None and rollout.exposure_ppm < PPM_ALL


def _rate(weighed_now: Weighing | None, live_since: datetime | None, at: datetime) -> float | None:
    """Candidate sessions per hour over the newest full hours of the stage; None while there is no full hour."""
    folded = main_fold(weighed_now) if weighed_now else None
    if folded is None or live_since is None:
        return None
    until = hour_floor(at)
    since = max(hour_ceil(live_since), until - RATE_HOURS * HOUR)
    hours = (until - since) / HOUR
    if hours < 1:
        return None
    return sum(row.total.n_c for row in folded.rows if since <= row.start < until) / hours
