"""The journal as a story for people: who did what and why, and how the exposure changed by it.

Facts that were written in one breath are told together, and what merely repeats another one of them is left out: the
look that confirmed a raise, the same terms again, that nothing else follows from an approval. Why a release was halted
stands at its halt, and not again where that halt holds it. Every single fact is in `history --json` and in `export journal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatch
from itertools import groupby
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.fold import begin, extend
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey, Settlement, Verb
from stagedrollout.core.story import sentence
from stagedrollout.core.units import percent_text

Told = tuple[RolloutKey, datetime, facts.Fact]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence. `before_ppm` and `after_ppm` differ where the exposure changed; `kind` is the fact's word."""

    at: datetime
    rollout: RolloutKey
    text: str
    before_ppm: int
    after_ppm: int
    fact: facts.Fact


def chronicle(told: Iterable[Told], before: Mapping[RolloutKey, Rollout] | None = None) -> Iterator[Line]:
    """The sentences, in the order of the journal. Each rollout is told from its first fact on, or from where it stood
    `before`. Raises ValueError."""
    known = dict(before or {})
    for (key, at), group in groupby(told, key=lambda one: one[:2]):
        news = tuple(fact for _, _, fact in group)
        stood = known.get(key)
        known[key] = extend(stood, news, at) if stood else extend(begin(key, news[0], at), news[1:], at)
        change = (stood.exposure_ppm if stood else 0, known[key].exposure_ppm)
        for line in _lines(key, at, _worth_telling(news), change):
            yield replace(line, text=_without_its_halt(line, stood))


def _without_its_halt(line: Line, before: Rollout | None) -> str:
    """Where an earlier halt holds it: by whom it is, and not once more why."""
    if before is None or before.halt is None or not before.halt.reason or not _holds(line.fact):
        return line.text
    return line.text.replace(f": {before.halt.reason};", ";", 1)


def _holds(fact: facts.Fact) -> bool:
    return isinstance(fact, facts.Decided) and fact.decision is DecisionKind.HOLD


def _lines(
    rollout: RolloutKey, at: datetime, news: tuple[facts.Fact, ...], change: tuple[int, int]
) -> Iterator[Line]:
    """The change of the exposure stands beside the sentence that tells of it."""
    before, after = change
    place = next((index for index, fact in enumerate(news) if _tells_exposure(fact)), 0)
    for index, fact in enumerate(news):
        changed = (
            (before, after) if index == place else ((after, after) if index > place else (before, before))
        )
        yield Line(at, rollout, telling(fact), *changed, fact)


_TELLS = (facts.Discovered, facts.Settled, facts.Drifted, facts.Stepped, facts.Returned, facts.Superseded)


def _tells_exposure(fact: facts.Fact) -> bool:
    return isinstance(fact, (*_TELLS, facts.WentLive, facts.Seen))


def _worth_telling(news: tuple[facts.Fact, ...]) -> tuple[facts.Fact, ...]:
    """A look says nothing beside what it led to, and the same fact twice says nothing more."""
    led = any(isinstance(fact, (*_TELLS, facts.WentLive)) for fact in news)
    kept = [fact for fact in news if not (led and isinstance(fact, facts.Seen)) and not _echoes(fact, news)]
    return tuple({telling(fact): fact for fact in kept}.values())


_ECHOES = {
    "approved": facts.Approved,
    "human_start": facts.Started,
    "adopted": facts.Started,
    "finished": facts.Superseded,
}
"""By the code of its only reason: what a decision to wait follows from, and so says again."""


def _echoes(fact: facts.Fact, news: tuple[facts.Fact, ...]) -> bool:
    if not isinstance(fact, facts.Decided) or fact.decision is not DecisionKind.WAIT or fact.intent:
        return False
    source = _ECHOES.get(fact.reasons[0].code) if len(fact.reasons) == 1 else None
    return source is not None and any(isinstance(other, source) for other in news)


@singledispatch
def telling(fact: Any) -> str:
    """The fact as a sentence of the story."""
    return sentence(fact)


@telling.register
def _(fact: facts.Decided) -> str:
    why = "; ".join(reason.text for reason in fact.reasons)
    if not fact.intent and fact.decision is DecisionKind.WAIT and why.startswith("wait"):
        return why  # it says so itself
    return f"{_deed(fact)}: {why}" if why else _deed(fact)


def _deed(fact: facts.Decided) -> str:
    """Who does what; where nothing was sent, what is waited for."""
    who, at = fact.actor.name, percent_text(fact.target_ppm)
    if fact.intent and fact.verb is Verb.PAUSE:
        return f"{who} pauses it at {at}"
    if fact.intent and fact.verb is Verb.STEP:
        return f"{who} lets Apple step to {at}"
    match fact.decision:
        case DecisionKind.WAIT:
            return "waits"
        case DecisionKind.HOLD:
            return "is held"
        case DecisionKind.HALT:
            return f"{who} halts it at {at}" if fact.intent else "should be halted, and nothing was sent"
        case DecisionKind.PREPARE:
            return f"{who} prepares its release"
        case DecisionKind.START:
            return f"{who} starts it at {at}"
        case DecisionKind.RESUME:
            return f"{who} resumes it at {at}"
        case DecisionKind.ADVANCE | DecisionKind.COMPLETE:
            return (
                f"{who} raises it to {at}"
                if fact.intent
                else f"would be raised from {at}, and nothing was sent"
            )


@telling.register
def _(fact: facts.Settled) -> str:
    if fact.settlement is Settlement.CONFIRMED:
        return f"the store shows the {fact.verb.value}"
    return f"the {fact.verb.value} is {fact.settlement.value.replace('_', ' ')}: {fact.detail}"


@telling.register
def _(fact: facts.Commanded) -> str:
    ordered = f"{fact.actor.name} orders {fact.verb.value}, because: {fact.reason}"
    return f"{ordered}; {fact.text}" if fact.accepted else f"{ordered}; REFUSED: {fact.text}"


@telling.register
def _(fact: facts.Drifted) -> str:
    if fact.untold:
        return sentence(fact)
    did, *how = fact.meaning.words.split()
    return f"somebody has {' '.join([did, 'it', *how])} in the console: {fact.words}"
