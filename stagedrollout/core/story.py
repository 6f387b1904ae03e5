"""The journal as a story: one plain sentence per fact, for `history` and the live view."""

from __future__ import annotations

from datetime import datetime
from functools import singledispatch
from typing import Any

from stagedrollout.core import facts, link_facts
from stagedrollout.core.apple_drift import COMPLETED_UNDATED
from stagedrollout.core.line import stopped_words
from stagedrollout.core.model import STORE_NAMES, ReleaseStatus, Verb
from stagedrollout.core.phasing import BUDGET
from stagedrollout.core.units import percent_text


@singledispatch
def sentence(fact: Any) -> str:
    """What happened, in one line without the time."""
    raise TypeError(f"no sentence for {type(fact).__name__}")


@sentence.register
def _(fact: facts.Discovered) -> str:
    at = percent_text(fact.exposure_ppm)
    return f"found {fact.release.label}: {fact.status.value} at {at}, review {fact.review.value}"


@sentence.register
def _(fact: facts.Started) -> str:
    place = f", in place of {fact.instead_of}" if fact.instead_of else ""
    bad = f" (known bad: {fact.known_bad})" if fact.known_bad else ""
    return f"steered from here{place}, by {fact.actor}: {fact.reason}{bad}"


@sentence.register
def _(fact: facts.Seen) -> str:
    return (
        f"the store shows {fact.status_word} at {percent_text(fact.exposure_ppm)}, review {fact.review.value}"
    )


@sentence.register
def _(fact: facts.WentLive) -> str:
    return f"people can get it at {percent_text(fact.exposure_ppm)}: the bake begins{_when(fact.since)}"


def _when(since: datetime | None) -> str:
    return f" at {since:%Y-%m-%d %H:%M} UTC by the store, this machine's clock is wrong" if since else ""


@sentence.register
def _(fact: facts.Drifted) -> str:
    if fact.untold:
        return f"found changed, with no journal to tell by whom ({fact.meaning.value}): {fact.words}"
    return f"changed in the console ({fact.meaning.value}): {fact.words}{_when(fact.since)}"


@sentence.register
def _(fact: facts.JournalAccepted) -> str:
    return f"{fact.actor} goes on with the journal as it is ({fact.lost}): {fact.reason}"


@sentence.register
def _(fact: facts.Returned) -> str:
    before = fact.before.words if fact.before else "nothing known"
    return f"back in the store, and not steered: {before} -> {fact.after.words}{_when(fact.since)}"


@sentence.register
def _(fact: facts.NewerWaits) -> str:
    return f"{fact.release.label} waits to be started (supersede: {fact.supersede.value})"


@sentence.register
def _(fact: facts.SetAside) -> str:
    return f"goes on although {fact.release.label} waits, by {fact.actor}: {fact.reason}"


@sentence.register
def _(fact: facts.Stepped) -> str:
    before, after = percent_text(fact.before.exposure_ppm), percent_text(fact.after.exposure_ppm)
    if fact.after.status_word == COMPLETED_UNDATED:
        return f"Apple or somebody has completed it; on which day is not told ({before} -> {after})"
    if fact.after.status is ReleaseStatus.COMPLETED:
        return f"Apple has completed it after its last day ({before} -> {after})"
    return f"Apple has stepped: {before} -> {after} ({fact.after.status_word})"


@sentence.register
def _(fact: facts.Overtaken) -> str:
    return f"changed late: {fact.why}"


@sentence.register
def _(fact: facts.Lapsed) -> str:  # noqa: ARG001
    return "our request whose answer was lost has had no effect"


@sentence.register
def _(fact: facts.Compared) -> str:
    return f"compared with {', '.join(release.label for release in fact.baseline)} from here"


@sentence.register
def _(fact: facts.TermsSet) -> str:
    terms = fact.terms
    if terms.p_ref is None:
        return "judged by a floor alone: there is no release to compare with"
    usual = f"{terms.p_ref:.3%} of sessions crashed in the week before"
    return f"judged from here: up to x{terms.rho0:.2f} is tolerated ({usual}, {terms.s:.1f} to a user)"


@sentence.register
def _(fact: facts.Identified) -> str:
    return f"the store now tells {fact.release.label}"


@sentence.register
def _(fact: facts.PauseWarned) -> str:
    return f"paused for {fact.days} of Apple's {BUDGET.days} days"


@sentence.register
def _(fact: facts.TakenUp) -> str:
    return f"the halt is lifted by {fact.actor}, nothing is sent{_when(fact.since)}: {fact.reason}"


@sentence.register
def _(fact: facts.Suspected) -> str:
    return f"suspicion {fact.count}: {fact.reason.text}"


@sentence.register
def _(fact: facts.Cleared) -> str:
    return f"suspicion over: {fact.gate}"


@sentence.register
def _(fact: facts.WentBlind) -> str:
    return f"no usable data: {', '.join(fact.gates)}"


@sentence.register
def _(fact: facts.SawAgain) -> str:  # noqa: ARG001 - it has nothing to say but that it is one
    return "usable data again"


