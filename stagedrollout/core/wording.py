"""What people are told: every fact worth a message becomes a Notice, every rollout a Board.

These are renderings of the same values that the journal and the log show; nothing is decided here. A
notice's key is made from what happened and when, so telling it twice is telling it once.
"""

from __future__ import annotations

from datetime import datetime
from functools import singledispatch
from typing import Any

from stagedrollout.core import facts, link_facts
from stagedrollout.core.apple_drift import COMPLETED_UNDATED
from stagedrollout.core.drift_words import drift_words
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.lifecycle import Halt, Phase, Rollout
from stagedrollout.core.line_words import of_freed, of_stopped
from stagedrollout.core.model import (
    SOMEBODY,
    STORE_NAMES,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    Store,
    Supersede,
)
from stagedrollout.core.notice import Board, Fact, Notice, NoticeKind
from stagedrollout.core.offering import offers_of
from stagedrollout.core.phasing import BUDGET
from stagedrollout.core.reading_back import STALE_READ
from stagedrollout.core.reviewing import FOR_A_PERSON, REVIEW_WORDS, halt_words
from stagedrollout.core.settlements import halted, of_hold, of_settlement, told_already
from stagedrollout.core.telling import (
    Telling,
    evidence,
    issue_words,
    issues_words,
    order_words,
    override,
    seen_notice,
    title,
)
from stagedrollout.core.units import percent_text

PHASE_WORDS = {
    Phase.WAITING: "waiting for somebody to start it",
    Phase.WAITING_FOR_REVIEW: "waiting for the store's review",
    Phase.ROLLING_OUT: "rolling out",
    Phase.HELD: "held",
    Phase.HALTED: "HALTED",
    Phase.NOT_HALTED: "NOT HALTED",
    Phase.COMPLETED: "completed",
    Phase.SUPERSEDED: "superseded",
}


def board(rollout: Rollout) -> Board:
    """Where the rollout stands, for the head of its thread and for `status`."""
    state = "waiting for its turn" if rollout.start_awaited else PHASE_WORDS[rollout.phase]
    told = [Fact("Exposure", percent_text(rollout.exposure_ppm)), Fact("State", state)]
    link = rollout.link.text(rollout.key.store)
    told += [Fact("Link", link)] if link else []
    told += [Fact("Why", rollout.reason)] if rollout.reason else []
    told += [Fact("Last order", order_words(rollout.ordered))] if rollout.ordered else []
    footer = f"policy {rollout.policy} | changed {rollout.changed_at:%Y-%m-%d %H:%M} UTC"
    return Board(f"{title(rollout)}: {state}", tuple(told), footer, offers_of(rollout))


def notices(rollout: Rollout, news: tuple[facts.Fact, ...], at: datetime) -> tuple[Notice, ...]:
    """What to tell of `news`, the facts that led to `rollout`. Most facts are not worth a message."""
    decided = next((f for f in reversed(news) if isinstance(f, facts.Decided)), rollout.last)
    telling = Telling(rollout, at, decided, news)
    told = (notice for fact in news for notice in _tell(fact, telling))
    return tuple({notice.key: notice for notice in told}.values())


@singledispatch
def _tell(fact: Any, told: Telling) -> tuple[Notice, ...]:  # noqa: ARG001 - the common signature
    return ()


@_tell.register
def _(fact: facts.Discovered, told: Telling) -> tuple[Notice, ...]:
    draft, on_app_store = fact.status is ReleaseStatus.DRAFT, told.rollout.key.store is Store.APP_STORE
    if fact.choice is OnNewRelease.IGNORE:
        return ()
    if fact.choice is OnNewRelease.ADOPT and (on_app_store or not draft):
        return ()  # it is taken up by itself, on the App Store also from a draft, and that is told then
    how = Fact("To start it", override(told.rollout, "start"))
    return (
        told.notice(
            NoticeKind.NEW_RELEASE,
            f"New release: {told.name}",
            how,
            _until_started(fact, told),
            broadcast=True,
        ),
    )


def _until_started(fact: facts.Discovered, told: Telling) -> Fact:
    """On the App Store waiting is no standing still, and people must know that."""
    watched = "it is watched, and a failing gate halts it in mode act"
    if told.rollout.key.store is Store.APP_STORE and fact.status is ReleaseStatus.IN_PROGRESS:
        return Fact(
            "Until then",
            f"Apple goes on stepping, day by day, until somebody runs start, hold or halt; {watched}",
        )
    if told.rollout.seen and not told.rollout.seen.phased:
        return Fact("Until then", "it has no phased release: released like this it reaches everyone at once")
    return Fact("Until then", f"nothing is raised; {watched}")


