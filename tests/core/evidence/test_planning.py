"""A plan promises what the evidence then does: the same increments on average, hour after hour, to the same hurdle."""

from __future__ import annotations

from math import ceil, exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.evidence import increments, planning, ratings
from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, WEIGHTS
from stagedrollout.core.evidence.noise import TAU0, Noise
from stagedrollout.core.evidence.planning import Z90, Hour, World
from stagedrollout.core.evidence.terms import LN_HALT
from stagedrollout.core.ledger import Tally
from stagedrollout.core.observation import Stars
from tests.core.evidence.buckets import RHO0

TRAFFIC, TWICE = Hour(1000, 99_000), World(0.005, 2, RHO0, 2.0)
AS_EXPECTED = Tally(1000, 10, 99_000, 495)
"""What that traffic brings in an hour, where the candidate crashes twice as often."""

SHARE = 0.2
"""Of a signal in all of the evidence."""


def test_an_hour_of_a_plan_is_worth_what_such_an_hour_brings() -> None:
    harm = increments.of_ratio(AS_EXPECTED, RHO0, TWICE.s, TAU0**2)
    assert [planning.drift(TRAFFIC, TWICE, g).mu for g in HARMFUL] == pytest.approx(harm)
    safe = increments.of_safety(AS_EXPECTED, 3.0, TWICE.s, TAU0**2)
    assert [planning.safety(TRAFFIC, TWICE, 3.0, 2, g) for g in HARMLESS] == pytest.approx(safe)


@pytest.mark.parametrize("empty", [Hour(0, 99_000), Hour(1000, 0)])
def test_an_hour_with_nobody_in_one_arm_brings_nothing(empty: Hour) -> None:
    drift = planning.drift(empty, TWICE, 2.2)
    assert (drift.mu, drift.var, planning.safety(empty, TWICE, 3.0, 2, 2.6)) == (0, 0, 0)
    assert planning.information(empty, TWICE) == planning.noisy_information(empty, TWICE) == 0
    assert planning.sessions_at_best(empty, TWICE) == inf


def test_of_a_release_that_nobody_has_nothing_can_be_learned() -> None:
    assert planning.noisy_information(Hour(0, 0), TWICE) == 0


@given(
    candidate=st.integers(100, 100_000),
    ratio=st.sampled_from([1.5, 2.0, 5.0]),
    length=st.sampled_from([3, 30, 300]),
)
def test_along_a_schedule_that_never_changes_it_takes_as_long_as_for_one_hour_of_it(
    candidate: int, ratio: float, length: int
) -> None:
    """The alternative that sees it first nine times of ten; where none does so in time, the first half of the time."""
    traffic, world = Hour(candidate, 20 * candidate), World(0.005, ratio, RHO0, 2.0)

    def hours(g: float, z: float) -> float:
        took = ceil(
            planning.hours_to_see(planning.drift(traffic, world, g), planning.hurdle(g, SHARE), z) - 1e-9
        )
        return took if took <= length else inf

    told = planning.along([traffic] * length, world, SHARE)
    able = [g for g in HARMFUL if planning.drift(traffic, world, g).mu > 0]
    assert told.p90 == min((hours(g, Z90) for g in able), default=inf)
    first = [g for g in able if hours(g, Z90) == told.p90]
    best = first[0] if told.p90 < inf else min(first, key=lambda g: hours(g, 0.0), default=HARMFUL[0])
    assert told.median == (hours(best, 0.0) if able else inf)
    crossed = planning.crossing([traffic] * length, world, best, planning.hurdle(best, SHARE), Z90)
    assert crossed == told.p90


def test_what_begins_later_has_less_left_of_the_reserve_and_more_of_it_with_a_stage() -> None:
    with_stage, between = (planning.hurdle_late(2.2, SHARE, 0.5, with_stage=stage) for stage in (True, False))
    weight = WEIGHTS[HARMFUL.index(2.2)]
    assert with_stage == pytest.approx(LN_HALT - log(SHARE * 0.5 * 0.2 * weight))
    assert between == pytest.approx(LN_HALT - log(SHARE * 0.5 * (1 - exp(-1 / 96)) * weight))


def test_what_can_be_learned_is_less_by_loops_and_by_the_noise_of_the_hours() -> None:
    calm = World(0.005, 2, RHO0, 1.0, tau0=0.0)
    nats = planning.information(TRAFFIC, calm)
    assert planning.noisy_information(TRAFFIC, calm) == pytest.approx(nats)
    looping = World(0.005, 2, RHO0, 2.0, tau0=0.0)
    assert planning.noisy_information(TRAFFIC, looping) == pytest.approx(nats / 3)
    share = 1200 / 100_200
    uneven = 0.3**2 * 505 * share * (1 - share)
    noisy = World(0.005, 2, RHO0, 1.0, tau0=0.3)
    assert planning.noisy_information(TRAFFIC, noisy) == pytest.approx(nats / (1 + uneven))


def test_how_many_crashes_a_stage_needs_to_be_left() -> None:
    """decision-engine.md section 7: (2s - 1) (ln 10 + ln 4) / (rho - 1 - ln rho)."""
    assert planning.crashes_to_advance(4.0, 2.0) == pytest.approx(3 * log(40) / (3 - log(4)))


# -- stars and noise -------------------------------------------------------------------------------


def test_a_mean_of_few_reviews_is_taken_for_what_it_is_at_least() -> None:
    few = ratings.BASELINE_MIN
    assert ratings.mu_base(Stars((0, 0, 0, 0, few - 1))) is None
    assert ratings.mu_base(Stars((0, 0, 0, 0, few))) == 5.0
    assert ratings.mu_base(Stars((50, 0, 0, 0, 50))) == pytest.approx(3 - 1.6449 * 2 / 10)
    assert ratings.mu_base(Stars((100, 0, 0, 0, 100))) == 3.0


def test_a_baseline_that_only_grows_is_no_noise() -> None:
    noise = Noise()
    for size in (1, 2, 5, 3):
        noise = noise.after(Tally(10_000, 100, size * 100_000, size * 1000), 1.1)
    assert noise.tau2 < TAU0**2
