"""Replicas that do not agree raise nothing, and say why; one that joins believes another one that keeps a mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from stagedrollout.config.load import load
from stagedrollout.config.steering import steering
from stagedrollout.core.clocks import disagreement
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Actor, ActorKind
from stagedrollout.daemon.accepting import accept
from stagedrollout.daemon.footing import open_highwater
from stagedrollout.daemon.health.findings import findings
from stagedrollout.daemon.health.replicas import DOUBT, STEERS, problems
from stagedrollout.daemon.peers import Peers
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.highwater import HighWater, Mark, beside, read_mark, write_mark
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import Undelivered
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.server_clock import with_clock
from tests.storage.rows import batch, entry

pytestmark = pytest.mark.promise("R14")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
QUIET = Undelivered(0, None, 0)


class Server:
    """A database that several replicas share, and what time it is there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, NOON
        self.opened = open_engine(f"sqlite:///{folder / 'state.db'}")
        upgrade(self.opened)
        self.engine: Engine = with_clock(self.opened, lambda: self.now)

    def goes_on(self, seconds: float = 10) -> None:
        self.now += timedelta(seconds=seconds)

    def steady(self) -> float:
        return self.now.timestamp()


class Replica:
    def __init__(self, server: Server, place: str, *, ahead: timedelta = timedelta(0), **info: Any) -> None:
        self.server, self.place, self.ahead = server, place, ahead
        self.presence = Presence(server.engine)
        before = self.presence.current()
        self.highwater = HighWater(server.folder / f"{place}.highwater", server.engine)
        self.highwater.begin(at_first=before is None)
        told = {STEERS: "one", "highwater": True, **info}
        self.epoch = self.presence.claim(f"{place}:1", self._now(), told, place=place, lease=LEASE)
        self.peers = Peers(
            server.engine,
            self.epoch,
            self.highwater,
            timedelta(seconds=15),
            believed_for=LEASE,
            steady=server.steady,
        )
        self.peers.look()

    def beats(self) -> None:
        self.presence.beat(self.epoch, self._now(), LEASE, place=self.place)
        self.peers.look()

    def _now(self) -> datetime:
        return self.server.now + self.ahead

    @property
    def why_not(self) -> str:
        return "; ".join(reason.text for reason in (*self.peers.reasons(), *self.peers.unheard()))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    found.opened.dispose()


def test_two_that_agree_have_nothing_to_say(server: Server) -> None:
    a, b = Replica(server, "a"), Replica(server, "b")
    server.goes_on()
    a.beats()
    assert (a.why_not, b.why_not) == ("", "")


def test_two_configurations_on_one_database_raise_nothing_on_either_side(server: Server) -> None:
    a, b = Replica(server, "a"), Replica(server, "b", steers="another")
    server.goes_on()
    a.beats()
    assert "b:1 runs on the same database with another configuration (another, and a:1 has one)" in a.why_not
    assert "a:1 runs on the same database with another configuration" in b.why_not
    assert len(list(problems(a.presence.replicas()))) == 1
    server.goes_on(61)
    a.beats()
    assert a.why_not == "", "the other one is dead by now"


@pytest.mark.promise("R17")
def test_what_one_of_them_misses_in_the_journal_none_of_them_raises_on(server: Server) -> None:
    a = Replica(server, "a")
    Journal(server.engine, a.highwater).record(batch(entries=(entry(), entry("decided"))))
    b = Replica(server, "b")
    for replica in (a, b, a, b):
        server.goes_on()
        replica.beats()
    assert (a.why_not, b.why_not, b.highwater.doubt()) == ("", "", None)
    with writing(server.engine) as connection:
        connection.execute(text("delete from event where seq = 2"))
    server.goes_on()
    a.beats()
    b.beats()
    assert a.highwater.doubt() is not None
    assert b.highwater.doubt() is not None, "its own mark has followed what the other one wrote"
    assert "a:1 says: the journal ends at entry 1 and had come to 2" in b.why_not


