"""What crashed is looked up once for a release that fails, after everybody has acted, and never gets in anybody's way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.errors import Denied, EdgeError, StaleJournal, StorageError
from stagedrollout.core.facts import Fact
from stagedrollout.core.fold import extend
from stagedrollout.core.issue import Issue, NewIssues
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import DAEMON, Release, RolloutKey, Verb
from stagedrollout.core.people import People
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.looking_up import look_up_issues
from tests.core.builders import (
    DAY,
    HOUR,
    KEY,
    NOON,
    OLDER,
    POLL,
    halted,
    intent,
    rolling,
    seen,
    settled,
    shown,
    store,
    with_facts,
)
from tests.core.builders import HALTED as STOPPED

FOUND = NewIssues("sentry", (Issue("SHOP-1F", "it broke", 3, 4),))


class Noon:
    def now(self) -> datetime:
        return NOON


@dataclass
class Books:
    """A journal of one rollout, which may refuse to be written."""

    rollout: Rollout
    refuses: StorageError | None = None
    written: list[Fact] = field(default_factory=list)

    def load(self, key: RolloutKey) -> Any:
        return SimpleNamespace(rollout=self.rollout)

    def remembered(self, key: RolloutKey) -> Any:
        return self.load(key)

    def record(self, known: Any, news: tuple[Fact, ...], at: datetime) -> None:
        if self.refuses:
            raise self.refuses
        self.written += news
        self.rollout = extend(self.rollout, news, at)

    def load_all(self, app: Any) -> tuple[tuple[Any, ...], dict[RolloutKey, StorageError]]:
        return (self.load(KEY),), {}


@dataclass
class Source:
    answers: NewIssues | Exception = FOUND
    asked: list[Release] = field(default_factory=list)

    def read(self, release: Release) -> NewIssues:
        self.asked.append(release)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


def by_the_machine(rollout: Rollout | None = None) -> Rollout:
    decided = replace(intent(Verb.HALT, 10, "h1"), actor=DAEMON)
    return with_facts(rollout or rolling(), decided, seen(STOPPED), settled(verb=Verb.HALT, key="h1"))


def suspected() -> Rollout:
    suspicion = facts.Suspected("crash_free_sessions", 1, NOON, Reason("suspected", "hm"))
    return with_facts(rolling(), suspicion)


def look_up(books: Books, source: Source | None) -> None:
    look_up_issues(books, SimpleNamespace(issues=source), KEY, Noon())  # type: ignore[arg-type]


@pytest.mark.parametrize("rollout", [by_the_machine(), suspected()], ids=["halted", "suspected"])
def test_a_release_that_fails_is_asked_about_once_also_after_a_restart(rollout: Rollout) -> None:
    books, source = Books(rollout), Source()
    for _ in range(3):
        look_up(books, source)
    assert books.written == [facts.IssuesRead(FOUND)]
    assert len(source.asked) == 1
    look_up(Books(books.rollout), source)  # the journal says that it was asked
    assert len(source.asked) == 1


def test_a_release_that_was_suspected_is_asked_about_again_when_it_is_halted() -> None:
    books, source = Books(suspected()), Source()
    look_up(books, source)
    books.rollout = with_facts(
        books.rollout, replace(intent(Verb.HALT, 10, "h1"), actor=DAEMON), at=NOON + HOUR
    )
    look_up(books, source)
    assert len(source.asked) == 2


@pytest.mark.parametrize("rollout", [rolling(), halted(rolling())], ids=["healthy", "halted by a person"])
def test_a_release_that_nobody_suspects_and_a_persons_halt_ask_nothing(rollout: Rollout) -> None:
    books, source = Books(rollout), Source()
    look_up(books, source)
    assert (books.written, source.asked) == ([], [])


def test_a_halt_of_long_ago_is_old_news() -> None:
    """A daemon that learns to ask does not do so for every halt that its journal remembers."""
    decided = replace(intent(Verb.HALT, 10, "h1"), actor=DAEMON)
    books, source = Books(with_facts(rolling(), decided, at=NOON - 2 * DAY)), Source()
    look_up(books, source)
    assert source.asked == []


def test_a_new_run_is_asked_about_anew() -> None:
    books, source = Books(by_the_machine()), Source()
    look_up(books, source)
    taken_up = with_facts(books.rollout, facts.TakenUp(DAEMON, "mended"), at=NOON + HOUR)
    assert taken_up.issues is None
    assert not taken_up.issues_wanted(NOON)


def test_what_could_not_be_read_is_said_once_and_not_asked_for_again() -> None:
    error: EdgeError = Denied("sentry", "read new issues", "the token needs event:read", status=403)
    books, source = Books(by_the_machine()), Source(error)
    for _ in range(2):
        look_up(books, source)
    (read,) = books.written
    assert isinstance(read, facts.IssuesRead)
    assert "the token needs event:read" in read.trouble
    assert len(source.asked) == 1


@pytest.mark.parametrize("trouble", [StorageError("disk full"), StaleJournal("went on")])
def test_what_cannot_be_written_is_looked_up_in_the_next_pass(trouble: StorageError) -> None:
    books, source = Books(by_the_machine(), trouble), Source()
    look_up(books, source)
    books.refuses = None
    look_up(books, source)
    assert books.written == [facts.IssuesRead(FOUND)]


def test_a_source_without_issues_is_asked_nothing() -> None:
    books = Books(by_the_machine())
    look_up(books, None)
    assert books.written == []


@dataclass
class Steering:
    """Notes whose turn it was, beside what the source was asked."""

    source: Source
    turns: list[tuple[RolloutKey, int]] = field(default_factory=list)
    people: People = field(default_factory=People)

    def look(self, listing: Any) -> Any:
        return store(shown(STOPPED), shown(release=OLDER))

    def reconcile(self, listing: Any, key: RolloutKey, found: Any, order: Any, others: Any) -> Any:
        self.turns.append((key, len(self.source.asked)))
        return SimpleNamespace(
            due=NOON + POLL, decision=SimpleNamespace(also=(), change=None, reasons=()), outcome=None
        )


def test_every_release_of_the_app_has_its_turn_before_anything_is_asked() -> None:
    """Somebody else's halt does not wait for it, and a mistake in it breaks no pass before its end."""
    source = Source(ZeroDivisionError("a mistake"))
    other = replace(rolling(), key=RolloutKey(KEY.app, KEY.store, OLDER.id), release=OLDER)
    kept = {KEY: by_the_machine(), other.key: other}

    class Both(Books):
        def load_all(self, app: Any) -> tuple[tuple[Any, ...], dict[RolloutKey, StorageError]]:
            return tuple(self.load(key) for key in kept), {}

        def load(self, key: RolloutKey) -> Any:
            return SimpleNamespace(rollout=kept[key])

    steering = Steering(source)
    listing: Any = SimpleNamespace(
        id=KEY.store_app, policy="steps", on_new_release="wait", poll=POLL, issues=source
    )
    house = AppPasses(
        recorder=Both(kept[KEY]), reconciler=steering, commands=SimpleNamespace(waiting=lambda: ()),
        presence=SimpleNamespace(past=lambda _app: None), clock=Noon(), wall=Noon(),
    )  # type: ignore[arg-type]  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        house.run(listing)
    assert steering.turns == [(KEY, 0), (other.key, 0)]
    assert len(source.asked) == 1
