"""Halts: who ordered them and on what, how fast they came, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.evidence.terms import LN_HOLD
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.ledger import Ledger, Measure
from stagedrollout.core.model import SOMEBODY, Actor, ActorKind, Settlement, Verb
from stagedrollout.core.plain import one_line
from stagedrollout.reporting.steps import Step


@dataclass(frozen=True, slots=True)
class Stop:
    """A halt, from its decision on. What the journal does not tell is None.

    `code`, `gate`, `words`: its first reason; "console" where a person did it there. `ppm`: who could get the release
    when it was decided. `suspected_at`: the beginning of the unbroken suspicion that led to it, None where nothing was
    suspected before. `confirmed_at`: when the store first read halted. `refused`: how often the store refused it.
    `sessions`: of the candidate, in the hours until it. `resumed_at` and `resumed_by`: who took it back. `reached_all`:
    everybody was then given it all the same.
    """

    at: datetime
    actor: Actor
    code: str
    gate: str
    words: str
    ppm: int
    suspected_at: datetime | None = None
    confirmed_at: datetime | None = None
    refused: int = 0
    sessions: int | None = None
    resumed_at: datetime | None = None
    resumed_by: Actor | None = None
    reached_all: bool = False

    @property
    def by_machine(self) -> bool:
        return self.actor.kind is ActorKind.MACHINE

    @property
    def suspicion(self) -> timedelta | None:
        """From the first suspicion to the decision."""
        return self.at - self.suspected_at if self.suspected_at else None

    @property
    def unconfirmed(self) -> timedelta | None:
        """From the decision until the store showed it."""
        return self.confirmed_at - self.at if self.confirmed_at else None

    @property
    def taken_back(self) -> bool:
        """The machine's own halt, resumed by a person, after which the release reached everyone. That does not prove it
        wrong, but it is what a false halt looks like."""
        return self.by_machine and self.resumed_at is not None and self.reached_all


class NoBrake(StrEnum):
    """Why a release that failed was not halted. FINAL: the store cannot stop it any more."""

    OBSERVE = "observe"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Failing:
    """It had to be halted, and nothing was sent; `words`: what it rests on. `ppm`: who could get it."""

    at: datetime
    why: NoBrake
    words: str
    ppm: int


def failing(walked: tuple[Step, ...]) -> tuple[Failing, ...]:
    """Decisions to halt that could not be carried out, the oldest first; the same one is written once."""
    return tuple(_failing(walked))


def _failing(walked: tuple[Step, ...]) -> Iterator[Failing]:
    for step in walked:
        fact = step.fact
        if not isinstance(fact, facts.Decided) or fact.decision is not DecisionKind.HALT or fact.intent:
            continue
        observed = any(reason.code == "observe" for reason in fact.reasons)
        words = one_line(fact.reasons[0].text) if fact.reasons else ""
        yield Failing(step.at, NoBrake.OBSERVE if observed else NoBrake.FINAL, words, step.after.live_ppm)


def stops(walked: tuple[Step, ...], since: datetime, counted: Ledger | None) -> tuple[Stop, ...]:
    """Every halt from `since` on, the oldest first. `counted`: None where the counts are not known."""
    found: list[Stop] = []
    suspected_at: datetime | None = None
    for step in walked:
        halted_before = step.before is not None and step.before.halt is not None
        if step.after.halt and not halted_before and step.at >= since:
            found.append(_begun(step, suspected_at, counted))
        suspected_at = (suspected_at or step.at) if _suspects(step) else None
        if found:
            found[-1] = _followed(found[-1], step)
    return tuple(found)


def _suspects(step: Step) -> bool:
    """A gate is suspicious, or the newest decision was made on odds that hold."""
    last = step.after.last
    harm = last.weighed.ln_e if last and last.weighed else 0.0
    doubted = last is not None and any(reason.code in ("suspected", "fail") for reason in last.reasons)
    return bool(step.after.suspicions) or doubted or harm >= LN_HOLD


def _begun(step: Step, suspected_at: datetime | None, counted: Ledger | None) -> Stop:
    fact, halt, before = step.fact, step.after.halt, step.before
    actor = halt.actor if halt else SOMEBODY
    reason = fact.reasons[0] if isinstance(fact, facts.Decided) and fact.reasons else None
    return Stop(
        at=step.at,
        actor=actor,
        code=reason.code if reason else "console",
        gate=reason.gate if reason else "",
        words=one_line(reason.text if reason else halt.reason if halt else ""),
        ppm=before.live_ppm if before else 0,
        suspected_at=suspected_at,
        sessions=sessions_until(counted, step.at),
    )


def _followed(stop: Stop, step: Step) -> Stop:
    """The halt as it is known after one more step."""
    before, after, fact = step.before, step.after, step.fact
    if stop.resumed_at is not None:
        return stop if stop.reached_all or not after.completed_at else replace(stop, reached_all=True)
    if before is not None and before.halt and after.halt is None and not isinstance(fact, facts.Returned):
        return replace(stop, resumed_at=step.at, resumed_by=_who_resumed(step))
    if isinstance(fact, facts.Started) and fact.known_bad:
        return replace(stop, resumed_at=step.at, resumed_by=fact.actor)
    if stop.confirmed_at is None and after.halt and after.halt.confirmed:
        return replace(stop, confirmed_at=step.at)
    match fact:
        case facts.Settled(verb=Verb.HALT, settlement=Settlement.REFUSED):
            return replace(stop, refused=stop.refused + 1)
    return stop


def _who_resumed(step: Step) -> Actor | None:
    fact, before = step.fact, step.before
    if isinstance(fact, facts.TakenUp):
        return fact.actor
    if isinstance(fact, facts.Drifted):
        return SOMEBODY
    return before.intent.actor if before and before.intent else None


def sessions_until(counted: Ledger | None, until: datetime) -> int | None:
    """The candidate's sessions in all hours that had begun by then; None where none were ever counted."""
    hours = counted.of(Measure.CRASHED) if counted else {}
    return sum(tally.n_c for place, tally in hours.items() if place.start < until) if hours else None
