"""The rehearsed world: one seed, one result; and the rates, loops and shares that were asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, Crowd, Totals, World, distinct, past
from tests.rehearsal.worlds import MEDIUM

DAY = 24 * POLLS_PER_HOUR
HUGE = World(daily_users=100_000_000)


def crowd(world: World, seed: int = 1, ppm: int = 500_000, polls: int = 2 * DAY) -> Crowd:
    """A release that is offered to `ppm` from the start, drawn until `polls`."""
    found = Crowd(world, seed)
    found.offer(0, ppm)
    found.until(polls)
    return found


def between(found: Crowd, first: int, last: int) -> Totals:
    return Totals(*(b - a for a, b in zip(found.until(first), found.until(last), strict=True)))


def rates(seen: Totals) -> tuple[float, float]:
    """Crash rates of both arms."""
    return seen.k_c / seen.n_c, seen.k_b / seen.n_b


def test_the_same_seed_gives_the_same_people() -> None:
    assert crowd(MEDIUM).totals == crowd(MEDIUM).totals
    assert past(MEDIUM, 1) == past(MEDIUM, 1)


def test_another_seed_gives_other_people() -> None:
    assert crowd(MEDIUM, 1).totals != crowd(MEDIUM, 2).totals


def test_how_far_one_looks_ahead_changes_nobody() -> None:
    far, near = crowd(MEDIUM, polls=5 * DAY), crowd(MEDIUM, polls=1)
    for poll in range(2, 3 * DAY):
        near.until(poll)
    assert near.totals[: 3 * DAY] == far.totals[: 3 * DAY]


def test_a_raise_keeps_those_who_have_it_and_forgets_what_was_drawn_beyond() -> None:
    found = crowd(MEDIUM, ppm=10_000)
    before = found.until(DAY)
    had = found.share(DAY)
    found.offer(DAY, 500_000)
    assert found.share(DAY) == pytest.approx(had)
    assert found.until(DAY) == before
    assert found.share(2 * DAY) > 0.4


def test_after_many_hours_everybody_who_is_offered_it_has_it() -> None:
    assert crowd(MEDIUM, ppm=PPM_ALL).share(10 * DAY) == pytest.approx(1, abs=1e-6)


def test_sessions_are_four_a_user_and_day() -> None:
    seen = between(crowd(HUGE), 0, DAY)
    assert seen.n_c + seen.n_b == pytest.approx(400_000_000, rel=1e-3)


@pytest.mark.parametrize("loops", [1.0, 2.0])
def test_both_arms_of_a_healthy_release_crash_alike(loops: float) -> None:
    candidate, baseline = rates(between(crowd(replace(HUGE, loops=loops)), 0, DAY))
    assert candidate == pytest.approx(0.004, rel=0.01)
    assert baseline == pytest.approx(0.004, rel=0.01)


def test_loops_have_the_length_that_was_asked_for() -> None:
    seen = between(crowd(replace(HUGE, loops=2.5)), 0, DAY)
    assert seen.k_b / seen.loops_b == pytest.approx(2.5, rel=0.01)
    assert past(replace(HUGE, loops=2.5), 1).crashed / seen.k_b > 1


def test_a_regression_begins_with_its_stage() -> None:
    found = crowd(replace(HUGE, regression=3.0, onset_ppm=200_000), ppm=10_000)
    before = rates(between(found, 0, DAY))
    found.offer(DAY, 200_000)
    after = rates(between(found, DAY, 2 * DAY))
    assert before[0] / before[1] == pytest.approx(1, rel=0.05)
    assert after[0] / after[1] == pytest.approx(3, rel=0.02)
    assert found.onset == DAY


def test_early_adopters_crash_more_at_first_only() -> None:
    found = crowd(replace(HUGE, bias=0.5))
    first, later = rates(between(found, 4, 12)), rates(between(found, 8 * DAY, 9 * DAY))
    assert first[0] / first[1] == pytest.approx(1.48, abs=0.04)
    assert later[0] / later[1] == pytest.approx(1.0, abs=0.015)


def test_an_incident_hits_both_arms_for_three_hours() -> None:
    found = crowd(replace(HUGE, incident=3.0, incident_within=48), polls=3 * DAY)
    quarters = [rates(between(found, poll, poll + 1)) for poll in range(8, 3 * DAY)]
    off = [pair for pair in quarters if pair[1] > 0.008]
    assert len(off) == 3 * POLLS_PER_HOUR
    assert all(pair[0] > 0.008 for pair in off)


def test_noise_is_as_large_as_it_was_asked_for() -> None:
    found = crowd(replace(HUGE, noise=0.1), polls=20 * DAY)
    ratios = [a / b for a, b in (rates(between(found, p, p + 4)) for p in range(8, 20 * DAY, 4))]
    mean = sum(ratios) / len(ratios)
    deviation = (sum((r - mean) ** 2 for r in ratios) / len(ratios)) ** 0.5
    assert mean == pytest.approx(1, abs=0.02)
    assert deviation == pytest.approx(0.1, abs=0.02)


def test_nothing_is_more_than_what_it_is_a_part_of() -> None:
    for seed in range(20):
        seen = crowd(World(daily_users=50, crash_rate=0.3, loops=5.0), seed).totals[-1]
        assert 0 <= seen.loops_c <= seen.k_c <= seen.n_c
        assert 0 <= seen.loops_b <= seen.k_b <= seen.n_b
        assert seen.k_c + seen.abnormal_c <= seen.n_c


def test_as_many_people_as_there_can_be() -> None:
    assert distinct(0, 10) == 0
    assert distinct(1, 10) == 1
    assert distinct(3, 1e9) == 3
    assert distinct(10**9, 10) == 10
