"""Two replicas on one database: whose an app is, who takes over, and who may record what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from stagedrollout.core.errors import LostLease
from stagedrollout.storage.engine import Engine, writing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.leases import Held, Leases
from stagedrollout.storage.presence import Presence
from tests.storage.rows import CHAT, NOW, SHOP, batch, entry, intent

pytestmark = pytest.mark.promise("R14")

LEASE = timedelta(seconds=60)
REQUEST = timedelta(seconds=45)
SHOP_APP, CHAT_APP = str(SHOP.store_app), str(CHAT.store_app)


class Replica:
    def __init__(self, engine: Engine, place: str) -> None:
        self.engine, self.place = engine, place
        self.leases, self.presence = Leases(engine), Presence(engine)
        self.begins()

    def begins(self) -> None:
        self.epoch = self.presence.claim(f"{self.place}:1", NOW, {}, place=self.place, lease=LEASE)

    def claims(self, *names: str) -> dict[str, Held]:
        return dict(self.leases.claim(self.epoch, names, longest_request=REQUEST))

    def falls_silent(self, ago: timedelta = timedelta(0)) -> None:
        """Its lease ran out so long ago."""
        us = ago // timedelta(microseconds=1)
        with writing(self.engine) as connection:
            now = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"
            if connection.dialect.name == "sqlite":
                now = "cast((julianday('now') - 2440587.5) * 86400000000 as integer)"
            changed = f"update replica set expires_us = {now} - {us} where epoch = {self.epoch}"
            connection.execute(text(changed))


@pytest.fixture
def a(engine: Engine) -> Replica:
    return Replica(engine, "a")


@pytest.fixture
def b(engine: Engine) -> Replica:
    return Replica(engine, "b")


def test_what_one_replica_holds_no_other_one_gets(a: Replica, b: Replica) -> None:
    assert a.claims(SHOP_APP) == {SHOP_APP: Held(1, timedelta(0))}
    assert b.leases.free([SHOP_APP, CHAT_APP]) == {CHAT_APP}
    assert b.claims(SHOP_APP, CHAT_APP) == {CHAT_APP: Held(1, timedelta(0))}
    assert [(row.name, row.holder) for row in b.leases.holders()] == [(CHAT_APP, "b:1"), (SHOP_APP, "a:1")]


def test_what_a_silent_one_held_is_taken_over_and_not_raised_while_its_last_request_may_be_under_way(
    a: Replica, b: Replica
) -> None:
    a.claims(SHOP_APP)
    a.falls_silent(ago=timedelta(seconds=5))
    held = b.claims(SHOP_APP)[SHOP_APP]
    assert held.epoch == 2
    assert timedelta(seconds=30) < held.raise_in <= timedelta(seconds=40)
    assert a.leases.mine(a.epoch) == {}
    assert a.claims(SHOP_APP) == {}, "it lives again, and has lost it all the same"


def test_the_wait_is_not_shortened_by_whoever_takes_over_next(a: Replica, b: Replica, engine: Engine) -> None:
    a.claims(SHOP_APP)
    a.falls_silent()
    b.claims(SHOP_APP)
    b.begins()
    held = b.claims(SHOP_APP)[SHOP_APP]
    assert (held.epoch, held.raise_in > timedelta(seconds=30)) == (3, True)


def test_what_is_given_away_may_be_raised_at_once(a: Replica, b: Replica) -> None:
    a.claims(SHOP_APP, CHAT_APP)
    a.leases.give(a.epoch, [SHOP_APP])
    assert b.claims(SHOP_APP, CHAT_APP) == {SHOP_APP: Held(2, timedelta(0))}


def test_a_daemon_that_begins_again_has_its_own_apps_at_once_and_under_a_new_epoch(a: Replica) -> None:
    a.claims(SHOP_APP)
    a.begins()
    assert a.claims(SHOP_APP) == {SHOP_APP: Held(2, timedelta(0))}


def test_one_that_has_just_shown_a_sign_of_life_keeps_what_it_holds(a: Replica, b: Replica) -> None:
    a.claims(SHOP_APP)
    a.falls_silent()
    a.presence.beat(a.epoch, NOW, LEASE)
    assert b.claims(SHOP_APP) == {}
    assert a.leases.is_held(SHOP_APP, a.epoch, 1)


@pytest.mark.promise("R15")
def test_who_has_lost_the_lease_or_let_it_run_out_records_no_raise(
    a: Replica, b: Replica, engine: Engine
) -> None:
    journal = Journal(engine)
    a.claims(SHOP_APP)
    first = journal.record(batch(entries=(entry(),), epoch=1))
    a.falls_silent()
    raises = batch(entries=(entry("decided"),), opened=intent(epoch=1), expected_seq=first[-1].seq, epoch=1)
    with pytest.raises(LostLease, match="ran out"):
        journal.record(raises)
    b.claims(SHOP_APP)
    with pytest.raises(LostLease, match="held by epoch 2"):
        journal.record(raises)
    assert journal.record(batch(entries=(entry("decided"),), expected_seq=first[-1].seq)), "a halt needs none"


def test_each_start_has_a_number_of_its_own_wherever_it_runs(a: Replica, b: Replica) -> None:
    before = b.epoch
    a.begins()
    assert a.epoch > before
    assert {row.place: row.epoch for row in a.presence.replicas()} == {"a": a.epoch, "b": before}
