"""From what a pass found out to the facts it writes down: only what is new is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.apple_drift import PAUSED_WORD, shown
from stagedrollout.core.approval import REMOVAL, in_force, outdated
from stagedrollout.core.assessment import Assessment, Suspicion
from stagedrollout.core.case import Decision, refused
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import Fact, Seen
from stagedrollout.core.fold import apply
from stagedrollout.core.lifecycle import Intent, Rollout
from stagedrollout.core.model import Outcome, ReleaseStatus, Settlement, StoreState, Unread, Verb
from stagedrollout.core.reading_back import confirms, may_be_old


def of_assessment(rollout: Rollout, assessment: Assessment) -> tuple[Fact, ...]:
    """Gates that became suspicious or were cleared, and required signals that went dark or came back."""
    before = {s.gate: s for s in rollout.suspicions}
    after = {s.gate: s for s in assessment.suspicions}
    reasons = {j.gate.name: j.reason for j in assessment.judgements}
    news: list[Fact] = [
        facts.Suspected(s.gate, s.count, s.counted_at, reasons[s.gate], s.sample, s.newest)
        for s in assessment.suspicions
        if s.gate not in before or _grown(before[s.gate], s)
    ]
    news += [facts.Cleared(gate) for gate in before if gate not in after]
    if assessment.blind and rollout.blind_since is None:
        news.append(facts.WentBlind(assessment.blind))
    elif not assessment.blind and rollout.blind_since is not None:
        news.append(facts.SawAgain())
    return tuple(news)


def _grown(before: Suspicion, after: Suspicion) -> bool:
    """Counted once more; or, which reviews and a team's own values need, confirmed to stand."""
    told_what = after.sample > 0 or after.newest is not None
    renewed = told_what and before.counted_at != after.counted_at
    return before.count != after.count or renewed


def of_approvals(rollout: Rollout, assessment: Assessment, now: datetime) -> tuple[Fact, ...]:
    """What people had allowed is void: its time is over, or the evidence says worse than it did then."""
    given = [one for one in rollout.approvals if one.target_ppm != REMOVAL]
    if not given:
        return ()
    worse = [a for a in given if outdated(a, assessment.worst)]
    if worse:
        was = worse[0].verdict.name
        return (
            facts.ApprovalsLapsed(f"given while the evidence said {was}; it says {assessment.worst.name}"),
        )
    return () if in_force(given, now) else (facts.ApprovalsLapsed("their time has run out"),)


def of_pauses(rollout: Rollout, now: datetime) -> tuple[Fact, ...]:
    """How much of Apple's pause-days is spent, told once for each of the warnings that comes due."""
    due = rollout.pauses.warning(now)
    told = rollout.finished or rollout.completed_at or due <= rollout.warned_days
    return () if told else (facts.PauseWarned(due),)


def of_decision(
    rollout: Rollout, decision: Decision, seen: str, weighed: facts.Weighed | None = None
) -> tuple[Fact, ...]:
    """The decision and what comes with it. The same decision for the same causes is written once.

    `seen` is the fingerprint of the store it was made on, `weighed` the evidence.
    """
    if decision.command and refused(decision):
        return decision.also
    change = decision.change
    decided = facts.Decided(
        decision=decision.kind,
        reasons=decision.reasons,
        actor=decision.actor,
        command=decision.command,
        intent=intent_key(rollout, decision) if change else "",
        verb=change.verb if change else None,
        target_ppm=change.exposure_ppm if change else rollout.exposure_ppm,
        seen=seen,
        without_evidence=any(isinstance(f, facts.Commanded) and f.without_evidence for f in decision.also),
        weighed=weighed,
    )
    if change is None and not decision.command and _signature(rollout.last) == _signature(decided):
        return decision.also
    return (*_before(decision), decided, *_after(decision))


def _before(decision: Decision) -> tuple[Fact, ...]:
    return tuple(fact for fact in decision.also if not isinstance(fact, facts.PolicySet))


def _after(decision: Decision) -> tuple[Fact, ...]:
    """What lets everything be counted anew: the decision itself was made on what had been counted until then, and comes out
    again only by that."""
    return tuple(fact for fact in decision.also if isinstance(fact, facts.PolicySet))


def intent_key(rollout: Rollout, decision: Decision) -> str:
    """Unique for ever: the how-manieth change of which rollout this is."""
    verb = decision.change.verb.value if decision.change else "none"
    return name_of_the_next_act(rollout, verb, decision.command)


