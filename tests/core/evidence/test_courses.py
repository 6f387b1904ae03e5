"""Buckets in order: late ones, strata, stages, hours that have not settled, and a baseline that is off."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.evidence import course, increments
from stagedrollout.core.evidence.course import (
    Fold,
    Marks,
    Row,
    StageStart,
    fold,
    ln_e_advance,
    rho_advance,
    rows_of,
)
from stagedrollout.core.evidence.terms import LN_ADVANCE
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Measure, Place, Tally
from tests.core.evidence.buckets import MONDAY, Written, by_floor, by_ratio, hour, in_order, row

HEALTHY = (1000, 5, 99_000, 495)
CALM = (3000, 12, 97_000, 485)
P_REF = 0.005
PERCENT = 10_000


def rows(
    written: dict[tuple[int, str], Written],
    stages: tuple[StageStart, ...] = (),
    measure: Measure = Measure.CRASHED,
    p_ref: float | None = None,
) -> tuple[Row, ...]:
    buckets = {Place(hour(place), stratum): Tally(*each) for (place, stratum), each in written.items()}
    return rows_of(buckets, measure, Marks(stages, p_ref, 2.0))


def plain(written: dict[int, Written], *stages: StageStart, p_ref: float | None = None) -> tuple[Row, ...]:
    return rows({(place, ""): each for place, each in written.items()}, stages, p_ref=p_ref)


def stage(place: float, percent: float) -> StageStart:
    return StageStart(MONDAY + place * HOUR, round(percent * PERCENT))


# -- late data -------------------------------------------------------------------------------------


@st.composite
def snapshots(draw: st.DrawFn) -> list[tuple[Row, ...]]:
    """What is known at each look: hours arrive in any order, change afterwards, get a stage or a stratum."""
    known: dict[int, Row] = {}
    looks: list[tuple[Row, ...]] = []
    for _ in range(draw(st.integers(1, 12))):
        place = draw(st.integers(0, 9))
        tallies = draw(
            st.lists(
                st.tuples(st.integers(0, 900), st.integers(0, 40), st.integers(40, 9000), st.integers(0, 40)),
                min_size=1,
                max_size=2,
            )
        )
        known[place] = row(place, *tallies, stage=draw(st.booleans()), rho=draw(st.sampled_from([None, 3.0])))
        looks.append(tuple(known[each] for each in sorted(known)))
    return looks


@pytest.mark.promise("R16")
@given(looks=snapshots(), learned=st.booleans())
def test_late_data_end_where_a_recount_of_everything_does_bit_for_bit(
    looks: list[tuple[Row, ...]], learned: bool
) -> None:
    by = by_ratio(2.0, None if learned else 0.0225)
    streamed: Fold | None = None
    for look in looks:
        streamed = fold(look, by, streamed)
        assert streamed == fold(look, by)


def test_a_look_without_news_counts_nothing_again() -> None:
    look = in_order([HEALTHY] * 5)
    first = fold(look, by_ratio())
    again = fold(in_order([HEALTHY] * 5), by_ratio(), first)
    assert all(new is old for new, old in zip(again.states, first.states, strict=True))


def test_rows_that_are_gone_are_forgotten() -> None:
    long = fold(in_order([HEALTHY] * 5), by_ratio())
    assert fold(in_order([HEALTHY] * 3), by_ratio(), long) == fold(in_order([HEALTHY] * 3), by_ratio())
    assert fold((), by_ratio(), long) == fold((), by_ratio())


# -- strata ----------------------------------------------------------------------------------------


def test_the_order_in_which_strata_are_read_does_not_matter() -> None:
    found = {(0, "BR"): (100, 4, 900, 9), (0, "DE"): (500, 3, 9000, 30), (0, "IN"): (70, 0, 20, 1)}
    shuffled = dict(random.Random(1).sample(list(found.items()), k=3))
    assert rows(found) == rows(shuffled)


def test_strata_by_another_name_give_the_same_evidence() -> None:
    parts = [(100, 4, 900, 9), (500, 3, 9000, 30), (70, 0, 20, 1)]
    one, other = (
        fold((row(0, *order, rho=3.0),), by_ratio()).now for order in (parts, [parts[2], *parts[:2]])
    )
    assert one.mixture.log_a == pytest.approx(other.mixture.log_a, abs=1e-12)
    assert one.safety == pytest.approx(other.safety, abs=1e-12)


def test_strata_keep_a_change_of_mix_from_looking_like_harm() -> None:
    """The candidate went to a country where everything crashes more, old release and new."""
    rough, smooth = (900, 45, 9000, 450), (100, 1, 90_000, 450)
    apart = fold((row(0, rough, smooth),), by_ratio()).now.ln_e
    mixed = fold((row(0, (1000, 46, 99_000, 900)),), by_ratio()).now.ln_e
    assert apart < 0 < mixed


def test_strata_add_up() -> None:
    one, other = (100, 4, 900, 9), (500, 30, 9000, 30)
    by = by_ratio()
    apart = [by.increments(row(0, each), 0.0225) for each in (one, other)]
    assert by.increments(row(0, one, other), 0.0225) == pytest.approx(
        [a + b for a, b in zip(*apart, strict=True)]
    )


def test_people_are_compared_while_no_more_of_them_have_the_candidate_than_the_others() -> None:
    of = course.users_increments(1.2, 2.0)
    assert of(row(0, (1000, 30, 1000, 5)), 0.0225) != increments.SILENT
    assert of(row(0, (1001, 30, 1000, 5)), 0.0225) == increments.SILENT


# -- stages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "rho"),
    [
        (0.1, 4.0),
        (1, 4.0),
        (1.5, 3.5),
        (2, 3.5),
        (2.0001, 3.0),
        (3, 3.0),
        (10, 2.5),
        (11, 2.0),
        (50, 1.75),
        (99, 1.75),
    ],
)
def test_what_a_stage_must_rule_out(percent: float, rho: float) -> None:
    assert rho_advance(round(percent * PERCENT)) == rho


def test_each_stage_begins_in_the_hour_in_which_people_could_get_it() -> None:
    found = plain(dict.fromkeys(range(5), CALM), stage(0, 1), stage(2.7, 10))
    assert [each.stage for each in found] == [True, False, True, False, False]
    assert [each.rho_advance for each in found] == [4.0, 4.0, 2.5, 2.5, 2.5]


def test_evidence_of_safety_begins_afresh_with_each_stage() -> None:
    found = fold(plain(dict.fromkeys(range(5), CALM), stage(0, 5), stage(3, 10)), by_ratio())
    alone = fold(plain({3: CALM}, stage(3, 10)), by_ratio())
    assert found.states[3].ln_e_advance > LN_ADVANCE
    assert found.states[4].safety == alone.now.safety


def test_it_does_so_where_the_hour_of_the_start_has_no_bucket() -> None:
    found = plain({0: CALM, 1: CALM, 6: CALM}, stage(0, 5), stage(3.5, 10))
    assert [each.stage for each in found] == [True, False, True]
    alone = fold(plain({6: CALM}, stage(3.5, 10)), by_ratio())
    assert fold(found, by_ratio()).now.safety == alone.now.safety


def test_before_any_stage_there_is_no_evidence_of_safety() -> None:
    found = fold(plain(dict.fromkeys(range(3), CALM), stage(2, 5)), by_ratio())
    assert found.states[2].safety == (0.0,) * 4
    assert found.now.safety != (0.0,) * 4


def test_days_of_users_know_no_stages() -> None:
    found = rows({(0, ""): CALM, (24, ""): CALM}, (stage(0, 5),), Measure.USERS)
    assert [(each.stage, each.rho_advance) for each in found] == [(False, None)] * 2


# -- settled hours ---------------------------------------------------------------------------------


def settled(folded: Fold, stage_place: float, until: float) -> float:
    return ln_e_advance(folded, stage(stage_place, 5).at, MONDAY + until * HOUR)


def test_only_settled_hours_speak_for_a_raise() -> None:
    folded = fold(plain(dict.fromkeys(range(6), CALM), stage(0, 5)), by_ratio())
    for hours in range(1, 7):
        assert settled(folded, 0, hours) == folded.states[hours].ln_e_advance
        assert settled(folded, 0, hours + 0.99) == folded.states[hours].ln_e_advance
    assert settled(folded, 0, 100) == folded.now.ln_e_advance


def test_until_an_hour_of_the_stage_has_settled_nothing_speaks_for_a_raise() -> None:
    folded = fold(plain(dict.fromkeys(range(6), CALM), stage(0, 5), stage(4.5, 10)), by_ratio())
    assert settled(folded, 0, 4) > LN_ADVANCE
    assert settled(folded, 4.5, 4.99) == 0.0
    assert settled(folded, 4.5, 5) == folded.states[5].ln_e_advance > 0
    assert settled(fold((), by_ratio()), 0, 5) == 0.0


# -- a baseline that is off ------------------------------------------------------------------------

STORM = (3000, 45, 97_000, 1455)  # three times as many crashes as ever, in both arms


def test_an_incident_of_both_arms_does_not_speak_against_the_floor() -> None:
    calm = plain(dict.fromkeys(range(4), CALM), p_ref=P_REF)
    found = plain({**dict.fromkeys(range(4), CALM), 4: STORM, 5: CALM}, p_ref=P_REF)
    assert [each.incident for each in calm] == [False] * 4
    assert [each.incident for each in found] == [False] * 4 + [True] * 2  # three hours look back on it
    by = by_floor(0.01)
    assert by.increments(found[4], 0.0225) == increments.SILENT
    assert fold(found, by).now.ln_e == pytest.approx(fold(found[:4], by).now.ln_e, abs=0.1)


def test_without_the_guard_it_would() -> None:
    found = plain(dict.fromkeys(range(5), STORM))
    assert fold(found, by_floor(0.01)).now.ln_e > 3


def test_three_hours_together_show_what_one_hides() -> None:
    uneasy = (100, 1, 1000, 13)  # 13 where 5 are usual
    apart = plain({0: uneasy, 9: uneasy, 18: uneasy}, p_ref=P_REF)
    together = plain({0: uneasy, 1: uneasy, 2: uneasy}, p_ref=P_REF)
    assert [each.incident for each in apart] == [False] * 3
    assert [each.incident for each in together] == [False, True, True]


@pytest.mark.parametrize(("hours", "told"), [((0, 2), [False, True]), ((0, 3, 6), [False] * 3)])
def test_only_what_happened_within_two_hours_is_taken_together(
    hours: tuple[int, ...], told: list[bool]
) -> None:
    found = plain(dict.fromkeys(hours, (100, 1, 1000, 13)), p_ref=P_REF)
    assert [each.incident for each in found] == told


def test_a_baseline_is_off_beyond_its_own_noise_and_nowhere_before() -> None:
    """At 0.2 a quarter of its size counts as usual: 3 of 12 are too few to judge by, and 16 swing between 0 and 8."""
    assert not increments.off(12, 12, 0.2, 1.0)
    assert increments.off(13, 13, 0.2, 1.0)
    assert not increments.off(16, 8, 0.2, 1.0)
    assert increments.off(16, 9, 0.2, 1.0)


def test_a_candidate_alone_is_no_incident() -> None:
    found = plain({0: (3000, 900, 97_000, 485)}, p_ref=P_REF)
    assert not found[0].incident
    assert fold(found, by_floor(0.01)).now.ln_e > LN_ADVANCE


def test_a_small_baseline_is_never_off() -> None:
    assert not plain({0: (10, 0, 400, 400)}, p_ref=P_REF)[0].incident


# -- for a report ----------------------------------------------------------------------------------


def test_a_report_tells_since_when_and_by_how_much() -> None:
    worse = (1000, 15, 99_000, 495)  # 3.0 times the baseline, 2.5 times what is tolerated
    folded = fold(in_order([HEALTHY] * 30 + [worse] * 20), by_ratio())
    assert course.best(folded, by_ratio()) == (2.2, hour(30))


def test_a_report_of_what_was_bad_from_the_beginning_tells_the_beginning() -> None:
    worse = (1000, 15, 99_000, 495)
    assert course.best(fold(in_order([worse] * 20), by_ratio()), by_ratio()) == (2.2, hour(0))


def test_hours_in_which_nobody_used_it_are_not_when_it_began() -> None:
    worse, unused = (1000, 15, 99_000, 495), (0, 0, 99_000, 495)
    assert course.best(fold(in_order([unused] * 3 + [worse] * 20), by_ratio()), by_ratio()) == (2.2, hour(3))


def test_without_buckets_there_is_nothing_to_report() -> None:
    assert course.best(fold((), by_ratio()), by_ratio()) is None


def test_the_largest_evidence_is_remembered() -> None:
    folded = fold(in_order([(1000, 30, 99_000, 495)] * 3 + [HEALTHY] * 30), by_ratio())
    assert folded.now.peak == max(state.ln_e for state in folded.states) > folded.now.ln_e


def test_where_nothing_ever_spoke_against_it_the_largest_evidence_is_one_to_one() -> None:
    assert fold(in_order([HEALTHY] * 30), by_ratio()).now.peak == 0.0


def test_all_counts_are_summed_up() -> None:
    folded = fold(in_order([(5, 9, 900, 4), (1000, 30, 99_000, 495)]), by_ratio())
    assert folded.now.counted == Tally(1005, 35, 99_900, 499)


@pytest.mark.parametrize(("ln_e", "told"), [(0.0, 1.0), (-800.0, 0.0), (1e6, 1e300)])
def test_odds_for_display(ln_e: float, told: float) -> None:
    assert course.odds(ln_e) == pytest.approx(told, rel=1e-9, abs=1e-12)


def test_hours_are_ordered_by_time_wherever_their_rows_come_from() -> None:
    found = plain({5: CALM, 1: HEALTHY, 3: CALM})
    assert [each.start - MONDAY for each in found] == [timedelta(hours=at) for at in (1, 3, 5)]
