"""The people behind the numbers: uptake, late crashes, distinct users, and the same draw every time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from stagedrollout.emulator.population import DAY, HOUR, SETTLED_AFTER, Crowd
from tests.emulator.calls import scenario

T0 = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp())


def crowd(seed: int = 7, onset=None) -> Crowd:
    people = Crowd(scenario().apps[0], seed)
    people.know(5010, "5.1.0", 998_000)
    people.know(5020, "5.2.0", 996_000, onset=onset)
    people.everyone_has(5010)
    people.offer(5020, T0, 100_000)
    return people


def test_offered_users_update_exponentially_and_a_raise_keeps_earlier_users():
    people = crowd()
    assert people.share(5020, T0) == 0
    assert people.share(5020, T0 + 12 * HOUR) == pytest.approx(0.1 * 0.632, rel=0.001)
    people.offer(5020, T0 + DAY, 200_000)
    before = people.share(5020, T0 + DAY)
    assert people.share(5020, T0 + DAY + 1) == pytest.approx(before, rel=1e-3)
    assert people.share(5020, T0 + 30 * DAY) == pytest.approx(0.2, rel=0.001)
    assert people.share(5010, T0 + 30 * DAY) == pytest.approx(0.8, rel=0.001)


def test_after_a_halt_nobody_new_updates_and_those_who_have_it_keep_it():
    people = crowd()
    people.offer(5020, T0 + DAY, None)
    had = people.share(5020, T0 + DAY)
    assert had > 0.08
    assert people.share(5020, T0 + 20 * DAY) == had


def test_a_past_hour_looks_healthier_while_it_is_young_and_settles_later():
    people = crowd()
    start = T0 + 10 * HOUR
    young = people.tally(5020, start, start + HOUR, seen=start + HOUR)
    old = people.tally(5020, start, start + HOUR, seen=start + HOUR + SETTLED_AFTER)
    later = people.tally(5020, start, start + HOUR, seen=start + 9 * DAY)
    assert young.sessions == old.sessions
    assert young.crashed < old.crashed
    assert later == old


def test_the_truth_is_what_the_scenario_says():
    people = crowd()
    day = people.tally(5020, T0 + DAY, T0 + 3 * DAY, seen=T0 + 9 * DAY)
    assert 1 - day.crashed / day.sessions == pytest.approx(0.996, abs=0.0005)
    assert day.sessions == pytest.approx(2_000_000 * 4 * 2 * 0.097, rel=0.03)


def test_a_few_sessions_end_abnormally_and_never_one_that_crashed():
    people = crowd()
    people.know(5030, "5.3.0", 100_000, abnormal_ppm=500_000)
    people.offer(5030, T0 + DAY, 1_000_000)
    window = (T0 + 2 * DAY, T0 + 3 * DAY)
    usual = people.tally(5010, *window, seen=T0 + 9 * DAY)
    assert usual.abnormal / usual.sessions == pytest.approx(0.001, abs=0.0002)
    awful = people.tally(5030, *window, seen=T0 + 9 * DAY)
    assert awful.abnormal / awful.sessions == pytest.approx(0.05, abs=0.005)
    assert awful.abnormal + awful.crashed <= awful.sessions


def test_abnormal_ends_are_told_late_and_change_neither_sessions_nor_crashes():
    def hour(abnormal_ppm, seen):
        people = crowd()
        people.know(5030, "5.3.0", 990_000, abnormal_ppm=abnormal_ppm)
        people.offer(5030, T0, 1_000_000)
        return people.tally(5030, T0 + DAY, T0 + DAY + HOUR, seen=seen)

    young, old = hour(50_000, T0 + DAY + HOUR), hour(50_000, T0 + 3 * DAY)
    assert 0 < young.abnormal < old.abnormal
    never = hour(0, T0 + 3 * DAY)
    assert (never.sessions, never.crashed, never.abnormal) == (old.sessions, old.crashed, 0)


def test_sessions_and_crashes_are_those_that_were_drawn_before_abnormal_ends_were():
    tally = crowd().tally(5020, T0 + DAY, T0 + 3 * DAY, seen=T0 + 9 * DAY)
    assert (tally.sessions, tally.crashed) == (1_537_674, 6_134)


def test_an_onset_changes_the_crashes_from_its_instant_on():
    people = crowd(onset=(float(T0 + 2 * DAY + HOUR // 2), 960_000))
    seen = T0 + 9 * DAY
    before = people.tally(5020, T0 + 2 * DAY - HOUR, T0 + 2 * DAY, seen=seen)
    across = people.tally(5020, T0 + 2 * DAY, T0 + 2 * DAY + HOUR, seen=seen)
    after = people.tally(5020, T0 + 2 * DAY + HOUR, T0 + 2 * DAY + 2 * HOUR, seen=seen)
    rates = [1 - tally.crashed / tally.sessions for tally in (before, across, after)]
    assert rates == pytest.approx([0.996, 0.978, 0.96], abs=0.004)


def test_parts_of_an_hour_add_up_to_it():
    people = crowd()
    start, seen = T0 + DAY, T0 + 5 * DAY
    whole = people.tally(5020, start, start + HOUR, seen=seen)
    cuts = [start, start + 10, start + 1_234, start + 2_000, start + HOUR]
    parts = [people.tally(5020, a, b, seen=seen) for a, b in itertools.pairwise(cuts)]
    assert sum(part.sessions for part in parts) == whole.sessions
    assert sum(part.crashed for part in parts) == whole.crashed
    assert sum(part.abnormal for part in parts) == whole.abnormal > 0


def test_what_lies_after_the_look_is_not_seen():
    people = crowd()
    half = people.tally(5020, T0 + DAY, T0 + DAY + HOUR, seen=T0 + DAY + HOUR // 2)
    whole = people.tally(5020, T0 + DAY, T0 + DAY + HOUR, seen=T0 + DAY + HOUR)
    assert half.sessions == pytest.approx(whole.sessions / 2, rel=0.1)
    assert people.tally(5020, T0 + DAY, T0 + DAY + HOUR, seen=T0 + DAY).sessions == 0


@pytest.mark.parametrize("hours", [1, 5, 24, 72])
def test_distinct_users_are_fewer_than_sessions_and_crashed_ones_fewer_than_users(hours):
    people = crowd()
    end = T0 + 4 * DAY
    tally = people.tally(5020, end - hours * HOUR, end, seen=end)
    users = people.users(5020, end - hours * HOUR, end, tally)
    assert 0 < users.sessions < tally.sessions
    assert users.sessions <= 200_000
    assert 0 < users.crashed < tally.crashed
    assert users.crashed <= users.sessions


def test_the_same_seed_draws_the_same_in_any_order_of_asking_and_another_seed_does_not():
    def hours(people, order):
        tallies = {
            h: people.tally(5020, T0 + h * HOUR, T0 + (h + 1) * HOUR, seen=T0 + 5 * DAY) for h in order
        }
        return [tallies[h] for h in range(48)]

    forwards, backwards = hours(crowd(), range(48)), hours(crowd(), reversed(range(48)))
    assert forwards == backwards
    assert forwards != hours(crowd(seed=8), range(48))


def test_a_day_of_a_good_release_never_looks_bad_once_there_are_enough_sessions():
    for seed in range(20):
        people = crowd(seed)
        for hour in range(2, 24):
            seen = T0 + hour * HOUR
            tally = people.tally(5020, T0, seen, seen=seen)
            assert tally.sessions < 500 or tally.crashed / tally.sessions < 0.01
