"""From readings to verdicts: seven words, the worst wins, and no reading is ever taken for health by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from stagedrollout.core.assessment import (
    Assessment,
    Circumstances,
    Judgement,
    Reason,
    Suspicion,
    Verdict,
    assess,
)
from stagedrollout.core.gates import Gate, RatingGate, Role
from stagedrollout.core.observation import (
    Arm,
    Counts,
    Gap,
    Measured,
    Metric,
    Opinion,
    Reading,
    Reviews,
    Stars,
    StoreAverage,
    Unheard,
)
from tests.core.builders import (
    DAY,
    HOUR,
    NOON,
    POLL,
    circumstances,
    gate,
    healthy,
    hours,
    nothing,
    policy,
    sick,
)

USERS = Metric.CRASH_FREE_USERS


def judge(reading: Reading | None = None, *, with_gate: Gate | None = None, **terms: Any) -> Judgement:
    (judgement,) = _assessed(reading, with_gate, **terms).judgements
    return judgement


def _assessed(reading: Reading | None, with_gate: Gate | None = None, **terms: Any) -> Assessment:
    readings = (reading,) if reading else ()
    return assess(policy(gates=(with_gate or gate(),)), readings, circumstances(**terms))


def suspicion(reading: Reading, **terms: Any) -> Suspicion | None:
    suspicions = _assessed(reading, **terms).suspicions
    return suspicions[0] if suspicions else None


SEEN_ONCE = (Suspicion("crash_free_sessions", 1, NOON - POLL),)


# -- the seven verdicts ----------------------------------------------------------------------------


def test_enough_fresh_settled_healthy_sessions_pass() -> None:
    found = judge(healthy())
    assert found.verdict is Verdict.PASS
    assert (found.reason.value_ppm, found.reason.threshold_ppm, found.reason.sample) == (
        998_000,
        990_000,
        11_000,
    )


def test_too_few_sessions_are_insufficient_whatever_they_say() -> None:
    assert judge(hours(*[(10, 0)] * 12)).verdict is Verdict.INSUFFICIENT
    assert judge(hours(*[(10, 10)] * 12)).verdict is Verdict.INSUFFICIENT


def test_young_sessions_do_not_pass() -> None:
    assert judge(hours((500, 0), (500, 0), (500, 0))).verdict is Verdict.PASS
    assert judge(hours((500, 0), (5000, 0))).verdict is Verdict.INSUFFICIENT


def test_young_sessions_do_fail() -> None:
    assert judge(hours((5000, 500)), suspicions=SEEN_ONCE).verdict is Verdict.FAIL


def test_old_data_are_stale_however_good_they_look() -> None:
    assert judge(healthy(NOON - 2 * HOUR)).verdict is Verdict.PASS
    assert judge(healthy(NOON - 3 * HOUR)).verdict is Verdict.STALE


def test_old_news_of_a_disaster_is_still_news() -> None:
    assert judge(sick(NOON - 5 * HOUR), suspicions=SEEN_ONCE).verdict is Verdict.FAIL


def test_a_release_without_any_session_is_given_a_quiet_start() -> None:
    young = judge(nothing(), run_since=NOON - timedelta(hours=5, minutes=59))
    assert (young.verdict, young.reason.code) == (Verdict.INSUFFICIENT, "no_data_yet")


def test_after_the_quiet_start_no_data_are_missing_data() -> None:
    assert judge(nothing(), run_since=NOON - 6 * HOUR).verdict is Verdict.MISSING


def test_a_gate_that_nobody_reads_is_missing_even_in_the_quiet_start() -> None:
    assert judge(None, run_since=NOON).verdict is Verdict.MISSING


def test_a_signal_that_could_not_be_asked_is_an_error_even_in_the_quiet_start() -> None:
    assert judge(nothing(Gap.FAILED), run_since=NOON).verdict is Verdict.ERROR


def test_nonsense_is_contradictory_and_not_an_absence() -> None:
    assert judge(nothing(Gap.IMPLAUSIBLE), run_since=NOON).verdict is Verdict.CONTRADICTORY


def test_a_first_breach_is_contradictory_until_another_poll_has_seen_it() -> None:
    found = judge(sick())
    assert (found.verdict, found.reason.code) == (Verdict.CONTRADICTORY, "suspected")
    assert judge(sick(), suspicions=SEEN_ONCE).verdict is Verdict.FAIL


def test_a_gate_that_needs_no_confirmation_fails_at_once() -> None:
    assert judge(sick(), with_gate=gate(confirm=1)).verdict is Verdict.FAIL


def test_settled_sessions_under_the_floor_do_not_pass_because_young_ones_look_better() -> None:
    """Crashes are reported at the next launch, so the newest hours always look better than they are."""
    diluted = hours(*[(1000, 12)] * 5, (4000, 0))
    assert judge(diluted).verdict is not Verdict.PASS


# -- suspicion -------------------------------------------------------------------------------------


def test_suspicion_counts_polls_that_are_polls_of_their_own() -> None:
    """An order that wakes the daemon a minute later is no second opinion."""
    again = suspicion(
        sick(), suspicions=(Suspicion("crash_free_sessions", 1, NOON - POLL / 2 + HOUR / 3600),)
    )
    assert again == Suspicion("crash_free_sessions", 1, NOON - POLL / 2 + HOUR / 3600)
    half_a_poll_later = suspicion(sick(), suspicions=(Suspicion("crash_free_sessions", 1, NOON - POLL / 2),))
    assert half_a_poll_later == Suspicion("crash_free_sessions", 2, NOON)


def test_a_clock_that_steps_back_counts_nothing_twice() -> None:
    ahead = Suspicion("crash_free_sessions", 1, NOON + POLL / 3)
    assert suspicion(sick(), suspicions=(ahead,)) == ahead


def test_a_clock_that_was_hours_ahead_does_not_keep_a_halt_waiting_until_then() -> None:
    ahead = Suspicion("crash_free_sessions", 1, NOON + HOUR)
    assert suspicion(sick(), suspicions=(ahead,)) == Suspicion("crash_free_sessions", 2, NOON)


def test_suspicion_is_counted_up_to_what_the_gate_needs_and_no_further() -> None:
    grown = suspicion(sick(), suspicions=(Suspicion("crash_free_sessions", 2, NOON - DAY),))
    assert grown == Suspicion("crash_free_sessions", 2, NOON)


def test_a_fresh_reading_without_a_breach_clears_suspicion() -> None:
    assert suspicion(healthy(), suspicions=SEEN_ONCE) is None


@pytest.mark.parametrize(
    "reading", [nothing(Gap.ABSENT), nothing(Gap.FAILED), nothing(Gap.IMPLAUSIBLE), healthy(NOON - 5 * HOUR)]
)
def test_not_hearing_from_a_gate_neither_confirms_nor_clears(reading: Reading) -> None:
    assert suspicion(reading, suspicions=SEEN_ONCE) == SEEN_ONCE[0]


# -- several gates ---------------------------------------------------------------------------------


def users(bad: int) -> Measured:
    arm = Arm("5.2.0", Counts(5000, bad))
    return Measured("sentry", USERS, arm, None, NOON - 12 * HOUR, NOON)


def test_the_order_of_verdicts_is_fail_contradictory_error_missing_stale_insufficient_pass() -> None:
    assert sorted(Verdict, reverse=True) == [
        Verdict.FAIL,
        Verdict.CONTRADICTORY,
        Verdict.ERROR,
        Verdict.MISSING,
        Verdict.STALE,
        Verdict.INSUFFICIENT,
        Verdict.PASS,
    ]


def test_the_worst_required_gate_decides_whatever_the_order_of_readings() -> None:
    both = policy(gates=(gate(), gate(metric=USERS, floor=Decimal(97))))
    readings = (healthy(), users(bad=4000))
    seen = circumstances(suspicions=(Suspicion("crash_free_users", 1, NOON - POLL),))
    for order in permutations(readings):
        assert assess(both, order, seen).worst is Verdict.FAIL


def test_a_fail_wins_although_another_signal_could_not_be_asked() -> None:
    both = policy(gates=(gate(confirm=1), gate(metric=USERS)))
    found = assess(both, (sick(), nothing(Gap.FAILED, USERS)), circumstances())
    assert found.worst is Verdict.FAIL
    assert [reason.gate for reason in found.reasons(Verdict.FAIL)] == ["crash_free_sessions"]


def test_an_advisory_gate_is_shown_and_never_decides() -> None:
    both = policy(gates=(gate(), gate(metric=USERS, confirm=1, role=Role.ADVISORY)))
    found = assess(both, (healthy(), users(bad=4000)), circumstances())
    assert found.worst is Verdict.PASS
    assert [judgement.verdict for judgement in found.judgements] == [Verdict.PASS, Verdict.FAIL]
    assert found.reasons(Verdict.FAIL) == ()


def test_required_gates_without_usable_data_are_named_and_others_are_not() -> None:
    one = Reason("x", "x")
    both = policy(gates=(gate(), gate(metric=USERS))).gates
    for verdict in Verdict:
        found = Assessment((Judgement(both[0], verdict, one), Judgement(both[1], Verdict.PASS, one)), (), 0)
        blind = verdict in (Verdict.ERROR, Verdict.MISSING, Verdict.STALE)
        assert found.blind == (("crash_free_sessions",) if blind else ())


# -- what people write: a veto ---------------------------------------------------------------------


def opinions(*counts: int, at: datetime = NOON) -> Reviews:
    return Reviews("play", Stars(counts), Stars((2, 1, 4, 20, 53)), (), NOON - 2 * DAY, at, "5.1.0")


ANGRY = opinions(35, 8, 6, 4, 8)
CONTENT = opinions(2, 1, 4, 20, 53)
FEW = opinions(3, 0, 0, 0, 0)
OLD = opinions(2, 1, 4, 20, 53, at=NOON - DAY)
SILENT = Unheard("play", Opinion.REVIEWS, Gap.FAILED, "no answer")
ABSENT = Unheard("play", Opinion.REVIEWS, Gap.ABSENT, "no such version")
SUSPECTED = (Suspicion("reviews", 1, NOON - HOUR),)


def with_opinions(*readings: Reading, role: Role = Role.VETO, **terms: Any) -> Assessment:
    by = policy(ratings=RatingGate(role=role))
    return assess(by, (healthy(), *readings), circumstances(**terms))


@pytest.mark.parametrize("readings", [(), (SILENT,), (ABSENT,), (FEW,), (OLD,)])
def test_reviews_that_say_nothing_hold_nothing_up(readings: tuple[Reading, ...]) -> None:
    found = with_opinions(*readings)
    assert found.judgements[1].verdict is not Verdict.PASS
    assert (found.worst, found.blind) == (Verdict.PASS, ())
    assert [j.gate.name for j in found.required()] == ["crash_free_sessions"]
    assert all(found.reasons(verdict) == () for verdict in Verdict if verdict is not Verdict.PASS)


def test_angry_reviews_hold_and_then_halt_a_release_that_never_crashes() -> None:
    first = with_opinions(ANGRY)
    assert first.worst is Verdict.CONTRADICTORY
    assert [reason.gate for reason in first.reasons(Verdict.CONTRADICTORY)] == ["reviews"]
    assert first.suspicions == (Suspicion("reviews", 1, NOON, 61),)
    second = with_opinions(ANGRY, suspicions=SUSPECTED)
    assert second.worst is Verdict.FAIL
    assert [reason.gate for reason in second.reasons(Verdict.FAIL)] == ["reviews"]


def test_an_outage_of_the_reviews_does_not_lift_what_they_have_just_held() -> None:
    assert with_opinions(SILENT, suspicions=SUSPECTED).worst is Verdict.CONTRADICTORY


def test_content_people_are_no_evidence_that_a_raise_needs_or_could_stand_on() -> None:
    found = with_opinions(CONTENT)
    assert found.worst is Verdict.PASS
    assert [j.gate.name for j in found.deciding()] == ["crash_free_sessions"]
    blind = assess(policy(ratings=RatingGate()), (nothing(Gap.FAILED), CONTENT), circumstances())
    assert blind.worst is Verdict.ERROR


def test_a_team_may_require_reviews_and_then_their_silence_does_hold() -> None:
    found = with_opinions(SILENT, role=Role.REQUIRED)
    assert (found.worst, found.blind) == (Verdict.ERROR, ("reviews",))
    assert with_opinions(FEW, role=Role.REQUIRED).worst is Verdict.INSUFFICIENT
    assert with_opinions(CONTENT, role=Role.REQUIRED).worst is Verdict.PASS


def test_reviews_that_only_advise_decide_nothing() -> None:
    found = with_opinions(ANGRY, role=Role.ADVISORY, suspicions=SUSPECTED)
    assert (found.worst, found.judgements[1].verdict) == (Verdict.PASS, Verdict.FAIL)


def test_a_policy_without_a_gate_for_reviews_does_not_hear_them() -> None:
    found = assess(policy(), (healthy(), ANGRY), circumstances(suspicions=SUSPECTED))
    assert (found.worst, len(found.judgements)) == (Verdict.PASS, 1)


def test_crashes_may_be_a_veto_too() -> None:
    both = policy(gates=(gate(), gate(metric=USERS, confirm=1, role=Role.VETO)))
    assert assess(both, (healthy(), users(bad=4000)), circumstances()).worst is Verdict.FAIL
    assert assess(both, (healthy(), nothing(Gap.FAILED, USERS)), circumstances()).worst is Verdict.PASS


def test_storefront_averages_are_advice_and_decide_nothing() -> None:
    average = StoreAverage("itunes", "us", "5.2.0", 1_000, 10_000, (500, 1_000), NOON)
    found = with_opinions(average)
    assert (found.worst, [reason.code for reason in found.advice]) == (Verdict.PASS, ["advisory"])


def test_worse_opinions_never_make_the_whole_more_permissive() -> None:
    for rest in ((), SUSPECTED):
        worst = [
            with_opinions(reading, suspicions=rest).worst
            for reading in (CONTENT, opinions(10, 5, 5, 20, 40), opinions(20, 10, 10, 10, 30), ANGRY)
        ]
        assert worst == sorted(worst)


# -- the sample of the stage -----------------------------------------------------------------------


def sample(reading: Reading | None, **terms: Any) -> int:
    return _assessed(reading, **terms).stage_sample


def test_only_sessions_of_this_stage_count_for_its_sample() -> None:
    assert sample(healthy(), live_since=NOON - 4 * HOUR) == 3_000
    assert sample(healthy(), live_since=NOON - 4 * HOUR + timedelta(minutes=1)) == 2_000


def test_nobody_can_tell_means_a_sample_of_nothing() -> None:
    assert sample(nothing()) == sample(None) == 0


# -- the whole of it -------------------------------------------------------------------------------


def test_shifting_all_instants_changes_nothing() -> None:
    for shift in (timedelta(days=200), -timedelta(days=200)):
        now = NOON + shift
        moved = Circumstances(now=now, run_since=now - 2 * DAY, live_since=now - 2 * DAY, poll=POLL)
        here, there = _assessed(healthy()), assess(policy(), (healthy(now),), moved)
        assert here.worst is there.worst
        assert replace(here.judgements[0].reason, as_of=None) == replace(
            there.judgements[0].reason, as_of=None
        )


WORSE = (healthy(), hours(*[(10, 0)] * 12), healthy(NOON - 5 * HOUR), nothing(), nothing(Gap.FAILED), sick())


def test_worse_readings_never_give_a_better_verdict() -> None:
    verdicts = [judge(reading, suspicions=SEEN_ONCE).verdict for reading in WORSE]
    assert verdicts == sorted(verdicts)


def test_more_crashes_in_any_hour_never_give_a_better_verdict() -> None:
    for hour in range(12):
        before = Verdict.PASS
        for bad in (0, 100, 500, 1000):
            counts = [(1000, bad if n == hour else 2) for n in range(12)]
            verdict = judge(hours(*counts), suspicions=SEEN_ONCE).verdict
            assert verdict >= before
            before = verdict
        assert before is Verdict.FAIL
