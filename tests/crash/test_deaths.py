"""The daemon dies, is started again, and nobody can tell from the stores, the journal or the messages."""

from __future__ import annotations

from functools import cache

import pytest

from tests.crash.playing import played, seconds, singles
from tests.crash.stories import STORIES

pytestmark = pytest.mark.promise("R13")


PER_STORY = 6
"""Deaths of each story, evenly spread over its distinct ones, in every test run. `./dev crash` dies them all."""

PAIRS = 4


@cache
def _spread(name: str, how_many: int) -> list[tuple[int, ...]]:
    """An even spread that begins elsewhere in each story, so that together they meet points of all kinds."""
    found: list[tuple[int, ...]] = list(singles(name))
    step = len(found) / how_many
    offset = [story.name for story in STORIES].index(name) / len(STORIES)
    return [found[int((number + offset) * step)] for number in range(how_many)]


@pytest.mark.parametrize("place", range(PER_STORY))
@pytest.mark.parametrize("name", [story.name for story in STORIES])
def test_nothing_is_lost_and_nothing_happens_twice_wherever_the_daemon_dies(name: str, place: int) -> None:
    result = played(name, _spread(name, PER_STORY)[place])
    assert not result.faults, result.words()


@pytest.mark.parametrize("name", ["play-raise", "apple-halt"])
def test_nor_when_it_dies_again_while_it_recovers(name: str) -> None:
    ((first,),) = _spread(name, 1)
    again = seconds(name, first)
    assert len(again) > PAIRS
    for at in again[:: -(-len(again) // PAIRS)]:
        result = played(name, at)
        assert len(result.died_at) == 2
        assert not result.faults, result.words()
