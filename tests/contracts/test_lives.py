"""Whole lives of the daemon with the judge of the contracts at the emulator's door: what is really sent, in what it really
meets, and not only what the stories think of."""

from __future__ import annotations

import pytest

from tests.contracts.exchange import watching
from tests.contracts.told import DESCRIPTIONS, findings, unexplained
from tests.simulation.plan import drawn
from tests.simulation.run import play

BOTH_STORES, APPLE_REFUSES = 20, 12
"""Seeds that are told quickly: a life with both stores, 5xx and 401s, and one with conflicts and 403s of Apple's."""


@pytest.mark.parametrize("seed", [BOTH_STORES, APPLE_REFUSES])
def test_all_that_passes_in_a_whole_life_is_as_the_apis_describe(seed):
    with watching() as exchanges:
        play(drawn(seed))
    assert len(exchanges) > 50
    for service in DESCRIPTIONS:  # Google's comes first: its description is always there
        of_it = [exchange for exchange in exchanges if exchange.service == service]
        wrong = unexplained(service, findings(service, of_it))
        assert wrong == [], "\n".join(wrong)
