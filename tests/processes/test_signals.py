"""SIGSTOP, SIGCONT, SIGTERM and SIGINT in the middle of an act: what was decided long ago is not sent any more."""

from __future__ import annotations

import signal
import time

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import ios, short, turns_bad

pytestmark = pytest.mark.promise("R13", "R15")


RAISED = [("inProgress", 50)]
DEADLINE_SECONDS = 10.0
"""The shortest that a configuration may name."""


def _hurried(config):
    config["limits"] = {"http_timeout": "2s", "pass_deadline": f"{DEADLINE_SECONDS:g}s"}


def _stopped(opens, story, *, before, until, service, operation, seconds, skip=0):
    """A daemon that is stopped over the answer to such a request, for that long, and then goes on."""
    stage = opens(story)
    stage.edits_config(_hurried)
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to(before)
    stage.breaks(service, "slow", operation, seconds=1.0, skip=skip)  # time enough to be stopped in
    stage.stops_at(until)
    eventually(lambda: stage.ledger("fault"), what=f"the request {operation}")
    stage.daemon.gets(signal.SIGSTOP)
    time.sleep(seconds)
    writes = stage.writes() + _patches(stage)
    stage.daemon.gets(signal.SIGCONT)
    stage.plays_to(until)
    return stage, writes


def _patches(stage):
    return [r["path"] for r in stage.requests("app_store") if r["method"] == "PATCH"]


def _settled(stage):
    rows = stage.document("history")["history"]
    return [(row["body"]["settlement"], row["said"]) for row in rows if row["kind"] == "settled"]


def test_a_raise_that_was_stopped_for_longer_than_its_pass_may_take_is_not_sent_after_it(opens):
    stage, writes = _stopped(
        opens,
        short(until="8h"),
        before="5h",
        until="7h",
        service="google_play",
        operation="tracks.update",
        seconds=DEADLINE_SECONDS + 1,
    )
    first, again = _settled(stage)
    assert first[0] == "preempted"
    assert "ran out of time" in first[1]
    assert again[0] == "confirmed"
    commits = [path for path in stage.writes() if path.endswith(":commit")]
    assert len(commits) == 1, "the edit of the raise that was stopped was never committed"
    assert not [path for path in writes if path.endswith(":commit")]
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()


def test_a_step_on_the_app_store_that_was_stopped_too_long_is_not_sent_after_it(opens):
    """No compare-and-set saves it there: a late ACTIVE would let Apple go on."""
    stage, writes = _stopped(
        opens,
        ios(),
        before="9h",
        until="10h 40m",
        service="app_store",
        operation="versions.list",
        skip=2,  # the third look is the one right before the step
        seconds=DEADLINE_SECONDS + 1,
    )
    assert [
        said for settlement, said in _settled(stage) if settlement == "preempted" and "out of time" in said
    ]
    assert len(_patches(stage)) == len([path for path in writes if path in _patches(stage)]) + 1
    assert stage.served() == ("ACTIVE", 10_000)
    stage.is_clean()


def test_a_raise_that_was_stopped_for_a_moment_goes_out_once(opens):
    stage, _ = _stopped(
        opens,
        short(until="8h"),
        before="5h",
        until="7h",
        service="google_play",
        operation="tracks.update",
        seconds=0.3,
    )
    assert [settlement for settlement, _ in _settled(stage)] == ["confirmed"]
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()


def test_a_halt_that_was_stopped_for_long_goes_out_all_the_same(opens):
    stage, _ = _stopped(
        opens,
        turns_bad(short(until="7h"), at="3h"),
        before="3h",
        until="6h",
        service="google_play",
        operation="tracks.update",
        seconds=DEADLINE_SECONDS + 1,
    )
    assert stage.served() == ("halted", 0)
    assert stage.committed() == [("halted", 10)]
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    stage.is_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_told_to_end_in_the_middle_of_an_act_writes_down_how_it_ended(opens, number):
    stage = opens(turns_bad(short(until="7h"), at="3h"), to="3h")
    stage.breaks("google_play", "slow", "edits.commit", seconds=1.0)
    stage.stops_at("6h")
    eventually(lambda: stage.ledger("fault"), what="the halt's commit")
    stage.daemon.gets(number)
    assert stage.daemon.ended(within=10) == 0
    assert [settlement for settlement, _ in _settled(stage)] == ["confirmed"]
    assert stage.served() == ("halted", 0)
    assert stage.status()["daemon"]["running"] is False
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == [("halted", 10)]
    stage.is_clean()


def test_a_daemon_told_to_end_beside_a_store_that_hangs_ends_within_its_bound(opens):
    """What it leaves undone is found by the next one, which looks before it acts."""
    stage = opens(short(until="8h"))
    stage.edits_config(lambda config: config.update(limits={"drain": "1s"}))
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to("5h")
    stage.breaks("google_play", "slow", "edits.commit", seconds=15)
    stage.stops_at("6h 20m")
    eventually(lambda: stage.ledger("fault"), what="the commit")
    stage.daemon.asked_to_stop()
    stage.daemon.ended(within=10)
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()
