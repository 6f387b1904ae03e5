"""How a change ended, as people are told: raises, pauses, and above all halts that the store does not show."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.drift import LOST_JOURNAL, lacks_its_end
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Halt
from stagedrollout.core.line import LINE_STOPPED
from stagedrollout.core.model import ReleaseStatus, Settlement, Verb
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.telling import Telling, console_hint, evidence, override
from stagedrollout.core.units import PPM_ALL, percent_text

ALOUD = (
    "blind",
    "dark",
    "incident_lasts",
    "approval",
    "inconclusive_ask",
    "freeze_ask",
    "halt_of_nothing",
    "calendar_unread",
    "store_denied",
    "journal_behind",
    "journal_unmarked",
    "replica_doubts",
    "highwater_unwritable",
    "clocks_disagree",
    "linked_halt",
    "link_unread",
    "sent_in_vain",
    "known_bad",
)
"""Causes of a hold that somebody should see now, and not when they next look at the thread."""

_BY_HAND = (Verb.START, Verb.RESUME)
"""What only a person orders; the schedule does not come back to it."""


def of_settlement(fact: facts.Settled, told: Telling) -> tuple[Notice, ...]:
    """What people are told of it; a pause between steps and a raise that a halt overtook are not worth a message, for
    the halt is told. What only a person orders does not come back by itself, whatever overtook it."""
    if fact.verb is Verb.HALT:
        return _halt_settled(fact, told)
    if fact.verb is Verb.PAUSE:
        return _pause_settled(fact, told)
    day = f"{told.at:%Y-%m-%d}/{fact.verb.value}/{fact.detail}"
    match fact.settlement:
        case Settlement.CONFIRMED | Settlement.ALREADY:
            return (_raise_confirmed(fact, told),)
        case Settlement.REFUSED:
            headline = f"{told.name}: the store refused our {fact.verb.value}"
            says = Fact("The store says", fact.detail)
            return (told.once(day, NoticeKind.REFUSED, headline, says, broadcast=True),)
        case Settlement.IN_DOUBT:
            headline = f"{told.name}: not known whether our {fact.verb.value} was applied; looking again"
            happened = Fact("What happened", fact.detail)
            return (told.once(day, NoticeKind.IN_DOUBT, headline, happened, broadcast=False),)
        case Settlement.PREEMPTED if fact.verb not in _BY_HAND or told.rollout.halt:
            return ()
        case Settlement.NOT_APPLIED | Settlement.MOVED | Settlement.PREEMPTED:
            again = (
                "the next pass decides anew"
                if fact.verb not in _BY_HAND
                else "order it again if it is still wanted"
            )
            headline = f"{told.name}: our {fact.verb.value} was not applied; {again}"
            happened = Fact("What happened", fact.detail)
            return (told.once(day, NoticeKind.IN_DOUBT, headline, happened, broadcast=False),)


def _pause_settled(fact: facts.Settled, told: Telling) -> tuple[Notice, ...]:
    """Pausing between steps is the ordinary course; pausing for a cause is told, and a pause that fails loudly."""
    cause = told.decided if told.decided and told.decided.decision is DecisionKind.HOLD else None
    match fact.settlement:
        case Settlement.CONFIRMED:
            return (held(cause, told),) if cause and not told_already(cause) else ()
        case Settlement.PREEMPTED | Settlement.MOVED | Settlement.ALREADY:
            return ()  # overtaken by something that is told by itself
        case Settlement.REFUSED | Settlement.IN_DOUBT | Settlement.NOT_APPLIED:
            return (_not_paused(fact, cause, told),)


def _not_paused(fact: facts.Settled, cause: facts.Decided | None, told: Telling) -> Notice:
    """Once a day; once more where it is for the journal's lost end, of which nobody may have heard before the pause is seen."""
    why = cause.reasons if cause else ()
    headline = f"{told.name} is NOT PAUSED: Apple goes on raising it until the pause is seen"
    says = Fact("The store says", fact.detail)
    how = Fact("To stop it by hand", console_hint(told.rollout.key.store))
    lost = (reason.code for reason in why if reason.code in LOST_JOURNAL)
    day = "/".join((f"{told.at:%Y-%m-%d}", fact.verb.value, *lost))
    return told.once(day, NoticeKind.NOT_HALTED, headline, *evidence(why), says, how, broadcast=True)


