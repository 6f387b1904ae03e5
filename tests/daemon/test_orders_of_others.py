"""A person's halt of what another replica holds: that one's to take, and anybody's where it is not taken or not done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Command, CommandVerb, Store, StoreApp
from stagedrollout.daemon.orders_of_others import OrdersOfOthers, urgency
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from tests.daemon.test_scheduler import order

pytestmark = pytest.mark.promise("R3", "R12")

APP = StoreApp("slow", Store.GOOGLE_PLAY)


@dataclass
class Leases:
    ours: bool = False
    elsewhere_: bool | None = True

    def holds(self, app: StoreApp) -> bool:
        return self.ours

    def elsewhere(self, app: StoreApp) -> bool:
        if self.elsewhere_ is None:
            raise StorageError("away")
        return self.elsewhere_


class Here:
    def __init__(self, box: CommandBox) -> None:
        self.box, self.leases, self.seconds = box, Leases(), 0.0
        self.others = OrdersOfOthers(lambda: self.seconds)
        self.works: Any = SimpleNamespace(leases=self.leases, commands=box)

    def takes(self, given: Command, after: float) -> bool:
        self.others.are((given,))
        self.seconds += after
        return self.others.may_take(self.works, APP, given)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    engine = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    upgrade(engine)
    yield Here(CommandBox(engine))
    engine.dispose()


def given(here: Here, verb: CommandVerb = CommandVerb.HALT) -> Command:
    one = order(verb, APP)
    here.box.put(one)
    return one


def test_what_is_ours_is_taken_at_once(here: Here) -> None:
    here.leases.ours = True
    assert here.takes(given(here), after=0)


def test_a_halt_that_the_holder_does_not_take_is_taken_after_three_seconds_and_stays_ours(here: Here) -> None:
    halt = given(here)
    assert [here.takes(halt, after=1.4) for _ in range(4)] == [False, False, True, True]
    here.box.take(halt.id, datetime.now(UTC))
    assert here.takes(halt, after=0), "it is tried again at the next turn, like one's own"


def test_one_that_the_holder_has_taken_is_left_to_it_for_half_a_minute(here: Here) -> None:
    halt = given(here)
    here.box.take(halt.id, datetime.now(UTC))
    assert not here.takes(halt, after=20)
    assert here.takes(halt, after=11)


def test_one_that_has_nothing_to_stop_here_is_looked_at_again_after_half_a_minute(here: Here) -> None:
    """Its answer is the holder's; the store is not asked at every turn until then."""
    halt = given(here)
    assert here.takes(halt, after=3)
    here.box.take(halt.id, datetime.now(UTC))
    here.others.leave(halt)
    assert [here.takes(halt, after=10) for _ in range(3)] == [False, False, True]
    here.leases.ours = True
    here.others.leave(halt)
    assert here.takes(halt, after=0), "whoever holds it answers it"


@pytest.mark.parametrize("verb", [CommandVerb.ADVANCE, CommandVerb.HOLD])
def test_nothing_but_a_halt_is_taken_from_another_one(here: Here, verb: CommandVerb) -> None:
    assert not here.takes(given(here, verb), after=1_000)


def test_an_app_that_another_replica_knows_is_no_reason_to_refuse_an_order(here: Here) -> None:
    assert not here.others.nobody_knows(here.works, APP)
    here.leases.elsewhere_ = None
    assert not here.others.nobody_knows(here.works, APP), "nobody can tell"
    here.leases.elsewhere_ = False
    assert here.others.nobody_knows(here.works, APP)


def test_halts_come_first_and_those_that_have_broken_off_after_the_others(here: Here) -> None:
    halt, advance = order(CommandVerb.HALT, APP), order(CommandVerb.ADVANCE, APP)
    assert urgency(halt, ()) < urgency(halt, (halt.id,)) < urgency(advance, ())
