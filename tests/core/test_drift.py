"""What a look at the store teaches: our own change landing, a person in the console, or a look that lags."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.baseline import age_of
from stagedrollout.core.discovery import discover
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import Drift, Fact
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import (
    SOMEBODY,
    OnNewRelease,
    Outcome,
    ReviewState,
    Settlement,
    StoreRelease,
    Verb,
)
from stagedrollout.core.reading_back import STALE_READ
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    IN_REVIEW,
    NEWER,
    NOON,
    OLDER,
    STAGED,
    UNKNOWN,
    code,
    decided,
    discovered,
    halted,
    intent,
    not_halted,
    only,
    ppm,
    rolling,
    seen,
    settled,
    shown,
    store,
    told,
    unread,
    waiting,
    with_facts,
)

MINUTE = timedelta(minutes=1)


def look(rollout: Rollout, *found: StoreRelease, at: datetime = NOON) -> tuple[Rollout, tuple[Fact, ...]]:
    """One look at the store; the rollout after it, and what was new."""
    learned = learn(rollout, store(*found, at=at), at)
    return extend(rollout, learned, at), learned


def meaning(learned: tuple[Fact, ...]) -> Drift | None:
    drifts = [fact.meaning for fact in learned if isinstance(fact, facts.Drifted)]
    assert len(drifts) <= 1
    return drifts[0] if drifts else None


# -- looks that teach nothing; what every change means is in test_console_table.py ----------------------


def test_a_look_that_shows_nothing_new_teaches_nothing() -> None:
    assert look(rolling(), shown())[1] == ()


def test_a_store_that_cannot_be_read_teaches_nothing() -> None:
    assert learn(rolling(), unread(), NOON) == ()


def test_a_review_that_goes_on_is_no_drift() -> None:
    rollout, learned = look(rolling(shown(STAGED, 10, IN_REVIEW)), shown())
    assert [type(fact) for fact in learned] == [facts.Seen, facts.WentLive]
    assert rollout.live_since == NOON


# -- what people do in the console is respected (promise R10) ----------------------------------------


@pytest.mark.parametrize(
    ("found", "phase"),
    [(shown(HALTED, 10), Phase.HALTED), (shown(STAGED, 5), Phase.HELD)],
    ids=["halted", "lowered"],
)
def test_lowered_or_halted_in_the_console_is_a_person_s_halt(found: StoreRelease, phase: Phase) -> None:
    """What is lowered is shown as held: people still get it, and HALTED would be a lie (promise R4)."""
    rollout, _ = look(rolling(), found)
    assert rollout.halt
    assert (rollout.halt.actor, rollout.halt.confirmed, rollout.phase) == (SOMEBODY, True, phase)
    assert (code(decided(rollout)), decided(rollout).change) == ("halted", None)


def test_a_halt_in_the_console_that_review_holds_back_is_not_yet_true() -> None:
    rollout, _ = look(rolling(), shown(HALTED, 10, IN_REVIEW))
    assert rollout.phase is Phase.NOT_HALTED
    rollout, _ = look(rollout, shown(HALTED, 10), at=NOON + HOUR)
    assert rollout.phase is Phase.HALTED


def test_raised_in_the_console_is_a_new_floor_and_bakes_anew() -> None:
    rollout, _ = look(rolling(), shown(STAGED, 30))
    assert (rollout.exposure_ppm, rollout.live_since, rollout.halt) == (ppm(30), NOON, None)
    assert code(decided(rollout)) == "bake"


def test_raised_in_the_console_while_in_review_bakes_from_its_publication() -> None:
    rollout, _ = look(rolling(), shown(STAGED, 30, IN_REVIEW))
    assert code(decided(rollout)) == "review"
    rollout, _ = look(rollout, shown(STAGED, 30), at=NOON + HOUR)
    assert rollout.live_since == NOON + HOUR


def test_resumed_in_the_console_begins_a_new_run_that_forgets_what_was_held_against_it() -> None:
    rollout = with_facts(rolling(), facts.WentBlind(("crash_free_sessions",)))
    rollout, _ = look(halted(rollout), shown(), at=NOON + 5 * MINUTE)
    assert (rollout.halt, rollout.suspicions, rollout.blind_since) == (None, (), None)
    assert rollout.run_since == NOON + HOUR
    assert rollout.live_since == NOON + 5 * MINUTE
    assert rollout.phase is Phase.ROLLING_OUT


def test_completed_in_the_console_is_watched() -> None:
    rollout, _ = look(rolling(), shown(COMPLETED))
    assert (rollout.phase, rollout.completed_at) == (Phase.COMPLETED, NOON)


def test_a_halt_that_happened_between_the_first_two_looks_is_noticed() -> None:
    ((_, first),) = discover(store(shown()), (), "standard", OnNewRelease.ADOPT)
    rollout, _ = look(told(*first, start=NOON - HOUR), shown(HALTED, 10))
    assert rollout.halt


def test_a_word_we_do_not_know_holds_until_a_person_says_go_on() -> None:
    rollout, _ = look(rolling(), shown(UNKNOWN, 10))
    assert rollout.phase is Phase.HELD
    assert code(decided(rollout, look=store(shown(UNKNOWN, 10)))) == "unknown_status"
    rollout, _ = look(rollout, shown(), at=NOON + HOUR)
    assert code(decided(rollout, now=NOON + HOUR)) == "unknown_drift"
    rollout = with_facts(rollout, facts.HoldEnded("lifted by anna"), at=NOON + HOUR)
    assert decided(rollout, now=NOON + HOUR).change


def test_what_is_resumed_while_its_status_is_not_understood_is_not_halted_again_for_what_was_before() -> None:
    """The halt that was read is no longer in force, whatever the store's word between meant: as on the App Store."""
    rollout, _ = look(halted(rolling()), shown(UNKNOWN, 10))
    rollout, learned = look(rollout, shown(STAGED, 3), at=NOON + HOUR)
    assert meaning(learned) is Drift.RESUMED
    assert (rollout.halt, rollout.run_since) == (None, NOON + HOUR)
    assert code(decided(rollout, look=store(shown(STAGED, 3)), now=NOON + HOUR)) == "bake"


