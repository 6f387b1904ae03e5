"""What the file says of the mutants is still about this code; that the others die is what `./dev mutate` shows."""

from __future__ import annotations

import pytest

from tests.mutation.kept import ENOUGH, NOBODY_LOOKED, areas, read
from tests.mutation.mutants import mutants

KEPT = read()
GROWN_MOST = 0.1


@pytest.mark.parametrize("file", KEPT)
def test_each_survivor_is_a_mistake_that_can_still_be_made_and_is_explained(file: str) -> None:
    names = {mutant.name for mutant in mutants(file)}
    kept = KEPT[file]
    assert kept["survivors"].keys() <= names, "run ./dev mutate --write"
    assert kept["killed"] + len(kept["survivors"]) == kept["mutants"]
    of = kept.get("of", kept["mutants"])
    assert abs(len(names) - of) <= GROWN_MOST * of, "run ./dev mutate --write"
    assert NOBODY_LOOKED not in kept["survivors"].values()


@pytest.mark.parametrize("area", [area for area, score in areas().items() if score.mutants])
def test_nine_of_ten_mistakes_are_noticed(area: str) -> None:
    assert areas()[area].percent >= ENOUGH
