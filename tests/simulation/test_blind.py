"""The list of what a campaign must have met knows everything that the product can do: nothing new is forgotten on it."""

from __future__ import annotations

import pytest

from stagedrollout.core.facts import KINDS, DecisionKind
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import CommandVerb, Settlement, Verb
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.phasing import WARNINGS
from stagedrollout.core.seen import Drift
from stagedrollout.emulator.faults import OUTAGE_KINDS, SERVICES, kinds_of
from stagedrollout.emulator.scenario_people import ACTS
from tests.simulation import disk
from tests.simulation.atlas import ATLAS
from tests.simulation.blind import ELSEWHERE, MUST_BE_MET, TOLD_ELSEWHERE

LISTED = frozenset({*MUST_BE_MET, *(mark for trouble in ATLAS for mark in trouble.marks)})
STORES = ("", "app_store ")

_WITH_MARKS_OF_THEIR_OWN = {
    "decided": "decided: ",
    "settled": "settled: ",
    "commanded": "order: ",
    "drifted": "drifted: ",
    "pause_warned": "pause warned: ",
}
"""Facts that are told apart by what they say."""


def _on_either_store(mark: str) -> bool:
    return any(store + mark in LISTED for store in STORES)


def _begins(mark: str) -> bool:
    return any(listed.startswith(store + mark) for listed in LISTED for store in STORES)


@pytest.mark.parametrize("kind", DecisionKind)
def test_every_kind_of_decision_must_be_met(kind: DecisionKind) -> None:
    assert {f"decided: {kind}", f"decided: {kind} and acted"} & LISTED


@pytest.mark.parametrize("verb", Verb)
def test_everything_that_may_be_done_to_a_release_must_be_met(verb: Verb) -> None:
    assert _begins(f"sent: {verb} for ")


@pytest.mark.parametrize("settlement", Settlement)
def test_every_way_in_which_a_change_ends_must_be_met(settlement: Settlement) -> None:
    assert f"settlement: {settlement}" in LISTED


@pytest.mark.parametrize("kind", KINDS)
def test_every_fact_must_be_met_or_is_tried_elsewhere(kind: str) -> None:
    told = _begins(_WITH_MARKS_OF_THEIR_OWN.get(kind, f"fact: {kind}"))
    assert told is not (kind in ELSEWHERE)


@pytest.mark.parametrize("meaning", Drift)
def test_everything_that_a_person_may_have_done_must_be_met(meaning: Drift) -> None:
    assert _on_either_store(f"drifted: {meaning}")


@pytest.mark.parametrize("verb", CommandVerb)
def test_every_order_must_be_met(verb: CommandVerb) -> None:
    assert _on_either_store(f"order: {verb} accepted")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_must_be_met(phase: Phase) -> None:
    assert f"phase: {phase}" in LISTED


@pytest.mark.parametrize("kind", NoticeKind)
def test_everything_that_people_are_told_must_be_met(kind: NoticeKind) -> None:
    assert (f"told: {kind}" in LISTED) is not (kind in TOLD_ELSEWHERE)


@pytest.mark.parametrize("kind", sorted({kind for service in SERVICES for kind in kinds_of(service)}))
def test_every_kind_of_fault_must_be_met_where_the_simulation_has_its_service(kind: str) -> None:
    met = {f"fault: {service} {kind}" for service in _PLAYED if kind in kinds_of(service)}
    assert met & LISTED or not met


_PLAYED = ("google_play", "app_store", "sentry", "slack", "oauth", "itunes")


@pytest.mark.parametrize("kind", OUTAGE_KINDS)
def test_every_kind_of_outage_must_be_met(kind: str) -> None:
    assert any(mark.startswith("outage: ") and mark.endswith(f" {kind}") for mark in LISTED)


@pytest.mark.parametrize(("store", "act"), [(store, act) for store, acts in ACTS.items() for act in acts])
def test_everything_that_people_can_do_in_a_console_must_be_met(store: str, act: str) -> None:
    assert f"{'app_store ' if store == 'app_store' else ''}console: {act}" in LISTED


@pytest.mark.parametrize("kind", disk.KINDS)
def test_every_failure_of_a_disk_must_be_met(kind: str) -> None:
    assert f"disk: {kind}" in LISTED


@pytest.mark.parametrize("spent", WARNINGS, ids=str)
def test_every_warning_of_the_pause_days_must_be_met(spent) -> None:
    assert f"pause warned: {spent.days} days" in LISTED