@_tell.register
def _(fact: facts.Started, told: Telling) -> tuple[Notice, ...]:
    more = [Fact("Why", fact.reason)]
    if fact.known_bad:
        more.append(Fact("Known bad", fact.known_bad))
    if fact.instead_of:
        more.append(Fact("In place of", fact.instead_of))
    headline = f"{told.name} is steered from here, by {fact.actor}"
    started = told.notice(NoticeKind.STARTED, headline, *more, broadcast=bool(fact.known_bad))
    seen = told.rollout.seen
    waits = seen is not None and seen.status is not ReleaseStatus.DRAFT
    return (started, *(_needs_a_person(seen, told) if seen and waits else ()))


@_tell.register
def _(fact: facts.Seen, told: Telling) -> tuple[Notice, ...]:
    halt = told.rollout.halt
    if fact.stopped and halt and halt.confirmed and halt.actor != SOMEBODY:
        return (halted(halt, told),)
    if halt and not halt.confirmed and fact.status is ReleaseStatus.HALTED:
        return _halt_needs_a_person(halt, fact, told)
    return _needs_a_person(fact, told) if told.rollout.steered else ()


def _needs_a_person(seen: facts.Seen, told: Telling) -> tuple[Notice, ...]:
    """Of a rollout that is steered: review has come to a point from which only a person goes on."""
    if seen.review not in FOR_A_PERSON:
        return ()
    headline = f"{told.name}: {REVIEW_WORDS[seen.review]}"
    return (told.notice(NoticeKind.REVIEW, headline, broadcast=True),)


def _halt_needs_a_person(halt: Halt, seen: facts.Seen, told: Telling) -> tuple[Notice, ...]:
    """The store took the halt and keeps it back: people still get the release until somebody acts."""
    if seen.review not in FOR_A_PERSON:
        return ()
    headline = f"{told.name} is NOT HALTED yet: {halt_words(seen.review)}"
    key = f"{halt.at.isoformat()}/{seen.review.value}"
    return (told.once(key, NoticeKind.REVIEW, headline, broadcast=True),)


@_tell.register
def _(fact: facts.WentLive, told: Telling) -> tuple[Notice, ...]:
    if any(
        isinstance(other, (facts.Settled, facts.Drifted, facts.Stepped, facts.Returned))
        for other in told.news
    ):
        return ()  # the raise, or what somebody or Apple did, is told already
    if _just_raised(told):
        return ()
    at = percent_text(fact.exposure_ppm)
    key = f"{told.at.isoformat()}/{fact.exposure_ppm}"
    headline = f"{told.name}: people can get it now, at {at}"
    return (told.once(key, NoticeKind.REVIEW, headline, broadcast=False),)


def _just_raised(told: Telling) -> bool:
    """A raise that was read back without its review, and that review did not hold up, is told already."""
    landing = told.rollout.landing
    unread = landing is not None and landing.after.review is ReviewState.UNREAD
    return unread and landing is not None and told.at - landing.at < STALE_READ


@_tell.register
def _(fact: facts.Drifted, told: Telling) -> tuple[Notice, ...]:
    halts = fact.meaning in (Drift.HALTED, Drift.LOWERED, Drift.UNKNOWN)
    changed = (Fact("Before and after", fact.words),) if fact.before != fact.after else ()
    more = (Fact("To go on", override(told.rollout, "resume")),) if halts else ()
    headline = f"{told.name} {drift_words(fact, told.rollout.key.store)}"
    return (told.notice(NoticeKind.DRIFT, headline, *changed, *more, broadcast=True),)


@_tell.register
def _(fact: facts.JournalAccepted, told: Telling) -> tuple[Notice, ...]:
    headline = f"{told.name}: {fact.actor} goes on with a journal that lacks its end"
    why, lost = Fact("Reason", fact.reason), Fact("Lost", fact.lost)
    floor = Fact("From here on", "what the store shows is the floor; holds, Apple halts, orders since: lost")
    return (told.notice(NoticeKind.COMMAND, headline, why, lost, floor, broadcast=True),)


@_tell.register
def _(fact: facts.Returned, told: Telling) -> tuple[Notice, ...]:
    before = fact.before.words if fact.before else "nothing known"
    changed = Fact("Before and after", f"{before} -> {fact.after.words}")
    bad = told.rollout.known_bad
    if bad is None and told.rollout.ignored:
        return ()  # nobody asked for it the first time either
    if bad is None:
        headline = f"{told.name} is back in the store; what was agreed of it before is over"
        return (told.notice(NoticeKind.DRIFT, headline, changed, broadcast=True),)
    headline = f"{told.name} is back in the store, and KNOWN BAD: nobody raises it unless a person starts it"
    how = Fact("To start it all the same", f"{override(told.rollout, 'start')} --known-bad")
    return (
        told.notice(NoticeKind.DRIFT, headline, changed, Fact("Known bad", bad.words), how, broadcast=True),
    )


