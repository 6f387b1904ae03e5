"""What our own acts make of a rollout: a decision, what became of it in the store, and a run that begins anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.approval import for_removal
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.hours import hour_ceil
from stagedrollout.core.judgement import NOT_HALTED
from stagedrollout.core.lifecycle import Halt, Intent, Landing, Rollout, Setback
from stagedrollout.core.model import ActorKind, Settlement, Store, Verb
from stagedrollout.core.phasing import StepWindow

ON_PEOPLE = frozenset({"approval", "inconclusive_ask", "by_hand"})
"""Codes of the reasons for which a rollout goes on only when a person says so."""


def decided(fact: facts.Decided, rollout: Rollout, at: datetime) -> Rollout:
    changed = replace(rollout, last=fact, asks_since=_asks_since(fact, rollout, at))
    if fact.intent and fact.verb:
        intent = Intent(
            fact.intent,
            fact.verb,
            fact.target_ppm,
            rollout.seen,
            at,
            fact.actor,
            fact.without_evidence,
            earlier_pause=rollout.pause_sent_at,
            earlier_let_go=rollout.let_go_at,
        )
        under_way = rollout.intent is not None and _lets_go(rollout, rollout.intent.verb)
        lets_go = under_way or _lets_go(rollout, fact.verb)
        changed = replace(
            changed,
            intent=intent,
            acts=rollout.acts + 1,
            let_go_at=at if lets_go else rollout.let_go_at,  # what this takes over from was sent until now
            start_awaited=None if fact.verb is Verb.START else rollout.start_awaited,
            reaching_ppm=_reaching(rollout, fact),
        )
    pausing = fact.verb is Verb.PAUSE and bool(fact.intent)
    changed = replace(
        changed,
        pause_wanted_since=(rollout.pause_wanted_since or at) if pausing else None,
        pause_sent_at=at if fact.intent and _pauses(rollout, fact.verb) else rollout.pause_sent_at,
    )
    if fact.decision is DecisionKind.HALT and fact.intent:
        left = for_removal(rollout.approvals)
        changed = replace(changed, halt=_wanted(rollout.halt, fact, at), closed=False, approvals=left)
    return changed


_ON_EVIDENCE = (Verb.RAISE, Verb.STEP, Verb.COMPLETE)


def _reaching(rollout: Rollout, fact: facts.Decided) -> int:
    """Where evidence is raising it. A brake of ours on the App Store takes nothing back that Apple has begun."""
    if fact.verb in _ON_EVIDENCE and fact.actor.kind is ActorKind.MACHINE:
        return fact.target_ppm
    return rollout.reaching_ppm if fact.verb is Verb.PAUSE else 0


def _lets_go(rollout: Rollout, verb: Verb) -> bool:
    """Whether it takes effect on the App Store whenever it arrives, a pause meanwhile or not."""
    lets_go = verb in (Verb.STEP, Verb.RESUME, Verb.COMPLETE)
    return lets_go and rollout.key.store is Store.APP_STORE


def _pauses(rollout: Rollout, verb: Verb | None) -> bool:
    """Whether a release that reads paused soon after may be its doing: on the App Store a halt is a pause too."""
    return verb is Verb.PAUSE or (verb is Verb.HALT and rollout.key.store is Store.APP_STORE)


def _wanted(halt: Halt | None, fact: facts.Decided, at: datetime) -> Halt:
    """Sent again it is the same halt, also where that is told after the store has shown it, by a replica that was cut off; a
    person's order makes it theirs. Only the store can confirm it."""
    if halt is not None and halt.confirmed and _sends_again(fact):
        return halt
    if halt is None or halt.confirmed:
        return Halt(fact.actor, "; ".join(r.text for r in fact.reasons), at, confirmed=False)
    if not fact.command:
        return halt
    return Halt(fact.actor, "; ".join(r.text for r in fact.reasons), halt.at, confirmed=False)


def _sends_again(fact: facts.Decided) -> bool:
    """A halt, for no other cause than that the store had not shown it."""
    return bool(fact.reasons) and all(reason.code == NOT_HALTED for reason in fact.reasons)


def _asks_since(fact: facts.Decided, rollout: Rollout, at: datetime) -> datetime | None:
    """Whatever else happens to it meanwhile, and however often the same is decided with other numbers."""
    before = {reason.code for reason in rollout.last.reasons} if rollout.last else set()
    asks = {reason.code for reason in fact.reasons} & ON_PEOPLE
    return (rollout.asks_since if asks & before else at) if asks else None


