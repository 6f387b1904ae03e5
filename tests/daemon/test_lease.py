"""Two replicas share the apps: each steers its own, and whoever is not certain of a lease raises nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from stagedrollout.core.errors import LostLease, StorageError, Unfounded
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.bootstrap import _leave
from stagedrollout.daemon.lease import HeldLeases, Terms
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.server_clock import with_clock

pytestmark = [pytest.mark.promise("R14"), pytest.mark.promise("R15")]

APPS = [StoreApp(f"app{number}", Store.GOOGLE_PLAY) for number in range(5)]
ONE = APPS[0]
TERMS = Terms(lease=timedelta(seconds=60), longest_request=timedelta(seconds=45))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Time:
    """By the server and by every machine alike."""

    passed: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def goes_on(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class Replica:
    engine: Engine
    time: Time
    place: str
    terms: Terms = TERMS
    in_use: set[StoreApp] = field(default_factory=set)

    def __post_init__(self) -> None:
        presence = Presence(self.engine)
        number = presence.claim(self.place, self.time.now(), {}, place=self.place, lease=self.terms.lease)
        steady = lambda: self.time.passed  # noqa: E731
        self.leases = HeldLeases(
            Leases(self.engine),
            presence,
            number,
            place=self.place,
            wall=self.time,
            steady=steady,
            terms=self.terms,
        )
        self.leases.begin(APPS)

    def looks(self) -> None:
        self.leases.renew()
        self.leases.tend(APPS, lambda app: app not in self.in_use)

    @property
    def holds(self) -> list[StoreApp]:
        return [app for app in APPS if self.leases.holds(app)]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def engine(tmp_path: Path, time: Time) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    upgrade(opened)
    yield with_clock(opened, time.now)
    opened.dispose()


@pytest.fixture
def a(engine: Engine, time: Time) -> Replica:
    return Replica(engine, time, "a")


@pytest.fixture
def b(a: Replica, engine: Engine, time: Time) -> Replica:
    return Replica(engine, time, "b")


def shared(a: Replica, b: Replica) -> None:
    """Once the second one has lived for a while."""
    for replica in (a, b, a, b):
        a.time.goes_on(5)
        replica.looks()


def test_the_first_one_holds_everything_and_gives_half_of_it_to_the_second(a: Replica, b: Replica) -> None:
    assert (a.holds, b.holds) == (APPS, [])
    shared(a, b)
    assert (len(a.holds), len(b.holds)) == (3, 2)
    assert sorted(map(str, [*a.holds, *b.holds])) == sorted(map(str, APPS))
    b.leases.clearance(b.holds[0])()


def test_what_the_other_one_was_too_slow_to_take_is_shared_again_a_few_leases_later(
    a: Replica, b: Replica
) -> None:
    for replica in (a, b, a):
        a.time.goes_on(5)
        replica.looks()
    assert len(a.holds) == 3, "two are offered"
    for _ in range(15):
        a.time.goes_on(5)
        b.leases.renew()
        a.looks()
    assert a.holds == APPS, "nobody took them for a lease"
    for _ in range(4 * 12):
        a.time.goes_on(5)
        b.looks()
        a.looks()
        assert (a.holds, b.holds) == (APPS, [])
    for _ in range(2 * 12):
        a.time.goes_on(5)
        b.looks()
        a.looks()
    assert (len(a.holds), len(b.holds)) == (3, 2)


def test_what_is_being_worked_on_is_not_given_away(a: Replica, b: Replica) -> None:
    a.in_use = set(APPS)
    shared(a, b)
    assert (a.holds, b.holds) == (APPS, [])


def test_one_of_both_tells_people(a: Replica, b: Replica, time: Time) -> None:
    shared(a, b)
    assert (a.leases.may_tell(), b.leases.may_tell()) == (True, False)
    time.goes_on(61)
    b.looks()
    assert not b.leases.may_tell(), "a notice that the other one has just sent is not told twice"
    time.goes_on(45)
    b.looks()
    assert (a.leases.may_tell(), b.leases.may_tell()) == (False, True)


def test_when_one_dies_the_other_has_everything_within_a_lease_and_raises_it_a_request_later(
    a: Replica, b: Replica, time: Time
) -> None:
    shared(a, b)
    lost = a.holds
    for _ in range(5):
        time.goes_on(9.9)
        b.looks()
    assert len(b.holds) == 2
    time.goes_on(6)
    b.looks()
    assert b.holds == APPS
    assert "nothing is raised for another 45s" in b.leases.reasons(lost[0])[0].text
    with pytest.raises(Unfounded, match="taken over"):
        b.leases.clearance(lost[0])()
    for _ in range(5):
        time.goes_on(9)
        b.looks()
    assert b.leases.reasons(lost[0]) == ()
    b.leases.clearance(lost[0])()


def test_one_that_stood_still_past_its_lease_sends_no_raise_that_it_had_decided_on(
    a: Replica, b: Replica, time: Time
) -> None:
    shared(a, b)
    mine = a.holds[0]
    clearance = a.leases.clearance(mine)
    clearance()
    time.goes_on(61)
    b.looks()
    with pytest.raises(LostLease):
        clearance()
    a.looks()
    assert not a.leases.holds(mine)
    with pytest.raises(LostLease):
        a.leases.epoch(mine)


def test_a_clearance_of_an_earlier_tenure_is_none_of_the_next(a: Replica, b: Replica, time: Time) -> None:
    mine = a.holds[0]
    old = a.leases.clearance(mine)
    time.goes_on(61)
    b.looks()
    time.goes_on(61)
    a.looks()
    assert a.leases.holds(mine)
    with pytest.raises(LostLease, match="any more"):
        old()


def test_what_was_lost_and_is_held_again_between_two_looks_is_told_as_held_anew(
    a: Replica, b: Replica, time: Time
) -> None:
    """The other one has counted on meanwhile: what was remembered of the app from before holds no more."""
    time.goes_on(61)
    b.looks()
    b.leases.give_all()
    a.leases.renew()
    assert a.leases.tend(APPS, lambda _: True) == tuple(APPS)
    assert a.leases.tend(APPS, lambda _: True) == ()


def test_a_request_that_would_not_be_over_before_the_lease_is_not_sent(
    a: Replica, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    clearance = a.leases.clearance(ONE)
    time.goes_on(14)
    clearance()
    time.goes_on(2)
    clearance()  # it has given another sign of life first
    time.goes_on(16)
    monkeypatch.setattr(Presence, "beat", _fails)
    with pytest.raises(LostLease, match="cannot be told"):
        clearance()


def _fails(*_: object, **__: object) -> None:
    raise StorageError("the database is away")


def test_while_the_database_is_away_its_apps_are_watched_on(
    a: Replica, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Presence, "beat", _fails)
    time.goes_on(1_000)
    with pytest.raises(StorageError):
        a.looks()
    assert a.holds == APPS


def test_what_only_one_configuration_knows_is_steered_by_whoever_knows_it(
    a: Replica, b: Replica, time: Time
) -> None:
    """`b` has as many as its share; what `a` does not take for a whole lease is `b`'s too."""
    shared(a, b)
    more = [*APPS, StoreApp("new", Store.APP_STORE)]
    for _ in range(8):
        time.goes_on(9)
        a.looks()
        b.leases.renew()
        b.leases.tend(more, lambda _: True)
    assert b.leases.holds(more[-1])


