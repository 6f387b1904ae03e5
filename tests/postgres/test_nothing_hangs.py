"""Whatever becomes of the server or of the way to it: everything ends within its time, in our words, and goes on afterwards."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import bindparam, text

from stagedrollout.config.settings import Limits
from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.claiming import terms_of
from stagedrollout.daemon.lease import Terms
from stagedrollout.storage import postgres
from stagedrollout.storage.engine import (
    left_open_seconds,
    open_engine,
    open_existing,
    open_readonly,
    reading,
    writing,
)
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.schema import passes
from tests.postgres.proxy import Proxy
from tests.storage.rows import NOW, SHOP, after, batch, entry

WRITES_MANY = passes.insert().values(app=bindparam("key"), store="google_play", started_us=0, problem="")
CHANGES_MANY = passes.update().where(passes.c.app == bindparam("key")).values(problem="")

pytestmark = pytest.mark.promise("R18", "R22")


@pytest.fixture
def proxied(server, server_database):
    proxy = Proxy(server.port)
    engine = open_engine(f"postgresql://postgres@127.0.0.1:{proxy.port}/{server_database}")
    yield proxy, engine
    engine.dispose()
    proxy.close()


def _seconds(asked) -> tuple[float, str]:
    begun = time.monotonic()
    with pytest.raises(StorageError) as refused:
        asked()
    return time.monotonic() - begun, str(refused.value)


def test_a_way_that_swallows_everything_is_given_up_and_a_new_one_found(monkeypatch, proxied):
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.5)
    proxy, engine = proxied
    Presence(engine).claim("one", NOW, {})
    proxy.swallows()
    seconds, said = _seconds(lambda: Presence(engine).claim("two", NOW, {}))
    assert seconds < 12, said
    assert "not answered" in said or "timeout" in said
    proxy.passes_on()
    assert Presence(engine).claim("three", NOW, {}) >= 2


def test_connections_that_were_cut_while_nobody_used_them_are_not_missed(proxied):
    proxy, engine = proxied
    Presence(engine).claim("one", NOW, {})
    proxy.cuts()
    assert Presence(engine).claim("two", NOW, {}) == 2


def test_a_connection_that_is_cut_in_the_middle_undoes_everything(proxied):
    proxy, engine = proxied

    def broken() -> None:
        with writing(engine) as connection:
            connection.execute(text("update head set seq = 99"))
            proxy.cuts()
            connection.execute(text("select 1"))

    _, said = _seconds(broken)
    assert "could not be read or written" in said
    assert Journal(engine).record(batch(entries=(entry(),)))[0].seq == 1


def test_a_server_that_ends_every_connection_is_asked_again(engine, server, server_database):
    Presence(engine).claim("one", NOW, {})
    server.runs(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{server_database}'")
    assert Presence(engine).claim("two", NOW, {}) == 2


def test_a_writer_that_waits_too_long_gets_our_error_and_can_go_on(engine, server_url):
    hasty = open_existing(server_url, busy_seconds=0.05)
    Presence(engine).claim("patient", NOW, {})
    with writing(engine) as connection:
        connection.execute(text("update replica set holder = 'holds it'"))
        seconds, said = _seconds(lambda: Presence(hasty).claim("hasty", NOW, {}))
    assert "locked" in said
    assert seconds < 2
    assert Presence(hasty).claim("hasty", NOW, {}) == 2
    hasty.dispose()


def test_a_transaction_whose_process_is_stopped_lets_its_locks_go(monkeypatch, engine, server_url):
    monkeypatch.setattr(postgres, "LEFT_OPEN_SECONDS", 0.3)
    stopped = open_existing(server_url)
    Presence(engine).claim("one", NOW, {})

    def left() -> None:
        with writing(stopped) as connection:
            connection.execute(text("update replica set holder = 'stopped'"))
            time.sleep(1.5)

    thread = threading.Thread(target=lambda: _seconds(left))
    thread.start()
    time.sleep(0.2)
    assert Presence(engine).claim("two", NOW, {}) == 2
    thread.join()
    stopped.dispose()


@pytest.mark.promise("R3", "R14")
def test_whoever_stops_in_a_transaction_holds_no_lock_any_more_when_its_lease_is_over(server_url):
    """Nobody takes over what is locked: the shortest leases are shorter than the time the server gives everybody else."""
    shortest = Limits(lease=timedelta(seconds=10), http_timeout=timedelta(seconds=1))
    opened = open_engine(server_url, left_open_seconds=shortest.left_open.total_seconds())
    terms = Terms(lease=shortest.keeps_lease, longest_request=shortest.longest_request)
    with writing(opened) as connection:
        said = connection.execute(text("show idle_in_transaction_session_timeout")).scalar_one()
    assert said == "5400ms"
    assert terms.lease is not None
    assert terms.beat + timedelta(seconds=left_open_seconds(opened)) < terms.lease
    opened.dispose()
    plenty = open_engine(server_url, left_open_seconds=Limits().left_open.total_seconds())
    assert left_open_seconds(plenty) == postgres.LEFT_OPEN_SECONDS
    plenty.dispose()


def test_a_lease_that_a_reload_shortens_still_outlasts_the_locks_of_who_stops(server_url):
    engine = open_engine(server_url, left_open_seconds=Limits().left_open.total_seconds())
    reloaded = SimpleNamespace(limits=Limits(lease=timedelta(seconds=10), http_timeout=timedelta(seconds=1)))
    assert terms_of(reloaded, engine).lease == timedelta(seconds=30)
    engine.dispose()


@pytest.mark.parametrize("of_many", [WRITES_MANY, CHANGES_MANY], ids=["written", "changed"])
def test_so_does_one_that_had_many_rows_to_write(monkeypatch, engine, server_url, of_many):
    """A driver that sends them without waiting for answers leaves a transaction behind that no server ends."""
    monkeypatch.setattr(postgres, "LEFT_OPEN_SECONDS", 0.3)
    stopped = open_existing(server_url)
    Presence(engine).claim("one", NOW, {})
    with pytest.raises(StorageError, match=r"terminat|idle"), writing(stopped) as connection:
        connection.execute(text("update replica set holder = 'stopped'"))
        connection.execute(of_many, [{"key": f"rollout {number}"} for number in range(30)])
        assert Presence(engine).claim("two", NOW, {}) == 2
    stopped.dispose()


def test_what_takes_too_long_is_ended_by_the_server(monkeypatch, server_url):
    monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 0.2)
    engine = open_existing(server_url, busy_seconds=0.2)

    def sleeps() -> None:
        with reading(engine) as connection:
            connection.execute(text("select pg_sleep(20)"))

    seconds, said = _seconds(sleeps)
    assert "longer than it may" in said
    assert seconds < 5
    engine.dispose()


def test_a_commit_is_durable_also_where_the_server_need_not_wait_for_it(engine):
    with writing(engine) as connection:
        assert connection.execute(text("show synchronous_commit")).scalar() == "on"
    with reading(engine) as connection:
        assert connection.execute(text("show synchronous_commit")).scalar() == "off"


def test_whoever_only_looks_cannot_write(engine, server_url):
    Presence(engine).claim("host/1", NOW, {})
    looking = open_readonly(server_url)
    assert Presence(looking).current() == Presence(engine).current()
    with pytest.raises(StorageError, match="read-only transaction"):
        Presence(looking).claim("intruder", NOW, {})
    looking.dispose()


def test_a_reader_sees_one_state_while_a_writer_commits(engine):
    Journal(engine).record(batch(entries=(entry(),)))
    with reading(engine) as connection:
        count = text("select count(*) from event")
        assert connection.execute(count).scalar() == 1
        Journal(engine).record(batch(entries=(entry(),)))
        assert connection.execute(count).scalar() == 1
    assert Journal(engine).head(SHOP) == 2


def test_a_failed_statement_does_not_tell_what_was_to_be_written(engine):
    with pytest.raises(StorageError) as failed, writing(engine) as connection:
        connection.execute(text("insert into daemon (id, holder) values (1, 'canary')"))
    assert "canary" not in str(failed.value)


def test_a_beat_does_not_wait_for_whoever_reads(engine):
    epoch = Presence(engine).claim("one", NOW, {})
    with reading(engine) as connection:
        connection.execute(text("select * from replica"))
        Presence(engine).beat(epoch, after(seconds=10))
