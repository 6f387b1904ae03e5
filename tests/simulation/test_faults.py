"""Faults at the places that change a store: every halt that is due comes true, and nothing else is touched."""

from __future__ import annotations

import pytest

from tests.bench.fault_stories import KINDS, Aim
from tests.bench.faults import aimed
from tests.judge import faults as judged


@pytest.mark.parametrize("place", [judged.COMMIT, judged.APPLE_PATCH])
def test_a_halt_comes_true_and_no_raise_is_wrong_whatever_becomes_of_requests(place: str):
    told = aimed(Aim(place, tuple(KINDS), often=0, seed=3, stories=1))
    assert told.wrong == []
    assert told.halted == told.halts_due > 0
    assert told.injected.total() > 2
