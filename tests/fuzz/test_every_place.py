"""Every kind of place of every answer in turn, each alone: dropped, emptied, of another kind, or half a character.

`./dev fuzz` puts many more values there.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stagedrollout.core.model import Store
from tests.fuzz import test_signals as signals
from tests.fuzz import test_stores as stores
from tests.fuzz.every_place import DROPPED, every
from tests.fuzz.spoiling import Raw
from tests.fuzz.target import SWEEPS
from tests.fuzz.world import Fuzzed, opened

FEW = ([], Raw('"\\ud800"'), DROPPED)
PLAY, APPLE = Store.GOOGLE_PLAY, Store.APP_STORE


def _reads(store: Store) -> Callable[[Fuzzed], object]:
    known = stores._rollouts(opened([None]), store)
    return lambda world: stores._looks(world, store, known)


def _sessions(world: Fuzzed) -> None:
    for signal in world.listing(PLAY).signals:
        signals._counted(signals.told(lambda signal=signal: signal.read(world.asks(PLAY))))


def _tallies(world: Fuzzed) -> None:
    tallies = world.listing(PLAY).tallies
    assert tallies is not None
    signals._counted(signals.told(lambda: tallies.read(world.counts(PLAY))))
    signals.told(lambda: tallies.running(world.asks(PLAY).candidate, world.now))


def _opinions(store: Store) -> Callable[[Fuzzed], object]:
    def ask(world: Fuzzed) -> None:
        for signal in world.listing(store).opinions:
            signals.told(lambda signal=signal: signal.read(world.asks(store)))

    return ask


SWEEPS |= {
    "play": _reads(PLAY),
    "app store": _reads(APPLE),
    "sessions": _sessions,
    "tallies": _tallies,
    "opinions of play": _opinions(PLAY),
    "opinions of the app store": _opinions(APPLE),
    **{
        name: lambda world, name=name: signals._own(world, name)
        for name in ("crashes", "stars", *signals.KINDS)
    },
}


@pytest.mark.promise("R23")
@pytest.mark.parametrize("asked", sorted(SWEEPS))
def test_no_single_part_of_an_answer_breaks_a_pass(asked: str) -> None:
    ask = SWEEPS[asked]
    tried = 0
    for world, where in every(ask, FEW):
        tried += 1
        try:
            ask(world)
        except Exception as broken:
            raise AssertionError(where) from broken
    assert tried > 40, "nothing was spoiled"
