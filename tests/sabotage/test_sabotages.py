"""The sabotages fit the code as it is, and a few of them are caught; that each is, `./dev sabotage` shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.sabotage.__main__ import caught, order
from tests.sabotage.copy import ROOT, NotThere, broken, tree
from tests.sabotage.player import Player
from tests.sabotage.sabotages import SABOTAGES, Sabotage
from tests.simulation.bad_days import BAD_DAYS

AREAS = {
    "assessment", "decision", "lifecycle", "schedule", "evidence", "actuator", "recovery", "outbox", "storage",
    "google_play", "app_store", "sentry",
}  # fmt: skip
QUICK = ("doubt-is-settled-without-looking", "siblings-are-dropped", "let-out-without-phases")


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


@pytest.fixture(scope="module")
def sound() -> Iterator[Player]:
    with tree(None) as place, Player(place) as player:
        yield player


@pytest.mark.parametrize("name", QUICK)
def test_a_sabotage_is_caught_on_the_day_it_is_made_for(name: str, sound: Player) -> None:
    sabotage = _named(name)
    found = caught(sabotage, sabotage.days, sound)
    assert found.by in sabotage.days


def test_an_edit_that_changes_nothing_is_not_called_caught(sound: Player) -> None:
    harmless = replace(_named(QUICK[0]), broken="return seen.stopped or False")
    assert caught(harmless, harmless.days, sound).by is None


@pytest.mark.parametrize("broken", ["return seen.stopt", "return seen."])
def test_a_daemon_that_does_not_even_run_is_not_called_caught(broken: str, sound: Player) -> None:
    useless = replace(_named(QUICK[0]), broken=broken)
    found = caught(useless, useless.days, sound)
    assert found.by is None
    assert found.fault


def test_what_a_sound_daemon_fails_on_as_well_catches_nothing() -> None:
    sabotage = _named(QUICK[0])
    with tree(sabotage) as place, Player(place) as not_sound:
        assert caught(sabotage, sabotage.days, not_sound).by is None


def test_the_days_told_by_hand_come_before_the_seeds() -> None:
    sabotage = replace(SABOTAGES[0], days=("a day",))
    assert list(order(sabotage, 2)) == ["a day", 0, 1]
    assert list(order(sabotage, 2, drawn=True)) == [0, 1]


def test_every_day_that_a_sabotage_names_is_told() -> None:
    assert {day for sabotage in SABOTAGES for day in sabotage.days} <= set(BAD_DAYS)


def _named(name: str) -> Sabotage:
    return next(sabotage for sabotage in SABOTAGES if sabotage.name == name)
