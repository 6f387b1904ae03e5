"""Where the rollout stands: states in which there is nothing to raise, whatever the evidence says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse, wait
from stagedrollout.core.facts import DecisionKind, Seen
from stagedrollout.core.lifecycle import SENT_IN_VAIN
from stagedrollout.core.model import (
    DAEMON,
    CommandVerb,
    Mode,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    Settlement,
    Unread,
)
from stagedrollout.core.reading_back import STALE_READ, same_place
from stagedrollout.core.reviewing import FOR_A_PERSON, REVIEW_WORDS
from stagedrollout.core.rules.holds import spent
from stagedrollout.core.rules.succession import waits_for_the_older


def superseded(case: Case) -> Decision | None:
    return _over(case, f"superseded by {case.rollout.superseded_by}") if case.rollout.superseded_by else None


def closed(case: Case) -> Decision | None:
    return _over(case, "the watch after 100 % is over") if case.rollout.closed else None


def _over(case: Case, text: str) -> Decision:
    return refuse(case, "finished", text) if case.order else wait("finished", text)


def observing(case: Case) -> Decision | None:
    if case.mode is Mode.OBSERVE and case.order:
        text = "mode observe: only a halt is carried out; set mode: act for this app first"
        return refuse(case, "observe", text)
    return None


def unfounded(case: Case) -> Decision | None:
    """The journal may not be the newest one, or the clocks disagree: nothing that was written down is sure enough to
    raise on, neither by the schedule nor by a person (promises R17, R19)."""
    footing = case.footing
    if not footing:
        return None
    if case.order:
        return refuse(case, footing[0].code, "; ".join(reason.text for reason in footing))
    return Decision(DecisionKind.HOLD, (*footing, *spent(case)))


def unsettled(case: Case) -> Decision | None:
    """In doubt, unread, or not what we know: no raise until a look at the store makes sense again."""
    problem = _unsettled_reason(case)
    if problem is None:
        return None
    if case.order:
        return refuse(case, problem.code, problem.text)
    return Decision(DecisionKind.HOLD, (problem,), due=_looked_at_again(case, problem))


def _looked_at_again(case: Case, problem: Reason) -> datetime | None:
    """What reads like the state from before our change may be what a person did since: as soon as a look can be
    believed there is another one, and not a poll later, when it may be undone again and nobody has known (promise R10)."""
    landing = case.rollout.landing
    return landing.at + STALE_READ if landing and problem.code == "stale_store" else None


def _unsettled_reason(case: Case) -> Reason | None:
    store, rollout = case.observation.store, case.rollout
    if case.unknown_policy:
        return Reason("unknown_policy", f"this daemon knows no policy {case.unknown_policy!r}")
    if isinstance(store, Unread) and store.denied:
        return Reason("store_denied", f"the store turns us away; a person must mend that: {store.why}")
    if isinstance(store, Unread):
        return Reason("store_unread", f"the store could not be read: {store.why}")
    if rollout.intent:
        return Reason("in_doubt", f"it is not known yet whether our {rollout.intent.verb.value} was applied")
    found = case.found
    if found is None:
        return Reason("gone", "the release is no longer in the track")
    if found.status is ReleaseStatus.UNKNOWN:
        return Reason("unknown_status", f"the store uses a status we do not know: {found.status_word!r}")
    if found.review is ReviewState.UNKNOWN:
        return Reason(
            "unknown_review", f"the store uses a review state we do not know: {found.review_word!r}"
        )
    if rollout.seen and not same_place(Seen.of(found), rollout.seen):
        return Reason("stale_store", "the store still shows the state from before our change")
    if rollout.unknown_drift and not (rollout.halt and case.ordered(CommandVerb.RESUME)):
        return Reason("unknown_drift", "somebody changed the release in a way we do not understand")
    return None


def halted(case: Case) -> Decision | None:
    halt = case.rollout.halt
    if halt is None:
        return None
    text = f"halted by {halt.actor}: {halt.reason}; only a person can resume it"
    if case.order:
        return refuse(case, "halted", text)
    return Decision(DecisionKind.HOLD, (Reason("halted", text),))


def not_steered(case: Case) -> Decision | None:
    if case.rollout.steered:
        return None
    if case.order:
        return refuse(
            case, "not_started", f"it is not started: stagedrollout start {case.rollout.key.app} comes first"
        )
    if case.rollout.ignored:
        return wait("ignored", "the app ignores releases that appear by themselves")
    setback = case.rollout.setback
    rolled_out = case.found is not None and case.found.status is not ReleaseStatus.DRAFT
    if case.rollout.choice is OnNewRelease.ADOPT and rolled_out:
        adopted = facts.Started(DAEMON, "the app adopts releases that appear by themselves", "")
        return replace(wait("adopted", "adopted: the schedule steers it from here"), also=(adopted,))
    older = "" if rolled_out else waits_for_the_older(case)
    if older:
        return wait("waits_for_the_older", older)
    before = f"; {setback.text}" if setback else ""
    return wait("not_started", f"waits for somebody to run stagedrollout start{before}")


_DRAFT = "it is still a draft: stagedrollout start rolls it out"


def in_review(case: Case) -> Decision | None:
    found = case.found
    if found is None or found.live:
        return None
    draft = found.status is ReleaseStatus.DRAFT
    text = _DRAFT if draft else REVIEW_WORDS[found.review]
    if case.order:
        return refuse(case, "in_review", text)
    if draft or found.review in FOR_A_PERSON:
        return Decision(DecisionKind.HOLD, (Reason("review", text),))
    return wait("review", text)


REFUSED_AGAIN = timedelta(hours=1)
"""How long a raise that the store did not take is left alone; nobody mends a missing permission sooner."""


def set_back(case: Case) -> Decision | None:
    """What the store refused is not sent again at every pass, nor for ever what it took and did not carry out.

    Google Play only: on the App Store a hold would be a pause, and what Apple refuses has rules of its own.
    """
    setback = case.rollout.setback
    if setback is None or case.pacing is not None:
        return None
    refused, again = setback.settlement is Settlement.REFUSED, setback.at + REFUSED_AGAIN
    if (not refused and setback.tries < SENT_IN_VAIN) or case.now >= again:
        return None
    code = "refused" if refused else "sent_in_vain"
    text = f"{setback.text}; tried again at {again:%H:%M} UTC"
    return Decision(DecisionKind.HOLD, (Reason(code, text),), due=again)


def completed(case: Case) -> Decision | None:
    completed_at = case.rollout.completed_at
    if completed_at is None:
        return None
    if case.order:
        return refuse(case, "completed", "it is at 100 % already; a halt is all that can be done")
    ends = completed_at + case.policy.watch
    if case.now < ends:
        return wait("watch", f"100 %; watched until {ends:%Y-%m-%d %H:%M} UTC", due=ends)
    done = Reason("watched", "the watch after 100 % is over")
    return Decision(DecisionKind.WAIT, (done,), also=(facts.Closed(),))
