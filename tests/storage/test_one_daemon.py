"""Who runs: the epoch, the heartbeat, the passes, and the lock that keeps a second daemon out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.storage.engine import Engine, open_readonly, writing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import rollouts
from tests.storage.rows import CHAT, NOW, SHOP, STANDING, after, batch, entry

pytestmark = pytest.mark.promise("R14")

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from stagedrollout.storage.lock import SingleDaemonLock

with SingleDaemonLock.beside(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def presence(engine: Engine) -> Presence:
    return Presence(engine)


def test_every_start_claims_the_next_epoch(presence: Presence) -> None:
    assert presence.current() is None
    assert presence.claim("host/1", NOW, {"version": "0.1.0"}) == 1
    assert presence.claim("host/2", after(minutes=1), {"clock": "emulator"}) == 2
    row = presence.current()
    assert row is not None
    assert (row.holder, row.epoch, row.info) == ("host/2", 2, {"clock": "emulator"})
    assert (row.started_at, row.heartbeat_at) == (after(minutes=1), after(minutes=1))


def test_a_replaced_daemon_learns_it_at_its_next_beat(presence: Presence) -> None:
    old = presence.claim("one", NOW, {})
    presence.beat(old, after(seconds=10))
    new = presence.claim("two", after(seconds=20), {})
    with pytest.raises(LostLease):
        presence.beat(old, after(seconds=30))
    presence.beat(new, after(seconds=40))
    row = presence.current()
    assert row is not None
    assert (row.holder, row.heartbeat_at) == ("two", after(seconds=40))


def test_a_running_pass_keeps_the_words_of_the_last_one(presence: Presence) -> None:
    presence.pass_started(SHOP.store_app, NOW)
    (row,) = presence.passes()
    assert (row.started_at, row.finished_at, row.next_due_at, row.problem) == (NOW, None, None, "")
    due = after(minutes=15)
    presence.pass_finished(SHOP.store_app, after(seconds=2), next_due=due, problem="sentry is down")
    presence.pass_started(SHOP.store_app, due)
    (row,) = presence.passes()
    assert (row.started_at, row.finished_at, row.problem) == (due, after(seconds=2), "sentry is down")
    presence.pass_finished(SHOP.store_app, due, next_due=None, problem="")
    presence.pass_started(CHAT.store_app, due)
    assert [(p.store_app, p.problem) for p in presence.passes()] == [
        (CHAT.store_app, ""),
        (SHOP.store_app, ""),
    ]


def test_what_was_there_at_the_first_look_stays_what_it_was(presence: Presence) -> None:
    assert presence.past(SHOP.store_app) is None
    presence.keep_past(SHOP.store_app, "5010", NOW)
    presence.keep_past(SHOP.store_app, "5020", after(hours=1))
    presence.pass_finished(SHOP.store_app, after(hours=1), next_due=None, problem="")
    assert (presence.past(SHOP.store_app), presence.past(CHAT.store_app)) == ("5010", None)
    presence.pass_finished(CHAT.store_app, NOW, next_due=None, problem="")  # by a version that kept none
    presence.keep_past(CHAT.store_app, "7.0.1", NOW)
    assert presence.past(CHAT.store_app) == "7.0.1"
    assert [(row.started_at, row.finished_at) for row in presence.passes()] == [
        (NOW, NOW),
        (NOW, after(hours=1)),
    ]


def test_status_is_read_while_the_daemon_holds_the_write_lock(engine: Engine, url: str) -> None:
    presence = Presence(engine)
    presence.claim("host/1", NOW, {})
    presence.pass_started(SHOP.store_app, NOW)
    Journal(engine).record(batch(entries=(entry(),), summary=STANDING))
    cli = open_readonly(url, busy_seconds=0.1)
    with writing(engine) as connection:
        connection.execute(rollouts.update().values(phase="halted"))
        seen = Presence(cli).statuses()
    assert seen.daemon is not None
    assert seen.daemon.holder == "host/1"
    assert [(row.rollout, row.summary) for row in seen.rollouts] == [(SHOP, STANDING)]
    assert [row.store_app for row in seen.passes] == [SHOP.store_app]
    assert Presence(cli).statuses().rollouts[0].summary.phase == "halted"
    cli.dispose()


def test_a_second_daemon_is_refused_in_words(path: Path) -> None:
    words = rf"process {os.getpid()}\) already runs"
    with SingleDaemonLock.beside(path), pytest.raises(StorageError, match=words):
        SingleDaemonLock.beside(path).__enter__()
    with SingleDaemonLock.beside(path):
        assert (path.parent / "state.db.lock").stat().st_mode & 0o777 == 0o600


def test_the_lock_of_a_killed_daemon_is_free_at_once(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=f"process {child.pid}.*already"):
            SingleDaemonLock.beside(path).__enter__()
        child.send_signal(signal.SIGKILL)
        child.wait()
        with SingleDaemonLock.beside(path):
            pass


def test_a_lock_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="lock file"):
        SingleDaemonLock.beside(tmp_path / "missing" / "state.db").__enter__()


def test_a_server_without_a_state_folder_gets_no_daemon() -> None:
    with pytest.raises(StorageError, match="`state`"):
        SingleDaemonLock.beside(None)


def test_a_daemon_that_leaves_is_known_to_be_gone_and_a_newer_one_stays(presence: Presence) -> None:
    first = presence.claim("host:1", NOW, {"version": "1"})
    presence.leave(first, NOW)
    gone = presence.current()
    assert gone is not None
    assert gone.info == {"version": "1", "stopped_at": NOW.isoformat()}
    presence.claim("host:2", NOW, {"version": "1"})
    presence.leave(first, NOW)
    newer = presence.current()
    assert newer is not None
    assert newer.info == {"version": "1"}
