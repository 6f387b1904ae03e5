"""Raising: on evidence, after the bake, inside the calendar, one stage; or because a person says so."""

from __future__ import annotations

from stagedrollout.core.assessment import Reason, Verdict
from stagedrollout.core.case import Case, Decision, refuse, taken, wait
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.gates import OnInconclusive
from stagedrollout.core.inconclusive import by_policy, overdue
from stagedrollout.core.model import Change, CommandVerb, ReleaseStatus, Verb
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Completion, Stay
from stagedrollout.core.rules import approving, phased
from stagedrollout.core.rules.agreement import not_agreed
from stagedrollout.core.schedule import bake_ends
from stagedrollout.core.units import PPM_ALL, duration_text, percent_text

_FORBID = (Verdict.FAIL, Verdict.CONTRADICTORY, Verdict.ERROR, Verdict.MISSING, Verdict.STALE)


def advance_order(case: Case) -> Decision | None:
    """A person may override waiting and a small sample by name; never a FAIL; doubt only knowingly."""
    order = case.ordered(CommandVerb.ADVANCE) or case.ordered(CommandVerb.COMPLETE)
    if order is None:
        return None
    worst = case.assessment.worst
    if worst is Verdict.FAIL or (worst in _FORBID and not order.without_evidence):
        why = "; ".join(reason.text for reason in case.assessment.reasons(worst))
        hint = "" if worst is Verdict.FAIL else " (--without-evidence overrides this, knowingly)"
        return refuse(case, worst.name.lower(), f"{worst.name}: {why}{hint}")
    target = PPM_ALL if order.verb is CommandVerb.COMPLETE else _next_share(case)
    if order.verb is CommandVerb.ADVANCE and target in (None, PPM_ALL):
        return refuse(case, "last_stage", "the next step is 100 %, which has a command of its own: complete")
    if order.verb is CommandVerb.ADVANCE and case.pacing and case.status is ReleaseStatus.IN_PROGRESS:
        return refuse(case, "apple", "Apple is about to raise it by itself; only complete would be sooner")
    target = target or PPM_ALL
    if against := approving.not_the_step(order, target):
        return refuse(case, "other_stage", against)
    if lacking := not_agreed(case, target, by=order):
        return refuse(case, approving.AWAITED, approving.lacking_words(case, target, lacking))
    if order.verb is CommandVerb.COMPLETE and (first := approving.alone(case, order)):
        return first
    kind = DecisionKind.COMPLETE if target == PPM_ALL else DecisionKind.ADVANCE
    reason = Reason(
        "human_advance", f"{order.verb.value} to {percent_text(target)} by {order.actor}: {order.reason}"
    )
    return Decision(
        kind,
        (reason, *_cited(case)),
        actor=order.actor,
        change=_raise_to(case, target),
        command=order.id,
        also=(taken(order, f"raising to {percent_text(target)}"), *approving.own_word(case, order, target)),
    )


def doubtful_evidence(case: Case) -> Decision | None:
    worst = case.assessment.worst
    if worst in _FORBID:
        return Decision(DecisionKind.HOLD, (*case.assessment.reasons(worst), *_for_long(case)))
    return None


def _for_long(case: Case) -> tuple[Reason, ...]:
    """What the policy promises to say aloud when it goes on holding."""
    since, after = case.rollout.blind_since, case.policy.unknown_data.after
    if since is None or not case.assessment.blind or case.now - since < after:
        return ()
    return (Reason("blind", f"no usable data for more than {duration_text(after)}"),)


def baking(case: Case) -> Decision | None:
    lasted = case.lasted
    if lasted is None:
        return wait("review", "waits for the store to publish it")
    if lasted >= _stay(case).bake or phased.follows(case) or case.rollout.bake_skipped:
        return None
    ends = bake_ends(_stay(case), case.now - lasted)
    at = percent_text(case.rollout.exposure_ppm)
    return wait("bake", f"bakes at {at} until {ends:%Y-%m-%d %H:%M} UTC", due=ends)


def small_sample(case: Case) -> Decision | None:
    """Too little is known to raise. Once the stage has lasted for its longest, the policy's choice decides."""
    waiting = _waiting(case)
    if not waiting or by_policy(case):
        return None
    if overdue(case) and case.assessment.inconclusive and not _advances(case):
        return Decision(DecisionKind.HOLD, (*waiting, _asks(case)))
    return Decision(DecisionKind.WAIT, waiting)


