"""`emulate` in one process, `run` in another: the same story as the demo tells, whatever dies in between."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.processes import eventually, run_module
from tests.acceptance.stories import shipped, short, turns_bad, write
from tests.judge import judge, read

WHOLE_WAY = [("inProgress", 50), ("completed", 100)]


def test_two_processes_end_where_the_demo_ends(opens, tmp_path):
    story = shipped("bad-release") | {"until": "42h"}
    path = write(story, tmp_path / "copy")
    demo = run_module(
        "stagedrollout", "demo", "--scenario", str(path), "--json", "--out", str(tmp_path / "out")
    )
    assert demo.code == 0, demo.err
    stage = opens(story)
    stage.starts_daemon()
    stage.plays_out()
    verdict = stage.is_clean()
    assert verdict.exposure == judge(read(tmp_path / "out")).exposure
    ended = [(row["phase"], row["exposure_ppm"]) for row in stage.status()["rollouts"]]
    assert ended == [(row["phase"], row["exposure_ppm"]) for row in json.loads(demo.out)["rollouts"]]
    assert stage.rollout()["phase"] == "halted"


def test_a_daemon_killed_at_any_point_goes_on_and_repeats_no_raise(opens):
    stage = opens(short(), to="5h")
    stage.kills_daemon()  # between two passes
    stage.starts_daemon()

    stage.breaks("google_play", "slow", "edits.commit", seconds=30)
    stage.stops_at("8h")
    stage.serves("inProgress", 500_000)
    stage.kills_daemon()  # the store has the raise, the daemon has not heard of it
    stage.starts_daemon()
    stage.plays_to("8h")

    stage.breaks("google_play", "slow", "tracks.update", seconds=30)
    stage.stops_at("18h")
    sent = len([path for path in stage.writes() if path.endswith(":commit")])
    eventually(lambda: [r for r in stage.ledger("fault") if r["kind"] == "slow"][1:], what="the second write")
    stage.kills_daemon()  # the raise was prepared and never committed
    assert len([path for path in stage.writes() if path.endswith(":commit")]) == sent
    stage.starts_daemon()
    stage.plays_out()

    assert stage.committed() == WHOLE_WAY
    assert stage.served() == ("completed", 1_000_000)
    assert stage.rollout()["phase"] == "completed"
    stage.is_clean()


def test_a_daemon_killed_in_the_middle_of_a_halt_halts_once_it_is_back(opens):
    stage = opens(turns_bad(short(), at="3h"), to="3h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=30)
    stage.stops_at("6h")
    eventually(lambda: stage.ledger("fault"), what="the halt's write")
    stage.kills_daemon()
    assert stage.served() == ("inProgress", 100_000)
    stage.starts_daemon()
    stage.serves("halted", 0)
    stage.plays_out()
    assert stage.rollout()["phase"] == "halted"
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    stage.is_clean()


def test_a_daemon_killed_while_it_tells_people_tells_them_after_all(opens):
    stage = opens(short(), to="5h")
    stage.breaks("slack", "slow", "chat.postMessage", seconds=30)
    stage.stops_at("8h")
    eventually(lambda: stage.ledger("fault"), what="the message")
    stage.kills_daemon()
    stage.starts_daemon()
    stage.plays_out()
    assert stage.messages("is raised to 50")
    stage.is_clean()


def test_the_clock_of_an_emulator_can_be_slowed_down_for_people_who_watch(opens):
    stage = opens(short(until="3h"), "--hours-per-second", "1")
    stage.starts_daemon()
    begun = stage.clock["now"]
    eventually(lambda: stage.clock["now"] > begun, what="a step")
    assert not stage.clock["finished"]
    assert stage.daemon.ended(within=20) == 0


@pytest.mark.parametrize("speed", ["0", "fast"])
def test_a_pace_that_is_none_is_refused_in_words(speed):
    done = run_module("stagedrollout", "emulate", "--hours-per-second", speed)
    assert done.code == 2
    assert "hours-per-second" in done.err
