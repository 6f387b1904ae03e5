"""The reference values of decision-engine.md section 11, row by row, as they are printed there."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import Any

import pytest

from stagedrollout.core.evidence import increments, planning, ratings, ratio
from stagedrollout.core.evidence.course import fold
from stagedrollout.core.evidence.grid import HARMFUL, LN_WEIGHTS, eta
from stagedrollout.core.evidence.logs import log_sum
from stagedrollout.core.evidence.noise import Noise
from stagedrollout.core.evidence.planning import Hour, World
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, WEIGHTS, SignalId, Terms, shared_out
from stagedrollout.core.evidence.weighing import merged
from stagedrollout.core.ledger import Tally
from stagedrollout.core.observation import Stars
from tests.core.evidence.buckets import LOOPS, RHO0, TAU2, Written, by_floor, by_ratio, in_order, ln_es

FIRST = (1000, 15, 99_000, 495)
COURSE = [(1000, 4, 99_000, 495), (1200, 14, 98_800, 480), (1500, 22, 98_500, 500), (5000, 66, 95_000, 470)]
W_S1 = WEIGHTS[SignalId.CRASHED_SESSIONS]


def printed(*values: str) -> Any:
    """Equal to these values within 1e-6, or half a unit of the last digit that was printed if that is larger."""
    digits = [len(value.partition(".")[2]) or 6 for value in values]
    near = [
        pytest.approx(float(value), rel=0, abs=max(1e-6, 0.5 * 10.0**-count))
        for value, count in zip(values, digits, strict=True)
    ]
    return near if len(near) > 1 else near[0]


def weighed(written: Sequence[Written], s: float = LOOPS, stages: Sequence[int] = ()) -> list[float]:
    return ln_es(fold(in_order(written, stages), by_ratio(s)))


# -- increments ------------------------------------------------------------------------------------


def test_1_to_4_a_bucket_against_its_baseline() -> None:
    assert increments.two_sample(Tally(1000, 10, 99_000, 495), RHO0, 2.2) == printed("0.678743854")
    assert increments.two_sample(Tally(1000, 0, 99_000, 495), RHO0, 2.2) == printed("-7.063140052")
    assert increments.two_sample(Tally(50_000, 300, 50_000, 200), RHO0, 1.35) == printed("2.672899031")
    assert increments.two_sample(Tally(1000, 10, 0, 0), RHO0, 2.2) == 0


def test_5_a_bucket_against_the_floor() -> None:
    assert increments.one_sample(Tally(1000, 30, 0, 0), 0.01, 3.2) == printed("12.894524294")


@pytest.mark.parametrize(
    ("s", "told"),
    [
        (1.1, ".827208 .819692 .809526 .793438 .769788 .737807 .681349 .583951"),
        (2.0, ".326398 .318376 .308271 .293754 .275004 .253277 .221717 .179041"),
        (3.0, ".195521 .190374 .183942 .174789 .163106 .149736 .130580 .105061"),
    ],
    ids=["6", "7", "8"],
)
def test_6_to_8_how_far_loops_temper(s: float, told: str) -> None:
    assert [eta(g, s) for g in HARMFUL] == printed(*told.split())


def test_9_tempered_increments() -> None:
    told = ".878348 1.746865 2.594280 3.258813 2.916081 .186143 -11.017366 -54.655124"
    assert list(increments.of_ratio(Tally(*FIRST), RHO0, LOOPS, TAU2)) == printed(*told.split())


# -- courses ---------------------------------------------------------------------------------------


def test_10_the_first_bucket() -> None:
    assert weighed([FIRST]) == [printed("1.699696")]


def test_11_a_course_with_a_stage() -> None:
    folded = fold(in_order(COURSE, stages=[3]), by_ratio())
    assert ln_es(folded) == printed("-0.463536", "-0.082567", "2.167058", "9.138664")
    assert folded.now.mixture.reserve == printed("0.391753")


def test_12_the_same_where_crashes_come_in_loops() -> None:
    assert weighed(COURSE, s=2.0, stages=[3]) == printed("-0.338962", "-0.155520", "0.529894", "3.370917")


def test_13_no_crash_of_the_candidate() -> None:
    assert weighed([(1000, 0, 99_000, 495)] * 3) == printed("-0.572938", "-0.652447", "-0.688376")


@pytest.mark.parametrize("silent", [(1000, 0, 99_000, 0), (0, 0, 99_000, 495)])
def test_14_nothing_to_compare(silent: Written) -> None:
    assert weighed([silent] * 3) == printed("0", "0", "0")


def test_15_no_crash_of_the_baseline() -> None:
    assert weighed([(1000, 4, 99_000, 0)]) == [printed("4.206943")]
    assert weighed([(1000, 8, 99_000, 0)]) == [printed("11.084366")]


def test_16_huge_counts() -> None:
    assert weighed([(50_000_000, 400_000, 50_000_000, 250_000)]) == [printed("0.381946")]
    assert weighed([(50_000_000, 300_000, 50_000_000, 300_000)]) == [printed("-0.658533")]


def test_17_a_regression_after_three_healthy_days() -> None:
    late = [(10_000, 50, 90_000, 450)] * 72 + [(10_000, 100, 90_000, 450)] * 40
    found = weighed(late)
    assert found[71] == printed("-1.430958")
    assert next(number for number, ln_e in enumerate(found, 1) if ln_e >= LN_HALT) == 76


def test_17_without_restarts_three_healthy_days_bury_it() -> None:
    late = [(10_000, 50, 90_000, 450)] * 72 + [(10_000, 100, 90_000, 450)] * 40
    gathered, found = list(LN_WEIGHTS), list[float]()
    for each in late:
        more = increments.of_ratio(Tally(*each), RHO0, LOOPS, TAU2)
        gathered = [a + b for a, b in zip(gathered, more, strict=True)]
        found.append(log_sum(gathered))
    assert found[71] == printed("-55.104077")
    assert next(number for number, ln_e in enumerate(found, 1) if ln_e >= LN_HALT) == 107


def test_18_the_floor() -> None:
    assert ln_es(fold(in_order([(200, 12, 0, 0)]), by_floor(0.01))) == [printed("5.637183")]
    assert ln_es(fold(in_order([(20, 5, 0, 0)]), by_floor(0.01))) == [printed("4.201453")]


def test_19_signals_are_merged_by_their_weights() -> None:
    terms = Terms(RHO0, LOOPS, 0.005, 0.01, shared_out(tuple(SignalId)))
    ln_e = merged(terms, dict(zip(SignalId, map(log, (180, 0.4, 1, 1, 1)), strict=True)))
    assert exp(ln_e) == printed("108.31")
    assert ln_e >= LN_HALT


@pytest.mark.parametrize(
    ("rho", "bucket", "told", "advances"),
    [
        (4.0, (300, 0, 29_700, 149), "2.466923", True),
        (4.0, (200, 0, 19_800, 99), "1.620106", False),
        (3.0, (3000, 15, 97_000, 485), "4.884891", True),
        (3.0, (3000, 45, 97_000, 485), "-1.691160", False),
    ],
    ids=["20", "20", "21", "21"],
)
def test_20_and_21_whether_a_stage_may_be_left(
    rho: float, bucket: Written, told: str, advances: bool
) -> None:
    found = fold(in_order([bucket], rho=rho), by_ratio()).now.ln_e_advance
    assert found == printed(told)
    assert (found >= LN_ADVANCE) is advances


# -- stars, noise, plans, ratios -------------------------------------------------------------------


def test_22_stars() -> None:
    assert ratings.boundary(4.04, 0.3) == printed(".315")
    mixed = (12, 2, 2, 0, 4)  # [1,5,1,1,5,1,2,1,3,1] twice
    given = [ratings.ln_e(Stars(stars), 4.04) for stars in ((10, 0, 0, 0, 0), mixed, (0, 0, 0, 0, 50))]
    assert given == printed("7.627460", "7.027664", "-4.291418")


def test_23_noise_is_learned() -> None:
    noise, taus = Noise(), list[float]()
    for crashed in (500, 700, 500):
        noise = noise.after(Tally(100_000, crashed, 900_000, 4500), LOOPS)
        taus.append(noise.tau2**0.5)
    assert taus == printed(".150000", ".157939", ".164440")


def test_24_a_plan() -> None:
    traffic, world = Hour(1000, 99_000), World(0.005, 2, RHO0, LOOPS)
    best = planning.best(traffic, world, W_S1)
    assert best is not None
    b = planning.hurdle(best.g, W_S1)
    times = [planning.hours_to_see(best, b, z) for z in (planning.Z90, 0.0)]
    assert times == printed("17.938", "11.646")
    assert [best.g, b, best.mu, best.var] == printed("1.35", "7.6417", ".65615", ".57850")


@pytest.mark.parametrize(
    ("candidate", "r", "s", "told"),
    [
        (1000, 5, 1.1, "1.327"),
        (1000, 1.5, 1.1, "108.0"),
        (12.5, 5, 1.1, "98.934"),
        (1000, 2, 2.0, "43.690"),
    ],
    ids=["25", "25", "25", "26"],
)
def test_25_and_26_how_long_it_takes(candidate: float, r: float, s: float, told: str) -> None:
    best = planning.best(Hour(candidate, candidate * 99), World(0.005, r, RHO0, s), W_S1)
    assert best is not None
    assert planning.hours_to_see(best, planning.hurdle(best.g, W_S1), planning.Z90) == printed(told)


def test_27_what_theory_allows() -> None:
    traffic, world = Hour(1000, 99_000), World(0.005, 2, RHO0, LOOPS)
    assert planning.information(traffic, world) == printed("1.092330502")
    assert planning.sessions_at_best(traffic, world) == printed("4215.913")


def test_28_the_ratio_for_people() -> None:
    buckets = [(Tally(*each), TAU2) for each in (FIRST, *COURSE[1:3])]
    band = ratio.sequence(buckets, LOOPS)
    assert [ratio.point(buckets), band.low, band.high] == printed("2.765074", "1.602778", "4.585144")
