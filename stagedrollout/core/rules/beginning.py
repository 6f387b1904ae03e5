"""How a rollout begins, and begins again: start, adoption, and a person's resume of a halt."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, refuse_frozen, refuse_held, taken
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import Change, CommandVerb, ReleaseStatus, Verb
from stagedrollout.core.units import PPM_ALL, percent_text


def start_order(case: Case) -> Decision | None:
    order, rollout = case.ordered(CommandVerb.START), case.rollout
    if order is None:
        return None
    found, first = case.found, case.policy.stages[0]
    draft = found is not None and found.status is ReleaseStatus.DRAFT
    if rollout.steered and not draft:
        return refuse(case, "already_started", "it is already being rolled out")
    if case.window.freeze:
        return refuse_frozen(case)
    if case.hold:
        return refuse_held(case, case.hold)
    started = facts.Started(order.actor, order.reason, order.policy, order.id)
    reason = Reason("human_start", f"started by {order.actor}: {order.reason}")
    if not draft:
        also = (taken(order, "started: the schedule steers it from here"), started)
        return Decision(DecisionKind.WAIT, (reason,), actor=order.actor, command=order.id, also=also)
    if first.exposure_ppm == PPM_ALL:
        return refuse(case, "no_stage", "the policy has no stage below 100 %: use complete")
    return Decision(
        DecisionKind.START,
        (reason,),
        actor=order.actor,
        change=Change(Verb.START, rollout.release.id, first.exposure_ppm),
        command=order.id,
        also=(taken(order, f"starting at {percent_text(first.exposure_ppm)}"), started),
    )


def resume_order(case: Case) -> Decision | None:
    """Only a person undoes a halt, and not during a freeze. What was held against it starts afresh."""
    order, rollout = case.ordered(CommandVerb.RESUME), case.rollout
    if order is None:
        return None
    if case.window.freeze:
        return refuse_frozen(case)
    target = rollout.exposure_ppm
    if target <= 0:
        return refuse(case, "nothing_to_resume", "it is not known at which percentage it was halted")
    lifted = facts.HoldEnded(f"lifted by {order.actor}, who resumes the release")
    return Decision(
        DecisionKind.RESUME,
        (Reason("human_resume", f"resumed by {order.actor} at {percent_text(target)}: {order.reason}"),),
        actor=order.actor,
        change=Change(Verb.RESUME, rollout.release.id, target),
        command=order.id,
        also=(taken(order, f"resuming at {percent_text(target)}"), *((lifted,) if rollout.hold else ())),
    )
