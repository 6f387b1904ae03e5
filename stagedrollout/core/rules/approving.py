"""Orders to approve, what waits for approval, and completing by two persons.

An approval raises nothing by itself. It takes part in the next decision, which still needs all the rest.
"""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core import facts
from stagedrollout.core.approval import REMOVAL, ApprovalTerms, missing
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, taken, turned_down
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import Command, CommandVerb, Store
from stagedrollout.core.policy import Completion
from stagedrollout.core.rules import phased
from stagedrollout.core.rules.agreement import (
    asked,
    given,
    not_agreed,
    second_person_missing,
    two_persons_complete,
    word_of,
)
from stagedrollout.core.units import PPM_ALL, percent_text

AWAITED = "approval"
"""The code of the reason for which a rollout waits for people to agree."""

SECOND_PERSON = "second_person"
"""The code of an order that is the first of two persons' word: what it wants is not done yet."""


def consent_to_removal(case: Case) -> Command | None:
    """The order, if it agrees that somebody else takes the app off sale. It is no order for the rollout."""
    order = case.ordered(CommandVerb.APPROVE)
    return order if order and order.to_ppm == REMOVAL and not order.barred else None


def with_consent(case: Case, order: Command, decision: Decision) -> Decision:
    """What is decided without the order, and the consent beside it: it is asked for where all else has failed, so nothing
    that is halted, complete or over is in its way. The policy that asks for it is the app's, not the rollout's."""
    if case.rollout.key.store is not Store.APP_STORE:
        refused = turned_down(case, "only on the App Store an app can be taken off sale from here")
        return replace(decision, also=(*decision.also, *refused))
    approved = _approved(case, order, REMOVAL)
    text = (
        f"{order.actor} agrees that somebody else takes the app off sale,"
        f" until {approved.until:%Y-%m-%d %H:%M} UTC"
    )
    return replace(decision, also=(*decision.also, taken(order, text), approved))


def approve_order(case: Case) -> Decision | None:
    """Allow the next step. Who names it must name the right one; where nobody is asked, that is said."""
    order = case.ordered(CommandVerb.APPROVE)
    if order is None:
        return None
    target = PPM_ALL if order.to_ppm == PPM_ALL else next_step(case)
    if target is None:
        return refuse(case, "last_stage", "it is as far as the policy goes: there is nothing to approve")
    if against := not_the_step(order, target):
        return refuse(case, "other_stage", against)
    terms = asked(case, target)
    step = f"the step to {percent_text(target)}"
    if not (terms or _second_person_wanted(case, target)):
        return refuse(case, "no_approval", f"{step} asks for no approval")
    if terms and not any(one.counts(word_of(case, order, target, one)) for one in terms):
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


def before_apple(case: Case) -> Decision | None:
    """`follow`: Apple takes the next step by itself, so nothing but a pause keeps it until people have agreed."""
    return awaited(case) if phased.follows(case) else None


def awaited(case: Case) -> Decision | None:
    target = next_step(case)
    lacking = () if target is None else (*not_agreed(case, target), *_two_persons_missing(case, target))
    if target is None or not lacking:
        return None
    return Decision(DecisionKind.HOLD, (Reason(AWAITED, _asks(case, target, lacking)),))


def _two_persons_missing(case: Case, target: int) -> tuple[ApprovalTerms, ...]:
    """The app's own policy leaves completing to two persons, and the one that steers does it by itself: then it waits for
    both their words."""
    by_itself = case.policy.completion is Completion.AUTOMATIC
    if not (by_itself and _second_person_wanted(case, target)):
        return ()
    both = ApprovalTerms(count=2)
    return (both,) if missing(both, given(case, target)) else ()


def alone(case: Case, order: Command) -> Decision | None:
    """Completing for which the policy wants two persons: the first one's order is their word, the second one's acts."""
    if not second_person_missing(case, PPM_ALL, order):
        return None
    approved = _approved(case, order, PPM_ALL)
    app = case.rollout.key.app
    text = (
        f"completing needs two persons: {order.actor} is the first; another one says stagedrollout complete {app}"
        f" before {approved.until:%Y-%m-%d %H:%M} UTC"
    )
    return Decision(
        DecisionKind.WAIT,
        (Reason(SECOND_PERSON, text),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), approved),
    )


def own_word(case: Case, order: Command, target: int) -> tuple[facts.Fact, ...]:
    """Who raises it by hand past a stage that asks has agreed, for the passes that follow as well."""
    terms = asked(case, target)
    counts = order.approves and any(one.counts(word_of(case, order, target, one)) for one in terms)
    return (_approved(case, order, target),) if counts else ()


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
    return target == PPM_ALL and two_persons_complete(case)


def _still_missing(case: Case, order: Command, target: int) -> str:
    """Of each stage that the step crosses, as many words as are wanted beside those there are and this one."""
    lacking = not_agreed(case, target, by=order)
    agreed = [(*given(case, target), word_of(case, order, target, one)) for one in lacking]
    left = [f"{missing(one, has)} of {one.words}" for one, has in zip(lacking, agreed, strict=True)]
    return f"; still asked for: {'; '.join(left)}" if left else ""


def _approved(case: Case, order: Command, target: int) -> facts.Approved:
    """For as long as the strictest of the stages says."""
    terms = asked(case, target) or (ApprovalTerms(),)
    until = case.now + min(one.valid for one in terms)
    verdict = case.assessment.worst.name
    return facts.Approved(order.actor, order.groups, order.reason, target, verdict, until, order.id)
