"""A replica that cannot reach a store lets another one that can have its apps, and no two of them play ping-pong."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Throttled, Unreachable
from stagedrollout.core.model import Store, StoreApp, StoreState, Unread
from stagedrollout.daemon.app_pass import AppPass
from stagedrollout.daemon.health.findings import About, findings
from stagedrollout.daemon.health.replicas import UNREACHED, replicas_document
from stagedrollout.daemon.health.report import Silent
from stagedrollout.daemon.lease import HeldLeases
from stagedrollout.daemon.looking import looked
from stagedrollout.daemon.pacing import AsAsked
from stagedrollout.daemon.pass_ends import pass_ended
from stagedrollout.daemon.reach import BARRED_SECONDS, LOOK_AGAIN, Reach
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.leases import NOTICES, Leases
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import Undelivered
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.server_clock import with_clock
from tests.daemon.test_lease import TERMS, Time

pytestmark = pytest.mark.promise("R3")

PLAY = [StoreApp(f"app{number}", Store.GOOGLE_PLAY) for number in range(4)]
APPLE = [StoreApp(f"app{number}", Store.APP_STORE) for number in range(2)]
APPS = [*PLAY, *APPLE]
GOOGLE, APP_STORE = Store.GOOGLE_PLAY.value, Store.APP_STORE.value
SILENCE = Unreachable(GOOGLE, "read the track", "no connection: Connection refused")


@dataclass
class Replica:
    """What it looks at every half minute, and says of it, as scheduler and passes do. `cut`: what does not answer it."""

    engine: Engine
    time: Time
    place: str
    watching: list[str] | None = None
    cut: set[str] = field(default_factory=set)
    in_use: set[StoreApp | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        steady = lambda: self.time.passed  # noqa: E731
        self.presence, self.reach = Presence(self.engine), Reach(steady)
        info: dict[str, Any] = {} if self.watching is None else {"watching": self.watching}
        self.number = self.presence.claim(
            f"{self.place}:1", self.time.now(), info, place=self.place, lease=TERMS.lease
        )
        self.leases = HeldLeases(
            Leases(self.engine), self.presence, self.number,
            place=self.place, wall=self.time, steady=steady, terms=TERMS, reach=self.reach,
        )  # fmt: skip
        self.leases.begin(APPS)

    def turns(self) -> None:
        self.leases.renew()
        self.presence.tell(self.number, {UNREACHED: dict(self.reach.told())})
        self.leases.tend(APPS, lambda app: app not in self.in_use)

    def looks(self) -> None:
        for app in self.holds:
            self.reach.met(app.store.value, SILENCE if app.store.value in self.cut else None)

    @property
    def holds(self) -> set[StoreApp]:
        return {app for app in APPS if self.leases.holds(app)}

    @property
    def play(self) -> set[StoreApp]:
        return self.holds & set(PLAY)


def go_on(*replicas: Replica, seconds: float) -> None:
    """Everybody turns every five seconds, and looks every thirty."""
    time = replicas[0].time
    for step in range(int(seconds / 5)):
        for replica in replicas:
            if step % 6 == 0:
                replica.looks()
            replica.turns()
        time.goes_on(5)


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
    made = Replica(engine, time, "b")
    go_on(a, made, seconds=60)
    assert len(a.holds) == len(made.holds) == 3
    return made


def test_the_apps_of_a_store_that_only_one_of_two_reaches_are_that_ones_after_two_looks(
    a: Replica, b: Replica
) -> None:
    a.cut = {GOOGLE}
    apple = a.holds - a.play
    go_on(a, b, seconds=30)
    assert a.play, "one look may fail"
    go_on(a, b, seconds=30)
    assert (a.play, b.play) == (set(), set(PLAY))
    assert apple <= a.holds, "of what it reaches it lets go of nothing"
    b.leases.clearance(PLAY[0])()
    assert all(b.leases.reasons(app) == () for app in PLAY), "nothing can be under way of what was given away"


def test_what_is_under_way_is_finished_first(a: Replica, b: Replica) -> None:
    [halting, *_] = sorted(a.play, key=str)
    a.cut, a.in_use = {GOOGLE}, {halting}
    go_on(a, b, seconds=90)
    assert a.play == {halting}, "a halt that it still sends is not lost"
    assert a.leases.lets_go(halting), "and no further pass over it begins, or it would never be over"
    assert not any(a.leases.lets_go(app) for app in a.holds - a.play)
    a.in_use = set()
    go_on(a, b, seconds=10)
    assert a.play == set()


def test_a_vendors_no_is_the_same_for_everybody_and_moves_nothing(a: Replica, b: Replica) -> None:
    before = a.holds
    answers: list[EdgeError] = [
        Denied(GOOGLE, "read the track", "the key is revoked", status=403),
        Faulty(GOOGLE, "read the track", "backend error", status=503),
        Throttled(GOOGLE, "read the track", "quota"),
        Unreachable(GOOGLE, "read the track", "an answer of no use", status=502),
    ]
    for _ in range(10):
        for answer in answers:
            a.reach.met(GOOGLE, answer)
        go_on(a, b, seconds=5)
        a.time.goes_on(25)
    assert a.holds == before


def test_two_that_both_cannot_reach_a_store_keep_what_they_have(a: Replica, b: Replica) -> None:
    a.cut = b.cut = {GOOGLE}
    before = a.holds, b.holds
    for _ in range(40):
        go_on(a, b, seconds=300)
        assert (a.holds, b.holds) == before


def test_when_the_second_one_loses_the_store_as_well_nothing_goes_back_and_forth(
    a: Replica, b: Replica
) -> None:
    a.cut = {GOOGLE}
    go_on(a, b, seconds=120)
    b.cut = {GOOGLE}
    changes, before = 0, b.play
    for _ in range(240):
        go_on(a, b, seconds=60)
        changes += before != b.play
        before = b.play
    assert changes == 0
    b.cut = set()
    go_on(a, b, seconds=180)
    assert b.play == set(PLAY), "the first one has tried meanwhile whether it does as well"


def test_once_its_network_is_mended_it_has_its_share_again(a: Replica, b: Replica) -> None:
    a.cut = {GOOGLE}
    go_on(a, b, seconds=120)
    assert a.play == set()
    a.cut = set()
    go_on(a, b, seconds=BARRED_SECONDS)
    assert len(a.holds) == len(b.holds) == 3
    assert a.reach.told() == {}


def test_where_it_stays_cut_off_it_tries_again_ever_more_seldom(a: Replica, b: Replica) -> None:
    a.cut = {GOOGLE}
    tries, held = [], True
    for minute in range(600):
        go_on(a, b, seconds=60)
        if a.play and not held:
            tries.append(minute)
        held = bool(a.play)
    apart = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) in (5, 6)
    assert apart == sorted(apart), "each time after twice as long"
    assert not held, "and each time another one has them again after two looks"


def test_whoever_is_alone_keeps_everything_whatever_it_reaches(a: Replica) -> None:
    a.cut = {GOOGLE, APP_STORE}
    go_on(a, seconds=600)
    assert a.holds == set(APPS)
    assert not any(map(a.leases.lets_go, APPS))


def test_when_the_only_one_that_reaches_a_store_dies_its_apps_are_watched_for_again(
    a: Replica, b: Replica
) -> None:
    a.cut = {GOOGLE}
    go_on(a, b, seconds=120)
    assert a.play == set()
    go_on(a, seconds=75)
    assert a.holds == set(APPS), "it may reach it again, and nobody else is there"


def test_an_app_that_the_other_one_does_not_watch_is_kept(engine: Engine, time: Time) -> None:
    a = Replica(engine, time, "a")
    b = Replica(engine, time, "b", watching=[str(app) for app in APPS if app != PLAY[0]])
    a.cut = {GOOGLE}
    go_on(a, b, seconds=120)
    assert a.play == {PLAY[0]}
    assert b.play == set(PLAY[1:])


def test_of_three_the_two_that_reach_a_store_share_its_apps_at_once(engine: Engine, time: Time) -> None:
    a, b, c = (Replica(engine, time, place) for place in "abc")
    go_on(a, b, c, seconds=90)
    assert [len(each.holds) for each in (a, b, c)] == [2, 2, 2]
    a.cut = {GOOGLE, APP_STORE}
    go_on(a, b, c, seconds=60)
    assert [len(each.holds) for each in (a, b, c)] == [0, 3, 3]


@pytest.mark.promise("R20")
def test_people_are_told_by_another_one_once_slack_has_not_answered_for_minutes(
    a: Replica, b: Replica
) -> None:
    assert a.leases.on_duty()
    a.reach.met(NOTICES, SILENCE)
    go_on(a, b, seconds=110)
    a.reach.met(NOTICES, SILENCE)
    go_on(a, b, seconds=10)
    assert a.leases.on_duty(), "Slack is away now and then"
    a.in_use = {None}
    a.reach.met(NOTICES, SILENCE)
    go_on(a, b, seconds=10)
    assert a.leases.on_duty(), "what is being sent is not sent by two"
    a.in_use = set()
    go_on(a, b, seconds=10)
    assert (a.leases.on_duty(), b.leases.on_duty()) == (False, True)
    assert b.leases.may_tell(), "nothing can be under way"
    go_on(a, b, seconds=3600)
    assert b.leases.on_duty(), "it does not go back while that one does well"


@pytest.mark.promise("R20")
def test_where_slack_answers_nobody_whoever_tells_people_goes_on_trying(a: Replica, b: Replica) -> None:
    for _ in range(20):
        a.reach.met(NOTICES, SILENCE)
        b.reach.met(NOTICES, SILENCE)
        go_on(a, b, seconds=60)
    assert a.leases.on_duty()


def test_a_store_that_has_just_failed_is_looked_at_again_soon_and_then_at_its_own_pace() -> None:
    time = Time()
    reach = Reach(lambda: time.passed)
    assert not reach.doubts(GOOGLE)
    reach.met(GOOGLE, SILENCE)
    assert (reach.doubts(GOOGLE), reach.cut_off()) == (True, frozenset())
    time.goes_on(1)
    reach.met(GOOGLE, SILENCE)
    assert reach.doubts(GOOGLE), "what fails in the same moment is the same trouble"
    time.goes_on(LOOK_AGAIN.total_seconds())
    reach.met(GOOGLE, SILENCE)
    assert (reach.doubts(GOOGLE), reach.cut_off()) == (False, frozenset({GOOGLE}))
    assert reach.told() == {GOOGLE: "no connection: Connection refused"}
    reach.met(GOOGLE, None)
    assert (reach.doubts(GOOGLE), reach.cut_off(), reach.told()) == (False, frozenset(), {})


def test_a_look_tells_whether_anybody_answered() -> None:
    time = Time()
    reach = Reach(lambda: time.passed)
    fails: list[EdgeError] = [SILENCE, Denied(GOOGLE, "read the track", "403", status=403)]

    def read() -> StoreState:
        raise fails[0]

    found = looked(read, Store.GOOGLE_PLAY, time, reach)
    assert isinstance(found, Unread)
    assert reach.told() == {GOOGLE: "no connection: Connection refused"}
    fails.pop(0)
    denied = looked(read, Store.GOOGLE_PLAY, time, reach)
    assert isinstance(denied, Unread)
    assert denied.denied
    assert reach.told() == {}, "whoever says no is reached"
    reach.met(GOOGLE, SILENCE)
    state = StoreState((), "", time.now())
    assert looked(lambda: state, Store.GOOGLE_PLAY, time, reach) is state
    assert reach.told() == {}


@pytest.mark.parametrize("shared", [True, False])
def test_after_a_look_that_nothing_answered_the_next_one_comes_soon_where_another_replica_could_take_over(
    shared: bool,
) -> None:
    time = Time()
    dues: dict[StoreApp, datetime] = {}
    reach = Reach(lambda: time.passed)
    asked = time.now() + timedelta(minutes=15)
    works: Any = SimpleNamespace(
        clock=time, listings={PLAY[0]: None}, pace=AsAsked(), reach=reach, report=Silent(),
        leases=SimpleNamespace(shared=shared, holds=lambda app: True),
        presence=SimpleNamespace(pass_finished=lambda *_, **__: None),
    )  # fmt: skip

    def ends() -> timedelta:
        outcome: Future[AppPass] = Future()
        outcome.set_result(AppPass(asked, "the store could not be read"))
        pass_ended(works, PLAY[0], outcome, time.now(), dues.__setitem__)
        return dues[PLAY[0]] - time.now()

    reach.met(GOOGLE, SILENCE)
    assert ends() == (LOOK_AGAIN if shared else timedelta(minutes=15))
    time.goes_on(30)
    reach.met(GOOGLE, SILENCE)
    assert dues[PLAY[0]] - time.now() <= timedelta(minutes=15)
    assert ends() == timedelta(minutes=14, seconds=30), "what is known is looked at at its own pace"


def test_who_does_not_reach_what_is_told_in_status_and_health(a: Replica, b: Replica) -> None:
    a.cut = {GOOGLE}
    go_on(a, b, seconds=90)
    words = (
        "a:1 cannot reach Google Play (no connection: Connection refused): its apps there go to a replica that can,"
        " once two looks have failed"
    )
    assert told(a) == {words: False}, "for its apps are looked at by another one"
    [of_a, of_b] = sorted(
        replicas_document(a.presence.replicas(), Leases(a.engine).holders()), key=lambda each: each["holder"]
    )
    assert (of_a["cannot_reach"], of_b["cannot_reach"]) == (
        {GOOGLE: "no connection: Connection refused"},
        {},
    )
    b.cut = {GOOGLE}
    go_on(a, b, seconds=30)
    assert told(a) == {"no replica reaches Google Play: no connection: Connection refused": True}


def told(replica: Replica) -> dict[str, bool]:
    """What `health` says of replicas, and whether anybody is to be woken for it."""
    now, age = replica.time.now(), timedelta(minutes=1)
    found = findings(replica.presence.statuses(), Undelivered(0, None, 0), now, age)
    return {finding.said: finding.ill for finding in found if finding.about is About.REPLICAS}
