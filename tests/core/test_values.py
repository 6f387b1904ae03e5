"""A team's own value: when it stops a release, when it holds one, and that nothing unknown ever clears it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.assessment import Assessment, Judgement, Verdict, assess
from stagedrollout.core.declared import Better, Declaration
from stagedrollout.core.gates import Role
from stagedrollout.core.judgement import Circumstances, Suspicion
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap, Unvalued, Value, Valued
from stagedrollout.core.values import judge, number_text
from tests.core.builders import DAY, HOUR, NOON, POLL, policy

LATENCY = Declaration(unit="ms", lag=timedelta(0), can_halt=True, no_data="an empty result")
ASKED = NamedGate(signal="cold_start", worse_by=Decimal(20))
SUSPECTED = Suspicion(ASKED.name, 1, NOON - POLL, newest=NOON - POLL)


def read(candidate: float, baseline: float | None = 100, **other: Any) -> Valued:
    samples = other.pop("samples", (None, None))
    usual: dict[str, Any] = {
        "signal": "cold_start",
        "declared": LATENCY,
        "candidate": Value(candidate, samples[0]),
        "baseline": None if baseline is None else Value(baseline, samples[1]),
        "since": NOON - DAY,
        "as_of": NOON,
        "baseline_name": "5.1.0 (5010)",
    }
    return Valued(**{**usual, **other})


def unread(gap: Gap) -> Unvalued:
    return Unvalued("cold_start", LATENCY, gap, f"the reading is {gap.value}")


def seen(*suspicions: Suspicion, **other: Any) -> Circumstances:
    usual: dict[str, Any] = {
        "now": NOON,
        "run_since": NOON - 2 * DAY,
        "live_since": NOON - 2 * DAY,
        "poll": POLL,
    }
    return Circumstances(**{**usual, **other}, suspicions=suspicions)


def judged(
    reading: Valued | Unvalued | None, *suspicions: Suspicion, gate: NamedGate = ASKED, **other: Any
) -> Judgement:
    return judge(gate, (reading,) if reading else (), seen(*suspicions, **other))[0]


def test_a_value_worse_than_tolerated_halts_once_a_second_look_confirms_it() -> None:
    first, suspicion = judge(ASKED, (read(121),), seen())
    assert (first.verdict, first.reason.code) == (Verdict.CONTRADICTORY, "suspected")
    assert suspicion is not None
    again = judged(read(121), replace(suspicion, counted_at=NOON - POLL, newest=NOON - POLL))
    assert (again.verdict, again.reason.code) == (Verdict.FAIL, "fail")
    assert "cold start 121 ms, 100 for 5.1.0 (5010) (too bad: 20 % worse)" in again.reason.text


def test_a_value_within_what_is_tolerated_passes_and_clears_what_was_suspected() -> None:
    judgement, suspicion = judge(ASKED, (read(120),), seen(SUSPECTED))
    assert (judgement.verdict, suspicion) == (Verdict.PASS, None)


def test_the_same_reading_shown_again_is_no_second_look() -> None:
    same = read(500, as_of=NOON - POLL)
    assert judged(same, SUSPECTED).verdict is Verdict.CONTRADICTORY


@pytest.mark.parametrize(("value", "verdict"), [(99, Verdict.FAIL), (100, Verdict.PASS), (300, Verdict.PASS)])
def test_where_higher_is_better_it_is_the_fall_that_halts(value: float, verdict: Verdict) -> None:
    higher = replace(LATENCY, better=Better.HIGHER)
    assert judged(read(value, 120, declared=higher), SUSPECTED).verdict is verdict


AHEAD = st.timedeltas(timedelta(minutes=10), timedelta(days=40))


@pytest.mark.promise("R3")
@given(AHEAD, st.none() | AHEAD)
def test_what_a_clock_that_was_ahead_has_counted_is_confirmed_by_the_next_look(
    ahead: timedelta, as_new: timedelta | None
) -> None:
    """Its reading was as new as that clock had it; nothing would be newer until that time has come."""
    newest = NOON - POLL if as_new is None else NOON + as_new
    judgement, suspicion = judge(
        ASKED, (read(500),), seen(replace(SUSPECTED, counted_at=NOON + ahead, newest=newest))
    )
    assert judgement.verdict is Verdict.FAIL
    assert suspicion == Suspicion(ASKED.name, 2, NOON, newest=NOON)


@given(AHEAD)
def test_the_same_reading_is_no_second_look_by_a_clock_that_is_right_again_either(ahead: timedelta) -> None:
    first = replace(SUSPECTED, counted_at=NOON + ahead)
    judgement, suspicion = judge(ASKED, (read(500, as_of=NOON - POLL),), seen(first))
    assert (judgement.verdict, suspicion) == (Verdict.CONTRADICTORY, replace(first, counted_at=NOON))


@given(
    AHEAD,
    st.sampled_from(
        [None, unread(Gap.FAILED), unread(Gap.ABSENT), read(100, None), read(100, as_of=NOON - DAY)]
    ),
)
def test_what_a_clock_that_was_ahead_has_counted_holds_for_no_longer_than_what_was_counted_now(
    ahead: timedelta, reading: Valued | Unvalued | None
) -> None:
    first = replace(SUSPECTED, counted_at=NOON + ahead)
    judgement, suspicion = judge(ASKED, (reading,) if reading else (), seen(first))
    assert (judgement.verdict, suspicion) == (Verdict.CONTRADICTORY, replace(first, counted_at=NOON))


def test_a_limit_halts_whatever_the_baseline_does() -> None:
    both = replace(ASKED, limit=Decimal(400))
    assert judged(read(401, 5_000), SUSPECTED, gate=both).verdict is Verdict.FAIL


def test_a_signal_that_cannot_halt_holds_however_often_it_says_the_same() -> None:
    unsure = replace(LATENCY, can_halt=False)
    found = judged(read(900, declared=unsure), replace(SUSPECTED, count=2))
    assert found.verdict is Verdict.CONTRADICTORY
    assert "holds, it does not halt" in found.reason.text


def test_any_value_beside_a_baseline_of_nothing_holds_and_only_a_limit_halts() -> None:
    confirmed = replace(SUSPECTED, count=2)
    assert judged(read(0.1, 0), confirmed).verdict is Verdict.CONTRADICTORY
    assert judged(read(0, 0), confirmed).verdict is Verdict.PASS
    assert judged(read(9, 0), confirmed, gate=replace(ASKED, limit=Decimal(5))).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [(Gap.FAILED, Verdict.ERROR), (Gap.IMPLAUSIBLE, Verdict.CONTRADICTORY), (Gap.ABSENT, Verdict.MISSING)],
)
def test_a_value_that_could_not_be_read_says_why(gap: Gap, verdict: Verdict) -> None:
    assert judged(unread(gap)).verdict is verdict


def test_a_fresh_release_may_have_no_value_yet_and_a_late_source_may_take_longer() -> None:
    begun = {"run_since": NOON - 8 * HOUR}
    assert judged(unread(Gap.ABSENT), **begun).verdict is Verdict.MISSING
    late = replace(unread(Gap.ABSENT), declared=replace(LATENCY, lag=4 * HOUR))
    assert judged(late, **begun).verdict is Verdict.INSUFFICIENT


def test_a_signal_the_app_does_not_have_is_missing() -> None:
    assert judged(None).verdict is Verdict.MISSING


def test_an_outage_does_not_raise_what_the_value_had_just_held() -> None:
    veto = replace(ASKED, role=Role.VETO)
    assert judged(unread(Gap.FAILED), SUSPECTED, gate=veto).verdict is Verdict.CONTRADICTORY
    long_ago = replace(SUSPECTED, counted_at=NOON - DAY)
    assert judged(unread(Gap.FAILED), long_ago, gate=veto).verdict is Verdict.ERROR


def test_old_values_pass_nothing_and_the_declared_lag_is_allowed_for() -> None:
    old = read(100, as_of=NOON - 3 * HOUR)
    assert judged(old).verdict is Verdict.STALE
    assert judged(replace(old, declared=replace(LATENCY, lag=2 * HOUR))).verdict is Verdict.PASS


def test_few_samples_neither_halt_nor_pass() -> None:
    asked = replace(ASKED, min_sample=50)
    for samples in ((49, 900), (900, 49), (None, 900), (900, None)):
        assert (
            judged(read(900, samples=samples), SUSPECTED, gate=asked, now=NOON + DAY).verdict
            is not Verdict.FAIL
        )
        assert judged(read(100, samples=samples), gate=asked).verdict is Verdict.INSUFFICIENT
    assert judged(read(900, samples=(50, 50)), SUSPECTED, gate=asked).verdict is Verdict.FAIL


def test_without_an_earlier_release_only_a_limit_clears() -> None:
    alone = read(100, None, baseline_name="")
    assert judged(alone).verdict is Verdict.INSUFFICIENT
    assert judged(alone, gate=replace(ASKED, limit=Decimal(400))).verdict is Verdict.PASS


def test_a_baseline_the_source_knows_nothing_of_clears_nothing() -> None:
    assert judged(read(100, None)).verdict is Verdict.MISSING
    assert judged(read(100, None), gate=replace(ASKED, limit=Decimal(400))).verdict is Verdict.MISSING


def test_a_baseline_below_nothing_is_no_measure() -> None:
    assert judged(read(-20, -10)).verdict is Verdict.CONTRADICTORY


def test_a_required_gate_nobody_can_judge_holds_the_release() -> None:
    found = _assessed(None)
    assert found.worst is Verdict.MISSING
    assert found.blind[-1] == "signal:cold_start"


NUMBERS = st.floats(-1e6, 1e6)
GATES = st.builds(
    lambda worse, limit, confirm: NamedGate(
        signal="cold_start", worse_by=worse, limit=limit, confirm=confirm
    ),
    st.just(Decimal(20)) | st.none(),
    st.decimals(-100, 100, places=1),
    st.integers(1, 3),
)


@pytest.mark.promise("R2")
@given(GATES, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(Better), st.booleans(), st.integers(0, 3))
def test_a_worse_value_is_never_judged_better(
    gate: NamedGate, one: float, other: float, baseline: float, better: Better, can_halt: bool, looks: int
) -> None:
    declared = replace(LATENCY, better=better, can_halt=can_halt)
    good, bad = sorted((one, other), reverse=better is Better.HIGHER)
    before = (replace(SUSPECTED, count=looks),) if looks else ()
    verdicts = [judged(read(v, baseline, declared=declared), *before, gate=gate).verdict for v in (good, bad)]
    assert verdicts[0] <= verdicts[1]


@pytest.mark.promise("R1")
@given(st.sampled_from([None, *Gap]), st.integers(0, 3), GATES)
def test_no_required_gate_ever_passes_on_a_value_that_was_not_read(
    gap: Gap | None, looks: int, gate: NamedGate
) -> None:
    before = (replace(SUSPECTED, count=looks),) if looks else ()
    assert judged(unread(gap) if gap else None, *before, gate=gate).verdict is not Verdict.PASS


@pytest.mark.parametrize(
    ("number", "text"), [(0.004, "0.004"), (1234.5, "1,234"), (123_456, "123,456"), (1e300, "1e+300")]
)
def test_numbers_are_told_in_few_digits(number: float, text: str) -> None:
    assert number_text(number) == text


def _assessed(reading: Valued | Unvalued | None) -> Assessment:
    asked = policy(signals=(ASKED,))
    return assess(asked, (reading,) if reading else (), seen())
