"""The stages of a release, and the evidence with which each was left.

Odds are those that were written down with the decision to leave it. Sessions and crash-free rates are counted again
from the ledger as it is known now: late corrections have entered. An hour in which a stage begins is its own already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.facts import Drift
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Ledger, Measure, Tally
from stagedrollout.core.model import ActorKind, Verb
from stagedrollout.core.units import PPM_ALL
from stagedrollout.reporting.steps import Step


class Left(StrEnum):
    """By what a stage was left. BY_POLICY: the evidence was inconclusive, and the policy's named choice is to go on.
    WITHOUT_EVIDENCE: by a person who overrode doubt, knowingly."""

    EVIDENCE = "evidence"
    BY_POLICY = "by_policy"
    PERSON = "person"
    WITHOUT_EVIDENCE = "without_evidence"
    APPLE = "apple"
    CONSOLE = "console"
    HALT = "halt"
    SUPERSEDED = "superseded"
    GOING_ON = "going_on"

    @property
    def words(self) -> str:
        return _WORDS[self]

    @property
    def raised(self) -> bool:
        """Whether more people got it then."""
        return self not in (Left.HALT, Left.SUPERSEDED, Left.GOING_ON)


_WORDS = {
    Left.EVIDENCE: "evidence",
    Left.BY_POLICY: "by policy: inconclusive",
    Left.PERSON: "a person",
    Left.WITHOUT_EVIDENCE: "a person, without evidence",
    Left.APPLE: "Apple's clock",
    Left.CONSOLE: "the console",
    Left.HALT: "halt",
    Left.SUPERSEDED: "superseded",
    Left.GOING_ON: "goes on",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """`ln_harm`, `ln_safety`: natural logarithms of the odds when it was left, None where nothing was weighed.
    `counted`: both arms while it lasted, None where nothing was counted."""

    ppm: int
    since: datetime
    until: datetime
    left: Left
    ln_harm: float | None = None
    ln_safety: float | None = None
    counted: Tally | None = None


@dataclass(frozen=True, slots=True)
class _Leaving:
    """What has happened since the stage began that may be why it is left."""

    ppm: int
    since: datetime
    decided: facts.Decided | None = None
    in_console: bool = False
    by_apple: bool = False


_UP = (Verb.START, Verb.RAISE, Verb.STEP, Verb.RESUME, Verb.COMPLETE)
_CONSOLE_UP = (Drift.RAISED, Drift.RESUMED, Drift.ROLLED_OUT)


@dataclass(slots=True)
class _Course:
    """The walk through the steps: the stage that goes on, if any."""

    open: _Leaving | None = None
    found: list[Stage] = field(default_factory=list)

    def close(self, at: datetime, left: Left, decided: facts.Decided | None) -> None:
        if self.open is None:
            return
        weighed = decided.weighed if decided else None
        ln_harm, ln_safety = (weighed.ln_e, weighed.ln_e_advance) if weighed else (None, None)
        self.found.append(Stage(self.open.ppm, self.open.since, at, left, ln_harm, ln_safety))
        self.open = None


def stages(walked: tuple[Step, ...], until: datetime, counted: Ledger | None) -> tuple[Stage, ...]:
    """Every stage below 100 % in which people could get it, the oldest first; that at 100 % only if it was halted."""
    course = _Course()
    for step in walked:
        _walk(course, step)
    course.close(max(until, walked[-1].at), Left.GOING_ON, walked[-1].after.last)
    kept = [each for each in course.found if each.ppm < PPM_ALL or each.left is Left.HALT]
    return tuple(replace(each, counted=_counted(counted, each)) for each in kept)


def _walk(course: _Course, step: Step) -> None:
    before, after, fact = step.before, step.after, step.fact
    course.open = _noted(course.open, fact) if course.open else None
    if after.halt and (before is None or before.halt is None):
        course.close(step.at, Left.HALT, fact if isinstance(fact, facts.Decided) else after.last)
    if after.superseded_by and (before is None or not before.superseded_by):
        course.close(step.at, Left.SUPERSEDED, after.last)
    if before is None or before.live_since == after.live_since:
        return
    if course.open:
        course.close(step.at, _how(course.open), course.open.decided)
    if after.live_since and not after.halt:
        course.open = _Leaving(after.live_ppm, step.at)


def _noted(stage: _Leaving, fact: facts.Fact) -> _Leaving:
    match fact:
        case facts.Decided() if fact.intent and fact.verb in _UP:
            return replace(stage, decided=fact)
        case facts.Drifted() if fact.meaning in _CONSOLE_UP:
            return replace(stage, in_console=True)
        case facts.Stepped():
            return replace(stage, by_apple=True)
    return stage


def _how(stage: _Leaving) -> Left:
    decided = stage.decided
    if stage.in_console:
        return Left.CONSOLE
    if decided is None:
        return Left.APPLE if stage.by_apple else Left.CONSOLE
    if decided.actor.kind is not ActorKind.MACHINE:
        return Left.WITHOUT_EVIDENCE if decided.without_evidence else Left.PERSON
    by_policy = any(reason.code == "inconclusive_by_policy" for reason in decided.reasons)
    return Left.BY_POLICY if by_policy else Left.EVIDENCE


def _counted(ledger: Ledger | None, stage: Stage) -> Tally | None:
    tallies = list(_within(ledger, stage)) if ledger else []
    return sum(tallies, Tally(0, 0, 0, 0)) if tallies else None


def _within(ledger: Ledger, stage: Stage) -> Iterator[Tally]:
    ends = hour_floor(stage.until) if stage.left.raised else stage.until
    for place, tally in ledger.of(Measure.CRASHED).items():
        if hour_floor(stage.since) <= place.start < ends:
            yield replace(tally, k_c=min(tally.k_c, tally.n_c))
