"""What a weighing remembers, compares and leaves out, one thing at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core.evidence import increments
from stagedrollout.core.evidence.noise import TAU0
from stagedrollout.core.evidence.terms import Weight
from stagedrollout.core.evidence.weighing import outside_incident, strongest, weigh, yardstick
from stagedrollout.core.ledger import Ledger
from tests.core.evidence.buckets import row
from tests.core.evidence.test_weighing import (
    BAD,
    CALM,
    FLOOR,
    SESSIONS,
    STORM,
    TERMS,
    USERS,
    hours,
    only,
    run,
)


def test_the_largest_evidence_of_the_run_is_told_though_it_has_sunk_since() -> None:
    found = weigh(run(only(SESSIONS)), hours(*[BAD] * 3, *[CALM] * 30))
    assert found.peak == found.folds[SESSIONS].now.peak > max(found.ln_e, 0.0)


def test_the_noise_that_is_told_is_what_the_hours_have_taught() -> None:
    uneven = weigh(run(), hours(*[CALM, (3000, 90, 97_000, 485)] * 8))
    assert uneven.tau2 == uneven.folds[SESSIONS].now.noise.tau2 > TAU0**2
    assert weigh(run(), Ledger("shop")).tau2 == pytest.approx(TAU0**2)


def test_a_signal_that_was_not_there_a_look_ago_is_counted_from_its_beginning() -> None:
    found = hours(CALM, BAD)
    assert weigh(run(), found, weigh(run(), Ledger("shop"))) == weigh(run(), found)


def test_an_incident_is_one_over_the_hours_that_showed_it_whatever_the_last_of_them_says() -> None:
    """Both arms stormed for two hours; the third is calm, and by the three together it is not over yet."""
    after = hours(CALM, CALM, CALM, STORM, STORM, (3000, 0, 97_000, 485))
    assert outside_incident(weigh(run(only(SESSIONS)), after))
    assert outside_incident(weigh(run(only(FLOOR)), after))
    assert not outside_incident(weigh(run(only(SESSIONS)), hours(*[CALM] * 6)))


def test_a_signal_of_no_weight_is_never_the_strongest() -> None:
    terms = replace(TERMS, weights=(Weight(SESSIONS, 1.0), Weight(FLOOR, 0.0)))
    assert strongest(weigh(run(terms), hours(BAD))) is SESSIONS


def test_people_are_measured_by_their_own_yardstick_and_sessions_by_theirs() -> None:
    mostly_new = row(0, (3000, 60, 1000, 5))
    sessions, users = yardstick(TERMS, SESSIONS), yardstick(TERMS, USERS)
    assert sessions is not None
    assert users is not None
    assert sessions.increments(mostly_new, TAU0**2) != increments.SILENT
    assert users.increments(mostly_new, TAU0**2) == increments.SILENT
