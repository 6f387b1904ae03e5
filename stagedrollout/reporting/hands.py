"""What people did: orders that overrode the machine, and changes they made in the store's console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.facts import Drift
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import CommandVerb, Settlement, Store, Verb
from stagedrollout.reporting.steps import Step


class OverrideKind(StrEnum):
    """ADVANCE, COMPLETE: sooner than the schedule. RESUME: a halt taken back. KNOWN_BAD: started although it had been
    halted before."""

    ADVANCE = "advance"
    COMPLETE = "complete"
    RESUME = "resume"
    KNOWN_BAD = "start_known_bad"


@dataclass(frozen=True, slots=True)
class Override:
    """`without_evidence`: the person overrode doubt as well, knowingly."""

    kind: OverrideKind
    at: datetime
    by: str
    reason: str
    without_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """So many changes of this kind ended like this: IN_DOUBT, REFUSED or NOT_APPLIED."""

    verb: Verb
    settlement: Settlement
    count: int


_TROUBLES = (Settlement.IN_DOUBT, Settlement.REFUSED, Settlement.NOT_APPLIED)


def overrides(walked: tuple[Step, ...]) -> tuple[Override, ...]:
    """Orders that were carried out, the oldest first."""
    return tuple(_overrides(walked))


def _overrides(walked: tuple[Step, ...]) -> Iterator[Override]:
    for step in walked:
        fact = step.fact
        if isinstance(fact, facts.Started):
            if fact.known_bad:
                yield Override(OverrideKind.KNOWN_BAD, step.at, str(fact.actor), fact.reason)
        elif isinstance(fact, facts.Commanded) and fact.accepted and step.before:
            kind = _kind(fact.verb, step.before)
            if kind:
                yield Override(kind, step.at, str(fact.actor), fact.reason, fact.without_evidence)


def _kind(verb: CommandVerb, before: Rollout) -> OverrideKind | None:
    """None for what is the ordinary course: lifting a person's hold, or completing what the policy leaves to people."""
    match verb:
        case CommandVerb.ADVANCE:
            return OverrideKind.ADVANCE
        case CommandVerb.COMPLETE:
            left_to_people = before.last and any(r.code == "by_hand" for r in before.last.reasons)
            return None if left_to_people else OverrideKind.COMPLETE
        case CommandVerb.RESUME:
            return OverrideKind.RESUME if before.halt else None
    return None


def console(walked: tuple[Step, ...], store: Store) -> tuple[tuple[Drift, int], ...]:
    """How often people changed it in the store's console, by what they did. That a version goes out on the App Store is
    no intervention: only a person releases it there."""
    found = Counter(step.fact.meaning for step in walked if isinstance(step.fact, facts.Drifted))
    if store is Store.APP_STORE:
        del found[Drift.ROLLED_OUT]
    return tuple((meaning, found[meaning]) for meaning in Drift if found[meaning])


def troubles(walked: tuple[Step, ...]) -> tuple[Trouble, ...]:
    """Changes that the store refused, or of which it was not known for a while whether they were applied."""
    found = Counter(
        (step.fact.verb, step.fact.settlement)
        for step in walked
        if isinstance(step.fact, facts.Settled) and step.fact.settlement in _TROUBLES
    )
    return tuple(Trouble(verb, settlement, found[verb, settlement]) for verb, settlement in sorted(found))
