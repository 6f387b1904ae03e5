"""The database was put back: the channel hears that the journal lacks its end, from one replica, and when that is settled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from stagedrollout.core.errors import StorageError
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import Actor, ActorKind
from stagedrollout.core.notice import Notice
from stagedrollout.daemon.accepting import accept
from stagedrollout.daemon.clock_watch import ClockWatch
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.footing import KeptFooting
from stagedrollout.daemon.put_back import AGAIN, JUST_NOW, VOUCHED_FOR_IN, PutBack
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.highwater import BEHIND, UNMARKED, UNWRITABLE, HighWater, beside
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from tests.core.builders import NOON
from tests.storage.rows import batch, entry

pytestmark = pytest.mark.promise("R17")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LOST = Reason(BEHIND, "the journal ends at entry 3 and had come to 9")
ELSEWHERE = Reason("replica_doubts", "db2:815 says: the journal ends at entry 3 and had come to 9")
NO_MARK = Reason(UNMARKED, "the high-water file is missing")
NO_DISK = Reason(UNWRITABLE, "the high-water file cannot be written")
APART = Reason("replicas_differ", "another configuration")


class Replica:
    """What it finds, what time it has, and whether it is the one that tells people."""

    def __init__(self, outbox: OutboxTable, *, on_duty: bool = True) -> None:
        self.on_duty, self.at = on_duty, NOON
        self.finds: tuple[Reason, ...] | None = ()
        self.put_back = PutBack(lambda: self.finds, outbox, self, lambda: self.on_duty)

    def now(self):
        return self.at

    def looks(self, *finds: Reason, after: timedelta = timedelta(0)) -> None:
        self.finds, self.at = finds, self.at + after
        self.put_back.look()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    upgrade(found)
    yield found
    found.dispose()


@pytest.fixture
def outbox(engine: Engine) -> OutboxTable:
    return OutboxTable(engine)


def told(outbox: OutboxTable) -> list[str]:
    """What stands in the outbox, each in a word."""
    return [each.notice.key.split("/")[1] for each in outbox.everything()]


LACKS, WHOLE = "lacks_its_end", "whole_again"


def notice(outbox: OutboxTable) -> Notice:
    return outbox.everything()[-1].notice


def test_what_is_told_names_what_is_lost_what_is_held_and_the_command_to_go_on(outbox: OutboxTable) -> None:
    Replica(outbox).looks(LOST)
    said = notice(outbox)
    assert said.broadcast
    assert said.headline == "NOTHING IS RAISED: the journal may lack its end"
    facts = {fact.name: fact.text for fact in said.facts}
    assert facts["Why"] == LOST.text
    assert facts["Held"] == "every raise of every app, by the schedule and by people; halts go on"
    assert 'stagedrollout db accept --reason "..."' in facts["To go on"]


def test_it_is_told_once_a_day_and_once_more_when_a_person_has_gone_on(outbox: OutboxTable) -> None:
    one = Replica(outbox)
    one.looks()
    for _ in range(24 * 6 + 1):
        one.looks(LOST, after=10 * MINUTE)
    assert told(outbox) == [LACKS, LACKS]
    one.looks()
    one.looks(APART, after=2 * AGAIN)
    assert told(outbox) == [LACKS, LACKS, WHOLE]
    assert notice(outbox).headline == "The journal is in doubt no more: raises are allowed again"


def test_of_two_replicas_one_tells_and_the_other_one_goes_on_from_there(outbox: OutboxTable) -> None:
    one, other = Replica(outbox), Replica(outbox, on_duty=False)
    for each in (one, other):
        each.looks()
    other.looks(LOST)
    assert told(outbox) == []
    one.looks(ELSEWHERE)
    assert told(outbox) == [LACKS]
    one.on_duty, other.on_duty = False, True
    other.looks(LOST, after=HOUR)
    one.looks(ELSEWHERE, after=HOUR)
    assert told(outbox) == [LACKS]
    other.looks(LOST, after=AGAIN)
    assert told(outbox) == [LACKS, LACKS]
    one.on_duty, other.on_duty = True, False
    one.looks(ELSEWHERE, after=AGAIN + MINUTE)
    assert told(outbox) == [LACKS, LACKS], "the other one has told it just now"
    other.looks()
    assert told(outbox) == [LACKS, LACKS]
    one.looks()
    other.on_duty = True
    other.looks(after=HOUR)
    assert told(outbox) == [LACKS, LACKS, WHOLE]


def test_two_that_both_take_themselves_for_the_one_that_tells_tell_it_once(outbox: OutboxTable) -> None:
    """The database that was put back may say of both what was so once."""
    one, other = Replica(outbox), Replica(outbox)
    for each in (one, other):
        each.looks()
    one.looks(LOST)
    other.looks(LOST, after=-MINUTE)
    assert told(outbox) == [LACKS]


def test_another_life_does_not_tell_it_again_and_tells_that_it_is_settled(outbox: OutboxTable) -> None:
    Replica(outbox).looks(LOST)
    again = Replica(outbox)
    again.looks(LOST, after=HOUR)
    assert told(outbox) == [LACKS]
    again.looks(after=HOUR)
    assert told(outbox) == [LACKS, WHOLE]


def test_a_database_that_is_put_back_once_more_is_told_at_once(outbox: OutboxTable, engine: Engine) -> None:
    """Also where it knows no more that the first time was settled."""
    one = Replica(outbox)
    one.looks(LOST)
    one.looks(after=HOUR)
    one.looks(LOST, after=HOUR)
    assert told(outbox) == [LACKS, WHOLE, LACKS]
    one.looks(after=MINUTE)
    one.looks(LOST, after=MINUTE)
    assert told(outbox) == [LACKS, WHOLE, LACKS, WHOLE, LACKS]
    one.looks(after=HOUR)
    with writing(engine) as connection:
        connection.execute(text("delete from outbox where key like 'journal/whole%'"))
    one.looks(LOST, after=JUST_NOW)
    assert told(outbox) == [LACKS, LACKS, LACKS, LACKS]


def test_a_replica_for_which_another_one_vouches_alarms_nobody(outbox: OutboxTable) -> None:
    new = Replica(outbox)
    new.looks(NO_MARK)
    new.looks(NO_MARK, after=VOUCHED_FOR_IN / 2)
    new.looks(after=VOUCHED_FOR_IN)
    new.looks(NO_MARK)
    assert told(outbox) == []
    new.looks(NO_MARK, after=VOUCHED_FOR_IN)
    assert told(outbox) == [LACKS]


def test_that_the_mark_cannot_be_written_settles_nothing(outbox: OutboxTable) -> None:
    one = Replica(outbox)
    one.looks(LOST)
    one.looks(NO_DISK)
    assert told(outbox) == [LACKS]


def test_before_anybody_has_looked_nothing_is_told(outbox: OutboxTable) -> None:
    Replica(outbox).looks(LOST)
    one = Replica(outbox)
    one.finds = None
    one.put_back.look()
    one.looks(LOST, after=HOUR)
    assert told(outbox) == [LACKS], "it has not been whole in between"


def test_while_all_is_well_the_database_is_not_asked(
    outbox: OutboxTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Replica(outbox)
    one.looks(LOST)
    one.looks()
    monkeypatch.setattr(OutboxTable, "newest_of_the_daemon", _asked)
    monkeypatch.setattr(OutboxTable, "announce", _asked)
    one.looks()
    one.looks(APART, after=HOUR)


def test_what_cannot_be_written_down_is_told_when_it_can_and_logged_once(
    outbox: OutboxTable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = Replica(outbox)
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(OutboxTable, "announce", _fails)
        one.looks(LOST)
        one.looks(LOST)
    assert [record.getMessage() for record in caplog.records] == [
        "nobody can be told yet how it is with the journal: the database is away"
    ]
    one.looks(LOST)
    assert told(outbox) == [LACKS]
    with monkeypatch.context() as broken:
        broken.setattr(OutboxTable, "announce", _fails)
        one.looks()
    one.looks()
    assert told(outbox) == [LACKS, WHOLE]


def _asked(*_: object, **__: object) -> None:
    pytest.fail("nobody is asked")


def _fails(*_: object, **__: object) -> None:
    raise StorageError("the database is away")


def test_what_the_mark_tells_is_told_until_a_person_has_accepted_it(
    engine: Engine, outbox: OutboxTable, tmp_path: Path
) -> None:
    """By a real file beside a real database; a look that the database does not answer changes nothing."""
    highwater = HighWater(beside(tmp_path / "state.db"), engine)
    highwater.begin(at_first=True)
    Journal(engine, highwater).record(batch(entries=(entry(), entry("decided"))))
    one = Replica(outbox)
    footing = KeptFooting(highwater, ClockWatch(one, elapsed))
    one.put_back = PutBack(footing.of_the_journal, outbox, one, lambda: True)
    assert footing.of_the_journal() is None
    with writing(engine) as connection:
        connection.execute(text("delete from event where seq = 2"))
    footing.reasons(NOON)
    one.put_back.look()
    assert told(outbox) == [LACKS]
    assert "the journal ends at entry 1 and had come to 2" in notice(outbox).facts[0].text
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("stagedrollout.storage.highwater.reading", _fails)
        assert "cannot be told" in footing.reasons(NOON)[0].text
    one.put_back.look()
    assert told(outbox) == [LACKS]
    assert accept(engine, Actor(ActorKind.HUMAN, "ana"), "the standby lagged", NOON)
    footing.reasons(NOON)
    one.put_back.look()
    assert told(outbox)[-1] == WHOLE


def test_what_was_accepted_while_no_daemon_ran_is_told_by_the_next_one(outbox: OutboxTable) -> None:
    Replica(outbox).looks(LOST)
    again = Replica(outbox)
    again.looks(after=HOUR)
    again.looks(after=HOUR)
    assert told(outbox) == [LACKS, WHOLE]


def test_a_database_that_is_put_back_again_soon_after_that_is_told_as_well(outbox: OutboxTable) -> None:
    Replica(outbox).looks(LOST)
    Replica(outbox).looks(after=HOUR)
    Replica(outbox).looks(Reason(BEHIND, "the journal ends at entry 5 and had come to 90"), after=5 * HOUR)
    assert told(outbox) == [LACKS, WHOLE, LACKS]
