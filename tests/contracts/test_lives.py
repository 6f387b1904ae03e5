"""Whole lives of the daemon with the judge of the contracts at the emulator's door: what is really sent, in what it really
meets, and not only what the stories think of."""

from __future__ import annotations

import pytest

from tests.contracts.exchange import watching
from tests.contracts.told import DESCRIPTIONS, findings, unexplained
from tests.simulation.plan import Plan
from tests.simulation.run import play
from tests.simulation.seldom import drawn

BOTH_STORES, APPLE_REFUSES = ("google_play", "app_store"), ("app_store",)


@pytest.mark.parametrize(
    ("stores", "kinds"),
    [(BOTH_STORES, {"500", "401"}), (APPLE_REFUSES, {"409", "403"})],
    ids=["both stores", "Apple refuses"],
)
def test_all_that_passes_in_a_whole_life_is_as_the_apis_describe(stores, kinds):
    with watching() as exchanges:
        play(_plan(stores, kinds))
    assert len(exchanges) > 50
    for service in DESCRIPTIONS:  # Google's comes first: its description is always there
        of_it = [exchange for exchange in exchanges if exchange.service == service]
        wrong = unexplained(service, findings(service, of_it))
        assert wrong == [], "\n".join(wrong)


def _plan(stores: tuple[str, ...], kinds: set[str]) -> Plan:
    """The first story in these stores, of a release that is adopted, in which these faults befall them."""
    return next(
        plan
        for plan in map(drawn, range(1, 5_000))
        if tuple(app.store for app in plan.scenario.apps) == stores
        and (plan.scenario.on_new_release, plan.scenario.mode) == ("adopt", "act")
        and all(app.releases[1].rolled_out or app.releases[1].submitted for app in plan.scenario.apps)
        and kinds <= {kind for store in stores for kind, _ in plan.weather.faults.get(store, ())}
    )