def test_what_was_lowered_stays_so_when_its_status_was_not_understood_for_a_look() -> None:
    """Lowered counts as halted, and is served all the time: that it is served again tells of nobody's resume."""
    rollout, _ = look(rolling(), shown(STAGED, 5))
    rollout, _ = look(rollout, shown(UNKNOWN, 5), at=NOON + HOUR)
    rollout, learned = look(rollout, shown(STAGED, 5), at=NOON + 2 * HOUR)
    assert meaning(learned) is Drift.UNKNOWN
    assert rollout.halt


@pytest.mark.promise("R10")
@pytest.mark.parametrize("sent", [True, False])
def test_a_halt_in_the_console_that_waited_for_its_review_is_over_when_somebody_lets_it_go_on(
    sent: bool,
) -> None:
    """It was seen halted before, so there is no doubt which of the two came last, though we had sent that halt as well."""
    waiting = replace(shown(HALTED, 10), review=ReviewState.IN_REVIEW)
    rollout, learned = look(rolling(), waiting)
    assert meaning(learned) is Drift.HALTED
    assert rollout.halt
    assert not rollout.halt.confirmed
    if sent:
        again = (intent(Verb.HALT, 10, "h1"), settled(Settlement.IN_DOUBT, Verb.HALT, "h1"))
        rollout = extend(rollout, again, NOON + MINUTE)
    rollout, learned = look(rollout, shown(STAGED, 10), at=NOON + HOUR)
    assert meaning(learned) is Drift.RESUMED
    assert (rollout.halt, rollout.intent) == (None, None)


@pytest.mark.promise("R9")
def test_a_halt_in_the_console_that_waited_for_its_review_stays_when_the_release_was_gone_and_is_put_there_afresh() -> (
    None
):
    waiting = replace(shown(HALTED, 10), review=ReviewState.IN_REVIEW)
    rollout, _ = look(rolling(), waiting)
    rollout = with_facts(rollout, facts.Drifted(Drift.UNKNOWN, facts.Seen.of(waiting), facts.NOWHERE))
    rollout, learned = look(rollout, shown(STAGED, 10), at=NOON + HOUR)
    assert meaning(learned) is not Drift.RESUMED
    assert rollout.halt


