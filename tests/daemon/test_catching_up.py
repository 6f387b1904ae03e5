"""What was kept while the journal could not be written, and what others have written meanwhile: who halted it, who is told, and
what a person has said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.approval import REMOVAL
from stagedrollout.core.drift import by_nobody_known, learn
from stagedrollout.core.facts import Fact, Started, WentLive
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import DAEMON, CommandVerb, Settlement, Verb
from stagedrollout.core.override_facts import Approved
from stagedrollout.daemon.recorder import Recorder, no_lease
from stagedrollout.daemon.spool import Kept, Spool
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
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

FAILS, WORSE = Reason("fail", "crash-free 95.1 % < 99 %"), Reason("fail", "crash-free 80 % < 99 %")
HALT = facts.Decided(facts.DecisionKind.HALT, (FAILS,), DAEMON, "", f"{KEY}/2/halt", Verb.HALT, ppm(50), "f1")
AGAIN = replace(HALT, reasons=(WORSE,), intent=f"{KEY}/3/halt")
SHOWN = (seen(HALTED), settled(verb=Verb.HALT, key=HALT.intent))
SHOWN_AGAIN = (seen(HALTED), settled(verb=Verb.HALT, key=AGAIN.intent))
IN_THE_CONSOLE = (
    seen(STAGED, 50),
    facts.Drifted(facts.Drift.RESUMED, seen(HALTED), seen(STAGED, 50)),
    WentLive(ppm(50)),
)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def holder(journal: Journal) -> Recorder:
    """At 50 %."""
    holder = Recorder(journal, LedgerTable(journal._engine), hold(journal._engine))
    begun = (discovered(), Started(ANNA, "go", "standard", "c0"), seen(), WentLive(ppm(10)))
    holder.begin(KEY, begun, NOON - DAY)
    _write(holder, at(0), intent(Verb.RAISE, 50, "r1"))
    _write(holder, at(0), seen(STAGED, 50), settled(Settlement.CONFIRMED, Verb.RAISE, "r1"))
    return holder


@pytest.fixture
def cut_off(journal: Journal, tmp_path: Path) -> Recorder:
    return Recorder(journal, LedgerTable(journal._engine), no_lease, Spool(tmp_path / "x.spool"))


def _write(recorder: Recorder, when: datetime, *news: Fact) -> None:
    recorder.record(recorder.load(KEY), news, when)


def _halts_first(holder: Recorder) -> None:
    _write(holder, at(1), HALT)
    _write(holder, at(1), *SHOWN)


def _sees_it_halted(holder: Recorder, when: datetime) -> tuple[Fact, ...]:
    look: Any = store(shown(HALTED), at=when)
    return learn(holder.load(KEY).rollout, look, when)


def _decided_since(journal: Journal, when: datetime) -> list[str]:
    """Why, in words."""
    told = (facts.read(each.entry) for each in journal.history(KEY) if each.entry.at >= when)
    return [fact.reasons[0].text for fact in told if isinstance(fact, facts.Decided)]


@pytest.mark.promise("R13", "R18", "R20")
def test_people_are_not_told_again_of_what_another_had_halted_when_it_was_looked_at(
    journal: Journal, holder: Recorder, cut_off: Recorder
) -> None:
    before = cut_off.load(KEY)
    _halts_first(holder)
    drifted = facts.Drifted(facts.Drift.HALTED, seen(STAGED, 50), seen(HALTED))
    sent = cut_off.spool(before, (seen(HALTED), drifted, AGAIN), at(20))
    cut_off.spool(sent, (settled(verb=Verb.HALT, key=AGAIN.intent),), at(20))
    written = journal.history(KEY)
    cut_off.write_what_was_kept()
    assert journal.history(KEY) == written
    assert not cut_off._spool.rollouts()


@pytest.mark.promise("R14", "R18", "R20")
def test_a_halt_of_what_somebody_has_resumed_in_the_console_is_told_with_its_author(
    journal: Journal, holder: Recorder, cut_off: Recorder
) -> None:
    """Before whoever halted it first had looked again: the resume is undone, and nobody else knows by whom."""
    before = cut_off.load(KEY)
    _halts_first(holder)
    sent = cut_off.spool(before, (AGAIN,), at(180))
    cut_off.spool(sent, SHOWN_AGAIN, at(180))
    cut_off.write_what_was_kept()
    assert _decided_since(journal, at(2)) == [WORSE.text]
    assert holder.load(KEY).rollout.intent is None


@pytest.mark.promise("R10", "R18")
def test_what_a_person_did_between_two_halts_is_in_the_journal_with_them(
    journal: Journal, holder: Recorder, tmp_path: Path
) -> None:
    one = Recorder(journal, holder._ledgers, holder._epoch, Spool(tmp_path / "y.spool"))
    known = one.spool(one.load(KEY), (HALT,), at(1))
    known = one.spool(known, SHOWN, at(1))
    known = one.spool(known, (*IN_THE_CONSOLE, AGAIN), at(60))
    one.spool(known, SHOWN_AGAIN, at(60))
    one.write_what_was_kept()
    told = [each.entry.kind for each in journal.history(KEY) if each.entry.at > at(0)]
    halted = ["decided", "seen", "settled"]
    assert told == [*halted, "seen", "drifted", "went_live", *halted]
    assert _decided_since(journal, at(1)) == [FAILS.text, WORSE.text]


@pytest.mark.promise("R18", "R20")
def test_a_halt_after_a_resume_in_the_console_is_told_whatever_was_written_beside_it(
    journal: Journal, holder: Recorder, cut_off: Recorder
) -> None:
    _halts_first(holder)
    cut_off.spool(cut_off.load(KEY), (*IN_THE_CONSOLE, AGAIN), at(60))
    _write(holder, at(61), facts.WentBlind(("x",)))
    cut_off.write_what_was_kept()
    assert _decided_since(journal, at(50)) == [WORSE.text]


@pytest.mark.promise("R14", "R17", "R20")
def test_what_somebody_unknown_is_said_to_have_halted_is_ours_once_it_can_be_written(
    holder: Recorder, cut_off: Recorder
) -> None:
    """A journal in doubt names nobody for what is seen halted."""
    sent = cut_off.spool(cut_off.load(KEY), (HALT,), at(2))
    cut_off.spool(sent, SHOWN, at(2))
    _write(holder, at(4), *by_nobody_known(_sees_it_halted(holder, at(4))))
    cut_off.write_what_was_kept()
    halt = holder.load(KEY).rollout.halt
    assert halt is not None
    assert (halt.actor, halt.reason) == (DAEMON, FAILS.text)


@pytest.mark.promise("R14", "R17", "R20")
def test_what_a_database_that_was_put_back_has_forgotten_is_ours_whoever_is_said_to_have_halted_it(
    holder: Recorder, cut_off: Recorder
) -> None:
    seq = cut_off.load(KEY).seq
    lost = Kept(KEY, (HALT,), at(2), seq=seq + 40, head="lost")
    cut_off._spool.add(Kept(KEY, SHOWN, at(2), None, lost, seq + 41, "lost too"))
    _write(holder, at(4), *by_nobody_known(_sees_it_halted(holder, at(4))))
    cut_off.write_what_was_kept()
    halt = holder.load(KEY).rollout.halt
    assert halt is not None
    assert (halt.actor, halt.reason) == (DAEMON, FAILS.text)


@pytest.mark.promise("R14", "R19", "R20")
def test_a_resume_that_was_known_does_not_end_a_halt_that_a_slow_clock_dates_before_it(
    holder: Recorder, cut_off: Recorder
) -> None:
    _halts_first(holder)
    _write(
        holder,
        at(20),
        facts.Commanded("c7", CommandVerb.RESUME, ANNA, "false alarm", True, "resuming"),
        intent(Verb.RESUME, 50, "s1", "c7"),
    )
    _write(holder, at(20), seen(STAGED, 50), settled(verb=Verb.RESUME, key="s1"), WentLive(ppm(50)))
    cut_off.spool(cut_off.load(KEY), (replace(AGAIN, intent=f"{KEY}/4/halt"),), at(19))
    _write(holder, at(35), *_sees_it_halted(holder, at(35)))
    cut_off.write_what_was_kept()
    halt = holder.load(KEY).rollout.halt
    assert halt is not None
    assert (halt.actor, halt.reason) == (DAEMON, WORSE.text)


@pytest.mark.promise("R12")
def test_what_a_person_said_beside_a_halt_that_is_not_needed_any_more_is_kept(
    journal: Journal, holder: Recorder, cut_off: Recorder
) -> None:
    before = cut_off.load(KEY)
    _halts_first(holder)
    order = facts.Commanded("c9", CommandVerb.APPROVE, ANNA, "ok", True, "agrees")
    approved = Approved(ANNA, (), "ok", REMOVAL, "PASS", at(240), "c9")
    cut_off.spool(before, (seen(HALTED), order, approved, AGAIN), at(2))
    cut_off.write_what_was_kept()
    assert "c9" in holder.load(KEY).rollout.taken
    assert _decided_since(journal, at(2)) == []


@pytest.mark.promise("R16", "R18")
def test_a_halt_that_another_life_has_kept_rests_on_no_counts_that_are_not_there(
    journal: Journal, holder: Recorder, tmp_path: Path
) -> None:
    weighed = facts.Weighed("a1", 5.0, 0.0, (), 0.5, 0.02, 1.2, 2.5, NOON)
    known, path = holder.load(KEY), tmp_path / "z.spool"
    Spool(path).add(Kept(KEY, (replace(HALT, weighed=weighed),), at(2), seq=known.seq, head=known.head))
    Recorder(journal, holder._ledgers, holder._epoch, Spool(path)).write_what_was_kept()
    halt = facts.read(journal.history(KEY)[-1].entry)
    assert isinstance(halt, facts.Decided)
    assert (halt.reasons, halt.weighed) == ((FAILS,), None)
