"""One daemon on a server: another machine's keeps out, this machine's own dead one does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stagedrollout.storage.engine import beside_database, open_existing
from stagedrollout.storage.lock import SingleDaemonLock, elsewhere
from stagedrollout.storage.presence import Presence
from tests.acceptance.stories import short
from tests.postgres.fixtures import ASKED, PASSWORD
from tests.storage.rows import NOW, after

pytestmark = pytest.mark.promise("R14")


def _row(engine, **info):
    Presence(engine).claim("other:1", NOW, info)
    return Presence(engine).current()


def test_who_was_heard_of_lately_on_another_machine_keeps_others_out(engine):
    row = _row(engine, place="there")
    assert elsewhere(None, "here", NOW) == ""
    said = elsewhere(row, "here", after(seconds=12))
    assert "another stagedrollout daemon (other:1) already runs" in said
    assert "12 s ago" in said
    assert elsewhere(row, "here", after(seconds=-12))  # its clock is ahead of ours
    assert elsewhere(row, "here", after(seconds=45)) == ""


def test_who_held_this_very_lock_or_said_goodbye_is_gone(engine):
    row = _row(engine, place="here")
    assert elsewhere(row, "here", NOW) == ""
    epoch = Presence(engine).claim("other:1", NOW, {"place": "there"})
    Presence(engine).leave(epoch, NOW)
    assert elsewhere(Presence(engine).current(), "here", NOW) == ""


def test_a_lock_file_keeps_what_tells_it_from_others(engine, tmp_path):
    path = beside_database(engine)
    assert path is not None
    with SingleDaemonLock.beside(path) as first:
        assert len(first.place) == 16
    with SingleDaemonLock.beside(path) as second:
        assert second.place == first.place
    with SingleDaemonLock.beside(tmp_path / "another") as other:
        assert other.place != first.place


def test_a_second_machine_is_refused_and_starts_once_the_first_is_silent(
    opens, server, server_database, daemon_role
):
    stage = opens(short(until="24h"))
    stage.moves_to_server(server.url(server_database, ASKED), PASSWORD)
    now = datetime.now(UTC)
    engine_of_another(server, server_database, now)
    refused = stage.starts_daemon_unwatched()
    assert refused.ended(within=30) == 1
    assert "another stagedrollout daemon (far:1) already runs on this database" in refused.said
    engine_of_another(server, server_database, now - timedelta(minutes=1))
    stage.stops_at("0m")
    stage.starts_daemon()


def engine_of_another(server, database: str, heard_of: datetime) -> None:
    engine = open_existing(server.url(database))
    Presence(engine).claim("far:1", heard_of, {"place": "far"})
    engine.dispose()
