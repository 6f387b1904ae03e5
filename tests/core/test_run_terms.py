"""What a run is judged by is frozen as it begins, from what was normal before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.baseline import chosen
from stagedrollout.core.evidence.terms import SignalId, Terms
from stagedrollout.core.evidence.weighing import Run, weigh
from stagedrollout.core.gates import EvidenceGate, Part, Parts
from stagedrollout.core.harm import blame
from stagedrollout.core.ledger import Counted, Ledger, Measure, Past, Place, Running, Tallied, Tally, take
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Stars
from stagedrollout.core.run_terms import rated, terms_of
from tests.core.builders import (
    DAY,
    HALTED,
    HOUR,
    NOON,
    OLDER,
    RELEASE,
    halted,
    rolling,
    seen,
    shown,
    store,
    with_facts,
)
from tests.core.weighed import terms

USUAL = Past(sessions=1_000_000, crashed=4_000, crashed_users=2_000)
CONTENT = Stars((2, 2, 6, 30, 160))


def usual_terms() -> Terms:
    return terms_of(EvidenceGate(), USUAL, reviewed=True)


def build(code: int) -> Release:
    return Release(str(code), f"{code // 1000}.{code % 1000}.0", str(code))


def test_twice_the_usual_crash_rate_is_the_floor_where_nobody_names_one():
    found = usual_terms()
    assert (found.p_ref, found.floor, found.s) == (0.004, 0.008, 2.0)
    assert found.rho0 == pytest.approx(1.2)


def test_where_crashes_are_very_rare_an_absolute_bit_is_tolerated():
    assert terms_of(EvidenceGate(), Past(10_000_000, 1_000, 900), reviewed=False).rho0 == pytest.approx(3.0)
    assert terms_of(EvidenceGate(), Past(1_000_000, 500, 400), reviewed=False).rho0 == pytest.approx(1.4)


def test_a_floor_that_is_named_stands():
    assert terms_of(EvidenceGate(floor=99), USUAL, reviewed=False).floor == pytest.approx(0.01)


def test_weights_of_what_takes_no_part_are_shared_out():
    found = terms_of(
        EvidenceGate(signals=Parts(crashed_users=Part.OFF, ratings=Part.ADVISORY)), USUAL, reviewed=False
    )
    assert sum(weight.weight for weight in found.weights) == pytest.approx(1)
    assert found.weight(SignalId.CRASHED_SESSIONS) == pytest.approx(0.6 / 0.8)
    assert found.weight(SignalId.CRASHED_USERS) == 0


def test_ratings_take_part_once_there_are_enough_reviews_of_the_release_before():
    """Their weight is kept for them from the beginning: weights never change during a run."""
    young = rated(usual_terms(), Stars((1, 1, 1, 1, 25)))
    assert young == usual_terms()
    assert young.mu_base is None
    taking_part = rated(young, CONTENT)
    assert taking_part.mu_base == pytest.approx(4.72)
    assert taking_part.weights == young.weights
    assert taking_part.weight(SignalId.RATINGS) == pytest.approx(0.1)
    assert rated(taking_part, Stars((500, 0, 0, 0, 0))) == taking_part, "taken once"


def test_where_nobody_reads_reviews_their_weight_is_shared_out():
    assert terms_of(EvidenceGate(), USUAL, reviewed=False).weight(SignalId.RATINGS) == 0


def test_few_reviews_count_for_what_they_are_at_least():
    few = rated(usual_terms(), Stars((2, 2, 6, 15, 35)))
    assert few.mu_base < (2 + 4 + 18 + 60 + 175) / 60


def test_without_a_release_to_compare_with_only_the_floor_takes_part():
    found = terms_of(EvidenceGate(), None, reviewed=False, floor=0.01)
    assert [(weight.signal, weight.weight) for weight in found.weights] == [(SignalId.FLOOR, 1.0)]
    assert terms_of(EvidenceGate(), None, reviewed=False).weights == ()


def test_hardly_any_session_is_no_baseline():
    assert terms_of(EvidenceGate(), Past(3, 0, 0), reviewed=False).p_ref is None


def test_crashes_that_tell_no_user_are_no_endless_loops():
    assert terms_of(EvidenceGate(), Past(1_000_000, 4_000, 10), reviewed=False).s == 5.0


def test_a_week_without_a_single_crash_still_gives_a_rate():
    assert terms_of(EvidenceGate(), Past(100_000, 0, 0), reviewed=False).p_ref == pytest.approx(0.000005)


def test_a_resume_begins_a_run_with_terms_and_stages_of_its_own():
    rollout = with_facts(rolling(), facts.TermsSet(terms(), ("margin 20 %",)))
    assert rollout.terms == terms()
    resumed = with_facts(halted(rollout), facts.Drifted(facts.Drift.RESUMED, seen(HALTED), seen()))
    assert (resumed.runs, resumed.terms, resumed.stages, resumed.settings) == (2, None, (), ())


def test_what_was_counted_before_a_resume_counts_no_more():
    bad = Tally(1_000, 500, 99_000, 400)
    counted = (Counted(Place(NOON - 5 * HOUR), bad), Counted(Place(NOON), Tally(1_000, 4, 99_000, 400)))
    ledger = take(Ledger("shop"), Tallied("sentry", Measure.CRASHED, counted, NOON), NOON).ledger
    again = weigh(Run(terms(), NOON, (), first=False), ledger)
    assert again.ln_e < 1
    assert weigh(Run(terms(), NOON - DAY, ()), ledger).ln_e > 10


def test_the_day_of_a_resume_is_left_out_of_the_users_and_the_day_of_the_start_is_not():
    first, later = Run(terms(), NOON, ()), Run(terms(), NOON, (), first=False)
    today = Place(NOON - timedelta(hours=12))
    assert first.counts(Measure.USERS, today)
    assert not later.counts(Measure.USERS, today)


def test_it_is_compared_with_every_earlier_release_that_people_use_and_nobody_halted():
    running = (
        Running(OLDER, 900),
        Running(build(5000), 90),
        Running(build(4990), 1),
        Running(build(4980), 50),
        Running(build(6000), 999),
    )
    halted_one = shown(HALTED, 5, release=build(4980))
    assert chosen(RELEASE, running, store(halted_one)) == (OLDER, build(5000))
    assert chosen(RELEASE, running, store(halted_one), frozenset({"5000"})) == (OLDER,), (
        "halted by its journal"
    )


def test_reviews_of_the_run_add_up_over_the_days():
    stars = (
        Counted(Place(NOON - timedelta(hours=12), "1"), Tally(30, 0, 0, 0)),
        Counted(Place(NOON - timedelta(hours=36), "5"), Tally(2, 0, 0, 0)),
    )
    ledger = take(Ledger("shop"), Tallied("play", Measure.RATINGS, stars, NOON), NOON).ledger
    taking_part = rated(usual_terms(), CONTENT)
    found = weigh(Run(taking_part, NOON - 2 * DAY, ()), ledger)
    assert found.stars == Stars((30, 0, 0, 0, 2))
    assert found.ln_e_of(SignalId.RATINGS) > 5
    assert blame(found) == "reviews give 1.3 stars, n = 32; 4.7 before"
