"""The ratio for people: its point, the interval that holds at all times, and bands of one arm."""

from __future__ import annotations

import random
from math import inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.evidence import ratio
from stagedrollout.core.evidence.course import fold
from stagedrollout.core.evidence.ratio import NOTHING_KNOWN, Interval
from stagedrollout.core.ledger import Tally
from tests.core.evidence.buckets import TAU2, Written, by_ratio, in_order

STEADY = (1000, 15, 99_000, 495)  # 3.03 times the baseline


def weighed(*written: Written) -> ratio.Weighed:
    return ratio.weighed(fold(in_order(written), by_ratio()))


# -- the point -------------------------------------------------------------------------------------


def test_one_bucket_has_the_plain_ratio() -> None:
    assert ratio.point(weighed((1000, 10, 9000, 45))) == pytest.approx(2.0)


@pytest.mark.parametrize("written", [(1000, 10, 9000, 0), (1000, 10, 0, 0), (0, 0, 9000, 45)])
def test_without_a_crash_to_compare_with_there_is_no_ratio(written: Written) -> None:
    assert ratio.point(weighed(written)) is None
    assert ratio.point([]) is None


def test_hours_of_different_rates_do_not_distort_it() -> None:
    """Simpson: the candidate's share grew while the whole world crashed more."""
    found = ratio.point(weighed((100, 1, 9900, 99), (5000, 250, 5000, 250)))
    assert found == pytest.approx(1.0)


def test_a_candidate_cannot_crash_more_often_than_it_runs() -> None:
    assert ratio.point(weighed((10, 90, 990, 99))) == ratio.point(weighed((10, 10, 990, 99)))


# -- the interval ----------------------------------------------------------------------------------


def test_it_narrows_with_data_around_the_point() -> None:
    few, many = (ratio.sequence(weighed(*[STEADY] * count), 1.1) for count in (3, 30))
    assert few.low < many.low < 3.03 < many.high < few.high


def test_without_data_nothing_is_known() -> None:
    assert ratio.sequence([], 2.0) == NOTHING_KNOWN
    assert ratio.sequence(weighed((0, 0, 9000, 45), (100, 1, 0, 0)), 2.0) == NOTHING_KNOWN
    assert ratio.sequence(weighed((1000, 0, 9000, 0)), 2.0) == NOTHING_KNOWN


def test_without_a_crash_of_the_candidate_it_has_only_an_upper_end() -> None:
    found = ratio.sequence(weighed(*[(1000, 0, 99_000, 495)] * 5), 1.1)
    assert found.low == 0.0
    assert 0 < found.high < 1


def test_without_a_crash_of_the_baseline_it_has_only_a_lower_end() -> None:
    found = ratio.sequence(weighed(*[(1000, 15, 99_000, 0)] * 5), 1.1)
    assert found.low > 10
    assert found.high == inf


@settings(max_examples=25)
@given(
    course=st.lists(
        st.tuples(st.integers(1, 3000), st.integers(0, 40), st.integers(1, 50_000), st.integers(0, 400)),
        min_size=2,
        max_size=4,
    ),
    s=st.sampled_from([1.1, 2.0]),
)
def test_where_the_search_begins_does_not_matter(course: list[Written], s: float) -> None:
    possible = [(n_c, min(k_c, n_c), n_b, min(k_b, n_b)) for n_c, k_c, n_b, k_b in course]
    buckets = weighed(*possible)
    before = ratio.sequence(buckets[:-1], s)
    near, alone = ratio.sequence(buckets, s, before), ratio.sequence(buckets, s)
    assert (near.low, near.high) == pytest.approx((alone.low, alone.high), rel=1e-7)
    assert ratio.sequence(buckets, s, Interval(1e-5, 9e4)).low == pytest.approx(alone.low, rel=1e-7)


def test_the_true_ratio_is_inside_at_all_times() -> None:
    """At least nine releases in ten; looked at every hour."""
    chance, runs, missed = random.Random(7), 60, 0
    for _ in range(runs):
        course = [
            (Tally(2000, _binomial(chance, 2000, 0.01), 8000, _binomial(chance, 8000, 0.005)), TAU2)
            for _ in range(12)
        ]
        near, held = NOTHING_KNOWN, True
        for upto in range(1, len(course) + 1):
            near = ratio.sequence(course[:upto], 1.1, near)
            held = held and near.low <= 2.0 <= near.high
        missed += not held
    assert missed <= runs // 10


def _binomial(chance: random.Random, n: int, p: float) -> int:
    return max(0, round(chance.gauss(n * p, (n * p * (1 - p)) ** 0.5)))


# -- bands -----------------------------------------------------------------------------------------


def test_a_band_is_around_the_rate_and_wider_where_crashes_come_in_loops() -> None:
    narrow, wide = ratio.band(50, 10_000, 1.0), ratio.band(50, 10_000, 3.0)
    assert wide.low < narrow.low < 0.005 < narrow.high < wide.high


@pytest.mark.parametrize(
    ("bad", "total", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 100, 0.0, None), (100, 100, None, 1.0), (130, 100, None, 1.0)],
)
def test_a_band_ends_where_rates_end(bad: int, total: int, low: float | None, high: float | None) -> None:
    found = ratio.band(bad, total, 2.0)
    assert 0.0 <= found.low < found.high <= 1.0
    assert low in (None, found.low)
    assert high in (None, found.high)


@pytest.mark.parametrize(
    ("q", "a", "b", "told"),
    [
        (0.5, 0.5, 0.5, 0.5),
        (0.05, 0.5, 0.5, 0.006155829702431115),
        (0.95, 1.0, 1.0, 0.95),
        (0.05, 1.0, 3.0, 1 - 0.95 ** (1 / 3)),
        (0.95, 4.0, 1.0, 0.95**0.25),
    ],
)
def test_quantiles_that_are_known_exactly(q: float, a: float, b: float, told: float) -> None:
    """Arcsine law, uniform law, powers."""
    assert ratio.beta_quantile(q, a, b) == pytest.approx(told, rel=1e-9)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95])
@pytest.mark.parametrize(
    ("a", "b"),
    [(0.5, 30.5), (0.5, 1e6), (3.5, 996.5), (50.5, 9950.5), (5e3, 995e3), (5e6, 1e9), (700.5, 2.5)],
)
def test_oracle_scipy_finds_the_same_quantiles(q: float, a: float, b: float) -> None:
    scipy_special = pytest.importorskip("scipy.special")
    assert ratio.beta_quantile(q, a, b) == pytest.approx(float(scipy_special.betaincinv(a, b, q)), rel=1e-6)


def test_a_band_of_a_huge_app_is_narrow() -> None:
    found = ratio.band(5 * 10**9, 10**12, 2.0)
    assert log(found.high / found.low) < 1e-3
    assert found.low < 0.005 < found.high


@pytest.mark.parametrize(
    ("bad", "s", "low", "high"),
    [(5, 1.0, 0.02313285, 0.09577076), (5, 2.0, 0.01287185, 0.14194598), (0, 1.0, 0.0, 0.01897689)],
)
def test_the_band_of_a_rate_is_that_of_jeffreys_and_wider_where_crashes_come_in_loops(
    bad: int, s: float, low: float, high: float
) -> None:
    """Quantiles of Beta(bad / phi + 1/2, good / phi + 1/2) of a hundred sessions, from scipy."""
    band = ratio.band(bad, 100, s)
    assert (band.low, band.high) == pytest.approx((low, high), abs=1e-8)
