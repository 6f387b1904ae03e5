"""A process that stood still has an old look in its hands. What was sent just before, that look need not show."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core.facts import Decided, DecisionKind, Seen, Started, WentLive
from stagedrollout.core.model import DAEMON, Mode, OnNewRelease, RolloutKey, Settlement, StoreState, Verb
from stagedrollout.core.phasing import Pacing
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Pass, Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, phased, terms
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

PAUSE = Decided(DecisionKind.HOLD, (), DAEMON, "", "p1", Verb.PAUSE, 10_000, "f1")
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
    _reconciled(recorder, KEY, store(shown(), at=looked), NOON + 2 * HOUR)
    told = [recorded.entry.body for recorded in Journal(engine).told(KEY, ("settled",))]
    assert [body["settlement"] for body in told] == ["in_doubt", *known]


@pytest.mark.promise("R10", "R19")
def test_by_a_look_that_a_clock_dates_before_our_pause_nothing_is_undone_that_a_person_may_have_done(
    tmp_path: Path,
) -> None:
    """The next one tells who has resumed it; paused again by this one, nobody would ever hear of it."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    begun = (
        discovered(found=phased(ACTIVE, 1)),
        Started(ANNA, "go", "standard", "c0"),
        Seen.of(phased(ACTIVE, 1)),
    )
    recorder.begin(APPLE_KEY, begun, NOON - DAY)
    paused = (Seen.of(phased(PAUSED, 1)), settled(verb=Verb.PAUSE, key="p1"))
    for news in ((PAUSE,), paused):
        recorder.record(recorder.load(APPLE_KEY), news, NOON)
    before = Journal(engine).history(APPLE_KEY)
    done = _reconciled(
        recorder,
        APPLE_KEY,
        store(phased(ACTIVE, 1), at=NOON - timedelta(minutes=1)),
        NOON + timedelta(minutes=1),
    )
    assert done.decision.change is None
    assert not [
        each for each in Journal(engine).history(APPLE_KEY)[len(before) :] if each.entry.kind == "drifted"
    ]


def _reconciled(recorder: Recorder, key: RolloutKey, look: StoreState, now: datetime) -> Pass:
    sits: Any = Sits()
    sits.now_is = now
    listing = Listing(
        id=key.store_app,
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={"standard": terms(Pacing.GUARDED) if key is APPLE_KEY else policy()},
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
    return reconciler.reconcile(listing, key, look)
