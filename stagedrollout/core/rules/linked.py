"""One app on both stores: a halt on the other side holds this one, and the lead's evidence comes first.

Both rules only forbid. A halt of our own, a person's order to halt, and every brake are decided before them, or
as if they were not there.
"""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core import facts, link_facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, taken, wait
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.linking import LinkState
from stagedrollout.core.model import (
    STORE_NAMES,
    ActorKind,
    Change,
    CommandVerb,
    ReleaseStatus,
    ReviewState,
    Verb,
)
from stagedrollout.core.phasing import next_share
from stagedrollout.core.rules import beginning, brake, holds, succession
from stagedrollout.core.succession import staged_before
from stagedrollout.core.units import percent_text


def meanwhile(case: Case) -> Decision | None:
    """Who resumes cannot have meant a halt on the other store that became known only in this pass."""
    if case.ordered(CommandVerb.RESUME) is None:
        return None
    new = next((fact for fact in case.learned if isinstance(fact, link_facts.LinkHeld)), None)
    if new is None:
        return None
    text = f"{STORE_NAMES[new.store]} {new.release} was halted meanwhile, by {new.actor}: {new.reason}"
    return refuse(case, "linked_halt", f"{text}; if it is to go on all the same, order it again")


def elsewhere(case: Case) -> Decision | None:
    """Halted on the other store, or nobody knows: nothing is raised, and what Apple would raise is paused. What
    keeps a version from reaching everyone at once is done all the same."""
    cause = _cause(case)
    if cause is None:
        return None
    if case.ordered(CommandVerb.START) and not _unstarted(case):
        return None  # it is out already: to be looked after raises nothing
    if case.order:
        return refuse(case, cause.code, cause.text)
    prepared = beginning.prepare(case)
    return prepared if prepared and prepared.change else Decision(DecisionKind.HOLD, (cause,))


def outdated(case: Case, decision: Decision, link: LinkState) -> Reason | None:
    """Why the raise that was decided may not be sent any more, by what the other store's journals tell by now."""
    if decision.change and decision.change.verb is Verb.PREPARE:
        return None  # what keeps a version from reaching everyone at once is done all the same
    by_now = replace(case, rollout=replace(case.rollout, link=link))
    awaiting = led(by_now, decision)
    return _cause(by_now) or (None if awaiting.change else awaiting.reasons[-1])


def _unstarted(case: Case) -> bool:
    return case.status is ReleaseStatus.DRAFT


def _cause(case: Case) -> Reason | None:
    rollout, link = case.rollout, case.rollout.link
    if rollout.ignored:
        return None
    if link.holding:
        here = f"stagedrollout resume {rollout.key.app} --store {rollout.key.store.value}"
        how = f"a person answers that: {here}, or the same there"
        return Reason("linked_halt", f"{'; '.join(halt.text for halt in link.holding)}; {how}")
    knowingly = case.order is not None and case.order.without_evidence
    begun = rollout.steered or case.order is not None
    if link.seen and link.seen.unread and begun and not knowingly:
        return Reason("link_unread", f"not known whether it is halted on the other store: {link.seen.unread}")
    return None


def awaited_start(case: Case) -> Decision | None:
    """A person has started the draft, and it was not its turn: it goes out once it is, in the hours for raises."""
    wanted, found = case.rollout.start_awaited, case.found
    if wanted is None or case.order or found is None or found.status is not ReleaseStatus.DRAFT:
        return None
    forbidden = holds.frozen(case) or holds.held(case) or succession.held(case)
    forbidden = forbidden or succession.unforeseen(case, wanted)
    if forbidden:
        return forbidden
    if case.pacing and found.review is not ReviewState.APPROVED_NOT_PUBLISHED:
        return None
    first = beginning.first_share(case)
    window = case.window_to(first)
    if not window.open and case.rollout.link.permits(case.rollout.key.store, first):
        return wait("window", "outside the hours for raises", due=window.opens_at)
    return Decision(
        DecisionKind.START,
        (Reason("human_start", f"started by {wanted.actor}: {wanted.reason}"),),
        actor=wanted.actor,
        change=Change(Verb.START, case.rollout.release.id, first, _instead_of(case, wanted)),
        command=wanted.command,
    )


def _instead_of(case: Case, wanted: facts.Started) -> str:
    """The staged release whose place the person wanted it to take, while that is still there."""
    older = staged_before(case)
    return older.release.id if older and older.release.label == wanted.instead_of else ""


def led(case: Case, decision: Decision) -> Decision:
    """The decision, but nothing that the lead's evidence does not reach yet. A person may go ahead of it, by name:
    advance and complete do, and so does start --without-evidence; a plain start waits for its turn."""
    if decision.kind is DecisionKind.START:
        return _started_later(case, decision)
    if decision.change and not decision.change.verb.brakes and not decision.command:
        return _left_to_apple(case, _awaiting(case, decision))
    return _left_to_apple(case, decision)


def _awaiting(case: Case, decision: Decision) -> Decision:
    """WAIT instead of the raise, where it leads too far."""
    store, change = case.rollout.key.store, decision.change
    if change is None or change.exposure_ppm == 0 or case.rollout.link.permits(store, change.exposure_ppm):
        return decision  # a phased release that is only prepared is a brake
    return Decision(DecisionKind.WAIT, (_lead(case, change.exposure_ppm),))


def _started_later(case: Case, decision: Decision) -> Decision:
    """A person starts it, and the daemon rolls it out when it is its turn."""
    order, change = case.ordered(CommandVerb.START), decision.change
    if change is None or case.rollout.link.permits(case.rollout.key.store, change.exposure_ppm):
        return decision
    lead = _lead(case, change.exposure_ppm)
    if order is None:
        return Decision(DecisionKind.WAIT, (lead,))
    if order.without_evidence:
        return decision
    others = tuple(fact for fact in decision.also if not isinstance(fact, facts.Commanded))
    told = taken(order, f"started: it {lead.text}; start --without-evidence does not wait")
    return replace(
        decision,
        kind=DecisionKind.WAIT,
        reasons=(*decision.reasons, lead),
        change=None,
        also=(told, *others),
    )


def _left_to_apple(case: Case, decision: Decision) -> Decision:
    """HOLD instead of a wait in which Apple would go on in spite of a halt, or further than the lead's evidence; the
    brake then pauses it. Only a window that a person opened is theirs."""
    if not brake.goes_on(case, decision):
        return decision
    answered = any(isinstance(fact, link_facts.LinkAnswered) for fact in decision.also)
    cause = None if answered else _cause(case)
    if cause:
        return replace(decision, kind=DecisionKind.HOLD, reasons=(cause, *decision.reasons), due=None)
    if _by_person(case):
        return decision
    target = next_share(case.rollout.exposure_ppm)
    if case.rollout.link.permits(case.rollout.key.store, target):
        return decision
    return replace(
        decision, kind=DecisionKind.HOLD, reasons=(_lead(case, target), *decision.reasons), due=None
    )


def _by_person(case: Case) -> bool:
    window = case.rollout.window
    if window is None or window.actor.kind is ActorKind.MACHINE:
        return False
    opened = case.status is ReleaseStatus.IN_PROGRESS and case.now < window.closes_at
    return opened and case.rollout.exposure_ppm < window.target_ppm


def _lead(case: Case, target_ppm: int) -> Reason:
    link = case.rollout.link
    return Reason(
        "linked_lead", link.awaited(target_ppm) or f"waits at {percent_text(case.rollout.exposure_ppm)}"
    )
