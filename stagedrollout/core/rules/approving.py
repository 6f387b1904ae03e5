"""Who must agree to a step, and who has: a stage may ask for approvals, and what cannot be taken back for a second person.

An approval raises nothing by itself. It takes part in the next decision, which still needs all the rest.
"""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.approval import REMOVAL, Approval, ApprovalTerms, in_force, missing, outdated
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, taken
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import Command, CommandVerb, Store
from stagedrollout.core.policy import TwoPersons
from stagedrollout.core.rules import phased
from stagedrollout.core.units import PPM_ALL, percent_text

AWAITED = "approval"
"""The code of the reason for which a rollout waits for people to agree."""


def approve_order(case: Case) -> Decision | None:
    """Allow the next step. Who names it must name the right one; where nobody is asked, that is said."""
    order = case.ordered(CommandVerb.APPROVE)
    if order is None:
        return None
    target = next_step(case)
    if target is None:
        return refuse(case, "last_stage", "it is as far as the policy goes: there is nothing to approve")
    if against := not_the_step(order, target):
        return refuse(case, "other_stage", against)
    terms = case.policy.approvals_between(case.rollout.exposure_ppm, target)
    step = f"the step to {percent_text(target)}"
    if not (terms or _second_person_wanted(case, target)):
        return refuse(case, "no_approval", f"{step} asks for no approval")
    if terms and not any(one.counts(_given_by(case, order, target, one)) for one in terms):
        wanted = "; ".join(one.words for one in terms)
        return refuse(case, "other_group", f"{step} asks for {wanted}, and {order.actor} is in none of these")
    approved = _approved(case, order, target)
    text = (
        f"{step} is approved until {approved.until:%Y-%m-%d %H:%M} UTC{_still_missing(case, order, target)}"
    )
    return Decision(
        DecisionKind.WAIT,
        (Reason("approved", f"{step} approved by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), approved),
    )


def removal_order(case: Case) -> Decision | None:
    """Agree that somebody else takes the app off sale, where the policy wants two persons for that. It stops nothing by
    itself, and nothing that is halted or not is in its way."""
    order = case.ordered(CommandVerb.APPROVE)
    if order is None or order.to_ppm != REMOVAL:
        return None
    on_app_store = case.rollout.key.store is Store.APP_STORE
    if not on_app_store or TwoPersons.REMOVE_FROM_SALE not in case.policy.two_persons:
        return refuse(case, "no_approval", "taking it off sale asks for no second person")
    approved = _approved(case, order, REMOVAL)
    who = f"{order.actor} agrees that somebody else takes the app off sale"
    text = f"{who}, until {approved.until:%Y-%m-%d %H:%M} UTC"
    return Decision(
        DecisionKind.HOLD if case.rollout.halt else DecisionKind.WAIT,
        (Reason("approved", f"{who}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), approved),
    )


def before_apple(case: Case) -> Decision | None:
    """`follow`: Apple takes the next step by itself, so nothing but a pause keeps it until people have agreed."""
    return awaited(case) if phased.follows(case) else None


def awaited(case: Case) -> Decision | None:
    target = next_step(case)
    lacking = () if target is None else not_agreed(case, target)
    if target is None or not lacking:
        return None
    return Decision(DecisionKind.HOLD, (Reason(AWAITED, _asks(case, target, lacking)),))


def not_agreed(case: Case, target: int, by: Command | None = None) -> tuple[ApprovalTerms, ...]:
    """Which of the stages that this step crosses still lack somebody's word. Who orders it agrees, if their word counts."""
    terms = case.policy.approvals_between(case.rollout.exposure_ppm, target)
    own = [] if by is None else [_given_by(case, by, target, one) for one in terms]
    return tuple(one for one in terms if missing(one, (*given(case, target), *own)))


def given(case: Case, target: int) -> tuple[Approval, ...]:
    """Who allows this step by now: a word for a farther one is none for this."""
    return tuple(
        approval
        for approval in in_force(case.rollout.approvals, case.now)
        if approval.target_ppm == target and not outdated(approval, case.assessment.worst)
    )


def alone(case: Case, order: Command) -> Decision | None:
    """Completing for which the policy wants two persons: the first one's order is their word, the second one's acts."""
    if TwoPersons.COMPLETE not in case.policy.two_persons:
        return None
    if any(approval.actor != order.actor for approval in given(case, PPM_ALL)):
        return None
    approved = _approved(case, order, PPM_ALL)
    app = case.rollout.key.app
    text = (
        f"completing needs two persons: {order.actor} is the first; another one says stagedrollout complete {app}"
        f" before {approved.until:%Y-%m-%d %H:%M} UTC"
    )
    return Decision(
        DecisionKind.HOLD,
        (Reason(AWAITED, text),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), approved),
    )


def not_the_step(order: Command, target: int) -> str:
    """Why the step that a person named is not the one that comes next; "" where it is, or none was named."""
    if order.to_ppm is None or order.to_ppm == target:
        return ""
    return (
        f"the next step is to {percent_text(target)}, not to {percent_text(order.to_ppm)}: nothing is skipped"
    )


def next_step(case: Case) -> int | None:
    return case.policy.next_share(case.rollout.key.store, case.rollout.exposure_ppm)


def lacking_words(case: Case, target: int, lacking: tuple[ApprovalTerms, ...]) -> str:
    """What is still asked for, and who has agreed."""
    agreed = given(case, target)
    has = f"; agreed: {', '.join(a.words for a in agreed)}" if agreed else ""
    return f"the step to {percent_text(target)} asks for {'; '.join(one.words for one in lacking)}{has}"


def _asks(case: Case, target: int, lacking: tuple[ApprovalTerms, ...]) -> str:
    key = case.rollout.key
    how = f"stagedrollout approve {key.app} --store {key.store.value}"
    return f"{lacking_words(case, target, lacking)}: {how}"


def _second_person_wanted(case: Case, target: int) -> bool:
    return target == PPM_ALL and TwoPersons.COMPLETE in case.policy.two_persons


def _still_missing(case: Case, order: Command, target: int) -> str:
    lacking = not_agreed(case, target, by=order)
    return f"; still asked for: {'; '.join(one.words for one in lacking)}" if lacking else ""


def _given_by(case: Case, order: Command, target: int, terms: ApprovalTerms) -> Approval:
    until = case.now + terms.valid
    return Approval(order.actor, order.groups, target, case.assessment.worst, case.now, until, order.reason)


def _approved(case: Case, order: Command, target: int) -> facts.Approved:
    """For as long as the strictest of the stages says."""
    terms = case.policy.approvals_between(case.rollout.exposure_ppm, target) or (ApprovalTerms(),)
    until = case.now + min(one.valid for one in terms)
    verdict = case.assessment.worst.name
    return facts.Approved(order.actor, order.groups, order.reason, target, verdict, until, order.id)
