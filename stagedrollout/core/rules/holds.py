"""A person's hold and freezes: what forbids raising although the evidence might allow it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, answered_links, refuse, refuse_frozen, refuse_held, taken
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import CommandVerb
from stagedrollout.core.phasing import BUDGET, KEPT
from stagedrollout.core.rules import approving, phased, raises, succession
from stagedrollout.core.rules.succession import against_a_resume, in_favour_of_the_newer, set_aside
from stagedrollout.core.schedule import thaw
from stagedrollout.core.units import PPM_ALL


def hold_order(case: Case) -> Decision | None:
    """A rejection is a hold that also takes back what people had allowed."""
    rejected = case.ordered(CommandVerb.REJECT)
    order = rejected or case.ordered(CommandVerb.HOLD)
    if order is None:
        return None
    ends = case.now + order.hold_for if order.hold_for else None
    until = f" until {ends:%Y-%m-%d %H:%M} UTC" if ends else " until somebody resumes it"
    standing = case.hold
    if standing and ends and (standing.until is None or standing.until > ends):
        until = f"until {standing.until:%Y-%m-%d %H:%M} UTC" if standing.until else "with no end"
        text = f"it is held already {until} by {standing.actor}: {standing.reason}; who wants less resumes it first"
        return refuse(case, "held_longer", text)
    what = "rejected, and held" if rejected else "held"
    reason = Reason("human_hold", f"{what} by {order.actor}{until}: {order.reason}")
    held = facts.Held(order.actor, order.reason, ends)
    void = (
        (facts.ApprovalsLapsed(f"rejected by {order.actor}: {order.reason}", removal=True),)
        if rejected
        else ()
    )
    return Decision(
        DecisionKind.HOLD,
        (reason,),
        actor=order.actor,
        command=order.id,
        also=(taken(order, f"{what}{until}"), held, *void),
        due=ends,
    )


def lift_hold(case: Case) -> Decision | None:
    """`resume` on a release that is held, not halted: the hold goes, and by that alone nothing is raised."""
    order = case.ordered(CommandVerb.RESUME)
    if order is None or case.rollout.halt:
        return None
    aside = (
        set_aside(case, order) if case.rollout.steered else ()
    )  # of what nobody has started it says nothing
    answered = answered_links(case, order)
    held_by_hand = bool(case.rollout.hold or case.rollout.unknown_drift)
    if not (aside or held_by_hand or answered):
        problem = in_favour_of_the_newer(case) or against_a_resume(case)
        return refuse(case, problem.code, problem.text)
    lifted = (facts.HoldEnded(f"lifted by {order.actor}"),) if held_by_hand else ()
    what = (
        *(("the hold is lifted",) if held_by_hand or aside else ()),
        *(f"answered: {h.text}" for h in case.rollout.link.holding),
    )
    text = f"{'; '.join(what)}; the next raise still needs its evidence"
    return Decision(
        DecisionKind.WAIT,
        (Reason("hold_lifted", f"hold lifted by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), *lifted, *aside, *answered),
    )


def frozen(case: Case) -> Decision | None:
    freeze = case.window.freeze
    if freeze is None:
        return None
    if case.order:
        return refuse_frozen(case)
    reasons = (Reason(freeze.code, freeze.text), *_dear(case))
    return Decision(DecisionKind.HOLD, reasons, due=case.window.opens_at)


def spent(case: Case) -> tuple[Reason, ...]:
    """What to ask a person where something with no known end, such as a stopped line, keeps it paused and has spent
    Apple's pause-days."""
    left = BUDGET - case.rollout.pauses.at(case.now)
    if case.pacing is None or case.rollout.exposure_ppm >= PPM_ALL or left >= KEPT:
        return ()
    days = f"only {left.days} are left" if left > timedelta(0) else "none is left"
    text = (
        f"of Apple's {BUDGET.days} pause-days {days}, and then Apple may go on by itself; it stays paused, and a person"
        " decides: end what keeps it from being raised, halt it, or release it to everyone in App Store Connect"
    )
    return (Reason("freeze_ask", text),)


def _dear(case: Case) -> tuple[Reason, ...]:
    """What to ask a person where a freeze takes more of Apple's pause-days than it should; paused it is meanwhile."""
    if case.pacing is None or case.rollout.exposure_ppm >= PPM_ALL:
        return ()
    ends = thaw(case.policy.calendar, case.now)
    costs = ends - case.now if ends else timedelta(0)
    left = BUDGET - case.rollout.pauses.at(case.now) - costs
    if left >= KEPT:
        return ()
    until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "so far"
    days = f"would leave {left.days} of" if left > timedelta(0) else "takes all of"
    text = (
        f"pausing it for the freeze {until} {days} Apple's {BUDGET.days} pause-days, and then Apple may go on by itself;"
        " it stays paused, and a person decides: end the freeze where it is written, halt it, or release it to everyone"
        " in App Store Connect"
    )
    return (Reason("freeze_ask", text),)


def held_unstarted(case: Case) -> Decision | None:
    """A person's hold also stands on a release that nobody steers: on the App Store it would go on growing."""
    return None if case.rollout.steered else held(case)


def held(case: Case) -> Decision | None:
    hold = case.rollout.hold
    if hold is None:
        return None
    if case.hold is None:
        return None if case.order else _run_out(case)  # the pass after an order says that it is over
    if case.order:
        return refuse_held(case, hold)
    text = f"held by {hold.actor}: {hold.reason}"
    return Decision(DecisionKind.HOLD, (Reason("human_hold", text),), due=hold.until)


def _run_out(case: Case) -> Decision:
    """By that alone nothing is raised. Nor does it hide what else forbids growth: somebody may have let it go on in the
    App Store meanwhile, and there WAIT lets Apple step."""
    ended = facts.HoldEnded("its time has run out")
    later = (
        *(succession.held, phased.in_window, raises.doubtful_evidence),
        *(approving.before_apple, phased.following),
    )
    found = next(filter(None, (rule(case) for rule in later)), None) if case.rollout.steered else None
    if found and found.kind is DecisionKind.HOLD:
        return replace(found, also=(*found.also, ended))
    return Decision(DecisionKind.WAIT, (Reason("hold_ended", "the hold has run out"),), also=(ended,))
