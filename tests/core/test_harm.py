"""From counts to verdicts: when the evidence halts, holds, clears, and what it says of data that cannot be used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core.evidence.terms import LN_HALT, SignalId, shared_out
from stagedrollout.core.gates import EvidenceGate, OnDark, Part, Parts, Role
from stagedrollout.core.harm import odds_text
from stagedrollout.core.judgement import Heard, Verdict
from stagedrollout.core.ledger import Measure, Refused, Tally
from stagedrollout.core.observation import Gap
from tests.core.builders import DAY, HOUR, NOON, ppm
from tests.core.weighed import (
    BAD,
    BOTH_WORSE,
    GOOD,
    QUIET,
    SILENT,
    assessed,
    failed,
    heard,
    one,
    run,
    says,
    whole,
    with_evidence,
)

TWO_DAYS = [GOOD] * 48


def test_a_release_ten_times_as_bad_is_failing_within_the_hour():
    found = assessed(heard(*TWO_DAYS, BAD))
    assert says(found) == (Verdict.FAIL, "fail")
    assert whole(found).reason.ln_e >= LN_HALT
    assert "x10" in whole(found).reason.text
    assert "since Mon 2026-03-02 11:00 UTC, at 1 %" in whole(found).reason.text


def test_a_healthy_release_passes_once_its_hours_have_settled():
    assert says(assessed(heard(*TWO_DAYS))) == (Verdict.PASS, "pass")


def test_a_release_with_hardly_any_sessions_is_neither_cleared_nor_blamed():
    found = assessed(heard(*[QUIET] * 4))
    assert says(found) == (Verdict.INSUFFICIENT, "inconclusive")
    assert found.inconclusive


def test_evidence_of_ten_to_one_forbids_raises_before_it_halts():
    doubtful = next(
        found
        for crashed in range(5, 40)
        if (found := assessed(heard(*TWO_DAYS, Tally(1_000, crashed, 99_000, 396)))).worst
        is Verdict.CONTRADICTORY
    )
    assert says(doubtful) == (Verdict.CONTRADICTORY, "suspected")
    assert 10 <= float(whole(doubtful).reason.text.split("harm ")[1].split(" :")[0]) < 100


def test_both_arms_worse_is_an_outside_incident_and_no_failure_of_the_release():
    found = assessed(heard(*TWO_DAYS, BOTH_WORSE))
    assert says(found) == (Verdict.CONTRADICTORY, "incident")


def test_an_incident_that_lasts_three_hours_has_a_name_of_its_own_so_that_it_is_told_aloud():
    assert says(assessed(heard(*TWO_DAYS, *[BOTH_WORSE] * 2)))[1] == "incident"
    assert says(assessed(heard(*TWO_DAYS, *[BOTH_WORSE] * 3)))[1] == "incident_lasts"


def test_a_release_that_is_bad_during_an_incident_is_failing_all_the_same():
    assert says(assessed(heard(*TWO_DAYS, Tally(1_000, 200, 99_000, 1_980))))[0] is Verdict.FAIL


@pytest.mark.parametrize("gap", [Gap.FAILED, Gap.IMPLAUSIBLE])
def test_sessions_that_could_not_be_read_are_an_error_however_good_everything_was_before(gap: Gap):
    found = assessed(heard(*TWO_DAYS, read=(failed(Measure.CRASHED, gap),)))
    assert says(found) == (Verdict.ERROR, "error")
    assert found.blind == ("evidence", "floor")


def test_a_failing_release_is_failing_also_when_this_pass_could_not_read():
    found = assessed(heard(*TWO_DAYS, BAD, read=(failed(Measure.CRASHED),)))
    assert says(found) == (Verdict.FAIL, "fail")


def test_rows_that_cannot_be_right_hold_and_their_raw_numbers_are_shown():
    found = assessed(heard(*TWO_DAYS, refused=(Refused(NOON, "candidate 3 of -1, baseline 0 of 5"),)))
    assert says(found) == (Verdict.ERROR, "bad_data")
    assert "candidate 3 of -1" in whole(found).reason.text


def test_old_sessions_are_stale():
    old = NOON - 3 * HOUR
    assert says(assessed(heard(*TWO_DAYS, until=old))) == (Verdict.STALE, "stale")


def test_a_slow_poll_makes_data_old_later():
    old, poll = NOON - 3 * HOUR, timedelta(hours=1)
    found = assessed(heard(*TWO_DAYS, until=old), poll=poll)
    assert says(found)[0] is not Verdict.STALE


def test_a_release_that_hardly_anybody_can_start_is_dark_and_not_healthy():
    found = assessed(heard(*[SILENT] * 48))
    assert says(found) == (Verdict.MISSING, "dark")
    assert "about" in whole(found).reason.text


def test_a_dark_release_is_halted_where_the_policy_says_so():
    halting = with_evidence(evidence=EvidenceGate(dark=OnDark.HALT))
    assert says(assessed(heard(*[SILENT] * 48), halting)) == (Verdict.FAIL, "dark")


def test_a_release_that_fell_silent_while_the_others_go_on_is_dark():
    hours = [*TWO_DAYS, *[SILENT] * 5]
    live = NOON - timedelta(hours=len(hours))
    found = assessed(heard(*hours, of=run(live)), live_since=live, run_since=live)
    assert says(found) == (Verdict.MISSING, "dark")


def test_a_raise_in_between_does_not_hide_that_it_fell_silent():
    """12 good hours at 5 %, then none: before that stage it had sessions too, and beside it people go on."""
    hours = [*[GOOD] * 36, *[SILENT] * 5]
    live = NOON - 17 * HOUR
    found = assessed(heard(*hours, of=run(NOON - 41 * HOUR)), live_since=live, exposure_ppm=ppm(5))
    assert says(found) == (Verdict.MISSING, "dark")


def test_it_is_dark_on_its_first_day_too():
    hours = [*[GOOD] * 8, *[SILENT] * 5]
    live = NOON - 13 * HOUR
    found = assessed(heard(*hours, of=run(live)), live_since=live, run_since=live)
    assert says(found) == (Verdict.MISSING, "dark")


def test_a_quiet_night_is_no_darkness():
    night = Tally(100, 0, 9_900, 40)
    assert says(assessed(heard(*TWO_DAYS, *[night] * 6)))[1] != "dark"


def test_when_everybody_falls_silent_no_release_is_dark():
    hours = [*TWO_DAYS, *[Tally(0, 0, 10, 0)] * 5]
    live = NOON - timedelta(hours=len(hours))
    assert says(assessed(heard(*hours, of=run(live)), live_since=live, run_since=live))[1] != "dark"


def test_a_young_release_may_be_quiet():
    live = NOON - 11 * HOUR
    found = assessed(heard(*[SILENT] * 11, of=run(live)), live_since=live, run_since=live)
    assert says(found)[1] != "dark"


def test_without_a_baseline_it_runs_on_the_floor_and_says_so():
    alone = run(p_ref=None, weights=shared_out((SignalId.FLOOR,)))
    hours = [Tally(1_000, 4, 0, 0)] * 48
    found = assessed(heard(*hours, of=alone))
    assert says(found) == (Verdict.INSUFFICIENT, "inconclusive")
    assert "no release to compare with" in whole(found).reason.text
    bad = assessed(heard(*hours, Tally(1_000, 60, 0, 0), of=alone))
    assert says(bad) == (Verdict.FAIL, "fail")


def test_without_baseline_and_floor_nothing_is_known():
    nothing = run(p_ref=None, floor=None, weights=())
    assert says(assessed(heard(*TWO_DAYS, of=nothing))) == (Verdict.MISSING, "missing")


def test_while_what_is_normal_cannot_be_read_nothing_is_raised():
    found = assessed(Heard(None, problem="what is normal could not be read: no answer"))
    assert says(found) == (Verdict.ERROR, "error")
    assert found.worst is Verdict.ERROR


def test_evidence_that_cannot_be_kept_may_halt_and_raises_nothing():
    trouble = {"problem": "the ledger cannot be read"}
    assert says(assessed(heard(*TWO_DAYS, **trouble))) == (Verdict.ERROR, "error")
    assert says(assessed(heard(*TWO_DAYS, BAD, **trouble))) == (Verdict.FAIL, "fail")


def test_refused_rows_of_a_signal_that_takes_no_part_hold_nothing():
    off = run(weights=shared_out((SignalId.CRASHED_SESSIONS, SignalId.FLOOR)))
    odd = Refused(NOON, "more crashes than sessions", Measure.USERS)
    assert says(assessed(heard(*TWO_DAYS, of=off, refused=(odd,))))[0] is Verdict.PASS
    assert says(assessed(heard(*TWO_DAYS, refused=(odd,)))) == (Verdict.ERROR, "bad_data")


def test_a_signal_that_the_policy_drops_during_a_run_goes_on_counting_in_it():
    dropped = with_evidence(evidence=EvidenceGate(signals=Parts(crashed_users=Part.OFF)))
    found = assessed(heard(*TWO_DAYS, read=(failed(Measure.USERS),)), dropped)
    assert one(found, SignalId.CRASHED_USERS).gate.role is Role.REQUIRED
    assert found.worst is Verdict.ERROR


def test_users_that_could_not_be_read_hold_the_raise_and_nothing_else_fails():
    found = assessed(heard(*TWO_DAYS, read=(failed(Measure.USERS),)))
    assert says(found)[0] is Verdict.PASS
    assert one(found, SignalId.CRASHED_USERS).verdict is Verdict.ERROR
    assert found.worst is Verdict.ERROR


def test_a_source_without_users_says_how_to_leave_them_out():
    hours = heard(*TWO_DAYS, read=(failed(Measure.USERS, Gap.ABSENT),))
    judgement = one(assessed(hours), SignalId.CRASHED_USERS)
    assert judgement.verdict is Verdict.MISSING
    assert "crashed_users: off" in judgement.reason.text


def test_an_advisory_signal_is_shown_and_decides_nothing():
    parts = Parts(crashed_users=Part.ADVISORY)
    of = run(
        weights=shared_out((SignalId.CRASHED_SESSIONS, SignalId.FLOOR)),
        advisory=(SignalId.CRASHED_USERS, SignalId.ABNORMAL_SESSIONS),
    )
    policy = with_evidence(evidence=EvidenceGate(signals=parts))
    found = assessed(heard(*TWO_DAYS, of=of, read=(failed(Measure.USERS),)), policy)
    assert one(found, SignalId.CRASHED_USERS).gate.role is Role.ADVISORY
    assert one(found, SignalId.CRASHED_USERS).verdict is Verdict.ERROR
    assert found.worst is Verdict.PASS


def test_a_candidate_with_more_crashes_than_sessions_counts_for_a_halt_and_never_for_a_raise():
    odd = Tally(100, 300, 99_000, 396)
    assert says(assessed(heard(*TWO_DAYS, odd)))[0] is Verdict.FAIL
    clamped = Tally(1_000, 1_001, 99_000, 99_000)
    with_it, without = heard(*[GOOD] * 3, clamped), heard(*[GOOD] * 3, until=NOON - HOUR)
    assert with_it.weighing.ln_e_advance(NOON) == without.weighing.ln_e_advance(NOON)


def test_what_a_policy_says_otherwise_now_is_told_beside_the_verdict():
    found = assessed(
        heard(*TWO_DAYS, note="the policy now says margin 50 %: that holds from the next run on")
    )
    assert whole(found).reason.text.endswith("from the next run on")


def test_the_stage_decides_what_must_be_ruled_out():
    """What is enough to leave 1 % is not enough to leave 20 %."""
    hours = [Tally(1_000, 3, 99_000, 396)] * 2
    young = NOON - 3 * HOUR
    at_one = heard(*hours, of=run(young, 1))
    at_twenty = heard(*hours, of=run(young, 20))
    assert says(assessed(at_one, live_since=young, run_since=young))[0] is Verdict.PASS
    assert (
        says(assessed(at_twenty, live_since=young, run_since=young, exposure_ppm=ppm(20)))[1]
        == "inconclusive"
    )


def test_the_youngest_hours_are_no_evidence_for_a_raise():
    live = NOON - HOUR
    found = assessed(
        heard(*[Tally(100_000, 300, 900_000, 3_600)], of=run(live)), live_since=live, run_since=live
    )
    assert says(found) == (Verdict.INSUFFICIENT, "inconclusive")


@pytest.mark.parametrize(
    ("ln_e", "text"),
    [
        (0.0, "1.0 : 1"),
        (2.3025, "9.9 : 1"),
        (4.6051, "99 : 1"),
        (4.6052, "100 : 1"),
        (700.0, "more than 1,000,000 : 1"),
        (-9.0, "0.0 : 1"),
    ],
)
def test_odds_are_never_shown_as_more_than_they_are(ln_e: float, text: str):
    assert odds_text(ln_e) == text


def test_a_run_of_two_days_counts_its_stage_sample_from_the_ledger():
    assert assessed(heard(*TWO_DAYS), live_since=NOON - DAY).stage_sample == 23 * 1_000
