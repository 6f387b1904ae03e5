"""Who has agreed to a step by now, and whose word it still needs."""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core.approval import Approval, ApprovalTerms, in_force, missing, outdated
from stagedrollout.core.case import Case
from stagedrollout.core.model import Command
from stagedrollout.core.policy import Policy, TwoPersons
from stagedrollout.core.units import PPM_ALL


def asked(case: Case, target: int) -> tuple[ApprovalTerms, ...]:
    """Whose words the step to `target` needs."""
    return asked_by(case.policy, case.own, case.rollout.exposure_ppm, target)


def asked_by(policy: Policy, own: Policy | None, exposure_ppm: int, target: int) -> tuple[ApprovalTerms, ...]:
    """By the policy that steers, and by the app's own: each stage of either that the step reaches or passes."""
    every = (policy, *((own,) if own else ()))
    return tuple(
        dict.fromkeys(terms for one in every for terms in one.approvals_between(exposure_ppm, target))
    )


def two_persons_complete(case: Case) -> bool:
    """Whether the policy that steers, or the app's own, wants two persons for the step to everyone."""
    every = (case.policy, *((case.own,) if case.own else ()))
    return any(TwoPersons.COMPLETE in one.two_persons for one in every)


def not_agreed(case: Case, target: int, by: Command | None = None) -> tuple[ApprovalTerms, ...]:
    """Which of the stages that this step crosses still lack somebody's word. Who orders it agrees, if their word counts."""
    terms = asked(case, target)
    own = [word_of(case, by, target, one) for one in terms] if by and by.approves else []
    return tuple(one for one in terms if missing(one, (*given(case, target), *own)))


def given(case: Case, target: int) -> tuple[Approval, ...]:
    """Who allows this step by now: whoever may do so still, and by what the evidence says now. A word for a farther step
    is none for this one. Where the evidence has become worse than it was for one of them, all of it is void, as the journal
    says in the same breath (news.py)."""
    if any(outdated(approval, case.assessment.worst) for approval in case.rollout.approvals):
        return ()
    standing = in_force(case.rollout.approvals, case.now)
    found = (approval for approval in standing if approval.target_ppm == target)
    return tuple(filter(None, (_by_now(case, approval) for approval in found)))


def second_person_missing(case: Case, target: int, order: Command) -> bool:
    """Whether it takes two persons, and whoever orders it is the first of them."""
    wanted = target == PPM_ALL and two_persons_complete(case)
    return wanted and all(approval.actor == order.actor for approval in given(case, target))


def word_of(case: Case, order: Command, target: int, terms: ApprovalTerms) -> Approval:
    until = case.now + terms.valid
    return Approval(order.actor, order.groups, target, case.assessment.worst, case.now, until, order.reason)


def _by_now(case: Case, approval: Approval) -> Approval | None:
    """The word of whoever is still listed, with the groups they are in now."""
    if not case.people.managed:
        return approval
    person = case.people.who_approves(approval.actor)
    return replace(approval, groups=person.groups) if person else None
