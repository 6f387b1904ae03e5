"""What fuzzing has found, each by what happened to people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.errors import Faulty
from stagedrollout.core.model import Store
from stagedrollout.core.observation import Valued
from stagedrollout.emulator.errors import ScenarioError
from stagedrollout.emulator.scenario_file import parse_scenario
from tests.fuzz.every_place import Only
from tests.fuzz.spoiling import Raw
from tests.fuzz.world import opened

HALF = Raw('"\\ud800"')
"""Half a character, which JSON can hold and no request can."""


def spoils(path: tuple[Any, ...], value: Any, *, answer: int = 0) -> list[Any]:
    return [*[None] * answer, Only(path, value), *[None] * 50]


def test_an_edit_whose_id_cannot_be_sent_ends_in_words_and_not_the_pass() -> None:
    store = opened(spoils(("id",), HALF)).listing(Store.GOOGLE_PLAY).store
    with pytest.raises(Faulty, match="cannot be written into a request"):
        store.read()


def test_a_page_of_reviews_whose_token_cannot_be_sent_ends_in_words_and_not_the_pass() -> None:
    world = opened(spoils(("tokenPagination",), {"nextPageToken": HALF}))
    (reviews,) = world.listing(Store.GOOGLE_PLAY).opinions
    with pytest.raises(Faulty, match="cannot be written into a request"):
        reviews.read(world.asks(Store.GOOGLE_PLAY))


def test_a_version_whose_id_cannot_be_sent_has_no_reviews() -> None:
    world = opened(spoils(("data", 0, "id"), HALF))
    reviews = world.listing(Store.APP_STORE).opinions[0]
    (read,) = reviews.read(world.asks(Store.APP_STORE))
    json.dumps(str(read)).encode()
    assert "lists no version 5.2.0" in str(read)


def test_a_row_of_vitals_with_a_metric_of_another_kind_does_not_take_the_others_with_it() -> None:
    world = opened(spoils(("rows", 0, "metrics", 0, "metric"), ["crashRate"], answer=1))
    crashes = next(each for each in world.listing(Store.GOOGLE_PLAY).values if each.name == "crashes")
    assert isinstance(crashes.read(world.asks(Store.GOOGLE_PLAY)), Valued)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 30_000, "a: " + "{b: " * 2_000, "? " * 5_000])
def test_a_scenario_nested_without_end_is_refused_in_words(text: str) -> None:
    with pytest.raises(ScenarioError, match="nested too deeply"):
        parse_scenario(text, Path("any.yaml"))
