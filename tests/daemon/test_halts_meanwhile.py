"""A replica that stood still, or had lost the database, has found a release failing while another one went on. Its halt is
written down, with its author and its reasons, whatever the other has written; but not over what a person has said since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core import facts, line_facts, link_facts, override_facts
from stagedrollout.core.drift import learn
from stagedrollout.core.errors import LetGoOn, LostLease, OrderTaken, StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START, Recorded
from stagedrollout.core.facts import Fact, Started, WentLive
from stagedrollout.core.judgement import Reason
from stagedrollout.core.ledger import Ledger, Taken, added
from stagedrollout.core.model import DAEMON, CommandVerb, Settlement, Verb
from stagedrollout.daemon.recorder import Known, Learned, Recorder, no_lease
from stagedrollout.daemon.spool import Kept, Spool, read_spool
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.core.apple import PAUSED
from tests.core.builders import (
    ANNA,
    DAY,
    HALTED,
    KEY,
    NOON,
    STAGED,
    discovered,
    intent,
    ppm,
    seen,
    settled,
    shown,
    store,
)
from tests.storage.holding import hold
from tests.storage.rows import revision

FAILS = Reason("fail", "crash-free 95.1 % < 99 %")
HALT = facts.Decided(facts.DecisionKind.HALT, (FAILS,), DAEMON, "", "h2", Verb.HALT, ppm(50), "f1")
PAUSE = facts.Decided(facts.DecisionKind.HOLD, (FAILS,), DAEMON, "", "p2", Verb.PAUSE, ppm(50), "f1")
IN_DOUBT = settled(Settlement.IN_DOUBT, Verb.RAISE, "r1")
LANDED = (seen(STAGED, 50), settled(Settlement.CONFIRMED, Verb.RAISE, "r1"))
SHOWN = (seen(HALTED), settled(verb=Verb.HALT, key="h2"))
RESUMES = (
    facts.Commanded("c7", CommandVerb.RESUME, ANNA, "false alarm", True, "resuming at 50 %"),
    intent(Verb.RESUME, 50, "s1", "c7"),
)
RESUMED = (seen(STAGED, 50), settled(verb=Verb.RESUME, key="s1"))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def holder(journal: Journal) -> Recorder:
    """A raise whose answer was lost."""
    holder = Recorder(journal, LedgerTable(journal._engine), hold(journal._engine))
    begun = (discovered(), Started(ANNA, "go", "standard", "c0"), seen(), WentLive(ppm(10)))
    holder.begin(KEY, begun, NOON - DAY)
    _write(holder, at(0), intent(Verb.RAISE, 50, "r1"))
    _write(holder, at(0), IN_DOUBT)
    return holder


@pytest.fixture
def awoken(journal: Journal, tmp_path: Path) -> Recorder:
    return Recorder(journal, LedgerTable(journal._engine), no_lease, Spool(tmp_path / "x.spool"))


def _write(recorder: Recorder, when: datetime, *news: Fact) -> None:
    recorder.record(recorder.load(KEY), news, when)


def _as_of(recorder: Recorder, history: tuple[Recorded, ...]) -> Known:
    """What it would know that has read no more."""
    return recorder._understood(KEY, history)


def _sees_it_halted(holder: Recorder, when: datetime) -> None:
    look: Any = store(shown(HALTED), at=when)
    _write(holder, when, *learn(holder.load(KEY).rollout, look, when))


def last(journal: Journal) -> str:
    return journal.history(KEY)[-1].entry.kind


@pytest.mark.promise("R13", "R18")
@pytest.mark.parametrize("brake", [HALT, PAUSE])
def test_a_halt_goes_into_the_journal_where_another_has_settled_what_its_look_settles_as_well(
    journal: Journal, holder: Recorder, awoken: Recorder, brake: Fact
) -> None:
    old = awoken.load(KEY)
    _write(holder, at(1), *LANDED)
    awoken.record(old, (*LANDED, brake), at(2))
    kinds = [each.entry.kind for each in journal.history(KEY)][-3:]
    assert kinds == ["seen", "settled", "decided"], "and what was seen before is not said again"
    assert holder.load(KEY).rollout.exposure_ppm == ppm(50)


@pytest.mark.promise("R14", "R15")
def test_beside_its_halt_an_old_look_says_nothing_of_what_the_other_has_sent(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    _write(holder, at(1), *LANDED)
    _write(holder, at(1), PAUSE)
    not_applied = settled(Settlement.NOT_APPLIED, Verb.PAUSE, "p2")
    awoken.record(awoken.load(KEY), (not_applied, HALT), at(2))
    assert [each.entry.kind for each in journal.history(KEY)][-2:] == ["decided", "decided"]


@pytest.mark.promise("R13", "R18")
def test_a_halt_without_a_database_goes_into_the_journal_once_it_is_back_whatever_another_has_settled(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    sent = awoken.spool(awoken.load(KEY), (*LANDED, HALT), at(2))
    awoken.spool(sent, SHOWN, at(2))
    _write(holder, at(3), *LANDED)
    _sees_it_halted(holder, at(4))
    awoken.write_what_was_kept()
    halt = holder.load(KEY).rollout.halt
    assert halt is not None
    assert (halt.actor, halt.reason, halt.confirmed) == (DAEMON, FAILS.text, True)
    assert not awoken._spool.rollouts()


@pytest.mark.promise("R10", "R13", "R18")
def test_a_pause_without_a_database_is_ours_although_another_has_paused_and_let_go_on_by_the_same_name(
    journal: Journal, holder: Recorder, awoken: Recorder, tmp_path: Path
) -> None:
    """Whoever was cut off goes on counting its acts where it stood; people would be told that somebody paused it in the console."""
    sent = awoken.spool(awoken.load(KEY), (*LANDED, PAUSE), at(2))
    paused = (seen(PAUSED, 50), settled(verb=Verb.PAUSE, key="p2"))
    awoken.spool(sent, paused, at(2))
    _write(holder, at(1), *LANDED)
    _write(holder, at(1), PAUSE)
    _write(holder, at(1), *paused)
    _write(holder, at(1.5), intent(Verb.RAISE, 60, "r3"))
    _write(holder, at(1.5), seen(STAGED, 60), settled(verb=Verb.RAISE, key="r3"))
    awoken.write_what_was_kept()
    now = holder.load(KEY).rollout
    assert (now.intent, now.seen) == (None, seen(PAUSED, 50))
    look: Any = store(shown(PAUSED, 50), at=at(3))
    assert not [fact for fact in learn(now, look, at(3)) if isinstance(fact, facts.Drifted)]
    written = journal.history(KEY)
    again = Recorder(journal, LedgerTable(journal._engine), no_lease, Spool(tmp_path / "y.spool"))
    again.spool(_as_of(again, written[:4]), (*LANDED, PAUSE), at(2))
    again.write_what_was_kept()
    assert journal.history(KEY) == written, (
        "one that died before it could strike it out knows it by its instant"
    )


@pytest.mark.promise("R9", "R11")
@pytest.mark.parametrize(
    "outcome", [(), (settled(Settlement.IN_DOUBT, Verb.HALT, "h2"),), SHOWN], ids=["none", "doubt", "shown"]
)
@pytest.mark.parametrize("answer", [(), RESUMED], ids=["resuming", "resumed"])
def test_a_halt_that_was_kept_does_not_undo_what_a_person_has_resumed_since(
    journal: Journal,
    holder: Recorder,
    awoken: Recorder,
    caplog: pytest.LogCaptureFixture,
    outcome: tuple[Fact, ...],
    answer: tuple[Fact, ...],
) -> None:
    _write(holder, at(0), *LANDED)
    awoken.spool(awoken.spool(awoken.load(KEY), (HALT,), at(1)), outcome, at(1))
    _sees_it_halted(holder, at(2))
    _write(holder, at(5), *RESUMES)
    if answer:
        _write(holder, at(5), *answer)
    before = journal.history(KEY)
    awoken.write_what_was_kept()
    assert journal.history(KEY) == before
    assert "for it has gone on" in caplog.text
    assert not awoken._spool.rollouts()


@pytest.mark.promise("R9", "R11")
def test_what_was_found_failing_before_a_person_resumed_it_is_judged_anew(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    _write(holder, at(0), *LANDED)
    old = awoken.load(KEY)
    _write(holder, at(1), intent(Verb.HALT, 50, "h1"))
    _write(holder, at(1), seen(HALTED), settled(verb=Verb.HALT, key="h1"))
    _write(holder, at(5), *RESUMES)
    _write(holder, at(5), *RESUMED)
    with pytest.raises(LetGoOn):
        awoken.record(old, (HALT,), at(6))
    assert last(journal) == "settled"
    ordered = facts.Commanded("c8", CommandVerb.HALT, ANNA, "stop", accepted=True, text="halting")
    awoken.record(old, (ordered, intent(Verb.HALT, 50, "h3", "c8")), at(6))
    assert last(journal) == "decided", "what a person orders is theirs"


def test_a_halt_is_not_sent_for_a_release_that_a_person_no_longer_has_looked_after(
    holder: Recorder, awoken: Recorder
) -> None:
    old = awoken.load(KEY)
    left = facts.Commanded("c8", CommandVerb.IGNORE, ANNA, "ours", accepted=True, text="ignored")
    _write(holder, at(1), left, facts.LeftAlone(ANNA, "ours"))
    with pytest.raises(LetGoOn):
        awoken.record(old, (HALT,), at(2))


@pytest.mark.promise("R14")
def test_what_permits_something_beside_a_halt_waits_for_the_lease_and_the_halt_does_not(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    answered = link_facts.LinkAnswered("shop/app_store/7", NOON, "it was resumed")
    _write(holder, at(0), *LANDED)
    awoken.record(awoken.load(KEY), (answered, HALT), at(1))
    assert last(journal) == "decided"
    assert not journal.told(KEY, ("link_answered",))


@pytest.mark.promise("R14")
def test_what_permits_something_is_not_kept_for_the_journal_either(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    _write(holder, at(0), *LANDED)
    awoken.spool(
        awoken.load(KEY), (link_facts.LinkAnswered("shop/app_store/7", NOON, "it was resumed"), HALT), at(1)
    )
    awoken.write_what_was_kept()
    assert last(journal) == "decided"
    assert not journal.told(KEY, ("link_answered",))


def test_an_order_that_another_replica_has_carried_out_is_not_written_again_once_the_database_is_back(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    ordered = facts.Commanded("c8", CommandVerb.HALT, ANNA, "stop", accepted=True, text="halting")
    awoken.spool(awoken.load(KEY), (ordered, intent(Verb.HALT, 50, "h2", "c8")), at(1))
    _write(holder, at(2), ordered, intent(Verb.HALT, 50, "h3", "c8"))
    before = journal.history(KEY)
    awoken.write_what_was_kept()
    assert journal.history(KEY) == before
    with pytest.raises(OrderTaken):
        awoken.record(
            _as_of(awoken, before[:1]),
            (ordered, intent(Verb.HALT, 50, "h4", "c8")),
            at(3),
        )


def test_what_an_older_version_has_kept_is_still_written(
    journal: Journal, holder: Recorder, tmp_path: Path
) -> None:
    path = tmp_path / "old.spool"
    path.write_text(Kept(KEY, (HALT,), at(1)).line)
    (kept,), _ = read_spool(path)
    assert kept.seq is None
    Recorder(journal, LedgerTable(journal._engine), no_lease, Spool(path)).write_what_was_kept()
    assert last(journal) == "decided"


def test_up_to_where_the_journal_was_known_is_kept_in_the_file_as_well(
    holder: Recorder, awoken: Recorder, tmp_path: Path
) -> None:
    known = awoken.load(KEY)
    awoken.spool(known, (HALT,), at(1))
    (kept,), _ = read_spool(tmp_path / "x.spool")
    assert kept.seq == known.seq


@pytest.mark.promise("R17")
@pytest.mark.parametrize(
    "noticed",
    [facts.PauseWarned(20), line_facts.LineStopped("l1", ANNA, "freeze", at(2)), facts.SawAgain()],
)
def test_a_halt_that_a_lost_database_forgot_is_written_again_whatever_was_only_noticed_since(
    holder: Recorder, awoken: Recorder, noticed: Fact
) -> None:
    _write(holder, at(0), *LANDED)
    awoken._spool.add(Kept(KEY, SHOWN, at(1), None, Kept(KEY, (HALT,), at(1))))
    _write(holder, at(2), noticed)
    awoken.write_what_was_kept()
    assert holder.load(KEY).rollout.halt is not None


def test_where_the_journal_goes_on_all_the_time_the_halt_is_kept_for_it(
    holder: Recorder, awoken: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(_: object) -> None:
        raise StaleJournal("somebody else")

    monkeypatch.setattr(awoken._journal, "record", taken)
    with pytest.raises(StorageError, match="3 times"):
        awoken.record(awoken.load(KEY), (HALT,), at(1))


def test_what_is_no_halt_is_written_by_nobody_but_the_holder(awoken: Recorder, holder: Recorder) -> None:
    with pytest.raises(LostLease):
        awoken.record(awoken.load(KEY), LANDED, at(1))


START = (
    facts.Commanded("c9", CommandVerb.START, ANNA, "go", True, "started: the schedule steers it from here"),
    Started(ANNA, "go", "standard", "c9"),
)
REJECT = (
    facts.Commanded("c9", CommandVerb.REJECT, ANNA, "no", True, "rejected"),
    facts.Held(ANNA, "no", None),
    override_facts.ApprovalsLapsed("rejected"),
)


@pytest.mark.promise("R12")
def test_an_order_beside_a_pause_is_taken_up_anew_where_somebody_wrote_meanwhile(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    """It would be answered as done, and never take effect."""
    old = holder.load(KEY)
    _write(holder, at(1), facts.SawAgain())
    for recorder, why in ((holder, StaleJournal), (awoken, LostLease)):
        with pytest.raises(why):
            recorder.record(old, (*START, PAUSE), at(2))
    assert last(journal) == "saw_again"


@pytest.mark.promise("R11", "R12")
def test_what_a_person_rejects_beside_a_pause_is_rejected_whoever_wrote_meanwhile(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    old = holder.load(KEY)
    _write(holder, at(1), facts.SawAgain())
    awoken.record(old, (*REJECT, PAUSE), at(2))
    kinds = [each.entry.kind for each in journal.history(KEY)][-4:]
    assert kinds == ["commanded", "held", "approvals_lapsed", "decided"]


def test_a_kept_halt_is_written_into_a_journal_that_begins_later_than_it_was_known(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    """It is another one: the release was found anew there."""
    awoken._spool.add(Kept(KEY, (HALT,), NOON + DAY, seq=0))
    awoken.write_what_was_kept()
    assert last(journal) == "decided"


@pytest.mark.promise("R9", "R17")
def test_a_kept_halt_does_not_undo_a_resume_of_a_journal_that_was_put_back_and_counts_anew(
    journal: Journal, holder: Recorder, awoken: Recorder
) -> None:
    _write(holder, at(0), *LANDED)
    awoken._spool.add(Kept(KEY, (HALT,), at(1), seq=490))
    _sees_it_halted(holder, at(2))
    _write(holder, at(5), *RESUMES)
    before = journal.history(KEY)
    awoken.write_what_was_kept()
    assert journal.history(KEY) == before


def _counted(journal: Journal, head: str) -> tuple[Fact, Learned]:
    """A halt decided on one more hour of counts than the ledger had at `head`."""
    more = (revision(1),)
    learned = Learned(head, Taken(added(Ledger(str(KEY), head), more), more), {"looks": "bad"})
    weighed = facts.Weighed(learned.taken.ledger.head, 5.0, 0.0, (), 0.5, 0.02, 1.2, 2.5, NOON)
    return replace(HALT, weighed=weighed), learned


def _counts_on(holder: Recorder, when: datetime) -> None:
    more = (revision(0),)
    learned = Learned(CHAIN_START, Taken(added(Ledger(str(KEY)), more), more), {})
    holder.record(holder.load(KEY), (), when, learned)


@pytest.mark.promise("R16", "R18")
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("holds", [False, True])
def test_a_halt_is_written_down_without_its_counts_where_another_has_counted_on(
    journal: Journal, holder: Recorder, awoken: Recorder, kept: bool, holds: bool
) -> None:
    asleep = Recorder(journal, holder._ledgers, holder._epoch) if holds else awoken
    known = asleep.load(KEY)
    decided, learned = _counted(journal, CHAIN_START)
    _counts_on(holder, at(1))
    if kept:
        asleep.spool(known, (decided,), at(2), learned)
        (waits,) = asleep._spool.waiting(KEY)
        asleep.write_what_was_kept()
        asleep._spool.add(waits)  # it died before it was taken out
        asleep.write_what_was_kept()
    else:
        asleep.record(known, (decided,), at(2), learned)
    *_, before, last = journal.history(KEY)
    halt = facts.read(last.entry)
    assert isinstance(halt, facts.Decided)
    assert before.entry.kind == "settled"
    assert (halt.verb, halt.reasons, halt.weighed) == (Verb.HALT, (FAILS,), None)
    assert holder._ledgers.revisions(KEY) == (revision(0),)


@pytest.mark.promise("R16", "R18")
@pytest.mark.parametrize("kept", [False, True])
def test_a_halt_keeps_its_counts_where_nobody_else_has_counted(
    journal: Journal, holder: Recorder, kept: bool
) -> None:
    decided, learned = _counted(journal, CHAIN_START)
    if kept:
        holder.spool(holder.load(KEY), (decided,), at(2), learned)
        holder.write_what_was_kept()
    else:
        holder.record(holder.load(KEY), (decided,), at(2), learned)
    halt = facts.read(journal.history(KEY)[-1].entry)
    assert isinstance(halt, facts.Decided)
    assert halt.weighed is not None
    assert holder._ledgers.head(KEY) == halt.weighed.ledger
