"""What a team is told of one release: where its hours went, its halts, its stages, and what people did."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core import facts, link_facts
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.judgement import Reason
from stagedrollout.core.ledger import Tally
from stagedrollout.core.model import (
    DAEMON,
    SOMEBODY,
    CommandVerb,
    Settlement,
    Store,
    Verb,
)
from stagedrollout.core.units import PPM_ALL
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hands import OverrideKind, Trouble
from stagedrollout.reporting.release import Outcome, begun
from stagedrollout.reporting.spans import stretches
from stagedrollout.reporting.stages import Left
from stagedrollout.reporting.stops import NoBrake
from tests.core.builders import ANNA, COMPLETED, DRAFT, HALTED, HOUR, NOON, ppm, seen
from tests.reporting.histories import BY_POLICY, HARM, SUSPECTED, History, bad, completed


def hours(history: History, now: float = 1_000) -> dict[Cause, float]:
    return {cause: length / HOUR for cause, length in history.report(now).hours.items()}


def test_every_hour_of_a_release_that_completed_is_told_once():
    told = completed().report()
    assert (told.outcome, told.time_to_all) == (Outcome.COMPLETED, 72 * HOUR)
    assert hours(completed()) == {
        Cause.REVIEW: 3,
        Cause.BAKE: 24 + 20 + 7,
        Cause.CLOSED_HOURS: 12,
        Cause.HELD: 6,
    }
    assert (told.started_by, told.adopted, told.holds) == (ANNA, False, 1)


def test_a_halt_tells_how_fast_it_was_and_whom_the_release_had_met():
    told = bad().counted(*[Tally(100, 4, 9_000, 40)] * 20).report()
    (halt,) = told.stops
    assert (told.outcome, told.ppm, halt.ppm) == (Outcome.HALTED, ppm(10), ppm(10))
    assert (halt.suspicion, halt.unconfirmed) == (2 * HOUR, timedelta(minutes=6))
    assert (halt.sessions, halt.code, halt.gate, halt.actor) == (1_200, "fail", "evidence", DAEMON)
    assert told.ended_at == halt.confirmed_at
    assert told.hours[Cause.NOT_HALTED] == timedelta(minutes=6)


def test_what_the_journal_does_not_tell_is_not_guessed():
    told = History().started(0, percent=10).waits(0.25).halted(5).report()
    (halt,) = told.stops
    assert (halt.suspicion, halt.sessions, told.time_to_all) == (None, None, None)
    assert told.stages[0].counted is None


def test_a_halt_that_the_store_refuses_is_not_over():
    told = bad().report(now=20)
    refused = History().started(0, percent=10).waits(1).halted(12, confirmed=None).report(now=20)
    assert told.outcome is Outcome.HALTED
    assert (refused.outcome, refused.stops[0].refused) == (Outcome.GOING_ON, 1)
    assert (refused.stops[0].unconfirmed, refused.hours[Cause.NOT_HALTED]) == (None, 8 * HOUR)
    assert refused.troubles == (Trouble(Verb.HALT, Settlement.REFUSED, 1),)


def test_a_halt_that_a_person_takes_back_counts_as_mistaken_only_once_everybody_has_it():
    history = bad().resumed(20, 10).waits(20.25)
    (halt,) = history.report(now=30).stops
    assert (halt.resumed_by, halt.resumed_at, halt.taken_back) == (ANNA, NOON + 20 * HOUR, False)
    told = history.raised(44, 100).report()
    assert (told.stops[0].taken_back, told.outcome) == (True, Outcome.COMPLETED)
    assert [each.kind for each in told.overrides] == [OverrideKind.RESUME]
    assert hours(history) == {
        Cause.BAKE: 10 + 24,
        Cause.HELD: 2,
        Cause.NOT_HALTED: pytest.approx(0.1),
        Cause.HALTED: pytest.approx(7.9),
    }


def test_a_persons_own_halt_that_is_taken_back_is_no_mistake_of_the_daemons():
    told = History().started(0, percent=10).waits(1).halted(5, ANNA).resumed(9, 10).raised(40, 100).report()
    (halt,) = told.stops
    assert (halt.actor, halt.words, halt.reached_all, halt.taken_back) == (ANNA, "bad", True, False)


def test_a_halt_in_the_console_is_a_persons_and_has_no_time_to_be_seen():
    history = History().started(0, percent=10).waits(1).drifted(6, Drift.HALTED)
    (halt,) = history.report().stops
    assert (halt.actor, halt.code, halt.by_machine, halt.ppm) == (SOMEBODY, "console", False, ppm(10))
    assert history.report().console == ((Drift.HALTED, 1),)


def test_a_halted_release_that_comes_back_is_resumed_by_nobody_until_a_person_starts_it_knowing_that():
    history = (
        bad().at(30, facts.Superseded("5.4.0 (540)")).at(40, facts.Returned(seen(HALTED), seen(DRAFT, 0)))
    )
    told = history.report(now=50)
    assert (told.stops[0].resumed_at, told.hours[Cause.NOT_STARTED]) == (None, 10 * HOUR)
    told = history.at(60, facts.Started(ANNA, "it is fixed", "", "c9", known_bad="halted")).report(now=70)
    assert told.stops[0].resumed_by == ANNA
    assert [(each.kind, each.reason) for each in told.overrides] == [(OverrideKind.KNOWN_BAD, "it is fixed")]


def test_a_halted_release_whose_place_is_taken_stays_halted_and_a_completed_one_completed():
    over = facts.Superseded("5.4.0 (540)")
    assert bad().at(30, over).report().outcome is Outcome.HALTED
    assert completed().at(99, over).report().outcome is Outcome.COMPLETED
    told = History().started(0).waits(1).at(30, over).report()
    assert (told.outcome, told.lasted, told.superseded_by) == (Outcome.SUPERSEDED, 30 * HOUR, "5.4.0 (540)")
    assert told.stages[0].left is Left.SUPERSEDED


def test_a_release_halted_at_100_percent_was_complete_before():
    told = completed().halted(90).report()
    assert (told.outcome, told.time_to_all, told.stops[0].ppm) == (Outcome.HALTED, 72 * HOUR, PPM_ALL)
    assert told.hours[Cause.WATCH] == 17 * HOUR
    assert told.stages[-1].left is Left.HALT


def test_each_stage_is_told_with_what_it_was_left_with():
    history = History().started(0).waits(0.25).raised(24.5, 10, BY_POLICY).raised(48, 50).waits(49)
    history.ordered(60, CommandVerb.ADVANCE, without_evidence=True)
    told = history.counted(*[Tally(10, 1, 1_000, 4)] * 80).raised(60, 100, by=ANNA).report()
    assert [(each.ppm, each.left) for each in told.stages] == [
        (ppm(1), Left.BY_POLICY),
        (ppm(10), Left.EVIDENCE),
        (ppm(50), Left.PERSON),
    ]
    assert [each.counted.n_c for each in told.stages if each.counted] == [240, 240, 120]
    assert (told.stages[0].ln_harm, told.stages[0].ln_safety) == (0.0, 2.5)
    (override,) = told.overrides
    assert (override.kind, override.without_evidence, override.by) == (OverrideKind.ADVANCE, True, "anna")


def test_a_stage_raised_in_the_console_or_by_apple_is_not_called_evidence():
    by_hand = History().started(0).waits(1).drifted(5, Drift.RAISED, 20).at(5, facts.WentLive(ppm(20)))
    assert by_hand.report(now=9).stages[0].left is Left.CONSOLE
    assert by_hand.report(now=9).stages[-1].left is Left.GOING_ON
    one, two = seen(percent=1), seen(percent=2)
    stepped = History(store=Store.APP_STORE).started(0).waits(1, "apple")
    stepped.at(24, facts.Stepped(one, two), two, facts.WentLive(ppm(2)))
    assert stepped.report(now=30).stages[0].left is Left.APPLE
    assert hours(stepped, 30)[Cause.APPLE] == 29


def test_completing_what_the_policy_leaves_to_people_is_no_override():
    ready = (Reason("by_hand", "ready for 100 %; the policy leaves that to a person"),)
    history = History().started(0, percent=50).waits(1).held(24, *ready)
    told = history.ordered(30, CommandVerb.COMPLETE).raised(30, 100, by=ANNA).report()
    assert told.overrides == ()
    assert told.hours[Cause.HELD] == 6 * HOUR
    sooner = History().started(0, percent=50).waits(1).ordered(30, CommandVerb.COMPLETE).report()
    assert [each.kind for each in sooner.overrides] == [OverrideKind.COMPLETE]


def test_lifting_a_persons_hold_is_no_override_and_its_hours_are_a_hold():
    history = History().started(0).waits(1).at(5, facts.Held(ANNA, "a party", None))
    history.held(5, Reason("human_hold", "held by anna")).ordered(9, CommandVerb.RESUME)
    told = history.at(9, facts.HoldEnded("lifted by anna")).waits(9, "hold_lifted").report(now=12)
    assert told.overrides == ()
    (why,) = stretches(told.course, Cause.HELD)
    assert (why.because.code, why.length, why.times) == ("human_hold", 4 * HOUR, 1)


def test_the_same_hold_twice_is_two_holds_of_one_reason():
    history = History().started(0).waits(1)
    history.held(5, *SUSPECTED).waits(6).held(9, *SUSPECTED).waits(12)
    told = history.report(now=20)
    (why,) = stretches(told.course, Cause.HELD)
    assert (told.holds, why.times, why.length) == (2, 2, 4 * HOUR)
    assert why.because.words == "evidence: suspicion of harm"


def test_a_stopped_line_is_one_cause_whoever_stopped_it_and_why():
    first = Reason(
        "line_stopped",
        "the line is stopped by anna since 2026-03-02 12:00 UTC, until somebody thaws it: fire",
    )
    second = Reason(
        "line_stopped",
        "the line is stopped by ben since 2026-03-02 21:00 UTC, until somebody thaws it: flood",
    )
    history = History().started(0).waits(1).held(5, first).waits(6).held(9, second).waits(12)
    (why,) = stretches(history.report(now=20).course, Cause.HELD)
    assert (why.because.words, why.times, why.length) == ("the whole line was stopped", 2, 4 * HOUR)


def test_a_reason_that_nobody_here_knows_is_told_in_its_own_words():
    new = Reason("moon", "the moon is full", "")
    history = History().started(0).waits(1).held(5, new).waits(8, "tide")
    told = history.report(now=10)
    (held,), (other,) = (stretches(told.course, cause) for cause in (Cause.HELD, Cause.OTHER))
    assert (held.because.code, held.because.words, held.length) == ("moon", "the moon is full", 3 * HOUR)
    assert (other.because.words, other.length) == ("waits for tide", 2 * HOUR)


def test_a_start_that_waits_for_the_other_store_was_started():
    history = History().at(1, facts.Started(ANNA, "go", "standard", "c0")).waits(1, "human_start")
    history.waits(2, "linked_lead").waits(20, "window").held(22, Reason("freeze", "frozen"))
    assert hours(history, now=25) == {Cause.OTHER_STORE: 19, Cause.CLOSED_HOURS: 2, Cause.FREEZE: 3}


def test_a_pause_until_the_lead_has_its_evidence_is_time_that_the_other_store_took():
    history = History(store=Store.APP_STORE).started(0).held(2, Reason("linked_lead", "waits until it leads"))
    assert hours(history, now=8) == {Cause.BAKE: 2, Cause.OTHER_STORE: 6}


def test_a_freeze_is_no_hold_and_mode_observe_is_told():
    frozen = History().started(0).waits(1).held(5, Reason("freeze", "frozen until May (party)"))
    assert hours(frozen, 9) == {Cause.BAKE: 5, Cause.FREEZE: 4}
    would = (Reason("pass", "fine", "evidence"), Reason("observe", "mode observe: nothing is sent"))
    observed = History().started(0).at(2, facts.Decided(DecisionKind.ADVANCE, would, DAEMON)).report(now=9)
    (other,) = stretches(observed.course, Cause.OTHER)
    assert (other.because.code, other.length) == ("observe", 7 * HOUR)


def test_what_nobody_started_is_not_reported_unless_somebody_halted_it():
    assert begun(History().kept().told) is None
    halted = History().halted(3, ANNA).report()
    assert (halted.started_at, halted.outcome) == (NOON + 3 * HOUR, Outcome.HALTED)


def test_a_release_that_had_to_be_halted_and_was_not_is_told():
    observed = facts.Decided(DecisionKind.HALT, (*HARM, Reason("observe", "nothing is sent")), DAEMON)
    final = facts.Decided(DecisionKind.HALT, (*HARM, Reason("final", "it cannot be stopped")), DAEMON)
    history = History().started(0, percent=10).waits(1).at(50, observed).raised(60, 100).at(99, final)
    told = history.report()
    assert [(each.why, each.ppm) for each in told.failing] == [
        (NoBrake.OBSERVE, ppm(10)),
        (NoBrake.FINAL, PPM_ALL),
    ]
    assert told.stops == ()


def test_a_clock_that_was_set_back_makes_no_time_negative():
    history = History().started(5).waits(6).raised(3, 10).waits(12, "window")
    told = history.report(now=20)
    assert sum(told.hours.values(), timedelta(0)) == told.lasted == 15 * HOUR


ANYTHING = st.sampled_from(
    (
        facts.Decided(DecisionKind.WAIT, (Reason("bake", "bakes"),), DAEMON),
        facts.Decided(DecisionKind.WAIT, (Reason("tide", "waits"),), DAEMON),
        facts.Decided(DecisionKind.HOLD, SUSPECTED, DAEMON),
        facts.Decided(DecisionKind.HOLD, (), DAEMON),
        facts.Decided(DecisionKind.HALT, SUSPECTED, DAEMON, "", "h", Verb.HALT, 1),
        facts.Decided(DecisionKind.ADVANCE, SUSPECTED, ANNA, "", "a", Verb.RAISE, 500_000),
        facts.Settled("h", Verb.HALT, Settlement.REFUSED, "no"),
        facts.Settled("h", Verb.HALT, Settlement.CONFIRMED, "yes"),
        facts.Settled("a", Verb.RAISE, Settlement.IN_DOUBT, "who knows"),
        facts.Drifted(Drift.RESUMED, seen(HALTED), seen()),
        facts.Drifted(Drift.LOWERED, seen(), seen(percent=1)),
        facts.Drifted(Drift.UNKNOWN, seen(), facts.NOWHERE),
        facts.Held(ANNA, "a party", None),
        facts.HoldEnded("over"),
        facts.TakenUp(ANNA, "go on"),
        facts.WentLive(500_000),
        facts.WentLive(PPM_ALL),
        facts.Started(DAEMON, "adopted", ""),
        facts.Superseded("5.9.0"),
        facts.RemovalOrdered(ANNA, "away with it"),
        facts.Suspected("evidence", 1, NOON, SUSPECTED[0]),
        link_facts.Unlinked(),
        facts.Returned(seen(HALTED), seen()),
        facts.Closed(),
        seen(HALTED),
        seen(COMPLETED),
    )
)


@settings(max_examples=150)
@given(st.lists(st.tuples(ANYTHING, st.sampled_from((0.0, 0.25, 1.5, 40.0, -2.0))), max_size=25))
def test_whatever_happens_every_moment_has_one_cause_and_they_add_up(events):
    history, at = History().started(1), 1.0
    for fact, later in events:
        at += later
        history.at(at, fact)
    told = history.report(now=at + 3)
    edges = [told.started_at, *(span.until for span in told.course)]
    assert [span.since for span in told.course] == edges[:-1]
    assert edges[-1] == told.ended_at
    assert sum(told.hours.values(), timedelta(0)) == told.lasted
    assert all(stop.at >= told.started_at for stop in told.stops)
    assert all(stage.until >= stage.since for stage in told.stages)