def settled(fact: facts.Settled, rollout: Rollout, at: datetime) -> Rollout:
    if rollout.intent is None or rollout.intent.key != fact.intent:
        return rollout
    if fact.settlement is Settlement.IN_DOUBT:
        return _in_doubt(rollout, rollout.intent, fact, at)
    if fact.settlement is not Settlement.CONFIRMED:
        return _not_confirmed(rollout, fact, at)
    changed = replace(rollout, intent=None, setback=None, drift=None)
    if rollout.seen:
        changed = replace(changed, landing=Landing(rollout.intent.before, rollout.seen, at))
    if _lets_go(rollout, fact.verb):
        changed = replace(changed, let_go_at=None)
    if fact.verb is Verb.STEP:
        intent = rollout.intent
        opened = StepWindow(intent.opened_at, intent.target_ppm, intent.actor, intent.without_evidence)
        return replace(changed, window=opened)
    if fact.verb is Verb.HALT and changed.halt:
        return replace(changed, halt=replace(changed.halt, confirmed=True))
    if fact.verb is Verb.RESUME:
        return new_run(changed, fact.since or at)
    return changed


def _in_doubt(rollout: Rollout, intent: Intent, fact: facts.Settled, at: datetime) -> Rollout:
    """It may take effect late, counted from now: it was recorded before it was sent, and a process can stand still."""
    return replace(
        rollout,
        intent=replace(intent, in_doubt=True, said=fact.detail, lost_at=at),
        pause_sent_at=at if _pauses(rollout, fact.verb) else rollout.pause_sent_at,
        let_go_at=at if _lets_go(rollout, fact.verb) else rollout.let_go_at,
    )


def _setback(rollout: Rollout, intent: Intent | None, fact: facts.Settled, at: datetime) -> Setback | None:
    """What a raise that came to nothing leaves behind: a no, or one that was sent and had no effect."""
    sent_in_vain = fact.settlement is Settlement.NOT_APPLIED and intent is not None and intent.in_doubt
    if fact.verb.brakes or not (sent_in_vain or fact.settlement is Settlement.REFUSED):
        return rollout.setback
    said = (intent.said if intent and sent_in_vain else "") or fact.detail
    tries = rollout.setback.tries if rollout.setback else 0
    return Setback(fact.verb, fact.settlement, said, at, tries + 1)


def _not_confirmed(rollout: Rollout, fact: facts.Settled, at: datetime) -> Rollout:
    """What was not begun is not steered; what Apple will not phase is not asked for again and again."""
    refused = fact.settlement is Settlement.REFUSED
    slow = rollout.key.store is Store.APP_STORE and not refused  # Apple may take a day over it (section 6)
    still_a_draft = fact.verb is Verb.START and not slow
    unphased = fact.verb is Verb.PREPARE and refused
    unsent = _lets_go(rollout, fact.verb) and fact.settlement is not Settlement.PREEMPTED
    earlier = rollout.intent.earlier_let_go if rollout.intent else None
    done_by_none = (Settlement.ALREADY, Settlement.REFUSED)  # what was refused takes no effect late either
    ours = not _pauses(rollout, fact.verb) or fact.settlement not in done_by_none
    not_paused_by_us = None if ours else rollout.intent
    return replace(
        rollout,
        intent=None,
        pause_sent_at=not_paused_by_us.earlier_pause if not_paused_by_us else rollout.pause_sent_at,
        setback=_setback(rollout, rollout.intent, fact, at),
        steered=rollout.steered and not still_a_draft,
        no_phasing=fact.detail if unphased else rollout.no_phasing,
        reaching_ppm=0,
        let_go_at=earlier if unsent else rollout.let_go_at,
    )


def new_run(rollout: Rollout, since: datetime) -> Rollout:
    """A person takes the release up again: what was counted against it before does not count again."""
    return replace(
        rollout,
        halt=None,
        known_bad=None,
        unknown_drift=False,
        run_since=hour_ceil(since),
        runs=rollout.runs + 1,
        terms=None,
        settings=(),
        stages=(),
        live_since=None,
        completed_at=None,
        suspicions=(),
        setback=None,
        approvals=for_removal(rollout.approvals),
        bake_skipped=None,
        blind_since=None,
        last=None,
        window=None,
        reaching_ppm=0,
        earned_ppm=0,
        issues=None,
        issues_at=None,
    )
