"""A thousand apps are looked at one after the other, all through a poll, and none later than its poll says."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.pacing import GROUP, Spread, groups

START = datetime(2026, 3, 2, 6, 0, 0, 123_456, tzinfo=UTC)
POLL = timedelta(minutes=5)
LOOK = timedelta(seconds=1.2)


@dataclass(frozen=True)
class Watched:
    """What the pace asks of a listing."""

    id: StoreApp
    poll: timedelta = POLL
    pace: str = ""


APPS = [
    Watched(StoreApp(f"app-{number:04d}", store))
    for number in range(500)
    for store in (Store.GOOGLE_PLAY, Store.APP_STORE)
]


def looks(app: Watched, begun: datetime, count: int) -> list[datetime]:
    """When it is due, pass after pass, each of which takes a while and asks to be repeated a poll after it began."""
    found = [begun]
    for _ in range(count):
        found.append(Spread().due(app, found[-1] + LOOK, found[-1] + app.poll))
    return found


@pytest.mark.promise("R22")
def test_a_thousand_apps_that_were_due_at_once_are_spread_over_the_poll_from_then_on():
    for nth in (1, 2, 7):
        by_second = Counter(int(looks(app, START, nth)[nth].timestamp()) % 300 for app in APPS)
        assert max(by_second.values()) <= 14, nth
        assert len(by_second) > 250, nth


@pytest.mark.promise("R3")
def test_no_app_waits_longer_than_its_poll_and_none_is_looked_at_twice_at_once():
    for app in APPS:
        times = looks(app, START, 6)
        apart = [later - before for before, later in itertools.pairwise(times)]
        assert all(LOOK < each <= POLL for each in apart)
        assert set(apart[1:]) == {POLL}


def test_a_restart_changes_nobodys_place():
    later = START + timedelta(hours=1, seconds=17)
    for app in APPS[:50]:
        before, after = looks(app, START, 3)[-1], looks(app, later, 3)[-1]
        assert (after - before) % POLL == timedelta(0)


@pytest.mark.promise("R3")
def test_what_is_due_soon_for_a_reason_of_its_own_is_not_put_off():
    for app in APPS:
        soon = START + timedelta(seconds=30)
        assert START < Spread().due(app, START, soon) <= soon


@pytest.mark.parametrize("poll", [timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=6)])
def test_every_poll_that_can_be_written_down_is_divided(poll):
    due = Spread().due(Watched(APPS[0].id, poll), START, START + poll)
    assert START < due <= START + poll


def test_apps_that_share_a_project_are_looked_at_in_groups_and_the_groups_all_through_the_poll():
    paces = groups({app.id: "white label production" for app in APPS})
    together = [replace(app, pace=paces[app.id]) for app in APPS]
    instants = Counter(looks(app, START, 3)[-1] for app in together)
    assert set(instants.values()) == {GROUP}
    assert max(Counter(int(at.timestamp()) % 300 // 10 for at in instants).values()) <= 14


def test_who_has_a_project_alone_keeps_an_instant_of_its_own():
    one, two, three = (app.id for app in APPS[:3])
    assert groups({one: "a", two: "b", three: "b"}) == {two: "b 0", three: "b 0"}