@pytest.mark.parametrize("now", [shown(STAGED, 10), shown(COMPLETED)])
def test_what_was_lowered_and_goes_to_more_people_after_a_word_we_do_not_know_was_taken_back(
    now: StoreRelease,
) -> None:
    """As it would be without that word between: nobody may call it halted at 100 %."""
    rollout, _ = look(rolling(), shown(STAGED, 5))
    rollout, _ = look(rollout, shown(UNKNOWN, 5), at=NOON + HOUR)
    rollout, learned = look(rollout, now, at=NOON + 2 * HOUR)
    assert meaning(learned) is Drift.RAISED
    assert rollout.halt is None


# -- our own change landing ---------------------------------------------------------------------------


def raising(percent: float = 50, opened: datetime = NOON - HOUR) -> Rollout:
    """A raise from 10 % was recorded; what became of it is not known."""
    return with_facts(rolling(), intent(percent=percent), at=opened)


def test_a_raise_in_doubt_that_the_store_shows_is_confirmed() -> None:
    rollout, learned = look(raising(), shown(STAGED, 50))
    assert only(facts.Settled, learned).settlement is Settlement.CONFIRMED
    assert (rollout.intent, rollout.live_since, meaning(learned)) == (None, NOON, None)


def test_a_raise_in_doubt_that_never_arrived_is_given_up_and_decided_anew() -> None:
    rollout, learned = look(raising(), shown())
    assert only(facts.Settled, learned).settlement is Settlement.NOT_APPLIED
    assert rollout.intent is None
    assert decided(rollout).change


def test_a_raise_in_doubt_is_not_given_up_on_a_look_that_may_lag() -> None:
    """The commit may have worked and the look be older: giving up would raise on a stale look, and take our
    own change for somebody else's later."""
    rollout, learned = look(raising(opened=NOON - STALE_READ + MINUTE), shown())
    assert learned == ()
    assert code(decided(rollout)) == "in_doubt"
    rollout, learned = look(rollout, shown(STAGED, 50), at=NOON + MINUTE)
    assert only(facts.Settled, learned).settlement is Settlement.CONFIRMED


def test_a_raise_in_doubt_that_a_person_overtook_is_theirs() -> None:
    rollout, learned = look(raising(), shown(STAGED, 70))
    assert only(facts.Settled, learned).settlement is Settlement.MOVED
    assert meaning(learned) is Drift.RAISED
    assert rollout.exposure_ppm == ppm(70)


def test_a_raise_in_doubt_that_a_person_halted_is_halted() -> None:
    rollout, learned = look(raising(), shown(HALTED, 50))
    assert only(facts.Settled, learned).settlement is Settlement.MOVED
    assert rollout.halt


def test_a_halt_in_doubt_is_never_given_up() -> None:
    pending = with_facts(rolling(), intent(Verb.HALT, 10, "h1"))
    rollout, learned = look(pending, shown(), at=NOON + 20 * HOUR)
    assert learned == ()
    assert rollout.phase is Phase.NOT_HALTED
    rollout, learned = look(rollout, shown(HALTED), at=NOON + 21 * HOUR)
    assert only(facts.Settled, learned).settlement is Settlement.CONFIRMED
    assert rollout.phase is Phase.HALTED


def test_a_halt_whose_review_still_runs_is_not_halted() -> None:
    pending = with_facts(rolling(), intent(Verb.HALT, 10, "h1"))
    rollout, _ = look(pending, shown(HALTED, 10, IN_REVIEW))
    assert rollout.phase is Phase.NOT_HALTED
    rollout, _ = look(rollout, shown(HALTED, 10, ReviewState.NOT_LISTED), at=NOON + HOUR)
    assert rollout.phase is Phase.HALTED


