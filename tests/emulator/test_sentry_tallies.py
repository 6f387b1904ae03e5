"""The ledger's source against the emulated Sentry, which was built from the same facts by other hands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core.hours import DAY, day_floor
from stagedrollout.core.ledger import Measure, Tallied
from stagedrollout.core.observation import Gap
from stagedrollout.emulator.faults import Fault
from tests.emulator.calls import CRASH_FREE, NEW, OLD, group, pass_time, sessions
from tests.emulator.sentry_client import BEFORE, CANDIDATE, Emulated


def test_the_ledger_has_the_same_sessions_as_everybody_who_asks_sentry():
    emulated = Emulated(40.5)
    crashed, abnormal, users = emulated.read()
    answer = sessions(emulated.world)
    new, old = group(answer, NEW), group(answer, OLD)
    assert all(isinstance(reading, Tallied) for reading in (crashed, abnormal, users))
    assert [bucket.tally.n_c for bucket in crashed.buckets] == new["series"]["sum(session)"]
    assert [bucket.tally.n_b for bucket in abnormal.buckets] == old["series"]["sum(session)"]
    bad = sum(bucket.tally.k_b for bucket in crashed.buckets)
    assert 1 - bad / old["totals"]["sum(session)"] == pytest.approx(old["totals"][CRASH_FREE])
    assert 0 < sum(bucket.tally.k_b for bucket in abnormal.buckets) < bad
    assert crashed.as_of == abnormal.as_of == users.as_of == emulated.now
    assert [bucket.place.start for bucket in users.buckets] == [
        day_floor(emulated.now) - DAY,
        day_floor(emulated.now),
    ]
    assert all(bucket.tally.k_c <= bucket.tally.n_c < bucket.tally.n_b for bucket in users.buckets)


def test_before_anybody_has_the_candidate_the_baseline_is_counted_alone():
    crashed, _, users = Emulated(2).read()
    assert {bucket.tally.n_c for reading in (crashed, users) for bucket in reading.buckets} == {0}
    assert min(bucket.tally.n_b for bucket in crashed.buckets) > 0


def test_a_release_that_freezes_shows_in_its_abnormal_sessions_only():
    _, abnormal, _ = Emulated(60, "abnormal: 2").read()
    total = [sum(getattr(b.tally, name) for b in abnormal.buckets) for name in ("n_c", "k_c", "n_b", "k_b")]
    assert total[1] / total[0] > 10 * total[3] / total[2]


def test_two_weeks_of_hours_are_one_answer():
    crashed, _, users = Emulated(24 * 11).read(hours=24 * 14)
    assert len(crashed.buckets) == 24 * 14
    assert len(users.buckets) == 15


def test_without_user_ids_and_without_data_there_are_gaps():
    emulated = Emulated(40)
    emulated.world.turn({"sentry_without_users": True})
    *sessions_read, users = emulated.read()
    assert all(isinstance(reading, Tallied) for reading in sessions_read)
    assert (users.measure, users.gap) == (Measure.USERS, Gap.ABSENT)
    emulated.world.faults.add(Fault("sentry", "no_data", count=2))
    assert [reading.gap for reading in emulated.read()] == [Gap.ABSENT] * 3


def test_what_runs_beside_the_candidate_and_what_was_normal_for_it():
    emulated = Emulated(40.5)
    pass_time(emulated.world, 24)
    (running,) = emulated.source.running(CANDIDATE, emulated.now)
    assert running.release == BEFORE
    (other,) = emulated.source.running(BEFORE, emulated.now)
    assert other.release == CANDIDATE
    assert other.sessions < running.sessions
    past = emulated.source.past((BEFORE, CANDIDATE), emulated.now)
    assert past.crashed / past.sessions == pytest.approx(0.002, abs=0.0005)
    assert 1 < past.crashed / past.crashed_users < 4
    assert emulated.source.past((BEFORE,), emulated.now - timedelta(days=2)).sessions > 0
