"""A team's own signals are asked once, with what they declare of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import Unreachable
from stagedrollout.core.ledger import Measure, Untallied
from stagedrollout.core.model import Release, Store, StoreApp
from stagedrollout.core.observation import Gap, Unvalued
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.listings import open_listings
from stagedrollout.doctor.finding import State, Telling
from stagedrollout.doctor.signals import questions
from stagedrollout.doctor.sources import sources_of
from tests.doctor.desk import Desk

NOW = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
DECLARED = Declaration(unit="ms", lag=timedelta(minutes=15), can_halt=False, no_data="an empty list")
RELEASES = (Release("5020", "5.2.0", "5020"), Release("5010", "5.1.0", "5010"))


@dataclass
class Own:
    """A signal that answers with this, or raises it."""

    name: str
    answer: Any
    declared: Declaration = DECLARED
    asked: list[Any] = field(default_factory=list)

    def read(self, query: Any) -> Any:
        self.asked.append(query)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def unread(self, why: str) -> Any:
        raise AssertionError(why)


def test_each_is_asked_about_the_newest_release_and_told_with_its_unit_and_lag(desk: Desk) -> None:
    loaded = desk.loaded()
    listing = open_listings(loaded, Doors(), SystemClock())[StoreApp("acme", Store.GOOGLE_PLAY)]
    failed = Own("checkouts", Untallied("checkouts", Measure.called("checkouts"), Gap.ABSENT, "nothing yet"))
    start, till = Own("cold_start", object()), Own("till", Unreachable("prometheus", "asking", "timed out"))
    silent = Own("hot_start", Unvalued("hot_start", DECLARED, Gap.ABSENT, "no samples"))
    listing = replace(listing, counts=(failed,), values=(start, till, silent), opinions=())
    policy = loaded.policies[listing.policy]
    found = list(questions(Telling("acme"), list(sources_of(listing, policy, RELEASES, NOW))))
    assert [(one.about, one.state) for one in found] == [
        ("checkouts", State.NOTE),
        ("cold_start", State.OK),
        ("till", State.UNKNOWN),
        ("hot_start", State.NOTE),
    ]
    assert "in ms, up to 15m late, holds at most" in found[1].said
    [query] = failed.asked
    assert (query.candidate, query.until) == (RELEASES[0], NOW)
    assert query.since == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert len(start.asked) == len(till.asked) == 1
