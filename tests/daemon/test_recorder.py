"""All of a store app's rollouts are read at once: as the journal tells them, whoever wrote to it, and from memory where
it cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.cli.export import notice_rows
from stagedrollout.core import facts
from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import Entry
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.fold import extend
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import DAEMON, ReleaseStatus, RolloutKey, Settlement, Verb
from stagedrollout.daemon.recorder import Known, Recorder, no_lease
from stagedrollout.daemon.spool import Spool
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.builders import KEY, NEWER, NOON, discovered, ppm, seen
from tests.storage.holding import hold

NEW = RolloutKey(KEY.app, KEY.store, NEWER.id)
APP = KEY.store_app
SECOND = timedelta(seconds=1)
BLIND = (facts.WentBlind(("sentry",)),)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(engine: Engine) -> Recorder:
    epoch = hold(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), epoch)
    for key in (KEY, NEW):
        recorder.begin(key, (discovered(),), NOON)
    return recorder


def test_what_was_written_last_is_what_is_read_be_it_by_somebody_else(
    engine: Engine, recorder: Recorder
) -> None:
    known, unread = recorder.load_all(APP)
    assert ([each.rollout.key for each in known], unread) == ([KEY, NEW], {})
    another = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    written = another.record(another.load(NEW), BLIND, NOON)
    (first, second), unread = recorder.load_all(APP)
    assert (first, second, unread) == (known[0], written, {})
    assert recorder.load_all(KEY.store_app)[0] == (recorder.load(KEY), recorder.load(NEW))


def test_a_damaged_journal_is_told_beside_the_others(engine: Engine, recorder: Recorder) -> None:
    unknown = Entry("of_a_later_version", NOON, {})
    Journal(engine).record(Batch(NEW, NOON, (unknown,), expected_seq=Journal(engine).head(NEW)))
    fresh = Recorder(Journal(engine), LedgerTable(engine), no_lease)
    known, unread = fresh.load_all(APP)
    assert ([each.rollout.key for each in known], list(unread)) == ([KEY], [NEW])
    assert fresh.halted(APP) == {NEW.release_id}, "nobody knows that it is not"
    assert len(recorder.load_all(APP)[0]) == 2, "who has read it before goes on from there"


def test_without_a_database_memory_serves(tmp_path: Path, recorder: Recorder) -> None:
    known, _ = recorder.load_all(APP)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("drop table event")
    assert recorder.load_all(APP) == (known, {})
    with pytest.raises(StorageError):
        recorder.load_all(type(APP)("another", APP.store))


def test_what_was_kept_for_the_database_is_written_before_it_is_read(
    engine: Engine, recorder: Recorder
) -> None:
    recorder.spool(recorder.load(KEY), BLIND, NOON)
    (first, _), _ = recorder.load_all(APP)
    assert first.rollout.blind_since == NOON
    assert first.seq == Journal(engine).head(KEY)


HALTS = facts.Decided(
    DecisionKind.HALT, (Reason("fail", "it fails"),), DAEMON, "", "i1", Verb.HALT, ppm(5), "f"
)
HALTED_NOW = (
    seen(ReleaseStatus.HALTED, 5),
    facts.Settled("i1", Verb.HALT, Settlement.CONFIRMED, "read back in the store"),
)
IN_THE_CONSOLE = facts.Drifted(Drift.HALTED, seen(percent=5), seen(ReleaseStatus.HALTED, 5))
RESUMED_THERE = facts.Drifted(Drift.RESUMED, seen(ReleaseStatus.HALTED, 5), seen(percent=5))


@pytest.mark.promise("R17", "R18", "R20")
@pytest.mark.parametrize("died", [False, True], ids=["it lives on", "it has died meanwhile"])
@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [((), True), ((IN_THE_CONSOLE,), True), ((IN_THE_CONSOLE, RESUMED_THERE), False)],
    ids=["nobody has looked", "another one takes it for a person's", "a person has resumed it"],
)
def test_a_halt_that_the_database_forgets_while_it_is_sent_is_told_as_what_it_is_by_whoever_sent_it(
    tmp_path: Path, engine: Engine, meanwhile: tuple[facts.Fact, ...], *, told: bool, died: bool
) -> None:
    spool = tmp_path / "x.spool"
    sender = Recorder(Journal(engine), LedgerTable(engine), hold(engine), Spool(spool))
    other = Recorder(Journal(engine), LedgerTable(engine), no_lease)
    begun = sender.begin(KEY, (discovered(), seen(percent=5)), NOON)
    forgotten = Known(extend(begun.rollout, (HALTS,), NOON + SECOND), begun.seq)
    sender.spool(forgotten, HALTED_NOW, NOON + 2 * SECOND)
    if meanwhile:
        other.note(KEY, meanwhile, NOON + 3 * SECOND)
    if died:
        sender = Recorder(Journal(engine), LedgerTable(engine), no_lease, Spool(spool))
    halt = sender.load(KEY).rollout.halt
    assert (halt is not None and halt.confirmed and halt.actor == DAEMON) is told
    headlines = [row["headline"] for row in notice_rows(engine) if row["kind"] == "halted"]
    assert [("HALTED at 5 % by stagedrollout" in each) for each in headlines] == [True] * told
    assert not spool.exists()


@pytest.mark.promise("R4", "R9", "R17")
@pytest.mark.parametrize("name", ["i1", "i2"], ids=["by the same name", "by another name"])
@pytest.mark.parametrize("settlement", [Settlement.CONFIRMED, Settlement.IN_DOUBT])
def test_a_halt_under_way_is_not_confirmed_by_how_an_earlier_one_ended_that_the_database_forgot(
    engine: Engine, settlement: Settlement, name: str
) -> None:
    sender = Recorder(Journal(engine), LedgerTable(engine), hold(engine), Spool(None))
    other = Recorder(Journal(engine), LedgerTable(engine), no_lease)
    begun = sender.begin(KEY, (discovered(), seen(percent=5)), NOON)
    forgotten = Known(extend(begun.rollout, (HALTS,), NOON + SECOND), begun.seq)
    ended = facts.Settled("i1", Verb.HALT, settlement, "read back in the store")
    sender.spool(forgotten, (ended,), NOON + 2 * SECOND)
    other.note(KEY, (IN_THE_CONSOLE,), NOON + 3 * SECOND)
    other.note(KEY, (seen(percent=5), RESUMED_THERE), NOON + 4 * SECOND)
    other.note(KEY, (replace(HALTS, intent=name),), NOON + 5 * SECOND)
    rollout = sender.load(KEY).rollout
    assert rollout.halt is not None
    assert (rollout.halt.confirmed, rollout.halt.at) == (False, NOON + 5 * SECOND)
    assert rollout.intent is not None
    assert rollout.intent.key == name
    assert not [row for row in notice_rows(engine) if row["kind"] == "halted"]


@pytest.mark.promise("R4", "R9", "R17")
def test_what_a_person_lowered_since_stays_their_halt_whatever_comes_late(engine: Engine) -> None:
    sender = Recorder(Journal(engine), LedgerTable(engine), hold(engine), Spool(None))
    other = Recorder(Journal(engine), LedgerTable(engine), no_lease)
    begun = sender.begin(KEY, (discovered(), seen(percent=5)), NOON)
    sender.spool(
        Known(extend(begun.rollout, (HALTS,), NOON + SECOND), begun.seq), HALTED_NOW, NOON + 2 * SECOND
    )
    other.note(KEY, (IN_THE_CONSOLE,), NOON + 3 * SECOND)
    other.note(KEY, (seen(percent=5), RESUMED_THERE), NOON + 4 * SECOND)
    lowered = facts.Drifted(Drift.LOWERED, seen(percent=5), seen(percent=1))
    kept = other.note(KEY, (seen(percent=1), lowered), NOON + 5 * SECOND)
    assert sender.load(KEY).rollout.halt == kept.rollout.halt
