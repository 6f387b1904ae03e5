"""Two replicas on one database, each with one store of a linked app: what happens on one store is seen on the other at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text

from stagedrollout.core import facts
from stagedrollout.core.errors import StorageError
from stagedrollout.core.facts import Fact
from stagedrollout.core.linking import Link
from stagedrollout.core.model import RolloutKey, Store, StoreApp, Verb
from stagedrollout.daemon import bells_of_others
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.app_pass import AppPass
from stagedrollout.daemon.bells_of_others import BellsOfOthers
from stagedrollout.daemon.linking import of_the_other
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.scheduler import Scheduler, Works
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from tests.core.builders import ANNA, COMPLETED, HALTED, KEY, NOON, discovered, intent, seen, settled, shown
from tests.daemon.test_scheduler import Clock, Nobody, Orders
from tests.storage.holding import Epoch, hold

pytestmark = pytest.mark.promise("R11")

LINK = Link(lead=Store.GOOGLE_PLAY)
IOS = RolloutKey("shop", Store.APP_STORE, "5.2.0")
PLAY_SIDE, IOS_SIDE = KEY.store_app, IOS.store_app
CHAT = (StoreApp("chat", Store.GOOGLE_PLAY), StoreApp("chat", Store.APP_STORE))
HALT = (intent(Verb.HALT, 100, "h1"), seen(HALTED), settled(verb=Verb.HALT, key="h1"))
RESUME = (intent(Verb.RESUME, 100, "r1"), settled(verb=Verb.RESUME, key="r1"))


class Shares(Everything):
    """One of several replicas, which holds these."""

    def __init__(self, *held: StoreApp, shared: bool = True) -> None:
        super().__init__()
        self.held, self.shared = set(held), shared  # type: ignore[misc]

    def holds(self, app: StoreApp) -> bool:
        return app in self.held


class AtOnce:
    """In place of threads: what is begun in a turn is over with it."""

    def __init__(self, most: int, name: str) -> None:
        """As many as anybody likes."""

    def submit(self, work: Callable[[], None], /) -> None:
        work()

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Nothing is under way."""


class Replica:
    """Its scheduler is real, and of a pass that part in which a store hears of the other one; its poll never comes."""

    def __init__(self, engine: Engine, epoch: Epoch, *held: StoreApp, link: Link | None = LINK) -> None:
        self.recorder = Recorder(Journal(engine), LedgerTable(engine), epoch)
        self.passed: list[StoreApp] = []
        self.leases = Shares(*held)
        self.bells = BellsOfOthers(Journal(engine))
        clock, anything = Clock(), SimpleNamespace(run=self._pass, beat=lambda *_: None)
        works: Any = {
            "listings": {app: listing(app, link) for app in (PLAY_SIDE, IOS_SIDE, *CHAT)},
            "passes": anything, "relay": Nobody(), "commands": Orders(), "clock": clock, "wall": clock,
            "presence": SimpleNamespace(pass_finished=lambda *_, **__: None, tell=lambda *_: None),
            "epoch": 1, "leases": self.leases, "lock_step": None, "bells_of_others": self.bells,
        }  # fmt: skip
        self.scheduler = Scheduler(
            Works(**works), pass_workers=2, halt_workers=1, drain_seconds=1, open_pool=AtOnce
        )

    def turn(self) -> list[StoreApp]:
        """Of which store apps a pass was made."""
        self.passed = []
        self.scheduler.turn()
        return self.passed

    def writes(self, key: RolloutKey, *news: Fact) -> None:
        self.recorder.record(self.recorder.load(key), news, NOON)

    def _pass(self, side: Listing) -> AppPass:
        self.passed.append(side.id)
        for key in self.recorder.keys(side.id):
            known = self.recorder.load(key)
            self.recorder.record(known, of_the_other(self.recorder, side, known.rollout, ()), NOON)
        return AppPass(datetime.now(UTC) + timedelta(hours=1), "")


def listing(app: StoreApp, link: Link | None) -> Listing:
    nothing: Any = None
    return Listing(
        id=app, mode=nothing, on_new_release=nothing, policy="", policies={}, store=nothing,
        signals=(), poll=timedelta(hours=1), link=link,
    )  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(opened)
    writer = Recorder(Journal(opened), LedgerTable(opened), hold(opened))
    writer.begin(KEY, (discovered(), facts.Started(ANNA, "go", "standard"), facts.Seen.of(shown())), NOON)
    apple = discovered(found=shown(percent=1))
    apple = replace(apple, release=replace(apple.release, id="5.2.0", version="5.2.0"))
    writer.begin(IOS, (apple, facts.Seen.of(shown(percent=1))), NOON)
    yield opened
    opened.dispose()


