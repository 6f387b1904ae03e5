"""Stopping: a person's halt, a halt the store does not show yet, and the machine's own."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason, Verdict
from stagedrollout.core.case import Case, Decision, refuse, taken, turned_down
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import NOT_HALTED
from stagedrollout.core.lifecycle import Halt
from stagedrollout.core.model import Change, Command, CommandVerb, ReleaseStatus, Verb
from stagedrollout.core.policy import OnUnknown
from stagedrollout.core.reading_back import STALE_READ
from stagedrollout.core.rules import overrides
from stagedrollout.core.units import duration_text

KEPT_BACK = "nobody has got it: it is held, and does not go out until somebody resumes it"


def human_halt(case: Case) -> Decision | None:
    order = case.ordered(CommandVerb.HALT)
    if order is None:
        return None
    if case.rollout.seen and case.rollout.seen.status is ReleaseStatus.DRAFT and not _may_be_out(case):
        if case.rollout.start_awaited:
            return _kept_back(order)
        return refuse(case, "draft", "it is a draft: nobody has it, and there is nothing to halt")
    if case.final:
        return refuse(case, "final", FINAL)
    reason = Reason("human_halt", order.reason)
    return Decision(
        DecisionKind.HALT,
        (reason,),
        actor=order.actor,
        change=_halt_change(case),
        command=order.id,
        also=(taken(order, "halting"),),
    )


def _kept_back(order: Command) -> Decision:
    """Nobody has it, but it is to go out by itself once it is its turn: who wants it halted wants that no more."""
    text = "nobody has it yet: it is held, and does not go out when it is its turn, until somebody resumes it"
    return Decision(
        DecisionKind.HOLD,
        (Reason("human_hold", f"held by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, text), facts.Held(order.actor, order.reason, None)),
    )


def _may_be_out(case: Case) -> bool:
    """Whether it may be more than the draft that the last look showed: by a change of ours that is open, or because a
    halt of what people had is still being brought about; a second order of it is not told that there is nothing."""
    halt = case.rollout.halt
    return case.rollout.intent is not None or (halt is not None and not halt.confirmed)


def wanted_halt(case: Case) -> Decision | None:
    """A halt that the store does not show yet is sent again until it does (promise R4)."""
    halt = case.rollout.halt
    if halt is None or halt.confirmed:
        return None
    if case.ordered(CommandVerb.RESUME) and case.rollout.intent is None and overrides.is_meant(case):
        return None  # a person may take back a halt that the store will not grant
    also = turned_down(case, "a halt is still being brought about")
    if _came_before_it(case, halt):
        return _held_instead(halt, also)
    if case.final:
        return _unstoppable((Reason(NOT_HALTED, f"{FINAL} ({halt.reason})"),), also)
    reason = Reason(NOT_HALTED, f"the store does not show the halt yet ({halt.reason})")
    return Decision(DecisionKind.HALT, (reason,), actor=halt.actor, change=_halt_change(case), also=also)


def _came_before_it(case: Case, halt: Halt) -> bool:
    """A halt of what was just being started, which has not gone out, and by now will not any more. It is a person's: the
    machine halts nothing that nobody has."""
    settled = case.found is not None and case.rollout.intent is None and case.now - halt.at >= STALE_READ
    return settled and case.rollout.never_out


def _held_instead(halt: Halt, also: tuple[facts.Fact, ...]) -> Decision:
    """No store shows a halt of what nobody has: it is kept from going out, which is what the person wants."""
    held = facts.Held(halt.actor, halt.reason, None)
    reason = Reason("human_hold", f"{KEPT_BACK} (halted by {halt.actor}: {halt.reason})")
    return Decision(DecisionKind.HOLD, (reason,), actor=halt.actor, also=(held, *also))


def machine_halt(case: Case) -> Decision | None:
    if not _can_fail(case):
        return None
    reasons = case.assessment.reasons(Verdict.FAIL) or _blind_too_long(case)
    if not reasons:
        return None
    also = turned_down(case, f"it is failing: {'; '.join(reason.text for reason in reasons)}")
    if case.final:
        return _unstoppable((*reasons, Reason("final", FINAL)), also)
    return Decision(DecisionKind.HALT, reasons, change=_halt_change(case), also=also)


FINAL = "the App Store cannot stop a completed release any more: ship a higher version"


def _unstoppable(reasons: tuple[Reason, ...], also: tuple[facts.Fact, ...]) -> Decision:
    """It must stop, and no store has a way to do it: that is said, and nothing is sent."""
    return Decision(DecisionKind.HALT, reasons, also=also)


def _can_fail(case: Case) -> bool:
    """Somebody can get it: it was live and is not stopped. A draft or a release in review cannot fail."""
    rollout = case.rollout
    if rollout.ignored or rollout.live_since is None:
        return False
    stopped = rollout.seen is not None and rollout.seen.status is ReleaseStatus.HALTED
    return not stopped and not (rollout.halt and rollout.halt.confirmed and not rollout.still_served)


def _blind_too_long(case: Case) -> tuple[Reason, ...]:
    unknown, since = case.policy.unknown_data, case.rollout.blind_since
    if unknown.action is not OnUnknown.HALT or since is None or case.now - since < unknown.after:
        return ()
    if not case.assessment.blind:
        return ()  # they came back in this very pass
    return (
        Reason("blind", f"no usable data for {duration_text(case.now - since)}, and the policy says halt"),
    )


def _halt_change(case: Case) -> Change:
    return Change(Verb.HALT, case.rollout.release.id, case.rollout.exposure_ppm)
