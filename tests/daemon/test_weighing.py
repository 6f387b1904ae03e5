"""What a pass learns for the evidence: asked once a day, once a run, in every pass or once an hour, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
import stamina

from stagedrollout.core import facts
from stagedrollout.core.errors import EdgeError, Unreachable
from stagedrollout.core.gates import EvidenceGate
from stagedrollout.core.hours import hour_ceil
from stagedrollout.core.ledger import (
    Ledger,
    LedgerQuery,
    Measure,
    Past,
    Place,
    Running,
    Tallied,
    Tally,
    Untallied,
)
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Release, StoreState, Unread
from stagedrollout.core.observation import DayOfStars, Gap, Reviews, Stars
from stagedrollout.daemon.counting import Counter, Look
from stagedrollout.daemon.retrying import ATTEMPTS
from stagedrollout.daemon.weighing import Found, Weigher, again
from tests.core.builders import DAY, HOUR, NOON, OLDER, POLL, halted, only, rolling, shown, store, with_facts
from tests.core.weighed import sessions, users, with_evidence

DOWN = Unreachable("sentry", "read sessions", "no answer")
OTHER = Release("5005", "5.0.5", "5005")
PAST = Past(1_000_000, 4_000, 2_000)
GOOD = Tally(1_000, 4, 9_000, 36)


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


@dataclass
class Source:
    """Counts that never change; each of its answers may be an error instead."""

    runs: tuple[Running, ...] | EdgeError = (Running(OLDER, 900_000),)
    was: Past | EdgeError = PAST
    counts: tuple[Tally, ...] | EdgeError = (GOOD,) * 3
    name: str = "sentry"
    asked: list[LedgerQuery] = field(default_factory=list)
    asked_running: list[datetime] = field(default_factory=list)
    asked_past: list[tuple[Release, ...]] = field(default_factory=list)

    def read(self, query: LedgerQuery) -> tuple[Tallied | Untallied, ...]:
        self.asked.append(query)
        if isinstance(self.counts, EdgeError):
            raise self.counts
        until = query.until.replace(minute=0)
        found = (
            sessions(*self.counts, until=until),
            sessions(*self.counts, until=until, measure=Measure.ABNORMAL),
        )
        return (*found, users(GOOD, until=query.until)) if query.users else found

    def unread(self, why: str, *, users: bool) -> tuple[Untallied, ...]:
        measures = (Measure.CRASHED, Measure.ABNORMAL, *((Measure.USERS,) if users else ()))
        return tuple(Untallied(self.name, measure, Gap.FAILED, why) for measure in measures)

    def running(self, candidate: Release, until: datetime) -> tuple[Running, ...]:
        self.asked_running.append(until)
        if isinstance(self.runs, EdgeError):
            raise self.runs
        return self.runs

    def past(self, releases: tuple[Release, ...], until: datetime) -> Past:
        self.asked_past.append(releases)
        if isinstance(self.was, EdgeError):
            raise self.was
        return self.was


@dataclass
class Passes:
    """One rollout, pass after pass, as the daemon would go on with it."""

    source: Source = field(default_factory=Source)
    rollout: Rollout = field(default_factory=lambda: rolling(since=NOON - 3 * HOUR))
    counter: Counter = field(default_factory=Counter)
    weigher: Weigher = field(default_factory=Weigher)
    halted: frozenset[str] = frozenset()
    ledger: Ledger = field(default_factory=lambda: Ledger("shop"))
    gate: EvidenceGate = field(default_factory=EvidenceGate)
    looked: StoreState | Unread | None = None

    def at(self, now: datetime, *readings: Reviews) -> Found:
        policy = with_evidence(1, 10, 100, evidence=self.gate)
        look = Look(self.source, policy, self.looked or store(shown()), now, lambda: self.halted)
        count = self.counter.count(self.rollout, self.ledger, look)
        assert count is not None
        found = self.weigher.weigh(again(self.weigher.weigh(count, look), count), look, readings)
        self.rollout, self.ledger = found.rollout, found.taken.ledger
        return found


def test_the_first_pass_sets_the_terms_of_the_run_and_later_ones_keep_them():
    passes = Passes()
    first = passes.at(NOON)
    assert only(facts.TermsSet, first.learned).terms.p_ref == 0.004
    passes.source.was = Past(1_000_000, 40_000, 20_000)
    assert passes.at(NOON + POLL).learned == ()
    assert passes.rollout.terms.p_ref == 0.004
    assert len(passes.source.asked_past) == 1


def test_a_resumed_release_gets_new_terms():
    passes = Passes()
    passes.at(NOON)
    resumed = facts.Drifted(facts.Drift.RESUMED, passes.rollout.seen, passes.rollout.seen)
    passes.rollout = with_facts(halted(passes.rollout), resumed, facts.WentLive(100_000), at=NOON)
    passes.source.was = Past(1_000_000, 8_000, 4_000)
    assert only(facts.TermsSet, passes.at(NOON + DAY).learned).terms.p_ref == 0.008


def test_while_what_is_normal_cannot_be_read_there_are_no_terms_and_it_says_why():
    passes = Passes(Source(was=DOWN))
    found = passes.at(NOON)
    assert found.heard.weighing is None
    assert "no answer" in found.heard.problem
    passes.source.was = PAST
    assert passes.at(NOON + POLL).heard.weighing is not None


def test_a_baseline_without_sessions_is_first_taken_for_a_source_that_fails():
    passes = Passes(Source(was=Past(0, 0, None)))
    found = passes.at(NOON)
    assert found.heard.weighing is None
    assert "had 0 sessions in the week before" in found.heard.problem
    later = passes.at(NOON + 6 * HOUR)
    assert only(facts.TermsSet, later.learned).terms.p_ref is None


def test_what_people_run_is_asked_once_a_day_and_written_down_when_it_changes():
    passes = Passes()
    assert only(facts.Compared, passes.at(NOON).learned).baseline == (OLDER,)
    passes.at(NOON + HOUR)
    assert len(passes.source.asked_running) == 1
    assert passes.at(NOON + DAY).learned == ()
    passes.source.runs = (Running(OLDER, 500_000), Running(OTHER, 400_000))
    changed = only(facts.Compared, passes.at(NOON + 2 * DAY).learned)
    assert (changed.baseline, changed.since) == ((OLDER, OTHER), NOON + 2 * DAY)
    assert [c.since for c in passes.rollout.comparisons] == [passes.rollout.run_since, NOON + 2 * DAY]


def test_while_nobody_tells_what_people_run_it_is_compared_with_what_the_store_shows():
    passes = Passes(Source(runs=DOWN))
    found = passes.at(NOON)
    assert passes.source.asked[0].compared_at(NOON) == (OLDER,)
    assert found.heard.weighing is not None
    passes.at(NOON + POLL)
    assert len(passes.source.asked_running) == 2, "it asks again"


def test_a_halted_release_is_nothing_to_compare_with_whatever_the_store_shows_of_it_now():
    passes = Passes(
        Source(runs=(Running(OLDER, 900_000), Running(OTHER, 400_000))), halted=frozenset({OTHER.id})
    )
    assert only(facts.Compared, passes.at(NOON).learned).baseline == (OLDER,)


USED = {OLDER.id: 2_000, OTHER.id: 7_000}


class ByUse(Source):
    """So many people use each release in an hour, and in a day."""

    def read(self, query: LedgerQuery) -> tuple[Tallied | Untallied, ...]:
        self.asked.append(query)
        counted = [
            replace(one, buckets=tuple(replace(c, tally=_beside(query, c.place)) for c in one.buckets))
            for one in (sessions(GOOD, until=hour_ceil(query.until)), users(GOOD, until=query.until))
        ]
        return tuple(counted)


def _beside(query: LedgerQuery, place: Place) -> Tally:
    return Tally(1_000, 4, sum(USED[r.id] for r in query.compared_at(place.start)), 36)


@pytest.mark.parametrize("first", [DOWN, (Running(OLDER, 2_000), Running(OTHER, 7_000))])
def test_whoever_is_compared_with_fewer_people_from_now_on_is_not_blinded_by_it(first):
    """Seed 8107: nobody told what people run, or it was another set before a restart; then most of the baseline is left
    out. In buckets that were read that looks like an answer that was cut short, for a day and longer."""
    passes = Passes(
        ByUse(runs=first), replace(rolling(since=NOON + timedelta(minutes=5)), baseline=(OLDER, OTHER))
    )
    passes.at(NOON + timedelta(minutes=5))
    passes.counter, passes.source.runs = Counter(), (Running(OLDER, 2_000),)
    for minutes in (20, 40, 80, 140):
        found = passes.at(NOON + timedelta(minutes=minutes))
        assert found.taken.refused == ()
    assert [t.n_b for _, t in sorted(passes.ledger.of(Measure.CRASHED).items())] == [9_000, 2_000, 2_000]
    assert [t.n_b for t in passes.ledger.of(Measure.USERS).values()] == [9_000]
    assert passes.rollout.baseline == (OLDER,)


def test_while_nobody_tells_what_people_run_a_halted_release_is_not_compared_with_either():
    passes = Passes(
        Source(runs=DOWN),
        replace(rolling(since=NOON - 3 * HOUR), baseline=(OTHER, OLDER)),
        halted=frozenset({OTHER.id}),
    )
    assert only(facts.Compared, passes.at(NOON).learned).baseline == (OLDER,)
    assert passes.source.asked_past == [(OLDER,)]


def test_nothing_that_was_not_read_is_said_to_be_compared():
    passes = Passes(Source(runs=DOWN, counts=DOWN))
    assert [f for f in passes.at(NOON).learned if isinstance(f, facts.Compared)] == []
    passes.source.runs, passes.source.counts = (Running(OTHER, 900_000),), (GOOD,) * 3
    changed = only(facts.Compared, passes.at(NOON + POLL).learned)
    assert (changed.baseline, changed.since) == ((OTHER,), passes.rollout.run_since)


def test_while_the_store_cannot_be_read_nothing_new_is_chosen():
    passes = Passes(looked=Unread("no answer", NOON))
    passes.at(NOON)
    assert passes.source.asked_running == []
    passes.looked, passes.source.runs = None, (Running(OTHER, 900_000),)
    assert only(facts.Compared, passes.at(NOON + POLL).learned).baseline == (OTHER,)


def test_while_nobody_tells_of_any_earlier_release_there_are_no_terms():
    passes = Passes(Source(runs=DOWN), rollout=replace(rolling(since=NOON - 3 * HOUR), baseline=()))
    assert "what people run" in passes.at(NOON).heard.problem
    passes.source.runs = (Running(OLDER, 900_000),)
    assert only(facts.TermsSet, passes.at(NOON + POLL).learned).terms.p_ref == 0.004


def test_what_was_learned_and_not_written_down_is_learned_again():
    passes = Passes()
    before = passes.rollout
    passes.at(NOON)
    passes.rollout, passes.ledger = before, Ledger("shop")
    assert only(facts.Compared, passes.at(NOON + POLL).learned).baseline == (OLDER,)


def test_for_a_raise_users_are_read_in_that_very_pass():
    passes = Passes(rollout=rolling(since=NOON - 2 * DAY))
    for n in range(3):
        passes.at(NOON + n * POLL)
    assert [query.users for query in passes.source.asked] == [True, True, True]


def test_between_the_hours_only_the_newest_hours_are_read():
    passes = Passes(rollout=rolling(since=NOON - 12 * HOUR))
    for n in range(6):
        passes.at(NOON + n * POLL)
    hours = [round((query.until - query.since) / HOUR) for query in passes.source.asked]
    assert hours == [12, 6, 6, 7, 13, 6]


def test_users_are_read_once_an_hour_and_stand_until_then():
    passes = Passes()
    read = [passes.at(NOON + n * POLL) for n in range(6)]
    assert [query.users for query in passes.source.asked] == [True, False, False, False, True, False]
    assert all(any(t.measure is Measure.USERS for t in found.heard.tallies) for found in read)


class WithoutIds(Source):
    """An app whose SDK sends no user ids."""

    def read(self, query: LedgerQuery) -> tuple[Tallied | Untallied, ...]:
        none = Untallied(self.name, Measure.USERS, Gap.ABSENT, "no user ids")
        return tuple(none if each.measure is Measure.USERS else each for each in super().read(query))


def test_an_app_without_user_ids_is_asked_for_users_no_more_often_than_any_other():
    passes = Passes(WithoutIds())
    read = [passes.at(NOON + n * POLL) for n in range(6)]
    assert [query.users for query in passes.source.asked] == [True, False, False, False, True, False]
    assert all(any(t.measure is Measure.USERS for t in found.heard.tallies) for found in read)


def test_a_failed_reading_is_an_error_of_this_pass_and_what_is_known_goes_on_counting():
    passes = Passes()
    before = passes.at(NOON)
    passes.source.counts = DOWN
    after = passes.at(NOON + POLL)
    assert {t.gap for t in after.heard.tallies if isinstance(t, Untallied)} == {Gap.FAILED}
    assert after.heard.weighing.ln_e == before.heard.weighing.ln_e
    assert after.taken.added == ()


def test_the_whole_run_is_read_at_first_and_later_what_may_still_change():
    passes = Passes(rollout=rolling(since=NOON - 10 * DAY))
    passes.at(NOON)
    passes.at(NOON + POLL)
    assert passes.source.asked[0].since == NOON - 10 * DAY
    passes.at(NOON + HOUR)
    assert passes.source.asked[-1].since == NOON + HOUR - 5 * DAY


def test_after_a_restart_everything_is_as_before():
    passes = Passes()
    before = passes.at(NOON)
    passes.weigher, passes.counter = Weigher(), Counter()
    after = passes.at(NOON)
    assert after.heard.weighing == before.heard.weighing
    assert after.learned == ()


def test_reviews_of_whole_days_enter_the_ledger_and_outlive_the_week_that_the_store_shows():
    passes = Passes(rollout=rolling(since=NOON - 10 * DAY))
    began = (NOON - 10 * DAY).replace(hour=0)
    early = _reviews(NOON - 10 * DAY, DayOfStars(began, Stars((3, 0, 0, 0, 1))))
    passes.at(NOON - 9 * DAY, early)
    late = _reviews(
        NOON - 7 * DAY,
        DayOfStars(began + 3 * DAY, Stars((9, 0, 0, 0, 0))),
        DayOfStars(began + 8 * DAY, Stars((1, 0, 0, 0, 0))),
    )
    passes.at(NOON, late)
    counted = {
        (place.start, place.stratum): tally.n_c for place, tally in passes.ledger.of(Measure.RATINGS).items()
    }
    assert counted == {(began, "1"): 3, (began, "5"): 1, (began + 8 * DAY, "1"): 1}, "half a day is no day"


def test_a_changed_policy_is_told_and_changes_nothing_in_this_run():
    passes = Passes()
    passes.at(NOON)
    passes.gate = EvidenceGate(margin=50)
    found = passes.at(NOON + POLL)
    assert "margin 50 %" in found.heard.note
    assert passes.rollout.terms.rho0 == pytest.approx(1.2)


def _reviews(since: datetime, *days: DayOfStars) -> Reviews:
    nobody = Stars((0, 0, 0, 0, 0))
    return Reviews("play", nobody, None, (), since, since + timedelta(days=7), days=days)