def _put_back(server: Server) -> None:
    with writing(server.engine) as connection:
        connection.execute(text("delete from event where seq = 2"))


def _two_of_which_one_has_marked_what_is_lost(server: Server) -> tuple[Replica, Replica]:
    """Its standby had heard everything but the newest entry, which the other one had not seen either."""
    a, b = Replica(server, "a"), Replica(server, "b")
    Journal(server.engine, a.highwater).record(batch(entries=(entry(),)))
    for replica in (a, b):
        server.goes_on()
        replica.beats()
    Journal(server.engine, a.highwater).record(batch(expected_seq=1, entries=(entry("decided"),)))
    _put_back(server)
    server.goes_on()
    a.beats()
    return a, b


@pytest.mark.promise("R17")
@pytest.mark.parametrize("gone", ["dead", "stopped"])
def test_what_a_replica_knew_to_be_lost_stays_known_when_it_is_gone(server: Server, gone: str) -> None:
    a, b = _two_of_which_one_has_marked_what_is_lost(server)
    if gone == "dead":
        server.goes_on(2 * LEASE.total_seconds())
    else:
        a.presence.leave(a.epoch, server.now)
    b.beats()
    assert "a:1 says: the journal ends at entry 1 and had come to 2" in b.why_not
    assert b.highwater.doubt() is None, "its own mark is older than what is lost"
    assert any("had come to 2" in said for said in problems(b.presence.replicas()))


@pytest.mark.promise("R17")
def test_what_was_read_before_the_database_was_put_back_is_read_anew_once(server: Server) -> None:
    a, b = _two_of_which_one_has_marked_what_is_lost(server)
    assert b.peers.look(), "the other one has told it"
    assert not b.peers.look()
    assert not a.peers.look(), "it has known since its last sign of life"


@pytest.mark.promise("R17")
def test_a_person_goes_on_although_the_replica_that_knew_will_never_come_back(server: Server) -> None:
    _, b = _two_of_which_one_has_marked_what_is_lost(server)
    server.goes_on(2 * LEASE.total_seconds())
    b.beats()
    assert b.why_not
    b.highwater.follow(vouched=True)
    write_mark(
        beside(server.folder / "state.db"), read_mark(server.folder / "b.highwater") or Mark(0, "", "")
    )
    done = accept(server.engine, Actor(ActorKind.HUMAN, "ana"), "its machine burned down", server.now)
    assert done is not None
    assert "a:1 says: the journal ends at entry 1 and had come to 2" in done.lost
    b.beats()
    assert b.why_not == ""
    assert accept(server.engine, Actor(ActorKind.HUMAN, "ana"), "again", server.now) is None


@pytest.mark.promise("R17")
def test_one_that_joins_without_a_mark_waits_until_another_one_that_lives_has_vouched(server: Server) -> None:
    a = Replica(server, "a")
    Journal(server.engine, a.highwater).record(batch(entries=(entry(),)))
    b = Replica(server, "b")
    b.beats()
    assert b.highwater.doubt() is not None, "what the other one said before need not be of this journal"
    server.goes_on()
    a.beats()
    b.beats()
    assert b.highwater.doubt() is not None, "it may have looked before its sign of life"
    server.goes_on()
    a.beats()
    b.beats()
    assert b.highwater.doubt() is None
    mark = read_mark(server.folder / "b.highwater")
    assert mark is not None
    assert mark.seq == 1


@pytest.mark.promise("R17")
def test_one_that_doubts_vouches_for_nobody(server: Server) -> None:
    a = Replica(server, "a")
    journal = Journal(server.engine, a.highwater)
    journal.record(batch(entries=(entry(), entry("decided"))))
    with writing(server.engine) as connection:
        connection.execute(text("delete from event where seq = 2"))
    b = Replica(server, "b")
    server.goes_on()
    a.beats()
    b.beats()
    assert b.highwater.doubt() is not None


