"""A rollout is what its journal says: fold the facts, in order, and nothing else (promise R16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import singledispatch
from typing import Any

from stagedrollout.core import facts, link_facts
from stagedrollout.core.approval import for_removal
from stagedrollout.core.assessment import Suspicion
from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.facts import Drift, Fact
from stagedrollout.core.fold_acts import decided, new_run, settled
from stagedrollout.core.fold_overrides import overridden
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Comparison
from stagedrollout.core.lifecycle import Halt, Hold, Landing, Rollout
from stagedrollout.core.model import SOMEBODY, UNKNOWN_ACTOR, ActorKind, ReleaseStatus, RolloutKey, Store
from stagedrollout.core.ordered import Ordered
from stagedrollout.core.phasing import LATE_WRITE, StepWindow, next_share
from stagedrollout.core.units import PPM_ALL


def fold(key: RolloutKey, history: tuple[tuple[Fact, datetime], ...]) -> Rollout | None:
    """The rollout that a journal describes; None for an empty one. The first fact is its discovery."""
    rollout: Rollout | None = None
    for fact, at in history:
        rollout = begin(key, fact, at) if rollout is None else apply(rollout, fact, at)
    return rollout


def begin(key: RolloutKey, fact: Fact, at: datetime) -> Rollout:
    if not isinstance(fact, facts.Discovered):
        raise ValueError(f"the journal of {key} does not begin with its discovery")
    return Rollout(
        key=key,
        release=fact.release,
        policy=fact.policy,
        choice=fact.choice,
        baseline=fact.baseline,
        found_at=at,
        run_since=hour_floor(at),
        changed_at=at,
    )


def extend(rollout: Rollout, more: tuple[Fact, ...], at: datetime) -> Rollout:
    for fact in more:
        rollout = apply(rollout, fact, at)
    return rollout


def apply(rollout: Rollout, fact: Fact, at: datetime) -> Rollout:
    """The rollout after one more fact."""
    return replace(_apply(fact, rollout, at), changed_at=at)


@singledispatch
def _apply(fact: Any, rollout: Rollout, at: datetime) -> Rollout:
    raise TypeError(f"no rule for {type(fact).__name__}")


@_apply.register
def _(fact: facts.Discovered, rollout: Rollout, at: datetime) -> Rollout:
    raise ValueError(f"{rollout.key} was discovered twice")


@_apply.register
def _(fact: facts.Started, rollout: Rollout, at: datetime) -> Rollout:
    draft = rollout.seen is not None and rollout.seen.status is ReleaseStatus.DRAFT
    return replace(
        rollout,
        steered=True,
        policy=fact.policy or rollout.policy,
        last=None,
        start_awaited=fact if draft and fact.actor.kind is ActorKind.HUMAN else None,
        known_bad=None if fact.known_bad else rollout.known_bad,
    )


@_apply.register
def _(fact: facts.Seen, rollout: Rollout, at: datetime) -> Rollout:
    awaited = rollout.start_awaited if fact.status is ReleaseStatus.DRAFT else None
    clocks = _phase_clocks(rollout, fact, at)
    changed = replace(rollout, seen=fact, gone=False, untold=False, start_awaited=awaited, **clocks)
    if changed.halt:
        beyond = fact.status is ReleaseStatus.COMPLETED and rollout.key.store is Store.APP_STORE
        confirmed = fact.stopped or (changed.halt.confirmed and not beyond)
        changed = replace(changed, halt=replace(changed.halt, confirmed=confirmed))
    return changed


def _phase_clocks(rollout: Rollout, seen: facts.Seen, at: datetime) -> dict[str, Any]:
    """The pause clock runs while the store reads paused; a window ends when it is no longer active."""
    paused = seen.status is ReleaseStatus.PAUSED
    active = seen.status is ReleaseStatus.IN_PROGRESS
    may_grow = active or seen.status is ReleaseStatus.UNKNOWN
    return {
        "pauses": rollout.pauses.begun(at) if paused else rollout.pauses.ended(at),
        "window": rollout.window if active else None,
        "pause_wanted_since": rollout.pause_wanted_since if may_grow else None,
        "pause_sent_at": None if paused else rollout.pause_sent_at,
    }


@_apply.register
def _(fact: facts.Identified, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, release=fact.release)


@_apply.register
def _(fact: facts.Stepped, rollout: Rollout, at: datetime) -> Rollout:
    return rollout  # what it changed stands in what was seen, and in what went live


@_apply.register
def _(fact: facts.Overtaken, rollout: Rollout, at: datetime) -> Rollout:
    halt = rollout.halt
    unconfirmed = replace(halt, confirmed=False) if halt else None
    return replace(rollout, halt=unconfirmed, window=None, let_go_at=None)


@_apply.register
def _(fact: facts.RemovalOrdered | facts.RemovalTold, rollout: Rollout, at: datetime) -> Rollout:
    return rollout  # the hold beside it is what counts, and later what is seen in the store


@_apply.register
def _(fact: facts.Lapsed, rollout: Rollout, at: datetime) -> Rollout:
    """Only what is old enough: a request that was sent since may still be on its way."""
    old = at - LATE_WRITE
    return replace(
        rollout,
        let_go_at=None if rollout.let_go_at and rollout.let_go_at <= old else rollout.let_go_at,
        pause_sent_at=None
        if rollout.pause_sent_at and rollout.pause_sent_at <= old
        else rollout.pause_sent_at,
    )


@_apply.register
def _(fact: facts.Compared, rollout: Rollout, at: datetime) -> Rollout:
    if fact.since is None:
        return replace(rollout, baseline=fact.baseline)
    more = Comparison(fact.since, fact.baseline)
    return replace(rollout, baseline=fact.baseline, comparisons=(*rollout.comparisons, more))


@_apply.register
def _(fact: facts.TermsSet, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, terms=fact.terms, settings=fact.settings)


@_apply.register
def _(fact: facts.PauseWarned, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, warned_days=fact.days)


@_apply.register
def _(fact: facts.TakenUp, rollout: Rollout, at: datetime) -> Rollout:
    """Nothing was sent, so people have it as before: the bake begins again from here."""
    since = fact.since or at
    rests = rollout.seen is not None and rollout.seen.status is ReleaseStatus.PAUSED
    begun = new_run(rollout, since)
    if not rests:
        return begun
    return replace(begun, live_since=since, stages=(StageStart(since, rollout.live_ppm),))


@_apply.register
def _(fact: facts.WentLive, rollout: Rollout, at: datetime) -> Rollout:
    everyone, since = fact.exposure_ppm == PPM_ALL, fact.since or at
    return replace(
        rollout,
        run_since=_counted_from(rollout, hour_floor(since)),
        live_ppm=fact.exposure_ppm,
        live_since=since,
        stages=(*rollout.stages, StageStart(since, fact.exposure_ppm)),
        completed_at=since if everyone else None,
        approvals=for_removal(rollout.approvals),
        bake_skipped=None,
        earned_ppm=max(rollout.earned_ppm, min(fact.exposure_ppm, rollout.reaching_ppm)),
    )


def _counted_from(rollout: Rollout, hour: datetime) -> datetime:
    """The first hour of the run. One that was found by a clock that was ahead would begin after what people do with it;
    nothing comes before a first run that must not count again."""
    if rollout.live_since is not None:
        return rollout.run_since
    return hour if rollout.runs == 1 else max(rollout.run_since, hour)


@_apply.register
def _(fact: facts.Drifted, rollout: Rollout, at: datetime) -> Rollout:
    # what is live next is not what evidence had asked for
    left = for_removal(rollout.approvals)
    rollout = replace(rollout, reaching_ppm=0, drift=fact, untold=False, approvals=left)
    if fact.meaning is not Drift.UNKNOWN:
        rollout = replace(rollout, landing=Landing(fact.before, fact.after, at))
    match fact.meaning:
        case Drift.HALTED | Drift.LOWERED | Drift.WITHDRAWN if rollout.halt and not rollout.halt.confirmed:
            return rollout  # a halt that was wanted before stays wanted until the store shows it
        case Drift.WITHDRAWN if rollout.halt:
            return replace(rollout, closed=False)  # whose halt it is, and that it is told, stays as it was
        case Drift.HALTED | Drift.LOWERED | Drift.WITHDRAWN:
            confirmed = fact.after.stopped or fact.meaning is Drift.LOWERED
            who = UNKNOWN_ACTOR if fact.untold else SOMEBODY
            return replace(rollout, halt=Halt(who, _why_halted(fact), at, confirmed), closed=False)
        case Drift.RESUMED:
            begun = new_run(_preferred(rollout), fact.since or at)
            return replace(begun, window=_opened_by_hand(rollout, fact.after, at))
        case Drift.RAISED if (
            rollout.halt and rollout.halt.confirmed and rollout.key.store is Store.GOOGLE_PLAY
        ):
            # it was lowered, which counted as a halt; a person has taken that back
            return new_run(rollout, fact.since or at)
        case Drift.RAISED | Drift.ROLLED_OUT:
            return replace(_preferred(rollout), unknown_drift=False, setback=None)
        case Drift.UNKNOWN:
            if rollout.halt and fact.before.status is ReleaseStatus.WITHDRAWN:  # it may grow after all
                rollout = replace(rollout, halt=replace(rollout.halt, confirmed=False))
            return replace(rollout, unknown_drift=True, gone=fact.after == facts.NOWHERE, closed=False)


def _preferred(rollout: Rollout) -> Rollout:
    """Who lets it grow in the console has decided between it and a newer one that waits."""
    return replace(rollout, set_aside=rollout.newer.release.id) if rollout.newer else rollout


def _why_halted(drifted: facts.Drifted) -> str:
    where = "while the journal's end was lost" if drifted.untold else "in the console"
    if drifted.meaning is Drift.WITHDRAWN:
        return drifted.after.status_word
    if drifted.before == drifted.after:
        return f"{drifted.meaning.words} {where}"
    return f"{drifted.meaning.words} {where}: {drifted.words}"


@_apply.register
def _(fact: facts.JournalAccepted, rollout: Rollout, at: datetime) -> Rollout:
    """The next decision is a new one, also where it is the same as the last that is left; and the next look is written down,
    also where it shows what is left: whatever comes after that is not what was lost."""
    return replace(rollout, untold=True, last=None)


@_apply.register
def _(fact: facts.Returned, rollout: Rollout, at: datetime) -> Rollout:
    """A halt that the store has never shown is still wanted; one that it has is remembered."""
    halt = rollout.halt
    return replace(
        new_run(rollout, fact.since or at),
        superseded_by="",
        closed=False,
        gone=False,
        steered=False,
        start_awaited=None,
        intent=None,
        halt=halt if halt and not halt.confirmed else None,
        known_bad=rollout.bad,
        landing=Landing(fact.before, fact.after, at),
        drift=None,
        newer=None,
        set_aside="",
    )


@_apply.register
def _(fact: facts.NewerWaits, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, newer=fact)


@_apply.register
def _(fact: facts.SetAside, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, set_aside=fact.release.id)


def _opened_by_hand(rollout: Rollout, seen: facts.Seen, at: datetime) -> StepWindow | None:
    """Who resumes a phased release in the console wants its next step: new floor, and a window as if ordered."""
    if rollout.key.store is not Store.APP_STORE or seen.status is not ReleaseStatus.IN_PROGRESS:
        return None
    return StepWindow(at, next_share(seen.exposure_ppm), SOMEBODY)


@_apply.register
def _(fact: facts.Suspected, rollout: Rollout, at: datetime) -> Rollout:
    others = tuple(s for s in rollout.suspicions if s.gate != fact.gate)
    now = Suspicion(fact.gate, fact.count, fact.counted_at, fact.sample, fact.newest)
    return replace(rollout, suspicions=(*others, now))


@_apply.register
def _(fact: facts.Cleared, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, suspicions=tuple(s for s in rollout.suspicions if s.gate != fact.gate))


@_apply.register
def _(fact: facts.WentBlind, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, blind_since=rollout.blind_since or at)


@_apply.register
def _(fact: facts.SawAgain, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, blind_since=None)


_apply.register(facts.Decided, decided)
_apply.register(facts.Settled, settled)
_apply.register(facts.Approved, overridden)
_apply.register(facts.ApprovalsLapsed, overridden)
_apply.register(facts.BakeSkipped, overridden)
_apply.register(facts.LeftAlone, overridden)
_apply.register(facts.PolicySet, overridden)
_apply.register(facts.Acknowledged, overridden)
_apply.register(facts.PressRefused, overridden)


@_apply.register
def _(fact: facts.Commanded, rollout: Rollout, at: datetime) -> Rollout:
    answered = rollout.halt.at if rollout.halt and fact.accepted else rollout.answered
    return replace(
        rollout, taken=(*rollout.taken[-19:], fact.command), answered=answered, ordered=Ordered(fact, at)
    )


@_apply.register
def _(fact: facts.Held, rollout: Rollout, at: datetime) -> Rollout:
    halt = None if rollout.never_out else rollout.halt  # it was held back before there was anything to halt
    return replace(rollout, hold=Hold(fact.actor, fact.reason, fact.until), halt=halt)


@_apply.register
def _(fact: facts.HoldEnded, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, hold=None, unknown_drift=False)


@_apply.register
def _(fact: facts.IssuesRead, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, issues=fact, issues_at=at)


@_apply.register
def _(fact: facts.Superseded, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, superseded_by=fact.by, intent=None, drift=None, start_awaited=None)


@_apply.register
def _(fact: facts.LineStopped, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, line=fact)


@_apply.register
def _(fact: facts.LineFreed, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, line=None)


@_apply.register
def _(fact: facts.Closed, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, closed=True)


@_apply.register(link_facts.Linked)
@_apply.register(link_facts.Unlinked)
@_apply.register(link_facts.LinkHeld)
@_apply.register(link_facts.LinkAnswered)
@_apply.register(link_facts.LinkHolds)
def _(fact: link_facts.LinkFact, rollout: Rollout, at: datetime) -> Rollout:
    return replace(rollout, link=rollout.link.knowing(fact))
