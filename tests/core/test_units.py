"""Durations and percentages as people write them, and the exact units behind them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.units import (
    PPM_ALL,
    duration,
    duration_text,
    fraction_from_ppm,
    percent_text,
    percentage,
    ppm_from_fraction,
    ppm_from_percent,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45m", 2_700), ("24h", 86_400), ("1d 12h", 129_600), ("2w", 1_209_600), ("0s", 0), (" 3d ", 259_200)],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "24", "h", "-1h", "1.5h", "1h and a bit", "1y", 24, None, True, "9999w"]
)
def test_anything_else_is_refused_in_words(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=2, hours=6, minutes=5), "2d 6h"),
        (timedelta(minutes=45), "45m"),
        (timedelta(0), "0s"),
        (timedelta(hours=-3), "-3h"),
    ],
)
def test_a_duration_is_told_with_its_two_largest_units(value: timedelta, text: str) -> None:
    assert duration_text(value) == text


@given(st.integers(0, 3_600 * 86_400))
def test_what_is_told_never_claims_more_time_than_there_is(seconds: int) -> None:
    told = duration(duration_text(timedelta(seconds=seconds)))
    assert told <= timedelta(seconds=seconds) < told + timedelta(days=1)


@pytest.mark.parametrize("text", ["20", "20%", "20 %", 20, 20.0, Decimal(20)])
def test_a_percentage_may_be_written_in_several_ways(text: object) -> None:
    assert percentage(text) == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "many",
        -1,
        101,
        "NaN",
        "Infinity",
        True,
        None,
        "0.00001",
        "1e-99999999",
        "99.99999999999999999999999999999999",
        "1E+999999999",
    ],
)
def test_a_percentage_that_is_not_exact_is_refused(text: object) -> None:
    """Thirty-two nines are not everyone: no rounding may complete a release (promise R6)."""
    with pytest.raises(ValueError, match="percentage"):
        percentage(text)


@given(st.integers(0, PPM_ALL))
def test_every_ppm_can_be_written_and_read_back(ppm: int) -> None:
    assert ppm_from_percent(percentage(percent_text(ppm))) == ppm


@given(st.integers(1, PPM_ALL - 1))
def test_every_staged_exposure_survives_the_store_s_double(ppm: int) -> None:
    assert ppm_from_fraction(fraction_from_ppm(ppm)) == ppm


@pytest.mark.promise("R6")
@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_no_fraction_is_rounded_to_everyone_or_to_nobody(fraction: float) -> None:
    assert 0 < ppm_from_fraction(fraction) < PPM_ALL


@pytest.mark.parametrize("ppm", [0, PPM_ALL, -1, PPM_ALL + 1])
def test_nobody_and_everyone_are_no_fraction(ppm: int) -> None:
    with pytest.raises(ValueError, match="no fraction"):
        fraction_from_ppm(ppm)


@pytest.mark.parametrize(("fraction", "ppm"), [(0.0, 0), (-0.1, 0), (1.0, PPM_ALL), (2.0, PPM_ALL)])
def test_a_fraction_outside_is_nobody_or_everyone(fraction: float, ppm: int) -> None:
    assert ppm_from_fraction(fraction) == ppm
