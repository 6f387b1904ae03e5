"""A start that waits for its turn, and what a link means for a release that nobody has started."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import CommandVerb, Mode, RolloutKey, Store, Supersede, Verb
from stagedrollout.core.phasing import Pacing
from tests.core.apple import ACTIVE, PAUSED, phased, terms
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    ANNA,
    DAY,
    DRAFT,
    HOUR,
    KEY,
    NOON,
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
from tests.core.test_linked import HELD, PLAY_LINKED, led_by
from tests.core.test_phased_drift import rolling as apple_rolling

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


def test_who_resumes_it_in_the_console_gives_it_one_step_beyond_the_lead_and_a_day_for_it() -> None:
    """`follow`: after that step, or that day, it is paused until the lead's evidence reaches as far."""
    follow = terms(Pacing.FOLLOW)
    rests, goes_on, stepped = (
        facts.Seen.of(phased(PAUSED, 1)),
        facts.Seen.of(phased(ACTIVE, 1)),
        facts.Seen.of(phased(ACTIVE, 2)),
    )
    resumed = (goes_on, facts.Drifted(facts.Drift.RESUMED, rests, goes_on), facts.WentLive(10_000))
    theirs = with_facts(led_by(apple_rolling(phased(PAUSED, 1))), *resumed, at=NOON)
    beyond = with_facts(theirs, stepped, facts.WentLive(20_000), at=NOON)

    def sent(rollout: Rollout, after: timedelta) -> tuple[str, Verb | None]:
        decision = decide(case(rollout, policy=follow, now=NOON + after))
        return code(decision), decision.change and decision.change.verb

    assert sent(theirs, DAY - timedelta(seconds=1)) == ("apple", None)
    assert sent(theirs, DAY) == ("linked_lead", Verb.PAUSE)
    assert sent(beyond, HOUR) == ("linked_lead", Verb.PAUSE)


def test_a_follower_that_fails_is_halted_and_one_that_rests_rests_however_little_the_lead_has_earned() -> (
    None
):
    failing = decide(case(led_by(rolling()), Verdict.FAIL))
    assert (failing.kind, failing.change and failing.change.verb) == (DecisionKind.HALT, Verb.HALT)
    rests = APPLE_SITUATIONS["follow, paused ten minutes ago"](Verdict.PASS, None, Mode.ACT)
    resting = decide(replace(rests, rollout=led_by(rests.rollout)))
    assert (resting.kind, code(resting)) == (DecisionKind.WAIT, "rest")


def test_who_answers_the_halt_elsewhere_lets_apple_go_on_and_a_refused_order_pauses_nothing() -> None:
    active, follow = apple_rolling(phased(ACTIVE, 2)), terms(Pacing.FOLLOW)
    elsewhere = replace(HELD, store=Store.GOOGLE_PLAY)
    held = with_facts(active, replace(PLAY_LINKED, lead=Store.APP_STORE), elsewhere)
    resumed = decide(case(held, policy=follow, command=order(CommandVerb.RESUME)))
    assert (resumed.kind, resumed.change, answer(resumed).accepted) == (DecisionKind.WAIT, None, True)
    refused = decide(case(led_by(active), policy=follow, command=order(CommandVerb.START)))
    assert (refused.kind, refused.change, answer(refused).accepted) == (DecisionKind.WAIT, None, False)
