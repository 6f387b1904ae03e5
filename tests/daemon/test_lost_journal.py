"""After a failover to a standby that lagged: what comes of a change is read by a journal that lacks what we did before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.assessment import Reason
from stagedrollout.core.facts import Drift, Drifted, JournalAccepted, Seen, Started, WentLive
from stagedrollout.core.model import Mode, OnNewRelease, Outcome, Settlement, StoreState, Unread
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, phased, terms
from tests.core.builders import ANNA, DAY, NOON, POLL, discovered
from tests.daemon.test_unkept_counts import Sits
from tests.storage.holding import hold

BEHIND = Reason("journal_behind", "the journal ends at entry 3 and had come to 9")
APART = Reason("clocks_disagree", "they disagree")


class Store(Sits):
    """It cannot be read at first, and answers a pause that it is paused already: we had done that, and nobody knows."""

    def announce_halt(self, _: Listing) -> None:
        """Nothing of ours is on its way."""

    def act(self, *_: object, **__: object) -> Outcome:
        state = StoreState((phased(PAUSED, 1),), "f2", NOON)
        return Outcome(Settlement.ALREADY, "it is paused", state)


@pytest.mark.promise("R17")
@pytest.mark.parametrize(("accepted", "code"), [(False, BEHIND), (True, APART)], ids=["behind", "accepted"])
def test_a_pause_of_ours_that_was_lost_and_is_found_when_another_is_sent_is_blamed_on_nobody(
    tmp_path: Path, accepted: bool, code: Reason
) -> None:
    assert _found(tmp_path, JournalAccepted(ANNA, "it lagged", "4 to 9") if accepted else None, code).untold


@pytest.mark.promise("R10")
def test_a_pause_that_is_found_where_the_journal_lacks_nothing_is_somebodys(tmp_path: Path) -> None:
    assert not _found(tmp_path, None, APART).untold


def _found(folder: Path, accepted: JournalAccepted | None, why: Reason) -> Drifted:
    engine = open_engine(f"sqlite:///{folder / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    active = phased(ACTIVE, 1)
    begun = (discovered(found=active), Started(ANNA, "go", "standard", "c0"))
    seen = (Seen.of(active), WentLive(active.exposure_ppm))
    recorder.begin(APPLE_KEY, (*begun, *seen, *((accepted,) if accepted else ())), NOON - DAY)
    store: Any = Store()
    footing: Any = SimpleNamespace(
        reasons=lambda _: (why,), time=lambda now: now, passed=lambda *_: timedelta(days=1)
    )
    listing = Listing(
        id=APPLE_KEY.store_app,
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={"standard": terms()},
        store=store,
        signals=(),
        poll=POLL,
    )
    Reconciler(
        recorder=recorder,
        actuator=store,
        clock=store,
        tenures=Everything(),
        deadline_seconds=45,
        hearer=Hearer(recorder),
        footing=footing,
    ).reconcile(listing, APPLE_KEY, Unread("no answer", NOON))
    (drifted,) = (fact for fact in recorder.told(APPLE_KEY) if isinstance(fact, Drifted))
    assert drifted.meaning is Drift.HALTED
    return drifted
