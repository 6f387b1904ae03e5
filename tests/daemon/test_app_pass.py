"""One rollout's trouble is no other's: a journal that nobody can read keeps no other release from its halt."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.facts import Drifted, Fact, Seen, WentLive
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Halt, Rollout
from stagedrollout.core.model import (
    Command,
    CommandVerb,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Store,
    StoreRelease,
    Verb,
)
from stagedrollout.core.people import People
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.storage.commands import CommandResult
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED
from tests.core.builders import (
    ANNA,
    HALTED,
    KEY,
    NEWER,
    NOON,
    OLDER,
    POLL,
    RELEASE,
    intent,
    order,
    rolling,
    settled,
    shown,
    store,
    with_facts,
)

OLD = RolloutKey(KEY.app, KEY.store, OLDER.id)
NEW = RolloutKey(KEY.app, KEY.store, NEWER.id)
COMPLETED, PUBLISHED = ReleaseStatus.COMPLETED, ReviewState.PUBLISHED
DAMAGED = "the journal is damaged at seq 7"


class Noon:
    def now(self) -> datetime:
        return NOON


@dataclass
class Journal:
    """Rollouts by key; None stands for one whose journal is damaged."""

    kept: dict[RolloutKey, Rollout | None]
    begun: list[RolloutKey] = field(default_factory=list)
    written: list[Fact] = field(default_factory=list)

    def load_all(self, app: Any) -> tuple[tuple[Any, ...], dict[RolloutKey, StorageError]]:
        read = tuple(SimpleNamespace(rollout=rollout) for rollout in self.kept.values() if rollout)
        return read, {key: StorageError(f"{DAMAGED}: {key}") for key, kept in self.kept.items() if not kept}

    def load(self, key: RolloutKey) -> Any:
        rollout = self.kept[key]
        if rollout is None:
            raise StorageError(f"{DAMAGED}: {key}")
        return SimpleNamespace(rollout=rollout)

    def remembered(self, key: RolloutKey) -> Any:
        return self.load(key)

    def begin(self, key: RolloutKey, news: tuple[Fact, ...], at: datetime) -> None:
        self.begun.append(key)
        self.written += news


@dataclass
class Steering:
    """Notes whose turn it was and with which order; those in `mistakes` break off."""

    found: Any
    mistakes: frozenset[RolloutKey] = frozenset()
    turns: list[tuple[RolloutKey, str]] = field(default_factory=list)
    looks: int = 0
    wished: bool = False
    footing: Any = field(default_factory=lambda: SimpleNamespace(reasons=lambda now: ()))
    actuator: Any = field(default_factory=lambda: SimpleNamespace(announce_halt=lambda listing: None))
    people: People = field(default_factory=People)

    def look(self, listing: Any) -> Any:
        self.looks += 1
        return replace(self.found, perhaps_wished=self.wished and self.looks == 1)

    glance = look

    def reconcile(
        self, listing: Any, key: RolloutKey, store: Any, order: Command | None, others: Any = ()
    ) -> Any:
        self.turns.append((key, order.id if order else ""))
        if key in self.mistakes:
            raise ZeroDivisionError(str(key))
        decision = SimpleNamespace(also=(), change=None, reasons=())
        return SimpleNamespace(due=NOON + POLL, decision=decision, outcome=None)


@dataclass
class Orders:
    left: tuple[Command, ...] = ()
    answered: list[tuple[str, CommandResult]] = field(default_factory=list)

    def waiting(self) -> tuple[Command, ...]:
        return self.left

    def take(self, order: str, now: datetime) -> bool:
        return True

    def finish(self, order: str, result: CommandResult, text: str, now: datetime) -> None:
        self.answered.append((order, result))

    def find(self, order: str) -> None:
        """None of them is known by its id."""


@dataclass
class Memory:
    """What was complete at the first look."""

    kept: str | None = None
    broken: bool = False

    def past(self, app: Any) -> str | None:
        if self.broken:
            raise StorageError("disk I/O error")
        return self.kept

    def keep_past(self, app: Any, release_id: str, now: datetime) -> None:
        self.kept = release_id


LISTING: Any = SimpleNamespace(id=KEY.store_app, policy="steps", on_new_release=OnNewRelease.WAIT, poll=POLL)


APPLE_LISTING: Any = SimpleNamespace(**{**vars(LISTING), "id": APPLE_KEY.store_app})


def passes(
    kept: dict[RolloutKey, Rollout | None], *mistakes: RolloutKey, orders: Orders | None = None
) -> Any:
    found = store(shown(), shown(release=OLDER), shown(release=NEWER))
    return AppPasses(
        recorder=Journal(kept), reconciler=Steering(found, frozenset(mistakes)),
        commands=orders or Orders(), presence=Memory(), clock=Noon(), wall=Noon(),
    )  # type: ignore[arg-type]  # fmt: skip


def older() -> Rollout:
    return replace(rolling(), key=OLD, release=OLDER)


def test_a_release_is_watched_although_anothers_journal_is_damaged():
    house = passes({OLD: None, KEY: rolling()})
    with pytest.raises(StorageError, match=DAMAGED):
        house.run(LISTING)
    assert house.reconciler.turns == [(KEY, "")]


def test_a_release_whose_journal_is_damaged_does_not_begin_anew():
    house = passes({NEW: None, KEY: rolling()})
    with pytest.raises(StorageError):
        house.run(LISTING)
    assert NEW not in house.recorder.begun


def test_no_order_is_carried_out_while_it_is_not_plain_whom_it_means():
    orders = Orders((order(CommandVerb.ADVANCE),))
    house = passes({NEW: None, KEY: rolling()}, orders=orders)
    with pytest.raises(StorageError):
        house.run(LISTING)
    assert (house.reconciler.turns, orders.answered) == ([(KEY, "")], [])


@pytest.mark.promise("R11")
@pytest.mark.parametrize("brake", [CommandVerb.HOLD, CommandVerb.REJECT])
def test_of_the_orders_that_wait_for_one_release_what_stops_comes_before_what_raises(brake: CommandVerb):
    """Whoever ordered it later, and from wherever: in one pass each release has one order."""
    orders = Orders((order(CommandVerb.ADVANCE, id="first"), order(brake, id="later")))
    house = passes({KEY: rolling()}, orders=orders)
    house.run(LISTING)
    assert house.reconciler.turns == [(KEY, "later")]


def test_of_two_orders_that_raise_the_older_one_has_its_turn():
    orders = Orders((order(CommandVerb.ADVANCE, id="older"), order(CommandVerb.COMPLETE, id="newer")))
    house = passes({KEY: rolling()}, orders=orders)
    house.run(LISTING)
    assert house.reconciler.turns == [(KEY, "older")]


def test_a_mistake_over_one_release_leaves_the_others_their_turn_and_no_trouble_is_lost(
    caplog: pytest.LogCaptureFixture,
):
    house = passes({OLD: older(), KEY: rolling()}, OLD, KEY)
    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError, match=str(OLD)):
        house.run(LISTING)
    assert house.reconciler.turns == [(OLD, ""), (KEY, "")]
    assert [str(KEY) in record.getMessage() for record in caplog.records] == [True]


def test_what_goes_out_to_everyone_after_the_first_look_begins_a_rollout_and_what_was_there_before_does_not():
    """Nothing was rolled out in stages yet, by which anybody could tell."""
    house = passes({})
    house.reconciler.found = store(shown(COMPLETED, release=OLDER))
    house.run(LISTING)
    assert (house.recorder.begun, house.presence.kept) == ([], OLDER.id)
    house.reconciler.found = store(shown(COMPLETED))
    house.run(LISTING)
    assert (house.recorder.begun, house.presence.kept) == ([KEY], OLDER.id)


def test_a_database_that_does_not_say_what_was_there_before_makes_nothing_complete_new(
    caplog: pytest.LogCaptureFixture,
):
    """Announced now, a release of last year would be; a new one is found by the look that can read it."""
    house = passes({KEY: rolling()})
    house.presence.broken = True
    house.reconciler.found = store(shown(), shown(COMPLETED, release=NEWER))
    with caplog.at_level(logging.ERROR):
        house.run(LISTING)
    assert (house.recorder.begun, house.reconciler.turns) == ([], [(KEY, "")])
    assert "disk I/O error" in caplog.text


@pytest.mark.parametrize("named", ["", RELEASE.version])
def test_a_person_halts_what_is_going_on_although_an_old_journal_is_damaged(named: str):
    house = passes({OLD: None, KEY: rolling()})
    house.halt(LISTING, order(CommandVerb.HALT, release=named))
    assert house.reconciler.turns == [(KEY, "c1")]


@pytest.mark.parametrize(
    ("kept", "looks"),
    [
        (rolling(), 1),
        (with_facts(rolling(), intent()), 2),
        (None, 2),
    ],
    ids=["nothing is open", "a change is open", "its journal does not say"],
)
def test_what_a_process_that_died_may_only_have_wished_is_looked_at_once_more_where_a_change_is_open(
    kept: Rollout | None, looks: int
):
    house = passes({KEY: kept})
    house.reconciler.wished = True
    with suppress(StorageError):
        house.run(LISTING)
    assert house.reconciler.looks == looks


@pytest.mark.parametrize(
    ("landed", "looks"), [(timedelta(seconds=1), 2), (timedelta(0), 1), (-POLL, 1), (timedelta(days=300), 1)]
)
def test_a_look_that_was_begun_before_our_halt_landed_is_repeated(landed: timedelta, looks: int):
    """It may show what was before, and on the App Store that would be somebody who has resumed it. A clock that was once far ahead
    is no landing."""
    done = (intent(Verb.HALT, 10, "h1"), Seen.of(shown(HALTED)), settled(verb=Verb.HALT, key="h1"))
    house = passes({KEY: with_facts(rolling(), *done, at=NOON + landed)})
    house.run(LISTING)
    assert house.reconciler.looks == looks


def test_whom_a_halt_means_is_not_told_by_what_a_process_that_died_may_only_have_wished():
    house = passes({KEY: with_facts(rolling(shown(COMPLETED)), intent())})
    house.reconciler.wished = True
    house.halt(LISTING, order(CommandVerb.HALT))
    assert house.reconciler.looks == 2


@pytest.mark.parametrize(
    ("found", "due"),
    [(shown(), None), (shown(HALTED), NOON), (shown(percent=1), NOON)],
    ids=["nothing new", "halted", "as before our raise"],
)
def test_what_somebody_did_in_the_console_is_seen_by_a_pass_at_once_where_a_mistaken_halt_has_looked(
    found: StoreRelease, due: datetime | None
):
    """Seed 8396: the order was for a version that is not there, and before the next regular pass it was all undone again."""
    minutes_ago = (intent(percent=10), Seen.of(shown()), settled(), WentLive(100_000))
    raised = with_facts(rolling(shown(percent=1)), *minutes_ago, at=NOON - timedelta(minutes=6))
    orders = Orders()
    house = passes({KEY: raised}, orders=orders)
    house.reconciler.found = store(found)
    assert house.halt(LISTING, order(CommandVerb.HALT, release="9.9.9")) == due
    assert orders.answered == [("c1", CommandResult.REFUSED)]


@pytest.mark.parametrize("named", ["", NEWER.version])
def test_a_halt_that_may_mean_the_damaged_one_is_not_answered(named: str):
    orders = Orders()
    house = passes({NEW: None}, orders=orders)
    with pytest.raises(StorageError, match=DAMAGED):
        house.halt(LISTING, order(CommandVerb.HALT, release=named))
    assert (house.reconciler.turns, orders.answered) == ([], [])
    assert house.reconciler.looks == 0  # it is tried again at every turn


@pytest.mark.parametrize(
    ("status", "answer"), [(COMPLETED, [CommandResult.FAILED]), (PAUSED, []), (ACTIVE, [])]
)
def test_who_ordered_a_halt_is_told_that_the_release_reached_everyone_before_it(
    status: ReleaseStatus, answer: list[CommandResult]
):
    """It was taken up, the daemon died over it, and on the App Store nothing takes a completed release back."""
    wanted = Halt(ANNA, "stop", NOON, confirmed=False)
    begun = replace(
        rolling(),
        key=APPLE_KEY,
        taken=("c1",),
        halt=wanted,
        seen=Seen(status, status.value, 0, PUBLISHED, ""),
    )
    orders = Orders()
    passes({APPLE_KEY: begun}, orders=orders).halt(
        APPLE_LISTING, order(CommandVerb.HALT, store=Store.APP_STORE)
    )
    assert orders.answered == [("c1", each) for each in answer]


@pytest.mark.promise("R17")
@pytest.mark.parametrize("code", ["journal_behind", "journal_unmarked", "replica_doubts", ""])
def test_a_release_that_is_found_halted_where_the_journal_may_lack_its_end_is_blamed_on_nobody(
    code: str,
) -> None:
    reasons = (Reason(code, "had come to 9"),) if code else ()
    halted = passes({})
    halted.reconciler.found = store(shown(HALTED))
    halted.reconciler.footing = SimpleNamespace(reasons=lambda now: reasons)
    halted.run(LISTING)
    (drifted,) = (fact for fact in halted.recorder.written if isinstance(fact, Drifted))
    assert drifted.untold is bool(code)
