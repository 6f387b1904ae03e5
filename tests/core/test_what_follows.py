"""What a fact leaves behind, and what it does not: starts that wait, windows, pauses, and what a person did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core.facts import (
    NOWHERE,
    Decided,
    DecisionKind,
    Drift,
    Drifted,
    Returned,
    Seen,
    Settled,
    Started,
    TakenUp,
)
from stagedrollout.core.model import DAEMON, ReleaseStatus, Settlement, Verb
from stagedrollout.core.phasing import StepWindow
from tests.core import test_phased_drift as apple
from tests.core.apple import ACTIVE, PAUSED, completed, phased
from tests.core.builders import (
    ANNA,
    DRAFT,
    HALTED,
    NOON,
    STAGED,
    halted,
    intent,
    rolling,
    seen,
    settled,
    shown,
    waiting,
    with_facts,
)

GOES_ON, RESTS = Seen.of(phased(ACTIVE, 1)), Seen.of(phased(PAUSED, 1))
ODD = Seen.of(phased(ReleaseStatus.UNKNOWN, 1))


def test_a_draft_that_a_person_started_waits_for_its_turn_until_it_is_out() -> None:
    by_anna, by_us = Started(ANNA, "go", ""), Started(DAEMON, "adopted", "")
    draft = waiting(found=shown(DRAFT))
    started = with_facts(draft, by_anna)
    assert started.start_awaited == by_anna
    assert started.policy == draft.policy == "standard"
    assert with_facts(started, seen(DRAFT)).start_awaited == by_anna
    assert with_facts(started, seen(STAGED, 1)).start_awaited is None
    assert with_facts(draft, by_us).start_awaited is None
    assert with_facts(waiting(), by_anna).start_awaited is None


def test_a_window_is_over_once_the_store_does_not_read_active() -> None:
    opened = with_facts(
        apple.rolling(phased(PAUSED, 1)),
        GOES_ON,
        Drifted(Drift.RESUMED, RESTS, GOES_ON),
    )
    assert isinstance(opened.window, StepWindow)
    assert with_facts(opened, GOES_ON).window == opened.window
    assert with_facts(opened, RESTS).window is None
    assert with_facts(opened, ODD).window is None


@pytest.mark.parametrize("back", [seen(STAGED, 10), Seen.of(completed("COMPLETE"))])
def test_no_window_is_opened_where_nothing_steps(back: Seen) -> None:
    """On Google Play, and by whoever completes it."""
    play, phased_ = halted(rolling()), halted(apple.rolling(phased(ACTIVE, 1)))
    rollout = play if back.status is STAGED else phased_
    assert rollout.seen is not None
    assert with_facts(rollout, back, Drifted(Drift.RESUMED, rollout.seen, back)).window is None


def test_a_pause_of_ours_is_on_its_way_until_it_reads_paused_and_wanted_while_it_may_grow() -> None:
    pausing = apple.about_to_pause()
    assert pausing.pause_sent_at == pausing.pause_wanted_since == NOON
    for grows in (GOES_ON, ODD):
        after = with_facts(pausing, grows)
        assert (after.pause_sent_at, after.pause_wanted_since) == (NOON, NOON)
    after = with_facts(pausing, RESTS)
    assert (after.pause_sent_at, after.pause_wanted_since) == (None, None)


def test_what_is_taken_up_while_it_rests_bakes_from_there_and_what_everyone_has_does_not() -> None:
    taken_up = TakenUp(ANNA, "it is fine")
    rests = with_facts(halted(apple.rolling(phased(ACTIVE, 1))), RESTS, taken_up, at=NOON)
    assert (rests.live_since, rests.halt) == (NOON, None)
    everyone = with_facts(apple.rolling(completed("COMPLETE")), taken_up, at=NOON)
    assert everyone.live_since is None


def test_whoever_raises_again_what_they_lowered_has_taken_their_halt_back_on_google_play_only() -> None:
    five, ten = seen(STAGED, 5), seen(STAGED, 10)
    lowered = with_facts(rolling(), five, Drifted(Drift.LOWERED, ten, five))
    assert lowered.halt is not None
    assert with_facts(lowered, ten, Drifted(Drift.RAISED, five, ten)).halt is None
    stopped = halted(apple.rolling(phased(ACTIVE, 1)))
    everyone = Seen.of(completed("COMPLETE on day 1"))
    assert with_facts(stopped, everyone, Drifted(Drift.RAISED, RESTS, everyone)).halt is not None


def test_a_change_that_is_understood_ends_the_doubt_about_one_that_was_not() -> None:
    ten, twenty = seen(STAGED, 10), seen(STAGED, 20)
    asked = with_facts(rolling(), Drifted(Drift.UNKNOWN, ten, ten))
    assert asked.unknown_drift
    assert not with_facts(asked, twenty, Drifted(Drift.RAISED, ten, twenty)).unknown_drift


def test_what_came_back_is_gone_no_more() -> None:
    gone = with_facts(halted(rolling()), Drifted(Drift.UNKNOWN, seen(HALTED), NOWHERE))
    assert gone.gone
    assert not with_facts(gone, seen(DRAFT), Returned(seen(HALTED), seen(DRAFT))).gone


def test_a_halt_in_the_console_is_called_one_though_nothing_else_changed() -> None:
    found = with_facts(rolling(), Drifted(Drift.HALTED, seen(HALTED), seen(HALTED)))
    assert found.halt is not None
    assert found.halt.reason == f"{Drift.HALTED.words} in the console"


# -- what we sent ----------------------------------------------------------------------------------


def test_only_a_pause_is_wanted_as_one_and_each_act_is_counted() -> None:
    raising = with_facts(rolling(), intent())
    assert (raising.acts, raising.pause_wanted_since, raising.pause_sent_at) == (1, None, None)
    assert with_facts(raising, settled(), intent(key="i2")).acts == 2


def test_where_evidence_was_raising_it_is_kept_over_a_pause_and_forgotten_over_anything_else() -> None:
    step = Decided(DecisionKind.ADVANCE, (), DAEMON, "", "s1", Verb.STEP, 20_000, "f")
    pause = replace(step, decision=DecisionKind.HOLD, intent="p1", verb=Verb.PAUSE, target_ppm=10_000)
    stepping = with_facts(apple.rolling(phased(PAUSED, 1)), step)
    assert stepping.reaching_ppm == 20_000
    assert with_facts(stepping, pause).reaching_ppm == 20_000
    assert with_facts(stepping, intent(Verb.HALT, 1, "h1")).reaching_ppm == 0


def test_what_the_store_said_last_is_what_people_are_told_of_a_refusal() -> None:
    lost = Settled("i1", Verb.RAISE, Settlement.IN_DOUBT, "the answer was lost")
    refused = with_facts(rolling(), intent(), lost, Settled("i1", Verb.RAISE, Settlement.REFUSED, "not now"))
    in_vain = with_facts(
        rolling(), intent(), lost, Settled("i1", Verb.RAISE, Settlement.NOT_APPLIED, "as before")
    )
    assert refused.setback is not None
    assert refused.setback.said == "not now"
    assert in_vain.setback is not None
    assert in_vain.setback.said == "the answer was lost"
