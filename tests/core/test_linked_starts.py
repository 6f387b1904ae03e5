"""A start that waits for its turn, and what a link means for a release that nobody has started."""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core import facts
from stagedrollout.core.decision import decide
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import CommandVerb, RolloutKey, Supersede, Verb
from tests.core.builders import (
    ANNA,
    DRAFT,
    KEY,
    OLDER,
    answer,
    case,
    code,
    order,
    rolling,
    shown,
    store,
    waiting,
    with_facts,
)
from tests.core.test_linked import PLAY_LINKED, led_by

OLDER_ONE = replace(rolling(), key=RolloutKey(KEY.app, KEY.store, OLDER.id), release=OLDER)
BOTH = store(shown(release=OLDER), shown(DRAFT))


def its_turn(**started: str) -> Rollout:
    fact = facts.Started(ANNA, "go", "standard", "c0", **started)  # type: ignore[arg-type]
    return with_facts(led_by(waiting(found=shown(DRAFT)), 100), fact)


def test_an_order_for_what_waits_for_its_turn_is_answered_and_sends_no_start() -> None:
    decision = decide(case(its_turn(), command=order(CommandVerb.ADVANCE)))
    assert (decision.change, answer(decision).accepted) == (None, False)


def test_a_start_takes_the_place_that_was_named_and_no_other() -> None:
    def sent(rollout: Rollout, supersede: Supersede) -> tuple[Verb, str] | None:
        change = decide(case(rollout, look=BOTH, others=(OLDER_ONE,), supersede=supersede)).change
        return (change.verb, change.instead_of) if change else None

    named, unnamed = its_turn(instead_of=OLDER.label), its_turn()
    assert sent(named, Supersede.FINISH) == (Verb.START, OLDER.id)
    assert sent(unnamed, Supersede.FINISH) is None
    assert sent(unnamed, Supersede.HOLD) == (Verb.START, "")


def test_what_nobody_has_started_is_not_held_because_the_other_store_cannot_be_read() -> None:
    unread = replace(PLAY_LINKED, unread="no answer")
    assert code(decide(case(with_facts(waiting(), unread)))) == "not_started"
    assert code(decide(case(with_facts(rolling(), unread)))) == "link_unread"
    ordered = decide(case(with_facts(waiting(found=shown(DRAFT)), unread), command=order(CommandVerb.START)))
    assert (code(ordered), ordered.change) == ("link_unread", None)
