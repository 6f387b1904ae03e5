"""The judge's own arithmetic against the reference values of decision-engine.md section 11."""

from datetime import UTC, datetime, timedelta
from math import log

import pytest

from tests.judge.proof import (
    HARMFUL,
    SHARES,
    Bucket,
    Course,
    Stage,
    against_baseline,
    against_floor,
    eta,
    merged,
    one_sample,
    tolerated,
    two_sample,
)

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
FOUR = [
    (1000, 4, 99000, 495),
    (1200, 14, 98800, 480),
    (1500, 22, 98500, 500),
    (5000, 66, 95000, 470),
]


def _course(*counts: tuple[int, int, int, int], s: float = 1.1, stages: tuple[Stage, ...] = ()) -> Course:
    course = Course(against_baseline(1.2, s), s, tau2=0.0225)
    course.follow(_buckets(*counts), stages, None)
    return course


def _buckets(*counts: tuple[int, int, int, int]) -> dict[datetime, Bucket]:
    return {BEGIN + timedelta(hours=hour): Bucket(*count) for hour, count in enumerate(counts)}


def test_untempered_increments():
    near = pytest.approx
    assert two_sample(Bucket(1000, 10, 99000, 495), 1.2, 2.2) == near(0.678743854, abs=1e-6)
    assert two_sample(Bucket(1000, 0, 99000, 495), 1.2, 2.2) == near(-7.063140052, abs=1e-6)
    assert two_sample(Bucket(50000, 300, 50000, 200), 1.2, 1.35) == near(2.672899031, abs=1e-6)
    assert two_sample(Bucket(1000, 10, 0, 0), 1.2, 2.2) == 0
    assert one_sample(Bucket(1000, 30, 0, 0), 0.01, 3.2) == near(12.894524294, abs=1e-6)


@pytest.mark.parametrize(
    ("s", "wanted"),
    [
        (1.1, [0.827208, 0.819692, 0.809526, 0.793438, 0.769788, 0.737807, 0.681349, 0.583951]),
        (2.0, [0.326398, 0.318376, 0.308271, 0.293754, 0.275004, 0.253277, 0.221717, 0.179041]),
        (3.0, [0.195521, 0.190374, 0.183942, 0.174789, 0.163106, 0.149736, 0.130580, 0.105061]),
    ],
)
def test_crash_loops_temper(s, wanted):
    assert [eta(g, s) for g in HARMFUL] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("s", "wanted"),
    [
        (1.1, [-0.463536, -0.082567, 2.167058, 9.138664]),
        (2.0, [-0.338962, -0.155520, 0.529894, 3.370917]),
    ],
)
def test_evidence_of_harm_hour_by_hour(s, wanted):
    stages = (Stage(BEGIN, 10_000), Stage(BEGIN + timedelta(hours=3), 50_000))
    for count, value in enumerate(wanted, start=1):
        course = _course(*FOUR[:count], s=s, stages=stages)
        assert course.ln_e == pytest.approx(value, abs=1e-6)
    assert course.reserve == pytest.approx(0.391753, abs=1e-6)


def test_quiet_and_empty_hours():
    assert _course((1000, 15, 99000, 495)).ln_e == pytest.approx(1.699696, abs=1e-6)
    quiet = [_course(*[(1000, 0, 99000, 495)] * count).ln_e for count in (1, 2, 3)]
    assert quiet == pytest.approx([-0.572938, -0.652447, -0.688376], abs=1e-6)
    assert _course(*[(1000, 0, 99000, 0)] * 3).ln_e == pytest.approx(0, abs=1e-9)
    assert _course((0, 0, 99000, 495)).ln_e == pytest.approx(0, abs=1e-9)
    assert _course((1000, 4, 99000, 0)).ln_e == pytest.approx(4.206943, abs=1e-6)
    assert _course((50_000_000, 400_000, 50_000_000, 250_000)).ln_e == pytest.approx(0.381946, abs=1e-6)


def test_a_late_regression_is_found_within_hours():
    healthy, bad = [(10000, 50, 90000, 450)] * 72, (10000, 100, 90000, 450)
    assert _course(*healthy).ln_e == pytest.approx(-1.430958, abs=1e-6)
    found = next(n for n in range(1, 10) if _course(*healthy, *[bad] * n).ln_e >= log(100))
    assert 72 + found == 76


def test_evidence_against_the_floor():
    for count, wanted in (((200, 12, 0, 0), 5.637183), ((20, 5, 0, 0), 4.201453)):
        course = Course(against_floor(0.01, 1.1), 1.1, tau2=0.0225)
        course.follow(_buckets(count), (), None)
        assert course.ln_e == pytest.approx(wanted, abs=1e-6)


def test_the_floor_is_silent_while_the_baseline_itself_is_off():
    course = Course(against_floor(0.01, 1.1), 1.1, p_ref=0.005, guarded=True)
    course.follow(_buckets((1000, 60, 99000, 3000)), (), None)
    assert course.ln_e == pytest.approx(0, abs=1e-9)
    assert course.outside_incident


def test_signals_are_averaged():
    odds = dict(zip(SHARES, map(log, (180, 0.4, 1, 1, 1)), strict=True))
    assert merged(SHARES, odds) == pytest.approx(log(108.31), abs=1e-4)


@pytest.mark.parametrize(
    ("ppm", "count", "wanted"),
    [
        (10_000, (300, 0, 29700, 149), 2.466923),
        (10_000, (200, 0, 19800, 99), 1.620106),
        (50_000, (3000, 15, 97000, 485), 4.884891),
        (50_000, (3000, 45, 97000, 485), -1.691160),
    ],
)
def test_evidence_of_safety(ppm, count, wanted):
    stage = Stage(BEGIN, ppm)
    course = _course(count, stages=(stage,))
    safety = course.safety(stage)
    assert safety(BEGIN + timedelta(hours=1)) == pytest.approx(wanted, abs=1e-6)
    assert safety(BEGIN + timedelta(minutes=59)) == 0


def test_the_noise_from_hour_to_hour_is_learned():
    counts = [(100_000, bad, 900_000, 4500) for bad in (500, 700, 500)]
    course = Course(against_baseline(1.2, 1.1), 1.1)
    learned = []
    for count in (1, 2, 3):
        course.follow(_buckets(*counts[:count]), (), BEGIN + timedelta(hours=count - 1))
        learned.append(course.tau2**0.5)
    assert learned == pytest.approx([0.150000, 0.157939, 0.164440], abs=1e-6)


def test_a_changed_hour_is_counted_again_with_all_that_follow():
    late = _course(*FOUR)
    counts = [FOUR[0], (1200, 40, 98800, 480), *FOUR[2:]]
    late.follow(_buckets(*counts), (), BEGIN + timedelta(hours=1))
    assert late.ln_e == _course(*counts).ln_e


def test_what_is_tolerated():
    assert tolerated(0.2, 0.005) == pytest.approx(1.2)
    assert tolerated(0.2, 0.0004) == pytest.approx(1.5)
    assert tolerated(0.2, 0.00001) == 3