def test_a_start_before_any_look_that_did_not_arrive_is_no_mystery() -> None:
    fresh = told(
        discovered(OnNewRelease.IGNORE),
        facts.Started(ANNA, "go", "", "c1"),
        intent(Verb.START, 1),
        start=NOON - HOUR,
    )
    rollout, learned = look(fresh, shown(DRAFT))
    assert only(facts.Settled, learned).settlement is Settlement.NOT_APPLIED
    assert meaning(learned) is None
    assert not rollout.unknown_drift


# -- a look that lags -----------------------------------------------------------------------------------


def landed(at: datetime = NOON) -> Rollout:
    """Our raise from 10 to 50 % was read back at `at`."""
    return with_facts(rolling(), intent(), seen(STAGED, 50), settled(), facts.WentLive(ppm(50)), at=at)


@pytest.mark.parametrize("found", [shown(STAGED, 10), shown(STAGED, 5)], ids=["one change", "two changes"])
def test_a_look_that_lags_behind_our_raise_is_no_drift_and_nothing_is_raised_on_it(
    found: StoreRelease,
) -> None:
    now = NOON + STALE_READ - MINUTE
    rollout, learned = look(landed(), found, at=now)
    assert learned == ()
    decision = decided(rollout, look=store(found, at=now), now=now)
    assert (code(decision), decision.change) == ("stale_store", None)


def test_a_look_from_before_two_raises_is_nobody_s_doing_while_the_second_is_on_its_way() -> None:
    """Somebody orders the next stage right after ours has landed, and the daemon dies over it."""
    now = NOON + STALE_READ - MINUTE
    twice = with_facts(landed(), intent(Verb.COMPLETE, 100, "r2"), at=NOON + MINUTE)
    rollout, learned = look(twice, shown(STAGED, 10), at=now)
    assert learned == ()
    assert not decided(rollout, look=store(shown(STAGED, 10), at=now), now=now).change
    rollout, learned = look(rollout, shown(COMPLETED), at=now + MINUTE)
    assert only(facts.Settled, learned).settlement is Settlement.CONFIRMED


def test_a_look_that_may_lag_is_followed_by_another_as_soon_as_one_can_be_believed() -> None:
    """It may as well be somebody's doing, who takes it back before the next regular look (promise R10)."""
    now = NOON + MINUTE
    decision = decided(landed(), look=store(shown(STAGED, 10), at=now), now=now)
    assert decision.due == NOON + STALE_READ


def test_after_ten_minutes_it_is_a_fact() -> None:
    assert meaning(look(landed(), shown(STAGED, 10), at=NOON + STALE_READ)[1]) is Drift.LOWERED


@pytest.mark.parametrize("found", [shown(), shown(STAGED, 5), shown(COMPLETED)])
def test_a_look_that_lags_behind_our_halt_does_not_undo_it(found: StoreRelease) -> None:
    """Raised, and halted a minute later: a look may show any share from before the halt (promise R9)."""
    rollout, learned = look(halted(rolling(), at=NOON), found, at=NOON + 9 * MINUTE)
    assert learned == ()
    assert rollout.halt == halted(rolling(), at=NOON).halt


def resumed_and_halted_again() -> Rollout:
    """Resumed at noon, read back; a minute later a person orders a halt."""
    rollout = with_facts(
        halted(rolling(), at=NOON - HOUR), intent(Verb.RESUME, 10), seen(STAGED, 10), at=NOON
    )
    rollout = with_facts(rollout, settled(verb=Verb.RESUME), facts.WentLive(ppm(10)), at=NOON)
    return with_facts(rollout, intent(Verb.HALT, 10, key="halt"), at=NOON + MINUTE)


