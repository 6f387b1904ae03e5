"""Two hundred seeds in every test run, each a story of its own: no promise is broken, and everything comes to rest."""

from __future__ import annotations

import pytest

from tests.simulation.again import Again
from tests.simulation.outcome import Outcome, outcome
from tests.simulation.pinned import OPEN, PINNED, Pinned

SEEDS, CHUNK = 200, 4
_OPEN = frozenset(pinned.seed for pinned in OPEN)
TWICE = (1, 50, 101, 151)
"""Played again: a run that is not the same the second time proves nothing when it fails."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_is_broken_and_everything_comes_to_rest(first: int) -> None:
    seeds = [seed for seed in range(first, first + CHUNK) if seed not in _OPEN]
    failed = [told for told in map(outcome, seeds) if told.faults]
    assert not failed, _words(failed)


@pytest.mark.xfail(strict=True, reason="open: see tests/simulation/pinned.py")
@pytest.mark.parametrize("pinned", OPEN, ids=lambda pinned: str(pinned.seed))
def test_what_is_open_still_fails_or_is_taken_off_the_list(pinned: Pinned) -> None:
    assert not outcome(pinned.seed).faults


@pytest.mark.parametrize("pinned", PINNED, ids=lambda pinned: str(pinned.seed))
def test_what_failed_once_does_not_fail_again(pinned: Pinned) -> None:
    told = outcome(pinned.seed)
    assert not told.faults, f"{pinned.found}\n{_words([told])}"


def test_a_seed_tells_the_same_story_in_another_process_with_other_hashes() -> None:
    with Again() as again:
        for seed in TWICE:
            again.play(seed, outcome(seed).trace)
        assert again.told() == (len(TWICE), [])


def _words(failed: list[Outcome]) -> str:
    return "\n\n".join(told.words() for told in failed)
