"""A halt that the store does not show is sent again. One that was seen in the store while a pass still looked around is
not: that pass has an older picture, and would tell NOT HALTED of a release that is halted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.errors import StaleJournal
from stagedrollout.core.model import Mode, Outcome, Settlement, Supersede, Verb
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.footing import Firm
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Permit
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.core.builders import (
    ANNA,
    HALTED,
    KEY,
    NOON,
    POLL,
    discovered,
    intent,
    policy,
    seen,
    settled,
    unread,
)
from tests.storage.holding import hold

ORDERED = intent(Verb.HALT, 10, "h1", "c1")
SHOWN = (seen(HALTED), settled(verb=Verb.HALT, key="h1"))
STILL_IN_DOUBT = (settled(Settlement.IN_DOUBT, Verb.HALT, "h1"),)


class Meanwhile(Firm):
    """What another thread writes while the pass has read the journal and not written yet."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write

    def reasons(self, now: datetime) -> tuple[Any, ...]:
        self._write()
        return ()


class Acts:
    def __init__(self) -> None:
        self.sent: list[Verb] = []

    def permit(self, *_: object) -> Permit:
        return SimpleNamespace()  # type: ignore[return-value]

    def announce_halt(self, _: object) -> None:
        """Nobody raises."""

    def act(self, _: object, change: Any, **__: object) -> Outcome:
        self.sent.append(change.verb)
        return Outcome(Settlement.IN_DOUBT, "no answer", unread())


class Noon:
    def now(self) -> datetime:
        return NOON + timedelta(minutes=1)


LISTING: Any = SimpleNamespace(
    id=KEY.store_app, poll=POLL, mode=Mode.ACT, supersede=Supersede.FINISH, link=None,
    counterpart=None, policy="standard", policy_of=lambda _: policy(), unknown=lambda _: "",
)  # fmt: skip


def passed(journal: Journal, *meanwhile: Any) -> tuple[Acts, Recorder]:
    engine = journal._engine
    epoch = hold(engine)
    recorder, lane = (Recorder(journal, LedgerTable(engine), epoch) for _ in range(2))
    recorder.begin(KEY, (discovered(),), NOON - POLL)
    recorder.record(recorder.load(KEY), (ORDERED,), NOON)
    acts = Acts()
    reconciler = Reconciler(
        recorder=recorder,
        actuator=acts,  # type: ignore[arg-type]
        clock=Noon(),
        tenures=Everything(),
        deadline_seconds=45,
        hearer=Hearer(recorder),  # nobody has it: nothing is listened to
        footing=Meanwhile(lambda: _write(lane, meanwhile)),
    )
    reconciler.reconcile(LISTING, KEY, unread("another conversation takes too long"))
    return acts, recorder


def _write(lane: Recorder, meanwhile: tuple[Any, ...]) -> None:
    lane.record(lane.load(KEY), meanwhile, NOON + timedelta(seconds=30))


def test_a_pass_that_began_before_the_halt_was_read_back_does_not_take_that_back(journal: Journal) -> None:
    with pytest.raises(StaleJournal, match="has shown the halt"):
        passed(journal, *SHOWN)
    kinds = [recorded.entry.kind for recorded in journal.history(KEY)]
    assert kinds == ["discovered", "decided", "seen", "settled"]


def test_a_halt_that_is_still_in_doubt_goes_out_again_whoever_wrote_meanwhile(journal: Journal) -> None:
    acts, recorder = passed(journal, *STILL_IN_DOUBT)
    assert acts.sent == [Verb.HALT]
    assert recorder.load(KEY).rollout.acts == 2


def test_a_person_who_halts_what_was_just_read_back_as_halted_has_their_order(journal: Journal) -> None:
    """An order is no repetition: the halt is theirs from then on."""
    engine = journal._engine
    epoch = hold(engine)
    one, other = (Recorder(journal, LedgerTable(engine), epoch) for _ in range(2))
    one.begin(KEY, (discovered(),), NOON - POLL)
    known = one.record(one.load(KEY), (ORDERED,), NOON)
    _write(other, SHOWN)
    again = one.record(known, (intent(Verb.HALT, 10, "h2", "c2"),), NOON + timedelta(minutes=1))
    assert again.rollout.halt is not None
    assert (again.rollout.halt.actor, again.rollout.acts) == (ANNA, 2)


def test_what_a_person_halted_while_it_was_looked_at_is_not_halted_by_the_daemon_as_well(
    journal: Journal,
) -> None:
    """The pass found it failing by what it read before; people would be told of a second halt, and whose it is would
    change."""
    engine = journal._engine
    epoch = hold(engine)
    looking, ordered = (Recorder(journal, LedgerTable(engine), epoch) for _ in range(2))
    looking.begin(KEY, (discovered(),), NOON - POLL)
    known = looking.load(KEY)
    _write(ordered, (ORDERED,))
    _write(ordered, SHOWN)
    with pytest.raises(StaleJournal, match="has shown the halt"):
        looking.record(known, (intent(Verb.HALT, 10, "h2", ""),), NOON + timedelta(minutes=1))
    halt = looking.load(KEY).rollout.halt
    assert halt is not None
    assert halt.actor == ANNA
