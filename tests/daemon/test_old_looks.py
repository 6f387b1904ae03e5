"""A process that stood still has an old look in its hands. What was sent just before, that look need not show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.facts import Seen, Started, WentLive
from stagedrollout.core.model import Mode, OnNewRelease, Settlement, Verb
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.builders import (
    ANNA,
    DAY,
    HOUR,
    KEY,
    NOON,
    POLL,
    discovered,
    intent,
    policy,
    settled,
    shown,
    store,
)
from tests.daemon.test_unkept_counts import Sits
from tests.storage.holding import hold

SENT = NOON - timedelta(seconds=30)


@pytest.mark.promise("R13", "R15")
@pytest.mark.parametrize(("looked", "known"), [(NOON, []), (NOON + 2 * HOUR, ["not_applied"])])
def test_a_raise_whose_answer_was_lost_is_not_called_off_by_a_look_from_before_the_standstill(
    tmp_path: Path, looked: Any, known: list[str]
) -> None:
    """It may still be on its way, however late it is by the clock when the process goes on."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    begun = (discovered(), Started(ANNA, "go", "standard", "c0"), Seen.of(shown()), WentLive(100_000))
    recorder.begin(KEY, begun, NOON - DAY)
    lost = (intent(Verb.RAISE, 50), settled(Settlement.IN_DOUBT))
    for fact in lost:
        recorder.record(recorder.load(KEY), (fact,), SENT)
    sits: Any = Sits()
    sits.now_is = NOON + 2 * HOUR
    listing = Listing(
        id=KEY.store_app,
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={"standard": policy()},
        store=sits,
        signals=(),
        poll=POLL,
    )
    reconciler = Reconciler(
        recorder=recorder,
        actuator=sits,
        clock=sits,
        tenures=Everything(),
        deadline_seconds=45,
        hearer=Hearer(recorder),
    )
    reconciler.reconcile(listing, KEY, store(shown(), at=looked))
    told = [recorded.entry.body for recorded in Journal(engine).told(KEY, ("settled",))]
    assert [body["settlement"] for body in told] == ["in_doubt", *known]
