"""What more crashes, more sessions, empty arms and impossible counts do to the evidence."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.evidence import increments
from stagedrollout.core.evidence.course import Yardstick, fold
from stagedrollout.core.evidence.grid import HARMFUL, HARMLESS, eta, inflation, loops
from stagedrollout.core.evidence.logs import NOTHING, log_add, log_sum
from stagedrollout.core.evidence.noise import TAU_MIN, Noise
from stagedrollout.core.ledger import Tally
from tests.core.evidence.buckets import Written, by_floor, by_ratio, in_order, row


@st.composite
def buckets(draw: st.DrawFn, most: int = 3000) -> Written:
    n_c, n_b = draw(st.integers(0, most)), draw(st.integers(0, 20 * most))
    return n_c, draw(st.integers(0, n_c)), n_b, draw(st.integers(0, min(n_b, most)))


COURSES = st.lists(buckets(), min_size=1, max_size=8)
TAU2S = st.sampled_from([0.0, 0.0009, 0.0225, 1.0])
LOOPS = st.sampled_from([1.1, 2.0, 3.0])
YARDSTICKS = st.one_of(
    st.builds(by_ratio, LOOPS, TAU2S, st.sampled_from([1.1, 1.2, 3.0])),
    st.builds(by_floor, st.sampled_from([0.001, 0.02]), LOOPS, TAU2S),
)


def more_crashes(course: list[Written], place: int, more: int) -> list[Written]:
    n_c, k_c, n_b, k_b = course[place]
    return [*course[:place], (n_c, k_c + more, n_b, k_b), *course[place + 1 :]]


def ln_e(course: list[Written], by: Yardstick) -> float:
    return fold(in_order(course), by).now.ln_e


# -- more crashes ----------------------------------------------------------------------------------


@pytest.mark.promise("R2")
@given(course=COURSES, by=YARDSTICKS, place=st.integers(0, 7), more=st.integers(1, 4000))
def test_a_crash_more_is_never_less_evidence_of_harm(
    course: list[Written], by: Yardstick, place: int, more: int
) -> None:
    """Wherever in the course it happened, while the noise that is allowed for is given."""
    changed = more_crashes(course, min(place, len(course) - 1), more)
    assert ln_e(changed, by) >= ln_e(course, by) - 1e-9


@pytest.mark.promise("R2")
@given(course=COURSES, s=LOOPS, more=st.integers(1, 4000))
def test_a_crash_more_now_is_never_less_evidence_where_noise_is_learned(
    course: list[Written], s: float, more: int
) -> None:
    by = by_ratio(s, tau2=None)
    assert ln_e(more_crashes(course, len(course) - 1, more), by) >= ln_e(course, by) - 1e-9


def test_a_crash_more_long_ago_can_be_noise() -> None:
    """The smallest case: an uneven past makes later hours weigh less. That is meant (decision-engine.md 3.1)."""
    course = [(33, 10, 33, 10), (33, 19, 33, 10), (33, 33, 33, 0)]
    learned, given_ = by_ratio(tau2=None), by_ratio(tau2=0.0225)
    assert ln_e(more_crashes(course, 1, 1), learned) < ln_e(course, learned) - 0.01
    assert ln_e(more_crashes(course, 1, 1), given_) > ln_e(course, given_)


@pytest.mark.promise("R2")
@given(bucket=buckets(), more=st.integers(1, 500), s=LOOPS, tau2=TAU2S)
def test_a_crash_more_is_never_more_evidence_of_safety(
    bucket: Written, more: int, s: float, tau2: float
) -> None:
    before = increments.of_safety(Tally(*bucket), 3.0, s, tau2)
    after = increments.of_safety(Tally(*bucket) + Tally(0, more, 0, 0), 3.0, s, tau2)
    assert all(now <= then + 1e-9 for now, then in zip(after, before, strict=True))


# -- sessions --------------------------------------------------------------------------------------


@given(bucket=buckets(), factor=st.integers(2, 10**6), g=st.sampled_from(HARMFUL))
def test_only_the_shares_of_the_arms_matter(bucket: Written, factor: int, g: float) -> None:
    n_c, k_c, n_b, k_b = bucket
    scaled = Tally(n_c * factor, k_c, n_b * factor, k_b)
    plain = increments.two_sample(Tally(*bucket), 1.2, g)
    assert increments.two_sample(scaled, 1.2, g) == pytest.approx(plain, rel=1e-9, abs=1e-9)
    assert increments.of_ratio(scaled, 1.2, 2.0, 0.0225) == pytest.approx(
        increments.of_ratio(Tally(*bucket), 1.2, 2.0, 0.0225), rel=1e-9, abs=1e-9
    )


@given(n_c=st.integers(0, 10**12), n_b=st.integers(0, 10**12), s=LOOPS, tau2=TAU2S)
def test_without_any_crash_there_is_exactly_no_evidence(n_c: int, n_b: int, s: float, tau2: float) -> None:
    silent = Tally(n_c, 0, n_b, 0)
    assert set(increments.of_ratio(silent, 1.2, s, tau2)) == {0.0}
    assert set(increments.of_safety(silent, 3.0, s, tau2)) == {0.0}


@given(course=COURSES, empty=st.sampled_from([(0, 0, 500, 40), (500, 40, 0, 0), (0, 0, 0, 0)]), s=LOOPS)
def test_an_empty_arm_says_nothing_but_time_has_passed(
    course: list[Written], empty: Written, s: float
) -> None:
    by = by_ratio(s, tau2=None)
    before, after = fold(in_order(course), by).now, fold(in_order([*course, empty]), by).now
    assert after.ln_e == pytest.approx(before.ln_e, abs=1e-9)
    assert after.noise == before.noise
    assert after.safety == before.safety
    assert after.mixture.reserve < before.mixture.reserve


def test_a_bucket_that_is_missing_costs_nothing() -> None:
    """Hours without a row: no increment, and nothing of the reserve is spent."""
    near = fold((row(0, (900, 9, 9000, 50)), row(1, (900, 9, 9000, 50))), by_ratio())
    far = fold((row(0, (900, 9, 9000, 50)), row(40, (900, 9, 9000, 50))), by_ratio())
    assert near.states == far.states


def test_no_buckets_are_no_evidence() -> None:
    nothing = fold((), by_ratio())
    assert (nothing.now.ln_e, nothing.now.ln_e_advance, nothing.now.mixture.reserve) == (0.0, 0.0, 1.0)


# -- impossible counts -----------------------------------------------------------------------------


def test_more_crashes_than_sessions_count_as_crashed_whole() -> None:
    assert ln_e([(100, 700, 9000, 50)], by_ratio()) == ln_e([(100, 100, 9000, 50)], by_ratio())
    assert ln_e([(100, 700, 0, 0)], by_floor(0.01)) == ln_e([(100, 100, 0, 0)], by_floor(0.01))


def test_they_never_speak_for_a_raise() -> None:
    fine = (3000, 5, 97_000, 485)
    before, after = (
        fold(in_order(course, rho=3.0), by_ratio()).now for course in ([fine], [fine, (5, 6, 97_000, 485)])
    )
    assert before.safety == after.safety
    assert after.ln_e > before.ln_e


def test_impossible_strata_are_crashed_whole_one_by_one() -> None:
    """What one country has too many another has not had."""
    strata = ((10, 40, 900, 9), (990, 0, 9100, 91))
    for by in (by_ratio(), by_floor(0.005)):
        found = fold((row(0, *strata),), by)
        whole = fold((row(0, (10, 10, 900, 9), strata[1]),), by)
        assert found.now.mixture == whole.now.mixture
    assert row(0, *strata).total == Tally(1000, 10, 10_000, 100)


def test_crashes_without_any_session_are_no_error() -> None:
    """A build that dies before its reporter counts a session: crashes arrive, sessions do not."""
    found = fold(in_order([(0, 12, 9000, 45), (0, 30, 9000, 45), (100, 50, 9000, 45)]), by_ratio(tau2=None))
    assert found.now.ln_e > 3


def test_crashes_beyond_all_sessions_do_not_drown_later_evidence_in_noise() -> None:
    bad = [(100, 30, 9000, 45)] * 5
    wild, whole = (
        fold(in_order([*bad, (100, k, 9000, 45), *bad]), by_ratio(tau2=None)) for k in (10**9, 100)
    )
    assert wild.states == whole.states


# -- noise and loops -------------------------------------------------------------------------------


@given(tallies=st.lists(st.builds(Tally, *[st.integers(10, 10**6)] * 4), max_size=30), s=LOOPS)
def test_noise_is_never_taken_for_less_than_its_minimum(tallies: list[Tally], s: float) -> None:
    noise = Noise()
    for tally in tallies:
        noise = noise.after(tally, s)
        assert TAU_MIN**2 <= noise.tau2 < inf


def test_few_crashes_and_a_given_noise_teach_nothing() -> None:
    few, many = Tally(1000, 9, 1000, 900), Tally(1000, 90, 1000, 90)
    assert Noise().after(few, 2.0) == Noise()
    assert Noise(fixed=0.01).after(many, 2.0) == Noise(fixed=0.01)


def test_a_steady_ratio_teaches_that_there_is_little_noise() -> None:
    noise = Noise()
    for _ in range(200):
        noise = noise.after(Tally(10**6, 5000, 10**6, 5000), 1.1)
    assert TAU_MIN <= noise.tau2**0.5 < 0.05


def test_hours_that_are_evener_than_chance_teach_a_little_at_a_time() -> None:
    """Ten crashes in loops may differ much by chance; that they do not is no proof of calm (section 3.1)."""
    noise, learned = Noise(), list[float]()
    for _ in range(22):
        noise = noise.after(Tally(1000, 10, 1000, 10), 3.0)
        learned.append(noise.excess / 0.15**2)
    assert learned[:3] == pytest.approx([0, -1, -2])
    assert learned[-1] == pytest.approx(-0.9 * 12)


def test_tau0_of_an_app_that_knows_its_noise_is_kept() -> None:
    noise = Noise(tau0=0.3)
    for _ in range(3):
        noise = noise.after(Tally(1000, 90, 1000, 90), 2.0)
    assert replace(noise, excess=0.0, pairs=0, last=None) == Noise(tau0=0.3)


@given(s=st.floats(1.0, 50.0), g=st.sampled_from([*HARMFUL, *HARMLESS]))
def test_longer_loops_temper_more(s: float, g: float) -> None:
    assert 0 < eta(g, s * 1.5) <= eta(g, s) <= 1


def test_without_loops_nothing_is_tempered() -> None:
    assert [eta(g, 1.0) for g in HARMFUL] == pytest.approx([1.0] * len(HARMFUL))


@pytest.mark.parametrize(
    ("crashed", "users", "s"), [(300, 100, 3.0), (100, 100, 1.1), (0, 0, 2.0), (50, None, 2.0), (50, 0, 2.0)]
)
def test_loops_are_counted_from_crashes_and_users(crashed: int, users: int | None, s: float) -> None:
    assert loops(crashed, users) == s
    assert inflation(s) == 2 * s - 1


# -- logarithms ------------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_sums_of_logarithms(a: float, b: float) -> None:
    assert log_add(a, b) == log_add(b, a) == pytest.approx(log_sum([a, b]), abs=1e-9)
    assert log_add(a, b) >= max(a, b)


def test_nothing_adds_nothing() -> None:
    assert log_add(NOTHING, 3.0) == log_add(3.0, NOTHING) == log_sum([NOTHING, 3.0]) == 3.0
    assert log_add(NOTHING, NOTHING) == log_sum([NOTHING]) == NOTHING
