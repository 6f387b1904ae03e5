"""Entries of the journal, spoiled: a fact, or an error that whoever reads a journal foresees; and a rollout of what is left."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from stagedrollout.core import facts
from stagedrollout.core.events import CHAIN_START, Entry, chain_hash
from stagedrollout.core.fold import fold
from stagedrollout.core.model import CommandVerb
from stagedrollout.core.story import sentence
from stagedrollout.storage.wording import UNREADABLE, json_body
from tests.core.builders import HOUR, KEY, order, policy
from tests.core.world import Health, Reply, World
from tests.fuzz.sound import sound
from tests.fuzz.spoiling import EDITS, spoiled
from tests.fuzz.target import fuzz


def _journal() -> list[Entry]:
    """A rollout that was started, raised, suspected, halted and resumed, with a lost reply in between."""
    world = World(policy(1, 10, 50, 100))
    world.one_pass(order=order(CommandVerb.START, id="c0"))
    for number in range(24):
        world.now += 9 * HOUR
        world.health = Health.SICK if number in (11, 12, 13) else Health.HEALTHY
        world.one_pass(reply=Reply.LOST_APPLIED if number == 5 else Reply.DONE)
    world.one_pass(order=order(CommandVerb.RESUME, id="c1"))
    world.one_pass(order=order(CommandVerb.HOLD, id="c2", hold_for=HOUR))
    world.now += 2 * HOUR
    world.one_pass()
    return world.journal


JOURNAL = _journal()


@fuzz(
    "journal",
    st.tuples(st.integers(0, len(JOURNAL) - 1), st.lists(EDITS, min_size=1, max_size=3)),
    examples=250,
)
def test_any_entry_is_a_fact_or_an_error_that_readers_of_journals_foresee(drawn):
    at, edits = drawn
    entry = JOURNAL[at]
    try:
        body = json.loads(spoiled(entry.body, edits))
        other = Entry(entry.kind, entry.at, body)
        chain_hash(CHAIN_START, KEY, other)
        told = facts.read(other)
        sentence(told)
        history = [facts.read(each) for each in JOURNAL]
        history[at] = told
        rollout = fold(KEY, tuple((fact, each.at) for fact, each in zip(history, JOURNAL, strict=True)))
    except UNREADABLE as refused:
        sound(str(refused)[:1_000].encode("utf-8", "replace").decode())
        return
    assert rollout is not None
    assert rollout.phase
    assert rollout.reason is not None


@fuzz(
    "rows-as-json",
    st.one_of(st.text(), st.sampled_from(["[" * 50_000, "{}", '{"a":NaN}', '{"a": 1}', '{"a":1e999}', "7"])),
    examples=60,
)
def test_any_text_of_a_row_is_a_body_or_a_refusal(text):
    try:
        assert isinstance(json_body(text), dict)
    except UNREADABLE:
        return