def name_of_the_next_act(rollout: Rollout, verb: str, command: str) -> str:
    return f"{rollout.key}/{rollout.acts + 1}/{verb}" + (f"/{command}" if command else "")


def halts_in_vain(rollout: Rollout, told: tuple[Fact, ...]) -> bool:
    """Whether the daemon was to halt or pause by itself what, as `rollout` tells by now, is halted and shown so: the halt is
    whose it was, and nobody is told of another one. What a person orders is theirs."""
    by_itself = any(
        isinstance(fact, facts.Decided)
        and fact.intent
        and not fact.command
        and fact.verb is not None
        and fact.verb.brakes
        for fact in told
    )
    return by_itself and rollout.halt is not None and rollout.halt.confirmed


def of_outcome(rollout: Rollout, intent: str, outcome: Outcome) -> tuple[Fact, ...]:
    """What the store said. An outcome in doubt stays open: the next look settles it, nothing else."""
    pending = rollout.intent
    if pending is None or pending.key != intent:
        return ()  # a halt took over meanwhile; its own outcome counts
    state = outcome.state
    found = None if isinstance(state, Unread) else shown(rollout, state)
    at = state.as_of
    seen = Seen.of(found) if found is not None else None
    if outcome.settlement is Settlement.ALREADY and pending.verb is Verb.PAUSE:
        return _paused_by_others(rollout, pending, outcome.detail, state, at)
    own = seen is not None and not (
        _too_easy(rollout, outcome, seen) or _completed_by_others(pending, outcome, seen)
    )
    if seen and own and confirms(rollout, pending, seen):
        return learn(replace(rollout, landing=None), state, at)  # read back: this look is no old one
    if outcome.settlement in (Settlement.IN_DOUBT, Settlement.CONFIRMED, Settlement.ALREADY):
        # Only what was seen in the store is confirmed; a mere claim stays in doubt until the next look.
        return (facts.Settled(intent, pending.verb, Settlement.IN_DOUBT, outcome.detail),)
    settlement = outcome.settlement
    if pending.verb is Verb.PREPARE and isinstance(state, Unread) and settlement is Settlement.REFUSED:
        settlement = Settlement.NOT_APPLIED  # we were turned away, which says nothing about the version
    settled = facts.Settled(intent, pending.verb, settlement, outcome.detail)
    return (settled, *learn(apply(rollout, settled, at), state, at))


def _paused_by_others(
    rollout: Rollout, pending: Intent, detail: str, state: StoreState | Unread, at: datetime
) -> tuple[Fact, ...]:
    """Nothing was sent, or nothing that took effect, and it is paused all the same: whoever did that meant it, so it is no
    pause of ours that the next evidence may end."""
    settled = facts.Settled(pending.key, pending.verb, Settlement.ALREADY, detail)
    if isinstance(state, Unread):
        return _told_to_be_paused(rollout, pending, settled)
    return (settled, *learn(apply(rollout, settled, at), state, at))


def _told_to_be_paused(rollout: Rollout, pending: Intent, settled: facts.Settled) -> tuple[Fact, ...]:
    """The store cannot be read, and answers a pause that it is paused. Where it was active when it was read last, and
    nothing of ours can have paused it since, that is as good as a look: noted now, before the answer to another pause of
    ours is lost and nobody can tell the two apart. Where an earlier one of ours may have landed, the next look tells."""
    before = rollout.seen
    active = before is not None and before.status is ReleaseStatus.IN_PROGRESS
    if before is None or not active or pending.earlier_pause or rollout.finished:
        return (replace(settled, settlement=Settlement.IN_DOUBT),)
    paused = replace(before, status=ReleaseStatus.PAUSED, status_word=PAUSED_WORD)
    return (settled, paused, facts.Drifted(facts.Drift.HALTED, before, paused))


def _completed_by_others(pending: Intent, outcome: Outcome, seen: Seen) -> bool:
    """The store has refused to let it go on, for everybody gets it: whoever completed it, it was no request of ours."""
    refused = pending.verb is Verb.RESUME and outcome.settlement is Settlement.REFUSED
    return refused and seen.status is ReleaseStatus.COMPLETED


def _too_easy(rollout: Rollout, outcome: Outcome, seen: Seen) -> bool:
    """Nothing was sent, because a look that may be old showed it halted already."""
    return outcome.settlement is Settlement.ALREADY and may_be_old(rollout, seen, outcome.state.as_of)


def _signature(decided: facts.Decided | None) -> object:
    if decided is None:
        return None
    causes = tuple((r.code, r.gate) for r in decided.reasons)
    return decided.decision, bool(decided.intent), decided.target_ppm, causes