@sentence.register
def _(fact: facts.Decided) -> str:
    preposition = "at" if fact.verb in (Verb.HALT, Verb.RESUME, Verb.PAUSE) else "to"
    target = f" {preposition} {percent_text(fact.target_ppm)}" if fact.intent and fact.target_ppm else ""
    paused = ", pausing" if fact.verb is Verb.PAUSE else ""
    why = "; ".join(reason.text for reason in fact.reasons)
    return f"{fact.decision.value}{paused}{target}: {why}"


@sentence.register
def _(fact: facts.Settled) -> str:
    settled = fact.settlement.value.replace("_", " ")
    return f"{fact.verb.value} {settled}: {fact.detail}{_when(fact.since)}"


@sentence.register
def _(fact: facts.Commanded) -> str:
    verdict = "" if fact.accepted else "refused: "
    return f"{fact.actor} ordered {fact.verb.value} ({fact.reason}): {verdict}{fact.text}"


@sentence.register
def _(fact: facts.Held) -> str:
    until = f"until {fact.until:%Y-%m-%d %H:%M} UTC" if fact.until else "until somebody resumes it"
    return f"held by {fact.actor} {until}: {fact.reason}"


@sentence.register
def _(fact: facts.HoldEnded) -> str:
    return f"the hold is over: {fact.why}"


@sentence.register
def _(fact: facts.IssuesRead) -> str:
    if fact.trouble:
        return f"new issues could not be read: {fact.trouble}"
    names = ", ".join(issue.name for issue in fact.found.issues)
    return f"new crashes first seen in it: {names}" if names else "no new crash was first seen in it"


@sentence.register
def _(fact: facts.Superseded) -> str:
    before = f": {fact.before.words} -> {fact.after.words}" if fact.before and fact.after else ""
    return f"superseded by {fact.by}{before}"


@sentence.register
def _(fact: facts.RemovalOrdered) -> str:
    return f"{fact.actor} takes the app off sale everywhere: {fact.reason}"


@sentence.register
def _(fact: facts.RemovalTold) -> str:
    return f"after the removal from sale by {fact.actor}: {fact.detail}"


@sentence.register
def _(fact: facts.LineStopped) -> str:
    return stopped_words(fact)


@sentence.register
def _(fact: facts.LineFreed) -> str:
    return f"the line is free again, by {fact.actor}: {fact.reason}"


@sentence.register
def _(fact: facts.Closed) -> str:  # noqa: ARG001
    return "the watch is over"


@sentence.register
def _(fact: link_facts.Linked) -> str:
    lead = STORE_NAMES[fact.lead]
    if fact.unread:
        return f"linked, led by {lead}; the other store's journal cannot be read: {fact.unread}"
    there = fact.release or "no release of this version"
    more = ", halted" if fact.halted else ""
    more += f", superseded by {fact.superseded_by}" if fact.superseded_by else ""
    raised = f", raised to {percent_text(fact.earned_ppm)} by evidence" if fact.earned_ppm else ""
    return f"linked, led by {lead} until {percent_text(fact.after_ppm)}; on the other store: {there}{raised}{more}"


@sentence.register
def _(fact: link_facts.Unlinked) -> str:  # noqa: ARG001
    return "the configuration links the stores no more"


@sentence.register
def _(fact: link_facts.LinkHeld) -> str:
    return f"held by a halt on {STORE_NAMES[fact.store]}: {fact.release} by {fact.actor}: {fact.reason}"


@sentence.register
def _(fact: link_facts.LinkAnswered) -> str:
    return f"the halt on the other store is answered: {fact.why}"


@sentence.register
def _(fact: link_facts.LinkHolds) -> str:
    return f"the halt also holds {fact.release} on {STORE_NAMES[fact.store]}"


@sentence.register
def _(fact: facts.Approved) -> str:
    step = f"the step to {percent_text(fact.target_ppm)}"
    until = f"{fact.until:%Y-%m-%d %H:%M} UTC"
    return f"{fact.actor} approved {step} until {until}, the evidence saying {fact.verdict}: {fact.reason}"


@sentence.register
def _(fact: facts.ApprovalsLapsed) -> str:
    return f"the approvals are void: {fact.why}"


@sentence.register
def _(fact: facts.BakeSkipped) -> str:
    return f"{fact.actor} skipped the rest of the bake at {percent_text(fact.exposure_ppm)}: {fact.reason}"


@sentence.register
def _(fact: facts.LeftAlone) -> str:
    return f"left alone from here, by {fact.actor}: {fact.reason}"


@sentence.register
def _(fact: facts.Acknowledged) -> str:
    return f"{fact.actor} has seen the halt of {fact.halted_at:%Y-%m-%d %H:%M} UTC"


@sentence.register
def _(fact: facts.PressRefused) -> str:
    return (
        f"a press{f' of {fact.press}' if fact.press else ''} by {fact.actor} in Slack was refused: {fact.why}"
    )


@sentence.register
def _(fact: facts.PolicySet) -> str:
    return f"steered by the policy {fact.policy} from here, by {fact.actor}: {fact.reason}{_when(fact.since)}"
