"""All signals together: merged by weight, counted once, and the same again from the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.evidence.terms import (
    LN_ADVANCE,
    LN_HALT,
    WEIGHTS,
    SignalId,
    Terms,
    Weight,
    shared_out,
    tolerated,
)
from stagedrollout.core.evidence.weighing import (
    Run,
    Weighing,
    incident_since,
    merged,
    outside_incident,
    strongest,
    weigh,
    yardstick,
)
from stagedrollout.core.hours import DAY
from stagedrollout.core.ledger import Ledger, Measure, Revision, replayed, take
from stagedrollout.core.observation import Stars
from tests.core.evidence.buckets import MONDAY, Written, hour, reading

SESSIONS, FLOOR, USERS = SignalId.CRASHED_SESSIONS, SignalId.FLOOR, SignalId.CRASHED_USERS
CALM, BAD = (3000, 15, 97_000, 485), (3000, 60, 97_000, 485)
STORM = (3000, 45, 97_000, 1455)
TERMS = Terms(1.2, 2.0, 0.005, 0.01, shared_out(tuple(SignalId)), mu_base=4.3)
FIRST_STAGE = StageStart(MONDAY, 50_000)


def run(terms: Terms = TERMS, *stages: StageStart, since: datetime = MONDAY, first: bool = True) -> Run:
    return Run(terms, since, stages or (FIRST_STAGE,), first)


def ledger(written: dict[tuple[int, str], Written], before: Ledger | None = None) -> Ledger:
    return take(before or Ledger("shop"), reading(written), MONDAY).ledger


def hours(*written: Written) -> Ledger:
    return ledger({(place, ""): each for place, each in enumerate(written)})


def days(*written: Written) -> Ledger:
    found = reading({(place, ""): each for place, each in enumerate(written)}, Measure.USERS, DAY)
    return take(Ledger("shop"), found, MONDAY).ledger


def rated(before: Ledger, stars: tuple[int, ...]) -> Ledger:
    """So many reviews with one star, two, ... on the first day."""
    found = reading(
        {(0, str(given)): (count, 0, 0, 0) for given, count in enumerate(stars, 1)}, Measure.RATINGS, DAY
    )
    return take(before, found, MONDAY).ledger


def only(*signals: SignalId, **terms: object) -> Terms:
    return replace(TERMS, weights=shared_out(signals), **terms)  # type: ignore[arg-type]


# -- the merge -------------------------------------------------------------------------------------


@given(st.lists(st.floats(-60, 60), min_size=5, max_size=5))
def test_it_is_a_weighted_mean(ln_es: list[float]) -> None:
    found = merged(TERMS, dict(zip(SignalId, ln_es, strict=True)))
    assert min(ln_es) - 1e-9 <= found <= max(ln_es) + 1e-9
    mean = sum(WEIGHTS[signal] * exp(ln_e) for signal, ln_e in zip(SignalId, ln_es, strict=True))
    assert found == pytest.approx(log(mean), abs=1e-9)


def test_a_signal_without_data_keeps_even_odds() -> None:
    alone = weigh(run(only(SESSIONS)), hours(BAD)).ln_e
    together = weigh(run(only(SESSIONS, USERS)), hours(BAD)).ln_e
    assert exp(together) == pytest.approx((0.6 * exp(alone) + 0.1) / 0.7)


def test_nothing_read_is_no_evidence() -> None:
    found = weigh(run(), Ledger("shop"))
    assert (found.ln_e, found.reserve, found.peak) == (pytest.approx(0), 1.0, pytest.approx(0))
    assert found.ln_e_advance(MONDAY) == 0.0


def test_advisory_signals_are_shown_and_take_no_part() -> None:
    terms = replace(only(SESSIONS), advisory=(FLOOR,))
    found = weigh(run(terms), hours(BAD))
    assert found.ln_e_of(FLOOR) > 0
    assert found.ln_e == found.ln_e_of(SESSIONS)


def test_weights_of_signals_that_take_no_part_are_shared_out() -> None:
    assert [(w.signal, round(w.weight, 12)) for w in shared_out((FLOOR, SESSIONS))] == [
        (SESSIONS, 0.8),
        (FLOOR, 0.2),
    ]
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert merged(replace(TERMS, weights=()), {}) == 0.0


def test_a_signal_of_no_weight_says_nothing() -> None:
    terms = replace(TERMS, weights=(Weight(SESSIONS, 1.0), Weight(FLOOR, 0.0)))
    assert merged(terms, {SESSIONS: 1.0, FLOOR: 50.0}) == pytest.approx(1.0)


def test_stars_take_part() -> None:
    grim = rated(hours(CALM), (90, 3, 2, 2, 3))
    found, none = weigh(run(), grim), weigh(run(), hours(CALM))
    assert found.ln_e > LN_HALT > none.ln_e
    assert found.stars == Stars((90, 3, 2, 2, 3))
    assert weigh(run(replace(TERMS, mu_base=None)), grim).ln_e == none.ln_e


def test_the_strongest_signal_is_named() -> None:
    assert strongest(weigh(run(), hours(BAD))) is SESSIONS
    assert strongest(weigh(run(), days((900, 90, 90_000, 900)))) is USERS
    assert strongest(weigh(run(replace(TERMS, weights=())), hours(BAD))) is None


def test_without_a_baseline_only_the_floor_speaks() -> None:
    found = weigh(run(replace(TERMS, p_ref=None)), hours(BAD, BAD))
    assert set(found.folds) == {FLOOR}
    assert found.ln_e_advance(hour(9)) is None
    assert found.reserve < 1


def test_without_baseline_and_floor_nothing_does() -> None:
    terms = replace(TERMS, p_ref=None, floor=None)
    assert [yardstick(terms, signal) for signal in SignalId] == [None] * 5
    assert weigh(run(terms), hours(BAD)).folds == {}


def test_users_are_never_taken_to_crash_in_loops() -> None:
    by = yardstick(TERMS, USERS)
    assert by is not None
    assert (by.s, by.hours) == (1.1, 24.0)


@pytest.mark.parametrize(
    ("margin", "p_ref", "rho0"),
    [(0.2, 0.005, 1.2), (0.2, 0.0002, 2.0), (0.2, 0.00001, 3.0), (0.2, 0.0005, 1.4), (0.5, 0.0, 3.0)],
)
def test_the_margin_is_wider_where_crashes_are_very_rare(margin: float, p_ref: float, rho0: float) -> None:
    assert tolerated(margin, p_ref) == pytest.approx(rho0)


# -- counted once ----------------------------------------------------------------------------------

READINGS = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, 6), st.sampled_from(["", "DE"])),
        st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(50, 9000), st.integers(0, 50)),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.promise("R16")
@given(readings=READINGS)
def test_what_was_weighed_as_it_came_is_what_the_ledger_gives_bit_for_bit(
    readings: list[dict[tuple[int, str], Written]],
) -> None:
    terms = only(SESSIONS, FLOOR)
    kept, revisions, found = Ledger("shop"), list[Revision](), None
    for written in readings:
        taken = take(kept, reading(written), MONDAY)
        kept, revisions = taken.ledger, [*revisions, *taken.added]
        found = weigh(run(terms), kept, before=found)
        again = weigh(run(terms), replayed("shop", revisions))
        assert (found, found.ln_e, found.peak) == (again, again.ln_e, again.peak)


def test_a_new_stage_counts_on_from_where_it_began() -> None:
    kept = hours(*[CALM] * 6)
    later = (FIRST_STAGE, StageStart(hour(4), 100_000))
    before = weigh(run(TERMS), kept)
    found = weigh(run(TERMS, *later), kept, before=before)
    assert found == weigh(run(TERMS, *later), kept)
    assert found.folds[SESSIONS].states[:5] == before.folds[SESSIONS].states[:5]


def test_other_terms_take_nothing_over() -> None:
    """E starts again: what was gathered by another margin proves nothing by this one."""
    before = weigh(run(), hours(BAD, BAD))
    stricter = replace(TERMS, rho0=1.1)
    assert weigh(run(stricter), hours(BAD, BAD), before=before) == weigh(run(stricter), hours(BAD, BAD))


# -- runs ------------------------------------------------------------------------------------------


def test_hours_from_before_a_run_do_not_count_in_it() -> None:
    resumed = run(since=hour(2), first=False)
    assert len(weigh(resumed, hours(BAD, BAD, CALM)).folds[SESSIONS].rows) == 1


def test_the_day_of_a_resume_counts_no_users_and_the_day_of_the_start_does() -> None:
    """Days are counted whole: after a resume the first of them would hold the crashes that were resumed over."""
    users = days((900, 90, 90_000, 900), (900, 9, 90_000, 900))
    assert len(weigh(run(since=hour(14)), users).folds[USERS].rows) == 2
    assert len(weigh(run(since=hour(14), first=False), users).folds[USERS].rows) == 1


def test_the_peak_is_never_below_now() -> None:
    rising, past = weigh(run(), hours(BAD, BAD)), weigh(run(), hours(BAD, BAD, *[CALM] * 30))
    assert rising.peak == rising.ln_e
    assert past.peak > past.ln_e


def test_only_settled_hours_of_the_stage_speak_for_a_raise() -> None:
    found = weigh(run(), hours(*[CALM] * 3))
    told = [found.ln_e_advance(hour(at)) or 0.0 for at in (0, 1, 2, 3)]
    assert told[0] == 0.0 < told[1] < told[2] < told[3]
    assert told[3] > LN_ADVANCE


# -- incidents -------------------------------------------------------------------------------------


def incidents(found: Weighing) -> tuple[bool, datetime | None]:
    return outside_incident(found), incident_since(found)


def test_both_arms_worse_than_ever_is_an_incident_outside() -> None:
    assert incidents(weigh(run(), hours(CALM, CALM))) == (False, None)
    assert incidents(weigh(run(), hours(CALM, STORM, STORM))) == (True, hour(1))
    assert incidents(weigh(run(), Ledger("shop"))) == (False, None)


def test_it_is_over_when_the_baseline_is_calm_again() -> None:
    assert incidents(weigh(run(), hours(STORM, *[CALM] * 4))) == (False, None)


def test_a_baseline_that_suffers_alone_is_none() -> None:
    alone = (3000, 15, 97_000, 1455)
    assert incidents(weigh(run(), hours(CALM, alone))) == (False, hour(1))


def test_an_incident_of_both_arms_is_never_held_against_the_release() -> None:
    found = weigh(run(), hours(CALM, CALM, *[STORM] * 5, *[CALM] * 5))
    assert found.peak < log(2)