def test_a_halt_that_found_nothing_left_to_do_right_after_a_resume_is_not_believed() -> None:
    """The look that shows it halted may be older than the resume: then people still get it."""
    rollout = resumed_and_halted_again()
    old = store(shown(HALTED, 10), at=NOON + MINUTE)
    ended = news.of_outcome(rollout, "halt", Outcome(Settlement.ALREADY, "reads halted", old))
    assert only(facts.Settled, ended).settlement is Settlement.IN_DOUBT
    rollout = with_facts(rollout, *ended, at=NOON + MINUTE)
    rollout, _ = look(rollout, shown(HALTED, 10), at=NOON + 2 * MINUTE)
    assert rollout.phase is Phase.NOT_HALTED
    rollout, _ = look(rollout, shown(HALTED, 10), at=NOON + STALE_READ)
    assert rollout.phase is Phase.HALTED


def test_a_halt_that_was_written_and_read_back_right_after_a_resume_is_believed() -> None:
    rollout = resumed_and_halted_again()
    read_back = store(shown(HALTED, 10), at=NOON + MINUTE)
    ended = news.of_outcome(rollout, "halt", Outcome(Settlement.CONFIRMED, "reads halted", read_back))
    assert with_facts(rollout, *ended, at=NOON + MINUTE).phase is Phase.HALTED


def test_a_look_that_lags_behind_a_halt_in_the_console_does_not_undo_it() -> None:
    rollout, _ = look(rolling(), shown(HALTED, 10))
    rollout, learned = look(rollout, shown(), at=NOON + MINUTE)
    assert learned == ()
    assert rollout.halt


def test_a_look_that_lags_behind_a_raise_in_the_console_is_no_halt() -> None:
    rollout, _ = look(rolling(), shown(STAGED, 50))
    rollout, learned = look(rollout, shown(), at=NOON + MINUTE)
    assert learned == ()
    assert rollout.halt is None


def test_a_person_who_halts_right_after_our_raise_is_noticed_at_once() -> None:
    assert look(landed(), shown(HALTED, 50), at=NOON + MINUTE)[0].halt


# -- a halt that is wanted stays wanted -----------------------------------------------------------------


def test_the_halt_we_wanted_seen_late_is_ours_and_nobody_s_drift() -> None:
    rollout, learned = look(not_halted(rolling()), shown(HALTED, 10))
    assert meaning(learned) is None
    assert rollout.halt
    assert (rollout.halt.actor, rollout.phase) == (ANNA, Phase.HALTED)


@pytest.mark.parametrize("found", [shown(STAGED, 5), shown(STAGED, 50)], ids=["lowered", "raised"])
def test_moving_the_share_does_not_settle_a_halt_that_is_wanted(found: StoreRelease) -> None:
    rollout, learned = look(not_halted(rolling()), found)
    assert meaning(learned)
    assert rollout.phase is Phase.NOT_HALTED
    assert decided(rollout).change


def test_a_halt_ordered_while_our_resume_is_in_doubt_is_not_undone_by_that_resume() -> None:
    resuming = with_facts(halted(rolling()), intent(Verb.RESUME, 10, "r1", "c1"), at=NOON - 30 * MINUTE)
    again = with_facts(resuming, intent(Verb.HALT, 10, "h2", "c2"), at=NOON - 29 * MINUTE)
    assert again.phase is Phase.NOT_HALTED, "the store may be serving it: that is not halted (R4)"
    refused = with_facts(again, settled(Settlement.REFUSED, Verb.HALT, "h2"), at=NOON - 29 * MINUTE)
    rollout, learned = look(refused, shown())
    assert meaning(learned) is None, "it was our own resume, nobody's in the console (R9)"
    assert rollout.phase is Phase.NOT_HALTED
    assert decided(rollout).change


def test_a_halt_ordered_for_a_release_that_was_lowered_is_only_true_when_the_store_says_so() -> None:
    lowered, _ = look(rolling(), shown(STAGED, 5))
    wanted = with_facts(
        lowered, intent(Verb.HALT, 5, "h2", "c2"), settled(Settlement.REFUSED, Verb.HALT, "h2")
    )
    assert wanted.phase is Phase.NOT_HALTED


# -- newer releases, and releases that vanish ------------------------------------------------------------


