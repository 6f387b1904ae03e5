"""The journal cannot be written and something must be stopped: it is, and the journal has it later (promise R18)."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad

pytestmark = pytest.mark.promise("R18")


def _database(stage):
    (database,) = (stage.conf / "state").glob("*.db")
    return database


@contextmanager
def nobody_can_write(stage):
    """Readers go on; every writer is turned away after the database's own patience."""
    connection = sqlite3.connect(_database(stage), isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def _halts(stage):
    told = [row["body"] for row in stage.document("history")["history"] if row["kind"] == "decided"]
    return [body for body in told if body["decision"] == "HALT"]


def test_a_halt_goes_out_while_the_journal_cannot_be_written_and_a_killed_daemon_loses_nothing_of_it(opens):
    stage = opens(turns_bad(short(until="12h"), at="3h"), to="3h")
    spool = _database(stage).with_name(_database(stage).name + ".spool")
    with nobody_can_write(stage):
        stage.stops_at("8h")
        stage.serves("halted", 0, within=90)
        eventually(spool.exists, what="the spool")
        assert spool.stat().st_mode & 0o777 == 0o600
        stage.kills_daemon()
        assert _halts(stage) == []
    waiting = stage.types("db", "check")
    assert (waiting.code, "waits" in waiting.out) == (1, True), waiting.out
    stage.starts_daemon()
    stage.plays_to("8h")
    assert stage.shows("halted")
    assert len(_halts(stage)) == 1
    assert not spool.exists()
    assert stage.types("history", "--verify").code == 0
    assert stage.types("db", "check").code == 0
    assert stage.messages("HALTED")
    assert stage.served() == ("halted", 0)


def test_a_spool_met_again_after_a_crash_is_written_once(opens):
    stage = opens(turns_bad(short(until="12h"), at="3h"), to="3h")
    spool = _database(stage).with_name(_database(stage).name + ".spool")
    with nobody_can_write(stage):
        stage.stops_at("8h")
        stage.serves("halted", 0, within=90)
        eventually(spool.exists, what="the spool")
        stage.kills_daemon()
    left = spool.read_bytes()
    stage.starts_daemon()
    stage.plays_to("6h")
    stage.kills_daemon()
    spool.write_bytes(left + b'{"at": "half a li')  # as if it had died before it could be emptied
    before = stage.document("history")["history"]
    stage.starts_daemon()
    stage.plays_to("8h")
    after = stage.document("history")["history"]
    assert after[: len(before)] == before
    assert len(_halts(stage)) == 1
    assert not spool.exists()
    assert spool.with_name(spool.name + ".unreadable").read_bytes() == b'{"at": "half a li\n'


def test_a_halt_goes_out_where_neither_journal_nor_spool_can_be_written(opens):
    stage = opens(turns_bad(short(until="12h"), at="3h"), to="3h")
    spool = _database(stage).with_name(_database(stage).name + ".spool")
    spool.mkdir()
    with nobody_can_write(stage):
        stage.stops_at("8h")
        stage.serves("halted", 0, within=90)
        stage.daemon.says("kept in memory only")
    stage.plays_to("8h")
    assert stage.shows("halted")
    assert len(_halts(stage)) == 1