@_tell.register
def _(fact: facts.NewerWaits, told: Telling) -> tuple[Notice, ...]:
    newer, at = fact.release.label, percent_text(told.rollout.exposure_ppm)
    on, over = override(told.rollout, "resume"), override(told.rollout, "start", fact.release)
    key = f"waits/{fact.release.id}/{fact.supersede.value}"
    match fact.supersede:
        case Supersede.FINISH:
            headline = f"{told.name} goes on; {newer} waits until it is over"
            choices = [Fact("To let it take over", f"{over} --supersede")]
        case Supersede.HOLD:
            headline = f"{told.name} is held at {at}: {newer} waits, and a person decides between them"
            choices = [Fact("To go on with this one", on), Fact("To let the newer one take over", over)]
        case Supersede.REPLACE:
            headline = f"{told.name} stays at {at}: {newer} waits to take its place"
            choices = [Fact("To start the newer one", over)]
    if told.rollout.key.store is Store.APP_STORE:
        choices.append(Fact("Mind", f"once {newer} is released, by whomever, it takes this one's place"))
    aloud = fact.supersede is not Supersede.FINISH
    return (
        told.once(
            key, NoticeKind.HELD if aloud else NoticeKind.NEW_RELEASE, headline, *choices, broadcast=aloud
        ),
    )


@_tell.register
def _(fact: facts.SetAside, told: Telling) -> tuple[Notice, ...]:
    headline = f"{told.name} goes on although {fact.release.label} waits, by {fact.actor}"
    return (told.notice(NoticeKind.RESUMED, headline, Fact("Reason", fact.reason)),)


@_tell.register
def _(fact: facts.Stepped, told: Telling) -> tuple[Notice, ...]:
    at = percent_text(fact.after.exposure_ppm)
    before = percent_text(fact.before.exposure_ppm)
    if fact.after.status is ReleaseStatus.COMPLETED:
        undated = fact.after.status_word == COMPLETED_UNDATED
        by = "by Apple or by somebody: Apple does not say when" if undated else "by Apple after its last day"
        headline = f"{told.name} is completed: 100 %, {by}"
        return (told.notice(NoticeKind.COMPLETED, headline),)
    return (told.notice(NoticeKind.RAISED, f"{told.name}: Apple has stepped from {before} to {at}"),)


@_tell.register
def _(fact: facts.Overtaken, told: Telling) -> tuple[Notice, ...]:
    if told.rollout.seen and told.rollout.seen.status is ReleaseStatus.PAUSED:
        return ()  # it was to be paused
    headline = f"{told.name}: a late request of ours let it grow again"
    return (told.notice(NoticeKind.IN_DOUBT, headline, Fact("What happened", fact.why)),)


@_tell.register
def _(fact: facts.PauseWarned, told: Telling) -> tuple[Notice, ...]:
    left = BUDGET.days - fact.days
    headline = f"{told.name} was paused for {fact.days} of Apple's {BUDGET.days} days"
    after = Fact("After that", "Apple does not say; it was seen to go to everyone, and to do nothing")
    choices = Fact("To decide", f"within {left} days: complete it, let it go on, or ship a higher version")
    key = f"{fact.days}"
    return (told.once(key, NoticeKind.PAUSE_BUDGET, headline, choices, after, broadcast=True),)


@_tell.register
def _(fact: facts.TakenUp, told: Telling) -> tuple[Notice, ...]:
    why = Fact("Reason", fact.reason)
    at = percent_text(told.rollout.exposure_ppm)
    headline = f"{told.name}: the halt is lifted by {fact.actor}; a new monitoring run begins at {at}"
    return (told.notice(NoticeKind.RESUMED, headline, why),)


@_tell.register
def _(fact: facts.Commanded, told: Telling) -> tuple[Notice, ...]:
    verdict = "" if fact.accepted else "REFUSED: "
    headline = f"{told.name}: {verdict}{fact.verb.value} by {fact.actor}: {fact.text}"
    return (
        told.once(fact.command, NoticeKind.COMMAND, headline, Fact("Reason", fact.reason), broadcast=False),
    )


@_tell.register
def _(fact: facts.Acknowledged, told: Telling) -> tuple[Notice, ...]:
    return (seen_notice(fact, told),)


@_tell.register
def _(fact: facts.ApprovalsLapsed, told: Telling) -> tuple[Notice, ...]:
    how = Fact("To approve it again", override(told.rollout, "approve"))
    return (told.notice(NoticeKind.HELD, f"{told.name}: the approvals are void, {fact.why}", how),)


@_tell.register
def _(fact: facts.HoldEnded, told: Telling) -> tuple[Notice, ...]:
    return (told.notice(NoticeKind.RESUMED, f"{told.name}: the hold is over, {fact.why}"),)


