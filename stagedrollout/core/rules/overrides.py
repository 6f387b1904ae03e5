"""What else people may order of a release: to leave it alone, to steer it by another policy, not to wait for a bake.

And what every order is held against: the release as the person saw it. Who ordered something of what has changed since
is told so, and nothing is done.
"""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, taken
from stagedrollout.core.drift_words import by_whom
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import STOPPED
from stagedrollout.core.model import Command, CommandVerb, Expected
from stagedrollout.core.rules import phased
from stagedrollout.core.rules.agreement import not_agreed, second_person_missing
from stagedrollout.core.schedule import bake_ends
from stagedrollout.core.units import PPM_ALL, percent_text


def is_meant(case: Case) -> bool:
    """Whether the order is its person's to give, and of the release as it stands."""
    order = case.order
    return order is not None and not order.barred and not _moved(case, order)


def barred(case: Case) -> Decision | None:
    """Who may not order it is told so, and it stands in the journal that they tried."""
    order = case.order
    return refuse(case, "no_right", order.barred) if order and order.barred else None


def moved_on(case: Case) -> Decision | None:
    """A permissive order that was given by a state that is no more; a brake is one by whatever state."""
    why = _moved(case, case.order) if case.order else ""
    return refuse(case, "moved_on", why) if why else None


def _moved(case: Case, order: Command) -> str:
    rollout, saw = case.rollout, order.expects(case.rollout.release.id)
    if order.verb.brakes:
        return ""
    if saw is None:
        unseen = bool(order.expected) and not order.release and order.verb is not CommandVerb.START
        return (
            f"{rollout.release.label} was not known yet when that was ordered: name it with --release"
            * unseen
        )
    stands = _stands(rollout.exposure_ppm, halted=rollout.phase in STOPPED)
    by = f" ({by_whom(rollout.drift)})" if rollout.drift else ""
    if _saw(saw) != stands:
        return f"it was {_saw(saw)} when that was ordered, and is {stands} now{by}: look, and order again"
    if anew := _halted_anew(case, saw):
        return anew
    if saw.mark and saw.mark != rollout.mark:
        return f"it is {stands} as before{by}, and was halted, held, resumed or given another policy since: look, and order again"
    return ""


def _halted_anew(case: Case, saw: Expected) -> str:
    """Halted at the same share, and yet not by the halt that they saw: what they would lift is another one."""
    halt = case.rollout.halt
    if halt is None or saw.halted_at is None or saw.halted_at == halt.at:
        return ""
    when = f"{saw.halted_at:%Y-%m-%d %H:%M} UTC"
    return f"it was under the halt of {when} when that was ordered, and is {halt.words} now: look, and order again"


def _saw(saw: Expected) -> str:
    return _stands(saw.exposure_ppm, halted=saw.halted)


def _stands(exposure_ppm: int, *, halted: bool) -> str:
    return f"{'halted ' if halted else ''}at {percent_text(exposure_ppm)}"


def set_policy_order(case: Case) -> Decision | None:
    """Steer by another policy. What was counted was counted by the old one's terms: bake and evidence begin anew."""
    order, rollout = case.ordered(CommandVerb.SET_POLICY), case.rollout
    if order is None:
        return None
    if not order.policy:
        return refuse(case, "no_policy", "name the policy")
    if order.policy == rollout.policy:
        return refuse(case, "same_policy", f"it is steered by {order.policy} already")
    if rollout.completed_at:
        return refuse(case, "completed", "it is at 100 %: there is nothing left to steer")
    if against := _asks_others(case, order):
        return refuse(case, "asks_others", against)
    anew = rollout.live_since is not None and rollout.halt is None
    text = f"steered by {order.policy} from here{'; bake and evidence begin anew' if anew else ''}"
    return Decision(
        DecisionKind.HOLD if rollout.halt else DecisionKind.WAIT,
        (Reason("policy_set", f"policy {order.policy} set by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), facts.PolicySet(order.actor, order.reason, order.policy)),
    )


def _asks_others(case: Case, order: Command) -> str:
    """Nobody steps around those whom the policy asks by choosing another one."""
    target = case.policy.next_share(case.rollout.key.store, case.rollout.exposure_ppm)
    if target is None:
        return ""
    lacking = not_agreed(case, target, by=order)
    if lacking:
        wanted = "; ".join(one.words for one in lacking)
        return f"its policy asks for {wanted} before the next step: they approve that first, or reject it"
    if second_person_missing(case, PPM_ALL, order):
        return "its policy wants two persons to complete it: another one says approve --to 100 first"
    return ""


def ignore_order(case: Case) -> Decision | None:
    """Look after it no more. People who have it keep it, and on the App Store Apple goes on with what is active."""
    order, rollout = case.ordered(CommandVerb.IGNORE), case.rollout
    if order is None:
        return None
    if rollout.ignored:
        return refuse(case, "ignored", "it is left alone already")
    text = "left alone from here: neither raised nor watched, until somebody starts it"
    return Decision(
        DecisionKind.WAIT,
        (Reason("left_alone", f"left alone by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), facts.LeftAlone(order.actor, order.reason)),
    )


def skip_bake_order(case: Case) -> Decision | None:
    """Do not wait for the rest of this bake; evidence, sample, hours and approvals count as ever."""
    order, rollout = case.ordered(CommandVerb.SKIP_BAKE), case.rollout
    if order is None:
        return None
    stay = case.policy.stay_at(rollout.key.store, rollout.exposure_ppm)
    at = percent_text(rollout.exposure_ppm)
    if phased.follows(case):
        return refuse(case, "apple", "it follows Apple's clock: no bake of ours is waited for")
    if case.lasted is None or case.lasted >= stay.bake or rollout.bake_skipped:
        return refuse(case, "no_bake", f"no bake is waited for at {at}")
    ends = bake_ends(stay, case.now - case.lasted)
    text = f"the bake at {at} (until {ends:%Y-%m-%d %H:%M} UTC) is skipped; the next raise still needs its evidence"
    return Decision(
        DecisionKind.WAIT,
        (Reason("bake_skipped", f"bake at {at} skipped by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), facts.BakeSkipped(order.actor, order.reason, rollout.exposure_ppm)),
    )