@pytest.mark.promise("R19")
def test_a_replica_whose_clock_is_wrong_raises_nothing_and_is_named(server: Server) -> None:
    a, b = Replica(server, "a"), Replica(server, "b", ahead=timedelta(hours=1))
    assert disagreement(a.peers.clocks()) is None
    reason = disagreement(b.peers.clocks())
    assert reason is not None
    assert "the database server is 1h behind this machine's clock" in reason.text
    server.goes_on()
    a.beats()
    told = [each.said for each in findings(a.presence.statuses(), QUIET, server.now, LEASE)]
    assert "the clock of b:1 is 1h ahead of the database's: it raises nothing" in told


def test_when_the_others_cannot_be_looked_at_what_they_said_counts_for_a_lease_and_then_nothing_is_raised(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = Replica(server, "a")
    monkeypatch.setattr(Presence, "replicas", _fails)
    for _ in range(6):
        server.goes_on()
        with pytest.raises(StorageError):
            a.peers.look()
    assert a.why_not == "", "the database hiccups now and then"
    server.goes_on()
    assert a.why_not == "what the other replicas say has not been read for 1m 10s"
    monkeypatch.undo()
    a.beats()
    assert a.why_not == ""


def test_what_was_wrong_with_another_one_stands_until_a_look_shows_that_it_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = Replica(server, "a"), Replica(server, "b", steers="another")
    a.beats()
    b.presence.leave(b.epoch, server.now)
    monkeypatch.setattr(Presence, "replicas", _fails)
    with pytest.raises(StorageError):
        a.peers.look()
    assert "another configuration" in a.why_not
    monkeypatch.undo()
    a.beats()
    assert a.why_not == ""


def test_before_the_first_look_at_the_others_nothing_is_raised(server: Server) -> None:
    a = Replica(server, "a")
    fresh = Peers(server.engine, a.epoch, None, timedelta(seconds=15))
    assert [reason.text for reason in fresh.unheard()] == [
        "what the other replicas say has not been read yet"
    ]


def _fails(*_: object, **__: object) -> None:
    raise StorageError("the database is away")


def test_a_schema_that_has_moved_on_is_named_and_nothing_is_raised(server: Server) -> None:
    a = Replica(server, "a")
    with writing(server.engine) as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    a.beats()
    assert "the database has the schema 9999 by now" in a.why_not


def test_one_that_fell_silent_is_told_and_wakes_nobody(server: Server) -> None:
    a, b = Replica(server, "a"), Replica(server, "b")
    Leases(server.engine).claim(b.epoch, ["shop/google_play"], longest_request=LEASE)
    server.goes_on(90)
    a.beats()
    found = findings(a.presence.statuses(), QUIET, server.now, timedelta(seconds=45))
    told = {each.said: each.ill for each in found}
    assert told["the replica b:1 has given no sign of life for 1m 30s: the others have its apps"] is False


CONFIG = """\
database: sqlite:///state.db
google_play: {credentials: {file: play.json}}
sentry: {organization: acme, token: {env: SENTRY_TOKEN}}
apps:
  - name: shop
    policy: standard
    google_play: {package: com.acme.shop, sentry: {project: shop}}
"""


def test_replicas_differ_by_what_steers_and_not_by_where_they_run(tmp_path: Path) -> None:
    def of(text: str) -> str:
        path = tmp_path / "stagedrollout.yaml"
        path.write_text(text)
        return steering(load(path, environ={}))

    same = of(CONFIG)
    elsewhere = CONFIG.replace("sqlite:///state.db", "postgresql://bob@db/rollouts\nstate: there")
    assert of(elsewhere + "health: {heartbeat_file: beat, listen: '127.0.0.1:9000'}\n") == same
    assert of(CONFIG.replace("policy: standard", "policy: cautious")) != same
    assert of(CONFIG + "limits: {lease: 30s}\n") != same


def test_what_a_replica_says_of_itself_is_what_is_looked_for(server: Server) -> None:
    a = Replica(server, "a")
    row = a.presence.current()
    assert row is not None
    assert row.info[DOUBT] == ""
    assert list(problems((row, replace(row, place="b", info={**row.info, STEERS: "x"})))) != []
    assert open_highwater(server.engine, row) is not None
