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
    DAEMON,
    CommandVerb,
    Expected,
    OnNewRelease,
    ReleaseStatus,
    Settlement,
    Store,
    StoreState,
    Verb,
)
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.story import sentence
from stagedrollout.core.wording import notices
from tests.core.apple import APPLE_KEY, PAUSED, AppleWorld, phased, terms
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
    settled,
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


ACCEPTED = facts.JournalAccepted(ANNA, "old backup", "entries 4 to 9")
UNREAD = facts.Decided(DecisionKind.HOLD, (Reason("store_unread", "the store could not be read"),), ANNA)


def test_up_to_the_first_look_after_it_was_accepted_nobody_is_blamed():
    accepted = with_facts(rolling(), ACCEPTED)
    found = looked(accepted, footing=())
    assert only(facts.Drifted, found).untold
    later = extend(accepted, found, NOON)
    assert not only(facts.Drifted, looked(later, share=100, footing=())).untold
    assert not only(facts.Drifted, looked(rolling(since=NOON - 2 * DAY), footing=())).untold


def test_a_pass_that_could_not_read_the_store_after_it_was_accepted_lets_nobody_be_blamed_either():
    unread = with_facts(rolling(), ACCEPTED, UNREAD)
    assert only(facts.Drifted, looked(unread, share=10, status=HALTED, footing=())).untold


def test_nor_does_a_look_that_showed_a_status_nobody_knows():
    on_apple = replace(rolling(phased(STAGED, 1)), key=APPLE_KEY)
    accepted = with_facts(on_apple, ACCEPTED)
    odd = learn(accepted, store(phased(ReleaseStatus.UNKNOWN, 1)), NOON)
    after = with_facts(extend(accepted, odd, NOON), UNREAD)
    news = learn(after, store(phased(PAUSED, 1)), NOON + HOUR)
    assert only(facts.Drifted, told_by_whom(after, news, ())).untold


def test_a_look_that_shows_nothing_new_is_written_down_once_and_whatever_changes_then_is_somebodys_doing():
    accepted = with_facts(rolling(), ACCEPTED)
    same = looked(accepted, share=10, footing=())
    assert only(facts.Seen, same).exposure_ppm == 100_000
    later = extend(accepted, same, NOON)
    assert looked(later, share=10, footing=()) == ()
    assert not only(facts.Drifted, looked(later, footing=())).untold


def test_a_release_that_nobody_looks_after_is_seen_once_more_too():
    ignored = replace(rolling(), steered=False, choice=OnNewRelease.IGNORE)
    accepted = with_facts(ignored, ACCEPTED)
    later = extend(accepted, looked(accepted, share=10, footing=()), NOON)
    assert not only(facts.Drifted, looked(later, share=10, status=HALTED, footing=())).untold


def test_one_that_is_gone_is_blamed_on_nobody_once():
    accepted = with_facts(rolling(), ACCEPTED)
    gone = told_by_whom(accepted, learn(accepted, store(), NOON), ())
    assert only(facts.Drifted, gone).untold
    assert not extend(accepted, gone, NOON).untold


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


def test_a_pause_that_the_store_refuses_says_why_it_was_wanted_also_where_another_was_refused_today():
    def refused(*why: Reason):
        paused = facts.Decided(DecisionKind.HOLD, why, DAEMON, intent="i1", verb=Verb.PAUSE)
        ended = settled(Settlement.REFUSED, Verb.PAUSE)
        on_apple = replace(rolling(phased(STAGED, 1)), key=APPLE_KEY)
        (notice,) = notices(with_facts(on_apple, paused, ended), (ended,), NOON)
        return notice

    frozen, behind = refused(Reason("freeze", "a freeze")), refused(*BEHIND)
    assert behind.broadcast
    assert "NOT PAUSED" in behind.headline
    assert "had come to 9" in str(behind.facts)
    assert "a freeze" in str(frozen.facts)
    assert behind.key != frozen.key
    assert refused(Reason("freeze", "another freeze")).key == frozen.key


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