def test_a_daemon_that_is_stopped_gives_everything_away(a: Replica, b: Replica) -> None:
    shared(a, b)
    a.leases.give_all()
    a.leases._presence.leave(a.leases._replica, NOON)
    b.looks()
    assert b.holds == APPS
    assert b.leases.reasons(ONE) == ()
    assert b.leases.may_tell()


def test_alone_on_a_file_nothing_ever_runs_out(engine: Engine, time: Time) -> None:
    alone = Replica(engine, time, "", Terms())
    time.goes_on(1_000_000)
    assert not alone.leases.shared
    alone.leases.clearance(ONE)()
    again = Replica(engine, time, "", Terms())
    again.leases.clearance(ONE)()
    with pytest.raises(LostLease):
        alone.leases.clearance(ONE)()
    with pytest.raises(LostLease):
        alone.leases.renew()


@pytest.mark.promise("R14", "R17")
def test_a_daemon_that_a_put_back_database_does_not_know_takes_nothing_from_whoever_has_its_number_now(
    tmp_path: Path,
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    upgrade(engine)
    presence, leases = Presence(engine), Leases(engine)
    now = presence.claim("db2:1", NOON, {}, place="b", lease=TERMS.lease)
    leases.claim(now, ["shop/google_play"], longest_request=TERMS.longest_request)
    works = SimpleNamespace(
        leases=SimpleNamespace(give_all=lambda: leases.give(now, ["shop/google_play"])),
        presence=presence,
        epoch=now,
        wall=SimpleNamespace(now=lambda: NOON),
    )
    _leave(SimpleNamespace(works=works, stop=lambda: (), lost=True))  # type: ignore[arg-type]
    assert [row.replica for row in leases.holders()] == [now]
    assert not presence.replicas()[0].stopped
    engine.dispose()
