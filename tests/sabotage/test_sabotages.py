"""The sabotages fit the code as it is; that each is caught is what `./dev sabotage` shows."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from tests.sabotage.copy import ROOT, NotThere, broken
from tests.sabotage.sabotages import SABOTAGES, Sabotage

AREAS = {
    "assessment", "decision", "lifecycle", "schedule", "evidence", "actuator", "recovery", "outbox", "storage",
    "google_play", "app_store", "sentry",
}  # fmt: skip


def _source(sabotage: Sabotage) -> str:
    return (ROOT / "stagedrollout" / sabotage.file).read_text("utf-8")


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name)
def test_a_sabotage_is_one_edit_that_still_fits_and_can_be_run(sabotage: Sabotage) -> None:
    edited = broken(_source(sabotage), sabotage)
    assert edited != _source(sabotage)
    ast.parse(edited)


def test_twenty_sabotages_lie_in_twenty_functions_and_every_area() -> None:
    assert len({(one.file, one.where) for one in SABOTAGES}) == len({one.name for one in SABOTAGES}) == 20
    assert {one.area for one in SABOTAGES} == AREAS


def test_a_sabotage_whose_place_has_moved_is_told() -> None:
    moved = replace(SABOTAGES[0], sound="what is nowhere in the code")
    with pytest.raises(NotThere, match="0 such places"):
        broken(_source(moved), moved)
