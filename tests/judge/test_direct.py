"""Halts past the daemon: who may raise that again, and whose it is."""

from __future__ import annotations

import pytest

from tests.judge.story import OLD, Story, at, new

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
