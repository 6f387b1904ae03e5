"""What a look at the App Store teaches: Apple's own step, a person in App Store Connect, or a version replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.apple_drift import COMPLETED_UNDATED, pause_settled_at
from stagedrollout.core.decision import decide
from stagedrollout.core.discovery import discover
from stagedrollout.core.drift import believed, learn
from stagedrollout.core.facts import Fact, Seen
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    DAEMON,
    OnNewRelease,
    Outcome,
    Release,
    ReleaseStatus,
    ReviewState,
    Settlement,
    StoreRelease,
    StoreState,
    Unread,
    Verb,
)
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.story import sentence
from stagedrollout.core.units import PPM_ALL
from stagedrollout.core.wording import notices
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, AppleWorld, completed, phased, terms
from tests.core.builders import ANNA, HOUR, NEWER, NOON, OLDER, RELEASE, case, discovered, shown, store

EARLIER = NOON - 30 * HOUR


def rolling(found: StoreRelease) -> Rollout:
    told: tuple[Fact, ...] = (discovered(found=found), facts.Started(ANNA, "go", "standard"), Seen.of(found))
    live: tuple[Fact, ...] = (facts.WentLive(found.exposure_ppm),) if found.live else ()
    rollout = fold(APPLE_KEY, tuple((fact, EARLIER) for fact in (*told, *live)))
    assert rollout is not None
    return rollout


def look(rollout: Rollout, *found: StoreRelease) -> tuple[Fact, ...]:
    return learn(rollout, StoreState(found, "f", NOON), NOON)


def about_to_pause(*, sent_before: bool = False) -> Rollout:
    """The store turns us away: a pause is decided on all the same, and goes out."""
    rollout = rolling(phased(ACTIVE, 1))
    for number in range(2 if sent_before else 1):
        pause = facts.Decided(
            facts.DecisionKind.HOLD, (), DAEMON, "", f"i{number}", Verb.PAUSE, rollout.exposure_ppm, "f"
        )
        rollout = extend(rollout, (pause,), NOON)
    return rollout


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_pause_in_the_console_while_the_store_turned_us_away_is_that_persons_halt(
    sent_before: bool,
) -> None:
    """Unless it may be an earlier one of ours, that was sent and whose answer was lost."""
    rollout = about_to_pause(sent_before=sent_before)
    assert rollout.intent
    shows = StoreState((phased(PAUSED, 1),), "f", NOON)
    found = news.of_outcome(rollout, rollout.intent.key, Outcome(Settlement.ALREADY, "it is PAUSED", shows))
    meanings = [fact.meaning for fact in found if isinstance(fact, facts.Drifted)]
    assert meanings == ([] if sent_before else [facts.Drift.HALTED])
    halted = extend(rollout, found, NOON).halt
    assert (halted is None) == sent_before


BLIND = Outcome(Settlement.ALREADY, "it already has this value", Unread("no words", NOON))
"""What becomes of a pause that Apple calls needless while its list cannot be read."""


def answered_blindly(rollout: Rollout, outcome: Outcome = BLIND) -> Rollout:
    assert rollout.intent
    return extend(rollout, news.of_outcome(rollout, rollout.intent.key, outcome), NOON)


@pytest.mark.promise("R9")
@pytest.mark.parametrize("sent_before", [False, True])
def test_a_pause_in_the_console_that_apple_told_us_of_while_nobody_could_look_stays_that_persons_halt(
    sent_before: bool,
) -> None:
    """Unless it may be an earlier one of ours, that was sent and whose answer was lost."""
    rollout = answered_blindly(about_to_pause(sent_before=sent_before))
    assert (rollout.halt is None) == sent_before, "told at once, and not when somebody can look again"
    rollout = extend(rollout, look(rollout, phased(PAUSED, 1)), NOON)
    assert (rollout.halt is None) == sent_before
    assert rollout.intent is None


@pytest.mark.promise("R10")
def test_who_lets_it_go_on_again_before_anybody_can_look_has_resumed_it() -> None:
    rollout = answered_blindly(about_to_pause())
    found = look(rollout, phased(ACTIVE, 1))
    assert [fact.meaning for fact in found if isinstance(fact, facts.Drifted)] == [facts.Drift.RESUMED]


@pytest.mark.promise("R10")
def test_a_step_that_apple_took_before_somebody_paused_unseen_is_apples() -> None:
    rollout = answered_blindly(about_to_pause())
    found = look(rollout, phased(PAUSED, 2))
    assert any(isinstance(fact, facts.Stepped) for fact in found)
    assert not any(isinstance(fact, facts.Drifted) for fact in found)


@pytest.mark.promise("R9")
def test_our_own_rest_is_no_persons_halt_because_apple_calls_a_second_pause_needless() -> None:
    """A step was sent into it and its answer lost: it must be paused, and it had never been let go."""
    rollout = rolling(phased(PAUSED, 1))
    step = facts.Decided(facts.DecisionKind.ADVANCE, (), DAEMON, "", "i1", Verb.STEP, 20_000, "f")
    pause = facts.Decided(facts.DecisionKind.HOLD, (), DAEMON, "", "i2", Verb.PAUSE, 10_000, "f")
    lost = facts.Settled("i1", Verb.STEP, Settlement.IN_DOUBT, "no words")
    rollout = answered_blindly(extend(rollout, (step, lost, pause), NOON))
    assert rollout.halt is None
    assert extend(rollout, look(rollout, phased(PAUSED, 1)), NOON).halt is None


@pytest.mark.promise("R9")
def test_a_halt_of_ours_stands_although_somebody_was_quicker_to_pause() -> None:
    """Wanted until the store shows it, whoever brought it about; and only a person lifts it either way."""
    halt = facts.Decided(facts.DecisionKind.HALT, (), DAEMON, "", "i0", Verb.HALT, 10_000, "f")
    rollout = answered_blindly(extend(rolling(phased(ACTIVE, 1)), (halt,), NOON))
    assert rollout.halt
    assert (rollout.halt.actor, rollout.halt.confirmed) == (DAEMON, False)
    shows = StoreState((phased(PAUSED, 1),), "f", NOON)
    rollout = answered_blindly(rollout, Outcome(Settlement.ALREADY, "it is PAUSED", shows))
    assert rollout.halt
    assert (rollout.halt.actor, rollout.halt.confirmed, rollout.intent) == (DAEMON, True, None)


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_completion_whose_answer_was_lost_stays_ours_when_the_next_one_is_refused(
    sent_before: bool,
) -> None:
    """It lands after the second one was turned away; without the first, somebody else completed it."""
    rollout = rolling(phased(ACTIVE, 4))
    ends = [Settlement.IN_DOUBT, Settlement.REFUSED] if sent_before else [Settlement.REFUSED]
    for number, end in enumerate(ends):
        key = f"i{number}"
        complete = facts.Decided(
            facts.DecisionKind.COMPLETE, (), DAEMON, "", key, Verb.COMPLETE, 1_000_000, "f"
        )
        rollout = extend(rollout, (complete, facts.Settled(key, Verb.COMPLETE, end, "no words")), NOON)
    found = {type(fact) for fact in look(rollout, completed("COMPLETE on day 4"))}
    assert (facts.Overtaken in found, facts.Drifted in found) == (sent_before, not sent_before)


@pytest.mark.promise("R10")
def test_nobody_is_said_to_have_completed_what_may_have_gone_through_all_days() -> None:
    """Seed 7007: where Apple leaves out the day, people are told that it was Apple or somebody."""
    rollout, everyone = rolling(phased(ACTIVE, 5)), completed(COMPLETED_UNDATED)
    found = look(rollout, everyone)
    assert [type(fact) for fact in found] == [Seen, facts.Stepped, facts.WentLive]
    told = notices(rollout, found, NOON)
    assert [notice.headline for notice in told][:1] == [
        "shop on App Store 5.2.0 (5020) is completed: 100 %, by Apple or by somebody: Apple does not say when"
    ]
    assert sentence(found[1]).startswith("Apple or somebody has completed it; on which day is not told")


@pytest.mark.parametrize("lost_before", [False, True])
def test_what_we_completed_ourselves_is_ours_also_where_apple_leaves_out_the_day(lost_before: bool) -> None:
    """On its way, or turned away after an earlier one whose answer was lost."""
    rollout = rolling(phased(ACTIVE, 4))
    ends = [Settlement.IN_DOUBT, Settlement.REFUSED] if lost_before else [None]
    for number, end in enumerate(ends):
        key = f"i{number}"
        sent = facts.Decided(facts.DecisionKind.COMPLETE, (), DAEMON, "", key, Verb.COMPLETE, PPM_ALL, "f")
        ended = (facts.Settled(key, Verb.COMPLETE, end, "no words"),) if end else ()
        rollout = extend(rollout, (sent, *ended), NOON)
    found = {type(fact) for fact in look(rollout, completed(COMPLETED_UNDATED))}
    assert (facts.Overtaken if lost_before else facts.Settled) in found
    assert not found & {facts.Stepped, facts.Drifted}


def turned_away(kind: facts.DecisionKind, verb: Verb, *, sent_before: bool) -> Rollout:
    """Sent twice and refused, the second time at the latest; where it was `sent_before`, the first answer was lost."""
    rollout = rolling(phased(ACTIVE, 1))
    for number, end in enumerate(
        (Settlement.IN_DOUBT if sent_before else Settlement.REFUSED, Settlement.REFUSED)
    ):
        key = f"i{number}"
        sent = facts.Decided(kind, (), DAEMON, "", key, verb, 10_000, "f")
        rollout = extend(rollout, (sent, facts.Settled(key, verb, end, "turned away")), NOON)
    return rollout


@pytest.mark.promise("R9")
def test_a_pause_in_the_console_is_that_persons_halt_while_nobody_knows_what_became_of_our_completion() -> (
    None
):
    """What lets it go on never lands as a pause."""
    complete = facts.Decided(facts.DecisionKind.COMPLETE, (), DAEMON, "", "i1", Verb.COMPLETE, 1_000_000, "f")
    lost = facts.Settled("i1", Verb.COMPLETE, Settlement.IN_DOUBT, "no words")
    rollout = extend(rolling(phased(ACTIVE, 4)), (complete, lost), NOON)
    meanings = [fact.meaning for fact in look(rollout, phased(PAUSED, 4)) if isinstance(fact, facts.Drifted)]
    assert meanings == [facts.Drift.HALTED]


@pytest.mark.promise("R9")
def test_a_halt_that_was_never_sent_stays_wanted_when_the_release_is_found_going_on() -> None:
    """It rested in a pause of ours when a person ordered the halt, and somebody let it go on, before that or after it:
    nobody can tell."""
    halt = facts.Decided(facts.DecisionKind.HALT, (), ANNA, "c1", "i2", Verb.HALT, 10_000, "f")
    unsent = facts.Settled("i2", Verb.HALT, Settlement.NOT_APPLIED, "no answer")
    rollout = extend(rolling(phased(PAUSED, 1)), (halt, unsent), NOON)
    found = look(rollout, phased(ACTIVE, 1))
    assert not any(isinstance(fact, facts.Drifted) for fact in found)
    still = extend(rollout, found, NOON).halt
    assert still is not None
    assert not still.confirmed


@pytest.mark.promise("R9")
def test_a_step_whose_answer_was_lost_is_nobodys_resume_when_it_lands_while_a_pause_of_ours_is_in_doubt() -> (
    None
):
    """The pause was wanted since nobody knew what had become of the step. Both are ours."""
    step = facts.Decided(facts.DecisionKind.ADVANCE, (), DAEMON, "", "i1", Verb.STEP, 20_000, "f")
    pause = facts.Decided(facts.DecisionKind.HOLD, (), DAEMON, "", "i2", Verb.PAUSE, 10_000, "f")
    rollout = rolling(phased(PAUSED, 1))
    for sent in (step, pause):
        assert sent.verb
        lost = facts.Settled(sent.intent, sent.verb, Settlement.IN_DOUBT, "no words")
        rollout = extend(rollout, (sent, lost), NOON)
    found = look(rollout, phased(ACTIVE, 1))
    assert {type(fact) for fact in found} >= {facts.Settled, facts.Overtaken}
    assert not any(isinstance(fact, facts.Drifted) for fact in found)


@pytest.mark.promise("R9")
@pytest.mark.parametrize("sent_before", [False, True])
def test_a_pause_in_the_console_stays_that_persons_halt_though_apple_refused_ours_meanwhile(
    sent_before: bool,
) -> None:
    """A pause that was turned away cannot land later; only one whose answer was lost before it may have."""
    rollout = turned_away(facts.DecisionKind.HOLD, Verb.PAUSE, sent_before=sent_before)
    halted = extend(rollout, look(rollout, phased(PAUSED, 1)), NOON).halt
    assert (halted is None) == sent_before


@pytest.mark.promise("R10")
@pytest.mark.parametrize(
    ("verb", "was", "becomes"), [(Verb.PAUSE, ACTIVE, PAUSED), (Verb.STEP, PAUSED, ACTIVE)]
)
def test_a_request_that_a_machine_slept_over_before_sending_it_is_ours_when_it_takes_effect_late(
    verb: Verb, was: ReleaseStatus, becomes: ReleaseStatus
) -> None:
    """It was recorded twelve minutes before it was sent, so that by its record it could not take effect any more."""
    kind = facts.DecisionKind.HOLD if verb is Verb.PAUSE else facts.DecisionKind.ADVANCE
    sent = facts.Decided(kind, (), DAEMON, "", "i1", verb, 10_000, "f")
    rollout = extend(rolling(phased(was, 1)), (sent,), NOON - timedelta(minutes=12))
    lost = facts.Settled("i1", verb, Settlement.IN_DOUBT, "no words")
    rollout = extend(rollout, (lost,), NOON)
    rollout = extend(rollout, look(rollout, phased(was, 1)), NOON)
    found = look(rollout, phased(becomes, 1))
    assert not any(isinstance(fact, facts.Drifted) for fact in found)


@pytest.mark.promise("R9")
def test_a_halt_stays_when_a_step_slept_over_and_sent_right_before_it_takes_effect_after_it() -> None:
    """Recorded eight minutes before it was sent: the halt came while it was under way, and so its answer was nobody's any
    more. The look that finds the release paused at first does not show that the step will have no effect."""
    sent = facts.Decided(facts.DecisionKind.ADVANCE, (), DAEMON, "", "i1", Verb.STEP, 20_000, "f")
    rollout = extend(rolling(phased(PAUSED, 1)), (sent,), NOON - timedelta(minutes=8))
    halt = facts.Decided(facts.DecisionKind.HALT, (), ANNA, "c1", "i2", Verb.HALT, 10_000, "f")
    rollout = extend(rollout, (halt, facts.Settled("i2", Verb.HALT, Settlement.CONFIRMED, "read back")), NOON)
    rollout = extend(rollout, look(rollout, phased(PAUSED, 1)), NOON)
    found = look(rollout, phased(ACTIVE, 1))
    assert not any(isinstance(fact, facts.Drifted) for fact in found)
    assert extend(rollout, found, NOON).halt is not None


@pytest.mark.promise("R10")
@pytest.mark.parametrize("sent_before", [False, True])
def test_a_halt_that_takes_effect_late_is_ours_although_apple_turned_away_the_one_sent_after_it(
    sent_before: bool,
) -> None:
    """The key lost its role in between. Where all of ours were turned away, it was a person who paused it."""
    rollout = turned_away(facts.DecisionKind.HALT, Verb.HALT, sent_before=sent_before)
    halted = extend(rollout, look(rollout, phased(PAUSED, 1)), NOON).halt
    assert halted is not None
    assert (halted.actor == DAEMON, halted.confirmed) == (sent_before, True)


def test_who_completed_it_while_a_halt_was_on_its_way_is_told() -> None:
    """Whatever becomes of that halt: no other look will show what it was before."""
    halt = facts.Decided(facts.DecisionKind.HALT, (), ANNA, "c1", "i0", Verb.HALT, 10_000, "f")
    rollout = extend(rolling(phased(ACTIVE, 1)), (halt,), NOON)
    told = [
        fact.meaning
        for fact in look(rollout, completed("COMPLETE on day 1"))
        if isinstance(fact, facts.Drifted)
    ]
    assert told == [facts.Drift.RAISED]
    assert not any(isinstance(fact, facts.Drifted) for fact in look(rollout, phased(ACTIVE, 1)))


def test_a_version_in_preparation_may_go_from_word_to_word() -> None:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.DRAFT)
    waiting = replace(draft, status_word="WAITING_FOR_REVIEW", review=ReviewState.IN_REVIEW)
    assert not any(isinstance(fact, facts.Drifted) for fact in look(rolling(draft), waiting))


def test_the_build_that_is_attached_later_is_the_one_sentry_is_asked_about() -> None:
    unbuilt = replace(shown(ReleaseStatus.DRAFT), release=Release(RELEASE.id, "5.2.0", ""))
    rollout = rolling(unbuilt)
    built = replace(unbuilt, release=Release(RELEASE.id, "5.2.0", "33417"))
    assert extend(rollout, look(rollout, built), NOON).release.build == "33417"


def test_replaced_versions_are_the_baseline_of_the_one_that_replaced_them() -> None:
    older = replace(phased(ReleaseStatus.REPLACED, 7), release=OLDER, exposure_ppm=0)
    newer = replace(phased(ACTIVE, 1), release=NEWER)
    ((release, (first, *_)),) = discover(
        StoreState((newer, older), "f", NOON), (), "standard", OnNewRelease.WAIT
    )
    assert release == NEWER
    assert isinstance(first, facts.Discovered)
    assert first.baseline == (OLDER,)


def test_a_version_without_phased_release_gets_one_before_it_is_submitted() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=unphased())
    decision = world.one_pass().decision
    assert decision.change is not None
    assert decision.change.verb is Verb.PREPARE


def test_what_apple_will_not_phase_is_asked_for_once() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=unphased())
    sent = [world.one_pass().sent for _ in range(5)]
    assert len([one for one in sent if one]) == 1, "the little Apple refuses"
    assert "no phased release" in world.one_pass().decision.reasons[0].text


def test_a_version_that_only_waits_is_left_as_it_is() -> None:
    world = AppleWorld(terms(), truth=unphased())
    assert world.one_pass().decision.change is None


def unphased() -> StoreRelease:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.DRAFT)
    return replace(draft, phased=False, status_word="PREPARE_FOR_SUBMISSION")


def test_a_pause_clock_runs_only_while_it_is_paused() -> None:
    rollout = rolling(phased(PAUSED, 1))
    assert rollout.pauses.at(NOON) == 30 * HOUR
    active = extend(rollout, (Seen.of(phased(ACTIVE, 1)),), NOON)
    assert active.pauses.at(NOON + timedelta(days=5)) == 30 * HOUR


def test_a_version_that_reads_active_for_a_day_after_its_watch_was_taken_from_nobody() -> None:
    everyone = phased(ACTIVE, 7)
    over = extend(rolling(everyone), (facts.Closed(),), EARLIER)
    assert over.finished
    assert look(over, everyone) == ()


@pytest.mark.promise("R9", "R10")
@pytest.mark.parametrize("looked_in_time", [False, True])
def test_a_pause_in_the_console_is_that_persons_halt_once_a_look_came_too_late_for_ours(
    looked_in_time: bool,
) -> None:
    """We died over our own pause, and the first look shows the release active: ours may still land, for minutes. A look
    after those tells the two apart; without one, nobody can."""
    lost = facts.Settled("i0", Verb.PAUSE, Settlement.NOT_APPLIED, "as before")
    rollout = extend(about_to_pause(), (lost,), NOON)
    at = pause_settled_at(rollout)
    assert at
    if looked_in_time:
        found = learn(rollout, StoreState((phased(ACTIVE, 1),), "f", at), at)
        assert found == (facts.Lapsed(),)
        rollout = extend(rollout, found, at)
        assert pause_settled_at(rollout) is None
    halted = extend(rollout, look(rollout, phased(PAUSED, 1)), NOON).halt
    assert (halted is not None) == looked_in_time


def test_a_halted_version_that_a_person_releases_to_everyone_begins_no_new_run() -> None:
    """There is nothing left to steer, and that it was halted is not forgotten."""
    by_hand = facts.Drifted(facts.Drift.HALTED, Seen.of(phased(ACTIVE, 3)), Seen.of(phased(PAUSED, 3)))
    before = extend(rolling(phased(ACTIVE, 3)), (by_hand, by_hand.after), EARLIER)
    (drifted,) = (fact for fact in look(before, completed("COMPLETE")) if isinstance(fact, facts.Drifted))
    assert drifted.meaning is facts.Drift.RAISED
    after = extend(before, (drifted,), NOON)
    assert after.halt == before.halt is not None
    assert after.runs == before.runs


@pytest.mark.promise("R10")
@pytest.mark.parametrize(
    ("looked", "resumed"),
    [
        (-timedelta(seconds=2), False),
        (timedelta(0), True),
        (timedelta(seconds=2), True),
        (-timedelta(hours=1), True),
    ],
    ids=["before it", "with it", "after it", "by a clock that was set back"],
)
def test_a_look_from_before_our_pause_is_nobodys_resume(looked: timedelta, resumed: bool) -> None:
    """A process that stood still with the look in its hands, while a halt went out on its own lane."""
    paused = about_to_pause()
    assert paused.intent is not None
    done = (
        Seen.of(phased(PAUSED, 1)),
        facts.Settled(paused.intent.key, Verb.PAUSE, Settlement.CONFIRMED, ""),
    )
    rollout = extend(paused, done, NOON)
    state = store(phased(ACTIVE, 1), at=NOON + looked)
    drifted = [fact for fact in learn(rollout, state, state.as_of) if isinstance(fact, facts.Drifted)]
    assert bool(drifted) is resumed


@pytest.mark.promise("R10")
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=90), timedelta(minutes=5)])
def test_what_a_person_resumes_right_after_our_pause_is_noticed_whatever_clock_has_dated_the_pause(
    ahead: timedelta,
) -> None:
    """Not by the first look, perhaps; but then nothing is done by that one either, which would undo it unnoticed."""
    paused = about_to_pause()
    assert paused.intent is not None
    settled = facts.Settled(paused.intent.key, Verb.PAUSE, Settlement.CONFIRMED, "")
    rollout = extend(paused, (Seen.of(phased(PAUSED, 1)), settled), NOON + ahead)
    resumed = [store(phased(ACTIVE, 1), at=NOON + timedelta(minutes=minutes)) for minutes in (1, 6)]
    for look in resumed:
        seen = believed(rollout, look)
        news = learn(rollout, seen, look.as_of)
        if isinstance(seen, Unread):
            assert not news
            assert (
                decide(case(rollout, look=seen, now=look.as_of, policy=terms(Pacing.GUARDED))).change is None
            )
        elif news:
            assert [fact.meaning for fact in news if isinstance(fact, facts.Drifted)] == [facts.Drift.RESUMED]
            return
    pytest.fail("it was never noticed")