def _waiting(case: Case) -> tuple[Reason, ...]:
    """What is still too little; nothing once it is enough."""
    needed, got = _stay(case).min_sample, case.assessment.stage_sample
    if got < needed and not phased.follows(case):
        text = f"{got} settled sessions at this stage, {needed} needed"
        return (Reason("stage_sample", text, sample=got, sample_needed=needed),)
    insufficient = case.assessment.worst is Verdict.INSUFFICIENT
    return case.assessment.reasons(Verdict.INSUFFICIENT) if insufficient else ()


def _advances(case: Case) -> bool:
    gate = case.policy.evidence
    return gate is not None and gate.on_inconclusive is OnInconclusive.ADVANCE


def _asks(case: Case) -> Reason:
    """What becomes of a stage that has lasted for its longest without evidence either way."""
    lasted = f"inconclusive after {duration_text(_stay(case).max_bake)}"
    if case.policy.evidence and case.policy.evidence.on_inconclusive is OnInconclusive.HOLD:
        return Reason("inconclusive_hold", f"{lasted}; the policy goes on holding")
    app = case.rollout.key.app
    return Reason(
        "inconclusive_ask", f"{lasted}; a person decides: stagedrollout advance {app}, or halt {app}"
    )


def closed_window(case: Case) -> Decision | None:
    stepping = case.pacing is Pacing.GUARDED and _next_share(case) != PPM_ALL
    allowed = case.step_window
    if allowed.open:
        return None
    opens = f"{allowed.opens_at:%a %Y-%m-%d %H:%M} UTC" if allowed.opens_at else "no day within two years"
    hours = "hours for raises, Apple's day for its step included" if stepping else "hours for raises"
    return wait("window", f"outside the {hours}; the next begin {opens}", due=allowed.opens_at)


def next_stage(case: Case) -> Decision:
    """Everything is there: every required gate says PASS, in this pass. One stage, never two."""
    target = _next_share(case)
    if target is None:
        return wait("ceiling", f"{percent_text(case.rollout.exposure_ppm)} is as far as the policy goes")
    if phased.follows(case):
        change = Change(Verb.STEP, case.rollout.release.id, target)
        return Decision(DecisionKind.ADVANCE, _cited(case), change=change)
    if target < PPM_ALL:
        return Decision(DecisionKind.ADVANCE, _cited(case), change=_raise_to(case, target))
    if case.policy.completion is Completion.BY_HAND:
        text = "ready for 100 %; the policy leaves that to a person: stagedrollout complete"
        return Decision(DecisionKind.HOLD, (Reason("by_hand", text),))
    return Decision(DecisionKind.COMPLETE, _cited(case), change=_raise_to(case, PPM_ALL))


def _stay(case: Case) -> Stay:
    return case.policy.stay_at(case.rollout.key.store, case.rollout.exposure_ppm)


def _next_share(case: Case) -> int | None:
    return case.policy.next_share(case.rollout.key.store, case.rollout.exposure_ppm)


def _raise_to(case: Case, target_ppm: int) -> Change:
    """On the App Store a share cannot be set: Apple is let take its next step, or asked for everyone."""
    staged = Verb.STEP if case.pacing else Verb.RAISE
    return Change(Verb.COMPLETE if target_ppm == PPM_ALL else staged, case.rollout.release.id, target_ppm)


def _cited(case: Case) -> tuple[Reason, ...]:
    """What a raise stands on: what each required gate said in this pass, or the policy's named choice where the
    evidence is inconclusive; and beside it what is only shown."""
    stands = tuple(judgement.reason for judgement in case.assessment.required())
    return (*_choice(case), *stands, *case.assessment.advice)


def _choice(case: Case) -> tuple[Reason, ...]:
    if not by_policy(case) or case.assessment.worst is Verdict.PASS:
        return ()
    lasted = duration_text(_stay(case).max_bake)
    text = f"inconclusive after {lasted}, with nothing against it: the policy says on_inconclusive: advance"
    return (Reason("inconclusive_by_policy", text),)
