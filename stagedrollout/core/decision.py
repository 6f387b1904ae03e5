"""What to do now: one pure function over everything a pass knows, and the rules it asks in order.

Precedence is total (promise R11): human halt > machine halt > a halt on a linked store > freeze > human hold >
a newer release > human advance > schedule. The first rule that has an answer gives it. No rule raises without every
required gate saying PASS in this very pass, except where a person says so by name and with a reason. Where another
store leads, a raise of the schedule waits for it (rules/linked.py); and on the App Store, where silence raises, the
decision is completed by a brake (rules/brake.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import ActorKind, Mode
from stagedrollout.core.rules import (
    approving,
    beginning,
    brake,
    halts,
    holds,
    linked,
    overrides,
    phased,
    raises,
    standing,
    succession,
)

Rule = Callable[[Case], Decision | None]


def decide(case: Case) -> Decision:
    """The decision of this pass. Pure and total: the last rule always answers."""
    if consent := approving.consent_to_removal(case):
        return approving.with_consent(case, consent, decide(replace(case, order=None)))
    found = next(filter(None, (rule(case) for rule in RULES)))
    decision = brake.braked(case, linked.led(case, found))
    if case.mode is Mode.OBSERVE and decision.change and not _allowed_when_observing(case, decision):
        would = Reason("observe", "mode observe: nothing is sent")
        answers = decision.command if case.order else ""  # a start that waited was answered long ago
        return replace(decision, reasons=(*decision.reasons, would), change=None, command=answers)
    return decision


def _allowed_when_observing(case: Case, decision: Decision) -> bool:
    """A person's halt, be it the order itself or sent again because the store does not show it yet; and closing
    what we left open ourselves, for otherwise Apple would go on raising in our name."""
    by_hand = decision.kind is DecisionKind.HALT and decision.actor.kind is ActorKind.HUMAN
    window = case.rollout.window
    ours = window is not None and window.actor.kind is ActorKind.MACHINE
    return by_hand or (ours and decision.change is not None and decision.change.verb.brakes)


RULES: tuple[Rule, ...] = (
    standing.superseded,
    halts.human_halt,
    standing.closed,
    halts.wanted_halt,
    halts.machine_halt,
    overrides.barred,
    standing.observing,
    holds.hold_order,
    overrides.moved_on,
    linked.meanwhile,
    holds.lift_hold,
    standing.unfounded,
    standing.unsettled,
    overrides.set_policy_order,
    succession.no_way_back,
    beginning.resume_order,
    standing.halted,
    overrides.ignore_order,
    standing.completed,
    linked.elsewhere,
    beginning.start_order,
    beginning.prepare,
    holds.held_unstarted,
    succession.not_again,
    approving.approve_order,
    standing.not_steered,
    overrides.skip_bake_order,
    linked.awaited_start,
    standing.in_review,
    holds.frozen,
    holds.held,
    succession.held,
    raises.advance_order,
    phased.in_window,
    raises.doubtful_evidence,
    approving.before_apple,
    phased.following,
    raises.baking,
    raises.small_sample,
    phased.rested,
    raises.closed_window,
    standing.set_back,
    approving.awaited,
    raises.next_stage,
)
