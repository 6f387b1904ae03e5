"""A halt or a pause that the database forgot while it was sent, for it was put back: without it people would be told that somebody
has halted the release in the console.

Whoever sent it keeps how it ended, and the decision behind that. Both are written again, but only while the release is as
that halt left it: what a person has done about it since, or another halt, has the last word.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stagedrollout.core import facts, line_facts, link_facts, override_facts
from stagedrollout.core.events import Entry
from stagedrollout.daemon.spool import Kept
from stagedrollout.storage.journal import Journal

if TYPE_CHECKING:
    from stagedrollout.daemon.recorder import Known

_LOOKS = (
    facts.Seen,
    facts.Suspected,
    facts.Cleared,
    facts.WentBlind,
    facts.Compared,
    facts.IssuesRead,
    facts.Identified,
    facts.JournalAccepted,
    facts.Lapsed,
    facts.TermsSet,
    facts.WentLive,
    facts.SawAgain,
    facts.PauseWarned,
    facts.NewerWaits,
    line_facts.LineStopped,
    line_facts.LineFreed,
    link_facts.Linked,
    link_facts.LinkHeld,
    link_facts.LinkHolds,
    override_facts.Acknowledged,
    override_facts.ApprovalsLapsed,
    override_facts.PressRefused,
)
"""What is only noticed, and changes nothing about a release, nor who has the say."""


def brake_behind(known: Known, news: tuple[facts.Fact, ...]) -> Kept | None:
    """The decision of which the news tell that it has halted or paused the release, or has not."""
    rollout = known.rollout
    intent, decided = rollout.intent, rollout.last
    tells = any(isinstance(f, facts.Settled) and f.verb.brakes for f in news)
    if not tells or intent is None or decided is None or decided.intent != intent.key:
        return None
    return Kept(rollout.key, (decided,), intent.opened_at, seq=known.seq, head=known.head)


def recorded_as(journal: Journal, kept: Kept) -> Entry | None:
    """How the last of what was kept stands in the journal; None if it does not. It was written in one transaction, so where that is
    there are all; `at` tells one pass from another. An act may have another name there, and what was weighed may be left out.
    Raises StorageError."""
    last = kept.entries[-1]
    told = journal.told(kept.rollout, (last.kind,))
    return next((each.entry for each in told if bare(each.entry) == bare(last)), None)


def bare(entry: Entry) -> Entry:
    """Without what may be otherwise in the journal."""
    return replace(entry, body={**entry.body, "intent": "", "weighed": None})


def told_of(kept: Kept, decided: Entry) -> tuple[facts.Fact, ...]:
    """What was kept of how that decision ended, by the name that it has in the journal."""
    name = decided.body["intent"]
    return tuple(replace(f, intent=name) if isinstance(f, facts.Settled) else f for f in kept.news)


def has_gone_on(journal: Journal, lost: Kept) -> bool:
    """Whether anything was done about the release since that decision. Raises StorageError."""
    told = journal.told(lost.rollout, tuple(facts.KINDS))
    return any(_moves(facts.read(each.entry)) for each in told if each.entry.at >= lost.at)


def _moves(fact: facts.Fact) -> bool:
    """Whether it changes what is offered, or who has the say. That somebody is said to have halted it is ours, seen by another."""
    if isinstance(fact, facts.Drifted):
        return fact.meaning is not facts.Drift.HALTED
    if isinstance(fact, facts.Decided):
        return bool(fact.intent)
    return not isinstance(fact, _LOOKS)
