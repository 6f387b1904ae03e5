"""When nothing else works: halts past the daemon, and a line that is stopped (promises R9, R12, R18)."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import sqlite3

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import ios, newest, short

pytestmark = pytest.mark.promise("R9", "R12", "R18")

WHY = ("--reason", "it eats data")
ME = getpass.getuser()


def _brakes(stage):
    return stage.config.with_name(stage.config.name + ".brakes")


def _markers(stage):
    return sorted(_brakes(stage).glob("halt-*.json"))


def _loses_everything(stage):
    """The daemon is dead, and with the database goes all that lies beside it."""
    stage.kills_daemon()
    shutil.rmtree(stage.conf / "state")


def _story(stage):
    return [(row["kind"], row["body"]) for row in stage.document("history")["history"]]


def _halts(stage):
    return [body for kind, body in _story(stage) if kind == "decided" and body["decision"] == "HALT"]


def test_a_halt_needs_neither_daemon_nor_database_and_the_next_daemon_keeps_to_it(opens):
    stage = opens(short(until="30h"), to="5h")
    _loses_everything(stage)
    halted = stage.types("halt", "acme", "--direct", *WHY)
    assert halted.code == 0, halted.said
    assert stage.served() == ("halted", 0)
    assert "NOT bound" in halted.err
    (marker,) = _markers(stage)
    assert (marker.stat().st_mode & 0o777, marker.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    told = json.loads(marker.read_text("utf-8"))
    assert (told["app"], told["release"], told["reason"], told["actor"]["name"]) == (
        "acme",
        "5020",
        "it eats data",
        ME,
    )
    waits = stage.types("status")
    assert marker.name in waits.said
    assert marker.name in stage.types("health").out

    stage.starts_daemon()
    stage.plays_to("24h")
    assert stage.served() == ("halted", 0)
    row = stage.shows("halted")
    assert row["reason"] == f"halted by {ME}: it eats data"
    assert _markers(stage) == []
    (decided,) = _halts(stage)
    assert decided["actor"] == {"kind": "human", "name": ME}
    assert "drifted" not in [kind for kind, _ in _story(stage)], "it is nobody's doing in the console"
    (notice,) = stage.messages("HALTED at", broadcast=True)
    assert ME in notice
    assert stage.messages("in the console") == []
    assert stage.committed() == [("halted", 10)]
    resumed = stage.types("resume", "acme", *WHY)
    assert (resumed.code, stage.served()) == (0, ("inProgress", 100_000)), resumed.said


@pytest.mark.parametrize("policy", ["standard", "hotfix"])
def test_a_phased_release_is_paused_past_the_daemon_and_stays_so(opens, policy):
    stage = opens(ios(until="8d", policy=policy), to="8h")
    before = stage.served()
    assert before[0] == ("PAUSED" if policy == "standard" else "ACTIVE")
    _loses_everything(stage)
    halted = stage.types("halt", "acme", "--direct", "--json", *WHY)
    assert halted.code == 0, halted.said
    assert json.loads(halted.out)["result"] == "done"
    assert stage.served() == ("PAUSED", before[1])
    assert len(_markers(stage)) == 1, "a release that is paused already gets its marker too"
    stage.starts_daemon()
    stage.plays_to("80h")
    assert stage.served() == ("PAUSED", before[1])
    assert stage.shows("halted")["reason"] == f"halted by {ME}: it eats data"
    assert len(_halts(stage)) == 1
    assert _markers(stage) == []


def test_a_daemon_that_was_only_dead_finds_the_halt_in_its_database_and_beside_it(opens):
    stage = opens(short(until="30h"), to="5h")
    stage.kills_daemon()
    halted = stage.types("halt", "acme", "--direct", *WHY)
    assert (halted.code, halted.err) == (0, "")
    assert "in the database as well" in halted.out
    stage.starts_daemon()
    stage.plays_to("9h")
    assert stage.shows("halted")["reason"] == f"halted by {ME}: it eats data"
    assert len(_halts(stage)) == 1
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    assert stage.messages("in the console") == []
    assert _markers(stage) == []
    stage.is_clean()


def test_a_halt_past_a_daemon_that_lives_does_no_harm(opens):
    stage = opens(short(until="30h"), to="5h")
    halted = stage.types("halt", "acme", "--direct", *WHY)
    assert (halted.code, halted.err) == (0, "")
    eventually(lambda: not _markers(stage), what="the marker being taken over")
    assert stage.shows("halted")["reason"] == f"halted by {ME}: it eats data"
    stage.plays_to("9h")
    assert len(_halts(stage)) == 1
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    assert stage.committed() == [("halted", 10)]
    stage.is_clean()


def test_a_store_that_cannot_be_reached_is_not_halted_and_nothing_is_raised_until_it_is(opens):
    stage = opens(short(until="30h"), to="5h")
    _loses_everything(stage)
    stage.breaks("google_play", "503", count=None)
    halted = stage.types("halt", "acme", "--direct", "--wait", "1s", *WHY)
    assert (halted.code, "NOT HALTED" in halted.err) == (3, True), halted.said
    assert "Play Console" in halted.err
    assert len(_markers(stage)) == 1
    stage.heals()
    stage.starts_daemon()
    stage.serves("halted", 0)
    assert stage.shows("halted")["reason"] == f"halted by {ME}: it eats data"


def test_a_misspelled_halt_that_reached_nobody_keeps_the_release_where_it_is(opens):
    stage = opens(short(until="30h"), to="5h")
    _loses_everything(stage)
    stage.breaks("google_play", "503", count=None)
    halted = stage.types("halt", "acme", "--release", "5.20", "--direct", "--wait", "1s", *WHY)
    assert halted.code == 3, halted.said
    stage.heals()
    stage.starts_daemon()
    stage.plays_to("12h")
    assert (stage.served(), stage.committed()) == (("inProgress", 100_000), [])
    (marker,) = _markers(stage)
    (told,) = stage.messages("no release '5.20'", f"take {marker} away", broadcast=True)
    assert "is held at 10 %" in told
    assert "no release '5.20'" in stage.rollout()["reason"]
    assert stage.types("halt", "acme", "--release", "5.2.0", *WHY).code == 0
    assert stage.served() == ("halted", 0)
    marker.unlink()


def test_a_misspelled_halt_that_the_database_has_got_its_answer(opens):
    stage = opens(short(until="30h"), to="5h")
    stage.breaks("google_play", "503", count=None)
    assert stage.types("halt", "acme", "--release", "5.20", "--direct", "--wait", "1s", *WHY).code == 3
    stage.heals()
    eventually(lambda: not _markers(stage), what="the marker being answered")


def test_a_mistake_elsewhere_in_the_configuration_keeps_no_release_from_being_halted(opens):
    stage = opens(short(until="30h"), to="5h")
    stage.kills_daemon()
    stage.edits_config(lambda document: document.update(pol="15m", calendars=[{"name": "a"}, {"name": "a"}]))
    assert stage.types("check").code == 2
    halted = stage.types("halt", "acme", "--direct", *WHY)
    assert (halted.code, stage.served()) == (0, ("halted", 0)), halted.said


def test_whoever_does_not_wait_for_a_store_that_hangs_leaves_a_marker_and_is_told(opens):
    stage = opens(short(until="30h"), to="5h")
    stage.kills_daemon()
    stage.breaks("google_play", "slow", count=None, seconds=60)
    begun = len(stage.requests("google_play"))
    typed = stage.begins("halt", "acme", "--direct", *WHY)
    eventually(lambda: len(stage.requests("google_play")) > begun, what="the halt being on its way")
    typed.gets(signal.SIGINT)
    assert typed.ended(within=20) == 3, typed.said
    assert "NOT HALTED: interrupted before the store had answered" in typed.said
    assert "goes on trying" in typed.said or "until then nobody tries on" in typed.said
    assert len(_markers(stage)) == 1


def test_the_halt_and_its_marker_do_not_wait_for_a_database_that_is_locked(opens):
    story = short(until="30h")
    story["apps"] += ios()["apps"]
    stage = opens(story, to="5h")
    stage.kills_daemon()
    (database,) = (stage.conf / "state").glob("*.db")
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    typed = stage.begins("halt", "--all", "--direct", *WHY)
    eventually(lambda: _markers(stage), what="the marker")
    assert "No order" not in typed.said
    typed.ended(within=20)
    connection.close()
    assert stage.served(store="google_play") == ("halted", 0)
    assert "No order in the database" in typed.said
    assert "Bound by the marker" in typed.said


def test_where_neither_marker_nor_order_can_be_left_that_is_said(opens):
    stage = opens(short(until="30h"), to="5h")
    _loses_everything(stage)
    _brakes(stage).write_text("a file is in the way")
    halted = stage.types("halt", "acme", "--direct", *WHY)
    assert (halted.code, "NOTHING BINDS THE DAEMONS" in halted.err) == (1, True), halted.said
    assert stage.served() == ("halted", 0)


def test_all_apps_are_halted_at_once_with_one_summary(opens):
    story = short(policy="standard", until="5d")
    newest(story)["rolled_out"] = {"at": "1h", "percent": 1, "review": "3h"}
    story["apps"] += ios()["apps"]
    stage = opens(story, to="11h")
    halted = stage.types("halt", "--all", *WHY)
    assert (halted.code, halted.err) == (0, ""), halted.said
    assert halted.out.endswith("Halted: 2 of 2.\n")
    assert stage.served(store="app_store")[0] == "PAUSED"
    assert stage.served(store="google_play") == ("halted", 0)
    stage.kills_daemon()
    again = stage.types("halt", "--all", "--direct", *WHY)
    assert (again.code, "Halted: 2 of 2." in again.out) == (0, True), again.said


def test_a_damaged_marker_raises_nothing_and_halts_nothing(opens):
    stage = opens(short(until="30h"), to="5h")
    _brakes(stage).mkdir(mode=0o700)
    marker = _brakes(stage) / "halt-1.json"
    marker.write_text('{"app": "ac')
    stage.plays_to("9h")
    assert stage.served() == ("inProgress", 100_000)
    assert "cannot be read" in stage.shows("held")["reason"]
    refused = stage.types("advance", "acme", *WHY)
    assert (refused.code, "cannot be read" in refused.err) == (1, True)
    assert str(marker) in stage.types("status").out
    marker.unlink()
    stage.plays_to("10h")
    assert stage.committed() == [("inProgress", 50)]


def test_a_stopped_line_raises_nothing_of_any_app_until_it_is_thawed(opens):
    stage = opens(short(until="60h"), to="5h")
    stage.kills_daemon()
    frozen = stage.types("freeze", "--all", *WHY)
    assert (frozen.code, frozen.err) == (0, "")
    stage.starts_daemon()
    stage.plays_to("20h")
    assert stage.served() == ("inProgress", 100_000)
    row = stage.shows("held")
    assert f"stopped by {ME}" in row["reason"]
    refused = stage.types("advance", "acme", "--without-evidence", *WHY)
    assert (refused.code, f"stopped by {ME}" in refused.err, "it eats data" in refused.err) == (1, True, True)
    assert f"stopped by {ME}" in stage.types("status").out
    stage.kills_daemon()
    stage.starts_daemon()
    stage.plays_to("21h")
    assert stage.writes() == []
    (told,) = stage.messages("THE LINE IS STOPPED", broadcast=True)
    assert "it eats data" in told
    thawed = stage.types("thaw", *WHY)
    assert (thawed.code, thawed.err) == (0, "")
    assert stage.types("thaw", *WHY).code == 1
    stage.plays_to("22h")
    assert stage.committed() == [("inProgress", 50)]
    assert len(stage.messages("line is free again", broadcast=True)) == 1
    kinds = [kind for kind, _ in _story(stage)]
    assert (kinds.count("line_stopped"), kinds.count("line_freed")) == (1, 1)
    stage.is_clean()


def test_a_stopped_line_pauses_what_follows_apples_clock_and_halts_go_on(opens):
    stage = opens(ios(until="8d", policy="hotfix"), to="8h")
    assert stage.served() == ("ACTIVE", 10_000)
    assert stage.types("freeze", "--all", "--for", "6h", *WHY).code == 0
    stage.serves("PAUSED", 10_000)
    halted = stage.types("halt", "acme", *WHY)
    assert halted.code == 0, halted.said
    assert stage.shows("halted")
    assert stage.types("resume", "acme", *WHY).code == 1
    stage.is_clean()