_tell.register(facts.LineStopped, of_stopped)
_tell.register(facts.LineFreed, of_freed)


@_tell.register
def _(fact: facts.RemovalOrdered, told: Telling) -> tuple[Notice, ...]:
    headline = f"{told.name}: {fact.actor} takes the app off sale everywhere"
    why = Fact("Reason", fact.reason)
    means = Fact("That means", "all versions on all platforms; the phased release is over for good")
    return (told.notice(NoticeKind.COMMAND, headline, why, means, broadcast=True),)


@_tell.register
def _(fact: facts.RemovalTold, told: Telling) -> tuple[Notice, ...]:
    done = fact.territories > 0 and fact.off == fact.territories
    state = "is off sale everywhere" if done else "is NOT OFF SALE everywhere"
    headline = f"{told.name}: the app {state}"
    says = Fact("What happened", fact.detail)
    return (told.once(told.at.isoformat(), NoticeKind.DRIFT, headline, says, broadcast=True),)


@_tell.register
def _(fact: link_facts.LinkHolds, told: Telling) -> tuple[Notice, ...]:
    there = f"{fact.release} on {STORE_NAMES[fact.store]}"
    headline = f"{told.name}: its halt also holds {there} until a person answers"
    return (told.once(fact.halt, NoticeKind.HELD, headline, broadcast=False),)


@_tell.register
def _(fact: link_facts.LinkAnswered, told: Telling) -> tuple[Notice, ...]:
    key = f"{fact.by} {fact.halted_at.isoformat()}"
    headline = f"{told.name}: the halt on the other store is answered, {fact.why}"
    return (told.once(key, NoticeKind.RESUMED, headline, broadcast=False),)


@_tell.register
def _(fact: facts.IssuesRead, told: Telling) -> tuple[Notice, ...]:
    """Below the halt that it belongs to; of a mere suspicion nobody is told."""
    halt = told.rollout.halt
    if halt is None:
        return ()
    found = tuple(Fact(issue.name, issue_words(issue), issue.link) for issue in fact.found.issues)
    headline = f"{told.name}: {issues_words(fact)}"
    return (told.once(halt.at.isoformat(), NoticeKind.NEW_ISSUES, headline, *found, broadcast=False),)


@_tell.register
def _(fact: facts.Superseded, told: Telling) -> tuple[Notice, ...]:
    more = []
    if fact.before and fact.after:
        more.append(Fact("Before and after", f"{fact.before.words} -> {fact.after.words}"))
    if told.rollout.bad:
        more.append(Fact("Known bad", told.rollout.bad.words))
    halt = told.rollout.halt
    unsettled = halt is not None and not halt.confirmed
    if halt and unsettled:
        more.append(Fact("It was being halted", f"{halt.reason}; whether the store did is not known"))
    headline = f"{told.name} is superseded by {fact.by}"
    return (told.notice(NoticeKind.SUPERSEDED, headline, *more, broadcast=unsettled),)


@_tell.register
def _(fact: facts.Decided, told: Telling) -> tuple[Notice, ...]:
    if fact.intent:
        return ()  # told when it is settled, with what the store says
    day = f"{told.at:%Y-%m-%d}/" + "+".join(sorted({r.code + r.gate for r in fact.reasons}))
    why = evidence(fact.reasons)
    match fact.decision:
        case DecisionKind.HALT:
            return _failing(fact, told, day)
        case DecisionKind.HOLD if any(reason.code == "refused" for reason in fact.reasons):
            return ()  # told aloud when the store refused it
        case DecisionKind.HOLD if not told_already(fact):
            return of_hold(fact, told, day)
        case DecisionKind.ADVANCE | DecisionKind.COMPLETE:
            headline = f"{told.name} would be raised now; mode observe: nothing was sent"
            return (told.once(day, NoticeKind.RAISED, headline, *why, broadcast=False),)
        case _:
            return ()


def _failing(fact: facts.Decided, told: Telling, day: str) -> tuple[Notice, ...]:
    """It must stop and nothing was sent: the app is only observed, or the store has no brake left."""
    final = any(reason.code in ("final", "not_halted") for reason in fact.reasons)
    if told.rollout.halt and not final:
        return ()
    nothing = "it can NOT be halted any more" if final else "mode observe: nothing was halted"
    ordered = told.rollout.halt and all(reason.code == "not_halted" for reason in fact.reasons)
    headline = f"{told.name} {'was to be halted' if ordered else 'is FAILING'}; {nothing}"
    return (told.once(day, NoticeKind.FAILING, headline, *evidence(fact.reasons), broadcast=True),)


@_tell.register
def _(fact: facts.Settled, told: Telling) -> tuple[Notice, ...]:
    return of_settlement(fact, told)
