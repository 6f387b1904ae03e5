"""A journal that may lack its end: nothing is raised, whatever is halted stays halted, and nobody is blamed for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason, Verdict
from stagedrollout.core.clocks import APART_MAX, ClockReading, disagreement
from stagedrollout.core.drift import learn, told_by_whom
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.fold import extend
from stagedrollout.core.model import (
    CommandVerb,
    Expected,
    OnNewRelease,
    ReleaseStatus,
    Store,
    StoreState,
)
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.story import sentence
from stagedrollout.core.wording import notices
from tests.core.apple import AppleWorld, phased, terms
from tests.core.builders import (
    ANNA,
    DAY,
    HALTED,
    HOUR,
    KEY,
    NOON,
    STAGED,
    answer,
    code,
    decided,
    only,
    order,
    rolling,
    shown,
    store,
    with_facts,
)

pytestmark = pytest.mark.promise("R17", "R19")


SECOND = timedelta(seconds=1)
BEHIND = (Reason("journal_behind", "the journal ends at entry 3 and had come to 9"),)
RAISES = (CommandVerb.ADVANCE, CommandVerb.COMPLETE, CommandVerb.START)


def looked(rollout, *, share=50, status=STAGED, footing=BEHIND):
    news = learn(rollout, store(shown(status, share)), NOON)
    return told_by_whom(rollout, news, footing)


def test_everything_speaks_for_a_raise_and_yet_it_holds():
    assert decided().kind is DecisionKind.ADVANCE
    held = decided(footing=BEHIND)
    assert (held.kind, code(held), held.change) == (DecisionKind.HOLD, "journal_behind", None)


@pytest.mark.parametrize("verb", RAISES)
def test_no_person_raises_on_it_either(verb: CommandVerb):
    refused = decided(command=order(verb), footing=BEHIND)
    assert (refused.change, answer(refused).accepted) == (None, False)


def test_a_failing_gate_halts_all_the_same():
    assert decided(verdict=Verdict.FAIL, footing=BEHIND).kind is DecisionKind.HALT


def test_a_person_halts_all_the_same():
    assert decided(command=order(CommandVerb.HALT), footing=BEHIND).kind is DecisionKind.HALT


def test_what_the_store_shows_is_the_floor_and_nobody_is_blamed_for_it():
    news = looked(rolling())
    drifted = only(facts.Drifted, news)
    assert (drifted.meaning, drifted.untold) == (Drift.RAISED, True)
    after = extend(rolling(), news, NOON)
    assert (after.exposure_ppm, after.live_since) == (500_000, NOON)  # the bake begins again
    told = " ".join(notice.headline for notice in notices(after, news, NOON)) + after.reason
    assert "console" not in told + sentence(drifted)
    assert "the new floor" in told


def test_what_is_found_halted_stays_halted():
    news = looked(rolling(), share=10, status=HALTED)
    after = extend(rolling(), news, NOON)
    assert after.halt
    assert after.halt.confirmed
    assert "console" not in after.reason
    assert decided(after).change is None


ELSEWHERE = (Reason("replica_doubts", "db2:815 says: the journal ends at entry 3 and had come to 9"),)


def test_what_another_replica_knows_to_be_lost_is_blamed_on_nobody_and_told_aloud():
    drifted = only(facts.Drifted, looked(rolling(), footing=ELSEWHERE))
    assert drifted.untold
    held = decided(footing=ELSEWHERE)
    fact = facts.Decided(held.kind, held.reasons, ANNA)
    (notice,) = notices(with_facts(rolling(), fact), (fact,), NOON)
    assert notice.broadcast


def test_an_order_by_an_old_look_is_refused_without_blaming_anybody_for_what_the_lost_journal_did():
    moved = extend(rolling(), looked(rolling()), NOON)
    stale = order(CommandVerb.ADVANCE, expected=(Expected(KEY.release_id, 3, 100_000, halted=False),))
    said = answer(decided(moved, command=stale)).text
    assert "when that was ordered" in said
    assert "nobody can tell by whom" in said
    assert "console" not in said


def test_of_a_halted_release_too_everybody_is_told_that_the_journal_may_lack_its_end():
    halted = extend(rolling(), looked(rolling(), share=10, status=HALTED), NOON)
    fact = facts.Decided(DecisionKind.HOLD, BEHIND, ANNA)
    (notice,) = notices(with_facts(halted, fact), (fact,), NOON)
    assert notice.broadcast
    assert "had come to 9" in str(notice.facts)


def test_right_after_it_was_accepted_it_is_said_what_is_waited_for():
    accepted = with_facts(rolling(), facts.JournalAccepted(ANNA, "old backup", "entries 4 to 9"))
    assert "a person goes on with the journal as it is" in accepted.reason


def test_up_to_the_first_decision_after_it_was_accepted_nobody_is_blamed():
    accepted = with_facts(rolling(), facts.JournalAccepted(ANNA, "old backup", "entries 4 to 9"))
    assert only(facts.Drifted, looked(accepted, footing=())).untold
    later = with_facts(accepted, facts.Decided(DecisionKind.WAIT, (), ANNA))
    assert not only(facts.Drifted, looked(later, footing=())).untold
    assert not only(facts.Drifted, looked(rolling(since=NOON - 2 * DAY), footing=())).untold


def test_an_acceptance_is_told_aloud_with_what_is_lost():
    fact = facts.JournalAccepted(ANNA, "old backup", "entries 4 to 9")
    (notice,) = notices(with_facts(rolling(), fact), (fact,), NOON)
    assert notice.broadcast
    assert "entries 4 to 9" in str(notice.facts) + sentence(fact)


def test_a_machines_clock_that_was_set_forward_cuts_no_bake_short():
    begun = rolling(since=NOON - 2 * DAY)
    assert decided(begun).kind is DecisionKind.ADVANCE
    still = decided(begun, passed=DAY - HOUR)
    assert (still.kind, code(still), still.due) == (DecisionKind.WAIT, "bake", NOON + HOUR)
    assert decided(begun, passed=DAY).kind is DecisionKind.ADVANCE
    assert decided(rolling(since=NOON - HOUR), passed=2 * DAY).kind is DecisionKind.WAIT


def test_clocks_within_two_minutes_are_one_clock():
    within = ClockReading("google_play", APART_MAX, APART_MAX)
    assert disagreement((within,)) is None
    apart = ClockReading("google_play", APART_MAX + SECOND, APART_MAX + 3 * SECOND)
    reason = disagreement((within, apart))
    assert reason
    assert decided(footing=(reason,)).kind is DecisionKind.HOLD
    unsure = ClockReading("sentry", -DAY, DAY)
    assert disagreement((unsure,)) is None


@pytest.mark.promise("R9", "R20")
@pytest.mark.parametrize("behind", [True, False], ids=["the journal lacks its end", "the journal is whole"])
def test_a_version_that_somebody_halted_stays_halted_by_them_when_it_is_removed_and_is_not_halted_twice(
    behind: bool,
) -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT)
    world.one_pass()
    world.one_pass(order=order(CommandVerb.HALT, store=Store.APP_STORE, id="h"))
    before = world.rollout
    assert before.halt is not None
    assert before.halt.confirmed
    removed = replace(phased(ReleaseStatus.WITHDRAWN, 1), status_word="removed from sale", exposure_ppm=0)
    why = BEHIND if behind else ()
    news = told_by_whom(before, learn(before, StoreState((removed,), "f", world.now), world.now), why)
    after = extend(before, news, world.now)
    assert after.halt == before.halt
    aloud = {n.key for n in notices(after, news, world.now) if n.kind is NoticeKind.HALTED}
    assert aloud <= {notice.key for notice in world.notices}
