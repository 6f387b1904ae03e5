"""The bad days that are told by hand: a sound daemon breaks no promise on any of them, and everything comes to rest."""

from __future__ import annotations

import pytest

from tests.simulation.bad_days import BAD_DAYS
from tests.simulation.outcome import outcome_of


@pytest.mark.parametrize("day", BAD_DAYS)
def test_a_sound_daemon_comes_through_a_bad_day(day: str) -> None:
    told = outcome_of(BAD_DAYS[day])
    assert not told.faults, told.words()