@pytest.fixture
def epoch(engine: Engine) -> Epoch:
    return hold(engine)


@pytest.fixture
def android(engine: Engine, epoch: Epoch) -> Replica:
    return at_rest(Replica(engine, epoch, PLAY_SIDE))


@pytest.fixture
def ios(engine: Engine, epoch: Epoch) -> Replica:
    return at_rest(Replica(engine, epoch, IOS_SIDE))


def at_rest(*replicas: Replica) -> Replica:
    for _ in range(10):
        passed = [app for each in replicas for app in each.turn()]
        if not passed:
            return replicas[0]
    raise AssertionError("they go round and round")


def statements(engine: Engine, done: Callable[[], object]) -> list[str]:
    found: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    done()
    event.remove(engine, "before_cursor_execute", note)
    return found


def test_a_halt_on_android_holds_ios_in_the_next_turn_of_the_replica_that_holds_it(
    android: Replica, ios: Replica
) -> None:
    at_rest(android, ios)
    android.writes(KEY, *HALT)
    assert ios.turn() == [IOS_SIDE]
    assert [each.by for each in ios.recorder.load(IOS).rollout.link.holding] == [str(KEY)]


def test_a_halt_on_ios_holds_android_as_well(android: Replica, ios: Replica) -> None:
    at_rest(android, ios)
    ios.writes(IOS, *HALT)
    assert android.turn() == [PLAY_SIDE]


@pytest.mark.parametrize(
    "news",
    [RESUME, (facts.WentLive(200_000),), (facts.Drifted(facts.Drift.RESUMED, seen(HALTED), seen()),)],
    ids=["who resumes it", "evidence of the lead", "who resumes it in the console"],
)
def test_what_the_other_side_waits_for_is_seen_at_once(
    android: Replica, ios: Replica, news: tuple[Fact, ...]
) -> None:
    android.writes(KEY, *HALT)
    at_rest(android, ios)
    android.writes(KEY, *news)
    assert ios.turn() == [IOS_SIDE]


def test_two_replicas_that_hear_each_other_come_to_rest_after_a_halt_and_after_its_end(
    android: Replica, ios: Replica
) -> None:
    for news in (HALT, RESUME):
        at_rest(android, ios)
        android.writes(KEY, *news)
        turns = [(ios.turn(), android.turn()) for _ in range(10)]
        assert turns == [([IOS_SIDE], [PLAY_SIDE]), *[([], [])] * 9]
    assert not ios.recorder.load(IOS).rollout.link.holding


@pytest.mark.parametrize(
    "news",
    [
        (facts.WentBlind(("x",)),),
        (seen(COMPLETED),),
        (intent(Verb.RAISE), settled()),
        (replace(intent(Verb.HALT), intent="", verb=None),),
    ],
)
def test_what_concerns_one_store_alone_makes_nobody_look(
    android: Replica, ios: Replica, news: tuple[Fact, ...]
) -> None:
    at_rest(android, ios)
    android.writes(KEY, *news)
    assert ios.turn() == []


def test_what_happens_to_another_app_wakes_nobody(engine: Engine, epoch: Epoch, ios: Replica) -> None:
    for name in ("shop2", "sho"):
        other = RolloutKey(name, Store.GOOGLE_PLAY, "5020")
        Journal(engine).record(Batch(other, NOON, tuple(facts.written(fact, NOON) for fact in HALT)))
    assert ios.turn() == []


def test_nothing_is_asked_by_one_daemon_alone_or_without_links_and_once_in_a_turn_by_others(
    engine: Engine, epoch: Epoch, ios: Replica
) -> None:
    alone = Replica(engine, epoch, PLAY_SIDE, IOS_SIDE)
    alone.leases.shared = False  # type: ignore[misc]
    both = Replica(engine, epoch, PLAY_SIDE, IOS_SIDE)
    neither = Replica(engine, epoch)
    unlinked = Replica(engine, epoch, IOS_SIDE, link=None)
    for silent in (alone, both, neither, unlinked):
        at_rest(silent)
        assert statements(engine, silent.turn) == []
    (asked,) = [line for line in statements(engine, ios.turn) if not line.startswith("BEGIN")]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", (1, 500, 0)).all()
    assert [row.detail for row in plan] == ["SEARCH event USING INTEGER PRIMARY KEY (rowid>?)"]


