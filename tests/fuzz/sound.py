"""What must be true of whatever a client hands to the core: it can be written down, told, and read again."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from math import isfinite
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.drift import learn
from stagedrollout.core.events import CHAIN_START, Entry, chain_hash
from stagedrollout.core.facts import Fact
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Outcome, RolloutKey, StoreState, Unread, Verb
from stagedrollout.core.units import PPM_ALL
from stagedrollout.core.wording import notices
from stagedrollout.storage.wording import json_body, json_text

WORDS_MAX = 5_000
"""Characters of one text; what is told of a foreign one is far shorter."""


def sound(value: Any) -> None:
    """Every text in it can be encoded and is of bearable length, every number is one, every instant has a zone."""
    match value:
        case Enum():
            pass
        case str():
            assert len(value) <= WORDS_MAX
            value.encode()
        case float():
            assert isfinite(value)
        case datetime():
            assert value.tzinfo is not None
        case dict():
            for item in (*value.keys(), *value.values()):
                sound(item)
        case tuple() | list() | frozenset():
            for item in value:
                sound(item)
        case _ if is_dataclass(value) and not isinstance(value, type):
            for each in fields(value):
                sound(getattr(value, each.name))


def written_down(told: tuple[Fact, ...], key: RolloutKey, at: datetime) -> None:
    """The facts as the journal takes them: the same when they are read again."""
    for fact in told:
        entry = facts.written(fact, at)
        text = json_text(entry.body)
        again = Entry(entry.kind, entry.at, json_body(text))
        chain_hash(CHAIN_START, key, again)
        assert facts.read(again) == fact


def learnt(rollout: Rollout, look: StoreState | Unread, at: datetime) -> Rollout:
    """The rollout after this look, with all of it written down and told."""
    sound(look)
    told = learn(rollout, look, at)
    written_down(told, rollout.key, at)
    after = extend(rollout, told, at)
    sound(notices(after, told, at))
    sound(after)
    for release in look.releases if isinstance(look, StoreState) else ():
        assert 0 <= release.exposure_ppm <= PPM_ALL
        assert (
            release.status_word + release.review_word + release.release.label + release.track
        ).isprintable()
    return after


def sound_outcome(outcome: Outcome, key: RolloutKey, at: datetime) -> None:
    sound(outcome)
    written_down((facts.Settled("intent", Verb.HALT, outcome.settlement, outcome.detail),), key, at)
