"""A freeze that begins between the decision to raise and its request keeps the request from being sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stagedrollout.core import facts
from stagedrollout.core.calendar import Calendar, Hours
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.errors import Unfounded
from stagedrollout.core.freezing import Cause, Frozen
from stagedrollout.core.model import Change, CommandVerb, Mode, Settlement, Store, Verb
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clearance
from stagedrollout.core.schedule import Window
from stagedrollout.daemon import calendar_check
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.builders import ANNA, KEY, NOON, POLL, discovered, order, policy, shown, store
from tests.daemon.test_linking import listing
from tests.daemon.test_unkept_counts import Sits
from tests.storage.holding import hold

SALE = Frozen(Cause.ICALENDAR, "Sale", NOON, NOON + timedelta(days=2))
FREE = policy(calendar=Calendar().with_entries(()))
FROZEN = policy(calendar=Calendar().with_entries((SALE,)))


class Meanwhile:
    """A store to which something happens before anything of a raise is sent."""

    fenced = True

    def __init__(self, happens: Callable[[], None]) -> None:
        self.sent = list[Change]()
        self._happens = happens

    def apply(self, change: Change, _: str, clearance: Clearance) -> None:
        self._happens()
        clearance()
        self.sent.append(change)


@pytest.mark.promise("R11")
def test_a_raise_is_not_sent_when_a_freeze_comes_between_its_decision_and_its_request(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    started = facts.Started(ANNA, "go", "standard", "c0")
    recorder.begin(KEY, (discovered(), started, facts.Seen.of(shown()), facts.WentLive(100_000)), NOON)
    policies: dict[str, Policy] = {"standard": FREE}
    other = Meanwhile(lambda: policies.update(standard=FROZEN))
    anything: Any = Sits()
    reconciler = Reconciler(
        recorder=recorder,
        actuator=Actuator(Lanes(), anything),
        clock=anything,
        tenures=Everything(),
        deadline_seconds=45,
        hearer=Hearer(recorder),
    )
    mine = replace(
        listing(Store.GOOGLE_PLAY, None),
        mode=Mode.ACT, policy="standard", policies=policies, poll=POLL, store=cast("Any", other),
    )  # fmt: skip
    raised = reconciler.reconcile(
        mine, KEY, store(shown()), order(CommandVerb.ADVANCE, without_evidence=True)
    )
    assert raised.decision.change is not None
    assert other.sent == []
    assert raised.outcome is not None
    assert raised.outcome.settlement is Settlement.PREEMPTED
    assert "Sale" in raised.outcome.detail
    engine.dispose()


def _decided(verb: Verb, freeze: Frozen | None = None) -> tuple[Case, Decision]:
    window = Window(open=freeze is None, freeze=freeze, opens_at=None)
    case: Any = SimpleNamespace(window=window)
    decision: Any = SimpleNamespace(change=SimpleNamespace(verb=verb))
    return case, decision


@pytest.mark.parametrize("verb", [Verb.START, Verb.RAISE, Verb.STEP, Verb.RESUME, Verb.COMPLETE])
def test_no_raise_of_any_kind_is_sent_into_a_freeze_that_nobody_knew_of(verb: Verb):
    with pytest.raises(Unfounded, match="Sale"):
        calendar_check.check(*_decided(verb), FROZEN, NOON)
    calendar_check.check(*_decided(verb), FROZEN, NOON - timedelta(seconds=1))
    calendar_check.check(*_decided(verb), FREE, NOON)


def test_what_keeps_a_version_from_everyone_and_what_was_decided_in_the_freeze_is_sent_all_the_same():
    calendar_check.check(*_decided(Verb.PREPARE), FROZEN, NOON)
    calendar_check.check(*_decided(Verb.STEP, SALE), FROZEN, NOON)


def test_hours_that_close_meanwhile_keep_no_raise_back_that_was_due():
    closed = policy(calendar=Calendar(hours=Hours(start=time(9), end=time(10))).with_entries(()))
    calendar_check.check(*_decided(Verb.RAISE), closed, NOON)
