"""What a pass was told and could not write down is asked for again, and all of it: what belongs to older hours would
otherwise be missing from the evidence until it is their turn again, also in a raise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from sqlalchemy import Engine

from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.facts import Decided, Seen, Started, WentLive, read
from stagedrollout.core.ledger import Ledger
from stagedrollout.core.model import Mode, OnNewRelease, RolloutKey
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Known, Recorder
from stagedrollout.daemon.retrying import ATTEMPTS
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.builders import ANNA, HOUR, KEY, NOON, POLL, discovered, shown, store
from tests.core.weighed import with_evidence
from tests.daemon.test_weighing import Source
from tests.storage.holding import hold

SINCE = NOON - 12 * HOUR


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


class Failing(Recorder):
    failure: StorageError | None = None
    unread: StorageError | None = None

    def ledger(self, key: RolloutKey) -> Ledger:
        if self.unread:
            raise self.unread
        return super().ledger(key)

    def record(self, *told: Any, **more: Any) -> Known:
        if self.failure:
            raise self.failure
        return super().record(*told, **more)


class Sits:
    """The machine's clock, and an actuator with nothing to do."""

    now_is = NOON

    def now(self) -> Any:
        return self.now_is

    def permit(self, *_: object) -> None:
        return None


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return engine


@pytest.fixture
def recorder(engine: Engine) -> Failing:
    epoch = hold(engine)
    recorder = Failing(Journal(engine), LedgerTable(engine), epoch)
    begun = (discovered(), Started(ANNA, "go", "standard", "c0"), Seen.of(shown()), WentLive(100_000))
    recorder.begin(KEY, begun, SINCE)
    return recorder


class Looks:
    """Passes over one release, at the hours named."""

    def __init__(self, recorder: Recorder) -> None:
        self.source, self._sits = Source(), Sits()
        anything: Any = self._sits
        self._reconciler = Reconciler(
            recorder=recorder,
            actuator=anything,
            clock=anything,
            tenures=Everything(),
            deadline_seconds=45,
            hearer=Hearer(recorder),
        )
        self._listing = Listing(
            id=KEY.store_app,
            mode=Mode.ACT,
            on_new_release=OnNewRelease.WAIT,
            policy="standard",
            policies={"standard": with_evidence(1, 10, 100)},
            store=anything,
            signals=(),
            poll=POLL,
            tallies=self.source,
        )

    def __call__(self, after: timedelta) -> None:
        self._sits.now_is = NOON + after
        self._reconciler.reconcile(self._listing, KEY, store(shown(), at=self._sits.now_is))


@pytest.mark.parametrize("failure", [StorageError("the disk is full"), StaleJournal("it went on")])
def test_after_a_pass_that_could_not_be_written_down_the_next_one_asks_for_all_of_it(
    recorder: Failing, failure: StorageError
) -> None:
    looks = Looks(recorder)
    looks(0 * HOUR)
    recorder.failure = failure
    with pytest.raises(StorageError):
        looks(HOUR)
    recorder.failure = None
    looks(HOUR + timedelta(minutes=1))
    looks(HOUR + timedelta(minutes=2))
    assert [query.since for query in looks.source.asked] == [SINCE, SINCE, SINCE, NOON - 5 * HOUR]
    assert len(looks.source.asked_running) == 2


def test_what_was_weighed_while_the_ledger_could_not_be_read_is_not_said_to_come_out_again(
    recorder: Failing, engine: Engine
) -> None:
    looks = Looks(recorder)
    looks(0 * HOUR)
    recorder.unread = StorageError("disk I/O error")
    looks(HOUR)
    recorder.unread = None
    looks(2 * HOUR)
    decided = [read(each.entry) for each in Journal(engine).history(KEY)]
    assert [fact.weighed is not None for fact in decided if isinstance(fact, Decided)] == [True, False, True]
