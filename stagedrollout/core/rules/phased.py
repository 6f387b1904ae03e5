"""What is the App Store's own: windows for Apple's next step, and Apple's clock where the policy follows it."""

from __future__ import annotations

from stagedrollout.core.assessment import Reason, Verdict
from stagedrollout.core.case import Case, Decision, wait
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.inconclusive import by_policy
from stagedrollout.core.model import ActorKind, ReleaseStatus
from stagedrollout.core.phasing import REST, Pacing, next_share
from stagedrollout.core.policy import Completion
from stagedrollout.core.rules.agreement import not_agreed
from stagedrollout.core.units import PPM_ALL, percent_text


def in_window(case: Case) -> Decision | None:
    """`guarded`: why Apple is let go on in this pass, or why that is over. Doubt falls through, and brakes."""
    window = case.rollout.window
    if case.pacing is not Pacing.GUARDED or window is None or case.status is not ReleaseStatus.IN_PROGRESS:
        return None
    to = percent_text(window.target_ppm)
    if case.rollout.exposure_ppm >= window.target_ppm:
        return wait("stepped", f"Apple has stepped to {to}: paused while it bakes")
    if case.now >= window.closes_at:
        return wait("window_over", "Apple took no step within 24 h: paused until the evidence is there again")
    if window_holds(case):
        until = f"{window.closes_at:%Y-%m-%d %H:%M} UTC"
        return wait("window_open", f"Apple may step to {to} until {until}", due=window.closes_at)
    return None


def window_holds(case: Case) -> bool:
    """Whether an open window may stay open: each pass inside it must find PASS. One that a person opened also
    stands a sample that is too small; doubt only where that person said so (promises R7, R11)."""
    window = case.rollout.window
    if window is None or case.status is not ReleaseStatus.IN_PROGRESS or case.now >= window.closes_at:
        return False
    by_hand = window.actor.kind is not ActorKind.MACHINE
    stands = Verdict.INSUFFICIENT if by_hand else Verdict.PASS
    if window.without_evidence:
        stands = Verdict.CONTRADICTORY
    if not by_hand and not_agreed(case, window.target_ppm):
        return False
    return case.rollout.exposure_ppm < window.target_ppm and (
        case.assessment.worst <= stands or by_policy(case)
    )


def following(case: Case) -> Decision | None:
    """`follow`: while it is active and nothing is wrong, Apple's own clock raises it."""
    if not follows(case):
        return None
    upcoming = next_share(case.rollout.exposure_ppm)
    if upcoming == PPM_ALL and case.policy.completion is Completion.BY_HAND:
        text = "Apple's next step is 100 %; the policy leaves that to a person: stagedrollout complete"
        return Decision(DecisionKind.HOLD, (Reason("by_hand", text),))
    if case.status is ReleaseStatus.IN_PROGRESS:
        return wait("apple", f"follows Apple's clock; its next step is {percent_text(upcoming)}")
    return None


def rested(case: Case) -> Decision | None:
    """A pause lasts an hour at least: a sample at the edge of what is needed must not open and close windows."""
    since = case.rollout.pauses.since
    if case.pacing is None or since is None or case.now >= since + REST:
        return None
    return wait("rest", f"paused since {since:%H:%M} UTC, for an hour at least", due=since + REST)


def follows(case: Case) -> bool:
    """Whether Apple's clock leads: then this exposure's bake and sample count for nothing. An early completion
    that the policy names is a raise of ours, with everything that a raise needs."""
    early = case.rollout.exposure_ppm >= case.policy.app_store.complete_from_ppm
    return case.pacing is Pacing.FOLLOW and not early
