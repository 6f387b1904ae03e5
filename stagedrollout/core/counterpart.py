"""From the other store's rollouts to the facts that a linked rollout goes by: only what is new is news."""

from __future__ import annotations

from collections.abc import Iterator

from stagedrollout.core import facts, link_facts, override_facts
from stagedrollout.core.baseline import age_of
from stagedrollout.core.facts import DecisionKind, Drift, Fact
from stagedrollout.core.lifecycle import Halt, Rollout
from stagedrollout.core.linking import Link
from stagedrollout.core.model import STORE_NAMES, RolloutKey, Store, Verb


def may_match(link: Link, rollout: Rollout, key: RolloutKey) -> bool:
    """Whether the journal `key` of the other store may tell of the same version. Google Play knows a release by its
    code, so that its journal must be read to know."""
    return key.store is Store.GOOGLE_PLAY or link.same(rollout.release, key.release_id)


def matching(link: Link, rollout: Rollout, others: tuple[Rollout, ...]) -> tuple[Rollout, ...]:
    """Those of the other store's rollouts that are the same version, oldest build first."""
    same = [other for other in others if _same(link, rollout, other)]
    return tuple(sorted(same, key=lambda other: age_of(other.release.id)))


def _same(link: Link, one: Rollout, other: Rollout) -> bool:
    play, apple = (one, other) if one.key.store is Store.GOOGLE_PLAY else (other, one)
    return link.same(play.release, apple.release.version)


def of_link(
    rollout: Rollout,
    link: Link | None,
    others: tuple[Rollout, ...],
    unread: str = "",
    learned: tuple[Fact, ...] = (),
) -> tuple[Fact, ...]:
    """What the other store's rollouts (`others`, of all versions) bring; `unread`: why some of them are not known;
    `learned`: what this pass has just seen of the rollout itself.

    Nothing for a rollout that is over, or that nobody looks after.
    """
    if link is None:
        return (link_facts.Unlinked(),) if rollout.link.seen else ()
    if rollout.finished or rollout.ignored:
        return ()
    same = matching(link, rollout, others)
    seen = _look(link, same, unread)
    news: tuple[Fact, ...] = (seen,) if seen != rollout.link.seen else ()
    return (*news, *_held(rollout, same), *_answered(rollout, same, learned), *_holds(rollout, same))


def _look(link: Link, same: tuple[Rollout, ...], unread: str) -> link_facts.Linked:
    """The newest build of the version. Of a follower nothing more is asked than whether it is there."""
    newest = same[-1] if same else None
    leads = newest is not None and newest.key.store is link.lead
    return link_facts.Linked(
        lead=link.lead,
        after_ppm=link.after_ppm,
        release=newest.release.label if newest else "",
        steered=newest.steered if newest and leads else False,
        earned_ppm=newest.proven_ppm if newest and leads else 0,
        halted=newest.bad is not None if newest else False,
        superseded_by=newest.superseded_by if newest and leads else "",
        unread=unread,
    )


def _held(rollout: Rollout, same: tuple[Rollout, ...]) -> Iterator[Fact]:
    """Every halt that was not known here: one that the store does not show yet counts, and one of an older build; and
    one that a release was under before it was gone and came back, for nobody has taken it back."""
    for other in same:
        halt = other.bad
        if halt and not rollout.link.knows(str(other.key), halt.at):
            yield link_facts.LinkHeld(
                str(other.key), other.key.store, other.release.label, halt.actor, halt.reason, halt.at
            )


def _answered(rollout: Rollout, same: tuple[Rollout, ...], learned: tuple[Fact, ...]) -> Iterator[Fact]:
    """A halt that is over was undone by a person: nobody else undoes one (promise R9), and a release that is merely
    back in the store is known bad. And who resumes the held side in its console has answered as well (promise R10)."""
    resumed = {str(other.key) for other in same if other.bad is None}
    here = any(isinstance(fact, facts.Drifted) and fact.meaning is Drift.RESUMED for fact in learned)
    for held in rollout.link.holding:
        if held.by in resumed:
            why = f"it was resumed on {STORE_NAMES[held.store]}"
            yield link_facts.LinkAnswered(held.by, held.halted_at, why)
        elif here:
            yield link_facts.LinkAnswered(
                held.by, held.halted_at, "somebody resumed it here, in the store's console"
            )


def _holds(rollout: Rollout, same: tuple[Rollout, ...]) -> Iterator[Fact]:
    """What our own halt holds on the other store, once it is written down there."""
    halt = rollout.halt
    for other in same if halt else ():
        told = f"{other.key} {halt.at.isoformat()}" if halt else ""
        if _is_held_by(other, rollout, halt) and told not in rollout.link.told:
            yield link_facts.LinkHolds(told, other.key.store, other.release.label)


def _is_held_by(other: Rollout, rollout: Rollout, halt: Halt | None) -> bool:
    return any(
        held.by == str(rollout.key) and halt is not None and held.halted_at == halt.at
        for held in other.link.holding
    )


def concerns_the_other(before: Rollout, after: Rollout, link: Link | None) -> bool:
    """Whether the other store had better look at once: a halt, its end, or more evidence of the lead."""
    return link is not None and _goes_by(before) != _goes_by(after)


def _goes_by(rollout: Rollout) -> tuple[object, ...]:
    bad = rollout.bad
    held = tuple((h.by, h.halted_at) for h in rollout.link.holding)
    return (bad.at if bad else None), rollout.proven_ppm, held


def may_concern_the_other(fact: Fact) -> bool:
    """The same for whoever hears of one fact and does not know the rollout: never False where it changes what the other store
    goes by. What a store writes down only because it looked at the other one is none of these, but for a hold and its end: so
    two that hear each other come to rest."""
    match fact:
        case facts.Decided():
            return fact.decision is DecisionKind.HALT and bool(fact.intent)
        case facts.Settled():
            return fact.verb is Verb.RESUME
        case _:
            return isinstance(fact, _MAY_CONCERN)


_MAY_CONCERN = (
    *(facts.Started, facts.Drifted, facts.Held, facts.Returned, facts.TakenUp, facts.WentLive),
    override_facts.PolicySet,
    *(link_facts.LinkHeld, link_facts.LinkAnswered, link_facts.Unlinked),
)