def test_what_was_written_while_the_database_was_out_of_reach_is_seen_afterwards(
    android: Replica, ios: Replica, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_rest(android, ios)
    android.writes(KEY, *HALT)
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "heard", lambda *_: _lost())
        assert [ios.turn(), ios.turn()] == [[], []]
    assert caplog.text.count("what other replicas write of linked apps cannot be read: it is gone") == 1
    assert ios.turn() == [IOS_SIDE]
    assert ios.turn() == []


def test_a_side_whose_replica_could_not_begin_to_listen_is_looked_at_when_it_can(
    engine: Engine, epoch: Epoch, android: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    ios = Replica(engine, epoch, IOS_SIDE)
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "place", lambda *_: _lost())
        assert [ios.turn(), ios.turn()] == [[IOS_SIDE], []]
        android.writes(KEY, *HALT)
    assert ios.turn() == [IOS_SIDE]


def _lost() -> Any:
    raise StorageError("it is gone")


@pytest.mark.parametrize("since", [(), (facts.WentBlind(("x",)),) * 30], ids=["shorter", "longer"])
def test_a_halt_is_seen_also_where_the_database_was_put_back_before_it(
    engine: Engine, android: Replica, ios: Replica, since: tuple[Fact, ...]
) -> None:
    """What was heard last is not there any more; and by their numbers alone later entries may look as if they had been heard."""
    head = Journal(engine).head(KEY)
    android.writes(KEY, *(facts.WentBlind(("y",)),) * 20)
    at_rest(android, ios)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM event WHERE seq > :head"), {"head": head})
        connection.execute(
            text("UPDATE sqlite_sequence SET seq = :head WHERE name = 'event'"), {"head": head}
        )
    android.recorder.read_anew(PLAY_SIDE)
    ios.recorder.read_anew(PLAY_SIDE)
    android.writes(KEY, *HALT, *since)
    assert ios.turn() == [IOS_SIDE]
    assert ios.recorder.load(IOS).rollout.link.holding
    assert ios.turn() == []


def test_a_halt_is_seen_although_more_was_written_than_anybody_reads_in_a_turn(
    android: Replica, ios: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_rest(android, ios)
    monkeypatch.setattr(bells_of_others, "MOST", 10)
    android.writes(KEY, *(facts.WentBlind(("x",)),) * 20, *HALT)
    assert ios.turn() == [IOS_SIDE]
    assert ios.turn() == []


@pytest.mark.parametrize("damage", ["body = 'x'", "kind = 'of_a_later_version'", "at_us = 9e99"])
def test_an_entry_that_cannot_be_read_makes_nobody_deaf(
    engine: Engine, android: Replica, ios: Replica, damage: str
) -> None:
    at_rest(android, ios)
    android.writes(KEY, facts.WentBlind(("x",)))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE event SET {damage} WHERE seq = (SELECT max(seq) FROM event)"))
    assert ios.turn() == [IOS_SIDE], "it may be anything"
    assert ios.turn() == []
    android.writes(KEY, *HALT)
    assert ios.turn() == [IOS_SIDE]


def test_a_side_is_looked_at_once_when_another_replica_takes_its_counterpart(
    engine: Engine, epoch: Epoch, android: Replica
) -> None:
    """That one may have written something before this one listened."""
    both = Replica(engine, epoch, PLAY_SIDE, IOS_SIDE)
    at_rest(both)
    android.writes(KEY, *HALT)
    both.leases.held.remove(PLAY_SIDE)
    assert both.turn() == [IOS_SIDE]
    assert both.turn() == []


def test_that_side_alone_is_looked_at_where_others_were_listened_to_before(
    engine: Engine, epoch: Epoch
) -> None:
    some = Replica(engine, epoch, PLAY_SIDE, IOS_SIDE, CHAT[1])
    at_rest(some)
    some.leases.held.remove(PLAY_SIDE)
    assert some.turn() == [IOS_SIDE]
    assert some.turn() == []


def test_nothing_was_heard_yet_and_the_first_entry_of_a_journal_is(tmp_path: Path) -> None:
    empty = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    upgrade(empty)
    epoch = hold(empty)
    android, ios = Replica(empty, epoch, PLAY_SIDE), Replica(empty, epoch, IOS_SIDE)
    at_rest(android, ios)
    android.recorder.begin(KEY, (discovered(), *HALT), NOON)
    assert ios.turn() == [IOS_SIDE]
    empty.dispose()