@pytest.mark.parametrize("newer", [shown(STAGED, 1, release=NEWER), shown(COMPLETED, release=NEWER)])
def test_a_newer_release_in_its_place_supersedes_it(newer: StoreRelease) -> None:
    for found in ((newer,), (newer, shown(HALTED))):
        rollout, _ = look(rolling(), *found)
        assert rollout.phase is Phase.SUPERSEDED
        assert rollout.superseded_by == NEWER.label


def test_a_newer_draft_or_an_older_release_takes_nobody_s_place() -> None:
    for other in (shown(DRAFT, release=NEWER), shown(COMPLETED, release=OLDER)):
        assert not look(rolling(), other)[0].finished


def test_a_newer_release_ends_the_watch_over_a_completed_one() -> None:
    rollout, learned = look(rolling(shown(COMPLETED)), shown(STAGED, 1, release=NEWER), shown(COMPLETED))
    assert only(facts.Closed, learned)
    assert rollout.finished


def test_a_halt_of_a_completed_release_does_not_end_because_a_newer_one_begins() -> None:
    wanted = not_halted(rolling(shown(COMPLETED)))
    rollout, _ = look(wanted, shown(STAGED, 1, release=NEWER), shown(COMPLETED))
    assert not rollout.finished
    assert decided(rollout).change


def test_a_release_that_vanishes_is_asked_about_once_and_every_time_it_vanishes() -> None:
    rollout, learned = look(rolling())
    assert meaning(learned) is Drift.UNKNOWN
    assert look(rollout, at=NOON + HOUR)[1] == ()
    rollout, _ = look(rollout, shown(), at=NOON + 2 * HOUR)
    assert rollout.phase is Phase.HELD, "that it is back explains nothing"
    assert meaning(look(rollout, at=NOON + 3 * HOUR)[1]) is Drift.UNKNOWN


def test_what_is_over_is_not_looked_at() -> None:
    over = with_facts(rolling(), facts.Superseded("5.3.0"))
    assert look(over, shown(HALTED))[1] == ()


def test_an_ignored_release_is_known_where_it_stands_so_that_it_can_be_started_later() -> None:
    ignored, told = look(waiting(OnNewRelease.IGNORE), shown(percent=20))
    assert [type(fact) for fact in told] == [facts.Seen]
    assert ignored.exposure_ppm == 200_000
    assert ignored.ignored


def test_an_ignored_release_that_somebody_halts_in_the_console_is_halted() -> None:
    ignored, _ = look(waiting(OnNewRelease.IGNORE), shown(HALTED))
    assert ignored.phase is Phase.HALTED


def test_an_ignored_release_that_is_halted_in_the_console_while_in_review_is_not_halted_yet() -> None:
    ignored, _ = look(waiting(OnNewRelease.IGNORE), shown(HALTED, 10, IN_REVIEW))
    assert ignored.phase is Phase.NOT_HALTED


def test_an_ignored_release_that_a_person_halts_is_followed_until_it_is_halted() -> None:
    wanted = with_facts(waiting(OnNewRelease.IGNORE), intent(Verb.HALT, 10, "h1", "c1"))
    rollout, _ = look(wanted, shown(HALTED, 10))
    assert rollout.phase is Phase.HALTED


def test_releases_are_ordered_from_old_to_new_whatever_they_are_called() -> None:
    assert sorted(["5030", "999", "5020"], key=age_of) == ["999", "5020", "5030"]
    assert sorted(["5.10.0", "5.9.1", "5.9"], key=age_of) == ["5.9", "5.9.1", "5.10.0"]
    assert age_of("5.²") == (5, 0)


@pytest.mark.parametrize("review", [ReviewState.PUBLISHED, ReviewState.UNKNOWN])
def test_a_halt_whose_status_was_not_understood_for_one_look_is_still_ours(review: ReviewState) -> None:
    """And nobody in the console's, who would have to be asked why; nor is it sent again."""
    ours = halted(rolling())
    unclear, _ = look(ours, shown(UNKNOWN, 10))
    after, learned = look(unclear, shown(HALTED, 10, review))
    assert [fact for fact in learned if isinstance(fact, facts.Drifted)] == []
    assert after.halt == ours.halt
    assert decided(after).change is None
