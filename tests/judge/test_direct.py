"""Halts past the daemon: who may raise that again, and whose it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.apple_story import resting
from tests.judge.story import OLD, Story, at, new
from tests.judge.verdict import judge

pytestmark = pytest.mark.promise("R9", "R12")


def halted_past_the_daemon(release: str = "5020") -> Story:
    """At hour 20, of what people get at 1 %; a daemon that starts afterwards finds it."""
    told = Story()
    told.polls(4, 19.5)
    told.dies(20)
    where = {"app": "acme", "store": "google_play", "release": release, "halted": True}
    told.direct.append({"from": at(20), "to": at(20.001), **where})
    told.commit(20, new("halted", 0.01), OLD)
    told.served(20, "halted", 0)
    told.orders(20.01, "halt")
    told.ends("halted", 10_000)
    return told


def test_what_a_person_halts_past_the_daemon_is_nobodys_unexplained_change():
    assert halted_past_the_daemon().blamed() == {}


@pytest.mark.parametrize("release", ["5020", ""])
@pytest.mark.parametrize(("verb", "blamed"), [("", True), ("advance", True), ("resume", False)])
def test_no_daemon_raises_it_before_a_person_has_taken_that_back(release, verb, blamed):
    told = halted_past_the_daemon(release)
    command = told.orders(21, verb) if verb else ""
    told.decides(21, "RESUME", 10_000, command, verb="resume")
    request = told.commit(21, new("inProgress", 0.01), OLD)
    told.served(21, "inProgress", 10_000, request=request)
    told.tells(21, "resumed")
    told.ends("rolling_out", 10_000)
    assert ("unhalted" in told.blamed()) == blamed


def test_another_release_may_be_raised():
    assert "unhalted" not in halted_past_the_daemon("4711").blamed()


@pytest.mark.promise("R10")
@pytest.mark.parametrize(
    ("looked_by", "missed"), [("", 0), ("the halt", 0), ("a daemon", 1), ("a daemon before", 1)]
)
def test_what_was_let_go_on_and_halted_past_the_daemon_before_any_daemon_looked_only_that_halt_was_shown(
    looked_by, missed
):
    """It has no journal to write that down in; the daemon's next look finds it paused, as the one before did."""
    told = resting()
    told.polls(4.5, 7)
    told.person(7.2, "resume")
    looked_at = 7.3 if looked_by == "a daemon before" else 7.4001
    if looked_by:
        told.looks(looked_at)
    sent = told.patches(7.4002)
    told.turns(7.4002, "PAUSED", request=sent)
    where = {"app": "acme", "store": "app_store", "release": "5.2.0", "halted": True}
    told.direct.append({"from": at(7.4), "to": at(7.4003), **where})
    told.orders(7.5, "halt")
    told.polls(7.5, 10)
    senders = {"1": 1} | ({str(sent - 1): 2} if looked_by == "a daemon" else {})
    of_two = replace(told.evidence(), senders=senders)
    assert judge(of_two).count("console_acts_missed") == missed


@pytest.mark.promise("R10")
def test_what_goes_on_although_somebody_tried_to_halt_it_past_the_daemon_the_next_look_shows():
    told = resting()
    told.polls(4.5, 7)
    told.person(7.2, "resume")
    told.looks(7.3001)
    where = {"app": "acme", "store": "app_store", "release": "5.2.0", "halted": False}
    told.direct.append({"from": at(7.3), "to": at(7.3003), **where})
    told.polls(7.5, 10)
    assert told.blamed().get("console_acts_missed") == 1
