"""One fact in its place, and the phrases that every notice is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.issue import Issue
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import STORE_NAMES, Release, Store
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.observation import Metric
from stagedrollout.core.offer import Offer
from stagedrollout.core.offering import WITH_OFFERS, offers_of
from stagedrollout.core.ordered import Ordered
from stagedrollout.core.units import percent_text

_SUBJECTS = {metric.value: metric.words for metric in Metric}

EVIDENCE = "evidence"
"""The gate whose reason tells both arms itself."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One fact in its place: the rollout after it, when, the decision it belongs to, and its fellows."""

    rollout: Rollout
    at: datetime
    decided: facts.Decided | None
    news: tuple[facts.Fact, ...]

    @property
    def name(self) -> str:
        return title(self.rollout)

    def notice(self, kind: NoticeKind, headline: str, *told: Fact, broadcast: bool = False) -> Notice:
        """A notice that is new with every instant it is told at."""
        key = f"{self.rollout.key}/{kind.value}/{self.at.isoformat()}"
        return Notice(key, kind, broadcast, headline, told, self._footer(), self._offers(kind))

    def once(self, key: str, kind: NoticeKind, headline: str, *told: Fact, broadcast: bool) -> Notice:
        """A notice told once for `key`, however often it comes up."""
        whole = f"{self.rollout.key}/{kind.value}/{key}"
        return Notice(whole, kind, broadcast, headline, told, self._footer(), self._offers(kind))

    def _offers(self, kind: NoticeKind) -> tuple[Offer, ...]:
        return offers_of(self.rollout) if kind in WITH_OFFERS else ()

    def _footer(self) -> str:
        return f"policy {self.rollout.policy} | {self.at:%Y-%m-%d %H:%M:%S} UTC"


def title(rollout: Rollout) -> str:
    return f"{rollout.key.app} on {STORE_NAMES[rollout.key.store]} {rollout.release.label}"


def seen_notice(fact: facts.Acknowledged, told: Telling) -> Notice:
    headline = f"{told.name}: {fact.actor} has seen the halt and looks after it"
    return told.once(f"seen/{fact.halted_at.isoformat()}", NoticeKind.COMMAND, headline, broadcast=False)


def override(rollout: Rollout, verb: str, release: Release | None = None) -> str:
    """The command line that a person would type, for this release or another one beside it."""
    key, meant = rollout.key, (release or rollout.release).id
    return f'stagedrollout {verb} {key.app} --store {key.store.value} --release {meant} --reason "..."'


def evidence(reasons: tuple[Reason, ...]) -> tuple[Fact, ...]:
    """Each reason with its value, threshold, sample and baseline, as far as it has them."""
    told: list[Fact] = []
    for reason in reasons:
        subject = _SUBJECTS.get(reason.gate, reason.gate.replace("_", " ")) or "reason"
        told.append(Fact(subject.capitalize(), _without(subject, reason)))
        if reason.baseline_ppm is not None and reason.gate != EVIDENCE:
            shown = percent_text(reason.baseline_ppm // 100 * 100)
            told.append(Fact("Baseline", f"{shown}, n = {reason.baseline_sample}"))
        if reason.quotes:
            told.append(Fact("Newest low reviews", "\n".join(reason.quotes)))
    return tuple(told)


def _without(subject: str, reason: Reason) -> str:
    """The reason without the subject that stands before it."""
    if reason.gate == EVIDENCE:
        text = reason.text.removeprefix("evidence: ").removeprefix("evidence of ")
        return text[:1].upper() + text[1:]
    return reason.text.removeprefix(f"{subject} ")


def issues_words(fact: facts.IssuesRead) -> str:
    """What was found in one sentence, or why nothing could be."""
    number = len(fact.found.issues)
    if fact.trouble:
        return f"new issues could not be read: {fact.trouble}"
    if not number:
        return "no new crash was first seen in it"
    crashes = f"the {number} new crashes" if fact.found.more else counted(number, "new crash", "new crashes")
    more = " that most people met; there are more" if fact.found.more else ""
    return f"{crashes} first seen in it{more}"


def issue_words(issue: Issue) -> str:
    """The title, and to how many people it happened how often, as far as that is known."""
    met = [
        counted(number, one, many)
        for number, one, many in ((issue.users, "user", "users"), (issue.events, "event", "events"))
        if number is not None
    ]
    return f"{issue.title} ({', '.join(met)})" if met else issue.title


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def console_hint(store: Store) -> str:
    match store:
        case Store.GOOGLE_PLAY:
            return "Play Console > the app > Test and release > Production > Releases > Halt rollout"
        case Store.APP_STORE:
            return "App Store Connect > the app > the version > Phased Release > Pause"


def order_words(order: Ordered) -> str:
    """ "resume by Ana Lima at 12:03 UTC", and why not, where it was refused."""
    said = order.said
    refused = "" if said.accepted else f", refused: {said.text}"
    return f"{said.verb.value} by {said.actor} at {order.at:%H:%M} UTC{refused}"
