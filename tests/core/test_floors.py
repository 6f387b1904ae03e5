"""Which sessions count, for what: all of them for a breach, settled ones for a pass, none from before the run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core import floors
from stagedrollout.core.hours import hour_ceil, hour_floor
from stagedrollout.core.observation import Arm, Counts, Measured, Metric
from tests.core.builders import DAY, HOUR, NOON, gate, hours


def weighed(
    reading: Measured, *, run_since: timedelta = 2 * DAY, settle: timedelta = HOUR
) -> floors.Findings:
    return floors.weigh(reading, floors.span(gate(), NOON - run_since, NOON, settle))


def test_only_the_newest_window_counts() -> None:
    found = weighed(hours(*[(100, 1)] * 20))
    assert found.all == Counts(1200, 12)


def test_hours_from_before_the_run_do_not_count() -> None:
    """A person has resumed it three hours ago: what was counted against it before is over."""
    found = weighed(hours(*[(100, 50)] * 9, *[(100, 0)] * 3), run_since=3 * HOUR)
    assert found.all == Counts(300, 0)


def test_young_sessions_may_stop_a_release_but_do_not_speak_for_it() -> None:
    found = weighed(hours((100, 1), (100, 1), (900, 90)))
    assert found.all == Counts(1100, 92)
    assert found.settled == Counts(200, 2)


def test_an_hour_is_settled_only_when_its_last_session_is() -> None:
    now = NOON + timedelta(minutes=30)
    over = floors.span(gate(), NOON - DAY, now, HOUR)
    assert floors.weigh(hours((100, 0), (100, 0)), over).settled.total == 100


def test_distinct_users_are_taken_as_the_source_counts_them() -> None:
    users = Measured(
        "sentry", Metric.CRASH_FREE_USERS, Arm("5.2.0", Counts(700, 7)), None, NOON - 12 * HOUR, NOON
    )
    assert weighed(users).all == weighed(users).settled == Counts(700, 7)


def test_users_counted_from_before_the_run_say_nothing_about_it() -> None:
    users = Measured(
        "sentry", Metric.CRASH_FREE_USERS, Arm("5.2.0", Counts(700, 300)), None, NOON - 12 * HOUR, NOON
    )
    assert weighed(users, run_since=2 * HOUR).all == Counts(0, 0)


def test_the_baseline_stands_beside_over_the_same_hours() -> None:
    both = hours(*[(100, 1)] * 20)
    both = Measured(both.signal, both.metric, both.candidate, both.candidate, both.since, both.as_of)
    assert weighed(both).baseline == Counts(1200, 12)


def test_the_floor_itself_is_not_below_the_floor() -> None:
    exactly, one_more = Counts(1000, 10), Counts(1000, 11)
    assert floors.passes(gate(floor=Decimal(99)), exactly)
    assert not floors.breaches(gate(floor=Decimal(99)), exactly)
    assert floors.breaches(gate(floor=Decimal(99)), one_more)
    assert not floors.passes(gate(floor=Decimal(99)), one_more)


def test_without_enough_sessions_a_gate_says_neither() -> None:
    few = Counts(999, 999)
    assert not floors.breaches(gate(), few)
    assert not floors.passes(gate(), Counts(999, 0))


@pytest.mark.promise("R2")
@given(total=st.integers(0, 3_000_000), bad=st.integers(0, 3_000_000), floor=st.integers(1, 999_999))
def test_no_counts_both_pass_and_breach_and_one_crash_more_is_never_better(
    total: int, bad: int, floor: int
) -> None:
    one = gate(floor=Decimal(floor) / 10_000)
    counts = Counts(total, min(bad, total))
    assert not (floors.passes(one, counts) and floors.breaches(one, counts))
    if counts.bad < counts.total:
        worse = Counts(counts.total, counts.bad + 1)
        assert floors.passes(one, worse) <= floors.passes(one, counts)
        assert floors.breaches(one, worse) >= floors.breaches(one, counts)


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_the_share_that_is_shown_never_flatters(total: int, bad: int) -> None:
    counts = Counts(total, min(bad, total))
    assert counts.good_ppm * total <= (total - counts.bad) * 1_000_000


def test_run_hours_are_full_hours() -> None:
    late = NOON + timedelta(minutes=1)
    assert (hour_floor(late), hour_ceil(late)) == (NOON, NOON + HOUR)
    assert hour_floor(NOON) == hour_ceil(NOON) == NOON