def _raise_confirmed(fact: facts.Settled, told: Telling) -> Notice:
    why = evidence(told.decided.reasons) if told.decided else ()
    at = percent_text(told.rollout.exposure_ppm)
    if fact.verb is Verb.PREPARE:
        return told.once(
            fact.intent, NoticeKind.STARTED, f"{told.name} has a phased release now", *why, broadcast=False
        )
    if fact.verb is Verb.STEP:
        window = told.rollout.window
        to = percent_text(window.target_ppm) if window else "its next share"
        headline = f"{told.name}: Apple is let take its next step, from {at} to {to}"
        return told.once(fact.intent, NoticeKind.RAISED, headline, *why, broadcast=False)
    if told.rollout.exposure_ppm == PPM_ALL:
        headline = f"{told.name} is completed: 100 %"
        return told.once(fact.intent, NoticeKind.COMPLETED, headline, *why, broadcast=False)
    kind = NoticeKind.RESUMED if fact.verb is Verb.RESUME else NoticeKind.RAISED
    words = {Verb.START: "is started at", Verb.RESUME: "is resumed at"}.get(fact.verb, "is raised to")
    return told.once(fact.intent, kind, f"{told.name} {words} {at}", *why, broadcast=False)


def _halt_settled(fact: facts.Settled, told: Telling) -> tuple[Notice, ...]:
    """One broadcast when the halt is true in the store; one alarm, once, while it is not. What a replica that was cut off
    tells late of a halt that the store has shown since is no alarm."""
    halt = told.rollout.halt
    if halt and fact.settlement in (Settlement.CONFIRMED, Settlement.ALREADY):
        return (halted(halt, told),)
    if halt and halt.confirmed:
        return ()
    episode = halt.at.isoformat() if halt else told.at.isoformat()
    by = f"by {halt.actor}" if halt else ""
    why = evidence(told.decided.reasons) if told.decided else ()
    headline = f"{told.name} is NOT HALTED: the store does not show the halt {by}"
    says = Fact("The store says", fact.detail)
    how = Fact("To stop it by hand", console_hint(told.rollout.key.store))
    return (told.once(episode, NoticeKind.NOT_HALTED, headline, *why, says, how, broadcast=True),)


def halted(halt: Halt, told: Telling) -> Notice:
    why = evidence(told.decided.reasons) if told.decided else ()
    word = told.rollout.seen.status.value if told.rollout.seen else "halted"
    store = Fact("Store", f"reads {word}, confirmed {told.at:%H:%M:%S} UTC")
    how = Fact("To resume", override(told.rollout, "resume"))
    headline = f"{told.name} HALTED at {percent_text(told.rollout.exposure_ppm)} by {halt.actor}"
    return told.once(halt.at.isoformat(), NoticeKind.HALTED, headline, *why, store, how, broadcast=True)


def told_already(fact: facts.Decided) -> bool:
    """That a newer release waits, or the line is stopped, is told once, as the fact it is (wording.py)."""
    return all(reason.code in ("newer_waits", LINE_STOPPED) for reason in fact.reasons)


def of_hold(fact: facts.Decided, told: Telling, day: str) -> tuple[Notice, ...]:
    """Of a release that is halted nobody needs to be told that it is held; but what was lost with the journal's end, and that a
    person has to go on, is told all the same."""
    if not told.rollout.halt:
        return (held(fact, told),)
    if not lacks_its_end(fact.reasons):
        return ()
    headline = f"{told.name} stays halted, and nothing is raised: the journal may lack its end"
    return (told.once(day, NoticeKind.HELD, headline, *evidence(fact.reasons), broadcast=True),)


def held(fact: facts.Decided, told: Telling) -> Notice:
    """Once a day for the same causes; but whenever it was pausing that made it true, and aloud after long."""
    day = f"{told.at:%Y-%m-%d}/" + "+".join(sorted({r.code + r.gate for r in fact.reasons}))
    paused = ", paused" if told.rollout.seen and told.rollout.seen.status is ReleaseStatus.PAUSED else ""
    headline = f"{told.name} is held at {percent_text(told.rollout.exposure_ppm)}{paused}"
    aloud = any(reason.code in ALOUD for reason in fact.reasons)
    return told.once(fact.intent or day, NoticeKind.HELD, headline, *evidence(fact.reasons), broadcast=aloud)
