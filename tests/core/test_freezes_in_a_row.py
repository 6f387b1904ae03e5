"""Freezes that follow each other, overlap or never end: when all of them are over."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.calendar import Calendar, Hours, ReadCalendar
from stagedrollout.core.freezing import Cause, Frozen
from stagedrollout.core.schedule import endless, frozen_at, step_window, thaw, window
from tests.core.builders import HOUR, NOON

HOURS_FROM_NOON = st.integers(-30, 60)
SPANS = st.lists(
    st.tuples(HOURS_FROM_NOON, st.one_of(st.none(), st.integers(0, 20), st.integers(0, 20))), max_size=8
)


def _frozen(spans: list[tuple[int, int | None]]) -> tuple[Frozen, ...]:
    return tuple(
        Frozen(
            Cause.ICALENDAR,
            "x",
            NOON + begins * HOUR,
            None if lasts is None else NOON + (begins + lasts) * HOUR,
        )
        for begins, lasts in spans
    )


@settings(max_examples=200)
@given(SPANS)
def test_it_thaws_at_the_first_hour_that_nothing_freezes(spans: list[tuple[int, int | None]]) -> None:
    read = Calendar().with_entries(_frozen(spans))
    free = (NOON + n * HOUR for n in range(100))
    first = next((at for at in free if frozen_at(read, at) is None), None)
    assert thaw(read, NOON) == first
    assert (endless(read, NOON) is None) is (first is not None)
    assert window(read, NOON).opens_at == first


class _Counted(ReadCalendar):
    asked = 0

    @property
    def closed(self) -> tuple[Frozen, ...]:
        _Counted.asked += 1
        return super().closed


@pytest.mark.parametrize("ask", [window, step_window, thaw, endless])
def test_a_year_of_freezes_day_after_day_is_gone_through_a_few_times_only(ask) -> None:  # type: ignore[no-untyped-def]
    year = _Counted(
        hours=Hours(start=time(9), end=time(17)), entries=_frozen([(24 * n, 24) for n in range(402)])
    )
    _Counted.asked = 0
    ask(year, NOON)
    assert _Counted.asked < 20
