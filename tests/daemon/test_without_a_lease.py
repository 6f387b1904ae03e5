"""A replica that stood still no longer holds what it looked at. It stops what is to be stopped, and tells how that ended; what
it has found out by its old look stays unsaid, for the other one has gone on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.errors import LostLease, StaleJournal
from stagedrollout.core.facts import Fact
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import DAEMON, Settlement, Verb
from stagedrollout.daemon.recorder import Known, Recorder, no_lease
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.core.builders import KEY, NOON, discovered, intent, ppm, settled
from tests.storage.holding import hold

LATER = NOON + timedelta(minutes=2)
PAUSED = facts.Decided(
    facts.DecisionKind.HOLD,
    (Reason("window", "nobody is awake"),),
    DAEMON,
    "",
    "p1",
    Verb.PAUSE,
    ppm(10),
    "f1",
)
NOT_APPLIED = settled(Settlement.NOT_APPLIED, Verb.PAUSE, "p1")
WAITS = facts.Decided(facts.DecisionKind.WAIT, (Reason("bake", "it bakes"),), DAEMON, target_ppm=ppm(10))


@pytest.fixture
def holder(journal: Journal) -> Recorder:
    """It took over, and has just sent a pause."""
    holder = Recorder(journal, LedgerTable(journal._engine), hold(journal._engine))
    holder.begin(KEY, (discovered(),), NOON)
    holder.record(holder.load(KEY), (PAUSED,), NOON)
    return holder


@pytest.fixture
def awoken(journal: Journal) -> Recorder:
    return Recorder(journal, LedgerTable(journal._engine), no_lease)


def kinds(journal: Journal) -> list[str]:
    return [recorded.entry.kind for recorded in journal.history(KEY)]


@pytest.mark.promise("R14", "R15")
@pytest.mark.parametrize("found", [(NOT_APPLIED,), (NOT_APPLIED, WAITS), (WAITS,)])
@pytest.mark.usefixtures("holder")
def test_an_old_look_does_not_say_that_the_pause_of_the_other_was_not_applied(
    journal: Journal, awoken: Recorder, found: tuple[Fact, ...]
) -> None:
    with pytest.raises(LostLease):
        awoken.record(awoken.load(KEY), found, LATER)
    assert kinds(journal) == ["discovered", "decided"]


@pytest.mark.promise("R3", "R14")
def test_what_fails_is_halted_and_that_is_told_whoever_holds_it_and_whatever_was_written_meanwhile(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    old = awoken.load(KEY)
    holder.settle(holder.load(KEY), (settled(Settlement.CONFIRMED, Verb.PAUSE, "p1"),), NOON)
    sent = awoken.record(old, (intent(Verb.HALT, 10, "h1"),), LATER)
    assert sent.rollout.intent is not None
    ended = awoken.settle(sent, (settled(verb=Verb.HALT, key=sent.rollout.intent.key),), LATER)
    assert kinds(journal) == ["discovered", "decided", "settled", "decided", "settled"]
    assert ended == holder.load(KEY)


@pytest.mark.usefixtures("holder")
def test_how_a_halt_ended_is_thought_over_again_where_somebody_wrote_meanwhile(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    """Another halt may have taken over, and that was not the one that ended."""
    sent: Known = awoken.record(awoken.load(KEY), (intent(Verb.HALT, 10, "h1"),), LATER)
    holder.record(holder.load(KEY), (intent(Verb.HALT, 10, "h2", "c2"),), LATER)
    with pytest.raises(StaleJournal):
        awoken.settle(sent, (settled(Settlement.IN_DOUBT, Verb.HALT, "h1"),), LATER)
    assert kinds(journal)[-1] == "decided"


@pytest.mark.usefixtures("holder")
def test_how_a_raise_ended_is_left_to_whoever_holds_it(journal: Journal, awoken: Recorder) -> None:
    with pytest.raises(LostLease):
        awoken.settle(awoken.load(KEY), (settled(verb=Verb.RAISE),), LATER)
    assert kinds(journal) == ["discovered", "decided"]
