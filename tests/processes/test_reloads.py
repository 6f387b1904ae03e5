"""SIGHUP: a good configuration is taken as one, a bad one is refused aloud, and whatever is under way ends as it began."""

from __future__ import annotations

import json
import signal

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import draft, short, turns_bad

pytestmark = pytest.mark.promise("R23")

RAISED = ("inProgress", 500_000)


def _opened(opens, story, at="3h"):
    stage = opens(story)
    stage.stops_at(at)
    stage.starts_daemon()
    stage.plays_to(at)
    return stage


def _in_force(stage):
    return stage.status()["daemon"]["configuration"]


def _hangs_up(stage):
    """SIGHUP, until the daemon has said what became of it."""
    before = stage.daemon.said.count("configuration")
    stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: stage.daemon.said.count("configuration") > before, what="an answer to SIGHUP")


def _breaks(stage):
    stage.config.write_text(stage.config.read_text() + "colour: red\npoll: soon\n")


def test_a_broken_file_is_refused_aloud_and_the_old_one_goes_on_raising(opens):
    stage = _opened(opens, short(until="10h"))
    was = _in_force(stage)
    assert was["differs"] is False
    whole = stage.config.read_text()
    _breaks(stage)
    assert _in_force(stage)["differs"] is True
    for _ in range(3):
        _hangs_up(stage)
    assert f"{stage.config}:" in stage.daemon.said
    assert "unknown key `colour`" in stage.daemon.said
    now = _in_force(stage)
    assert (now["fingerprint"], now["since"]) == (was["fingerprint"], was["since"])
    assert any("colour" in problem for problem in now["refused"]["problems"])
    stage.plays_to("9h")
    assert stage.served() == RAISED
    (told,) = stage.messages("configuration was refused")
    assert "colour" in told
    stage.config.write_text(whole)  # to be read by the commands below
    stage.is_clean()


def test_a_refused_configuration_is_shown_by_status_and_health(opens):
    stage = _opened(opens, short(until="10h"))
    (stage.conf / "policies" / "hotfix.yaml").write_text("stages: []\n")
    _hangs_up(stage)
    for command in ("status", "health"):
        done = stage.types(command)
        assert done.code == 0, done
        assert "refused" in done.out
        assert "hotfix.yaml:1:" in done.out.replace("\n", "")


def test_a_broken_file_keeps_nobody_from_halting(opens):
    stage = _opened(opens, turns_bad(short(until="12h"), at="4h", crash_free=80.0))
    whole = stage.config.read_text()
    _breaks(stage)
    _hangs_up(stage)
    stage.config.write_text(whole)
    stage.plays_to("9h")
    assert stage.served()[0] == "halted"
    stage.is_clean()


def test_a_good_file_after_a_broken_one_is_taken_and_said(opens):
    stage = _opened(opens, short(until="10h"))
    was, whole = _in_force(stage), stage.config.read_text()
    _breaks(stage)
    _hangs_up(stage)
    stage.config.write_text(whole.replace("poll: ", "poll: 20m # ", 1))
    _hangs_up(stage)
    now = _in_force(stage)
    assert (now["differs"], now["refused"]) == (False, None)
    assert now["fingerprint"] != was["fingerprint"]
    assert stage.status()["daemon"]["poll_seconds"] == 1200
    stage.plays_to("9h")
    assert stage.served() == RAISED
    assert len(stage.messages("is in force")) == 1
    stage.is_clean()


def _two_apps():
    """Two apps on Google Play, of which the second gets its release later."""
    story = short(until="12h")
    second = {**draft()["apps"][0], "name": "courier", "package": "com.acme.courier"}
    second["releases"] = [dict(release) for release in short()["apps"][0]["releases"]]
    story["apps"].append(second)
    return story


def test_an_app_that_is_added_is_watched_and_one_that_is_removed_no_more(opens):
    stage = opens(_two_apps())
    whole = stage.config.read_text()
    stage.edits_config(lambda config: config["apps"].pop())
    stage.stops_at("3h")
    stage.starts_daemon()
    stage.plays_to("3h")
    assert len(stage.status()["daemon"]["watching"]) == 1
    assert {row["app"] for row in stage.status()["rollouts"]} == {"acme"}
    stage.config.write_text(whole)
    _hangs_up(stage)
    assert "now watching courier" in stage.daemon.said
    assert len(stage.status()["daemon"]["watching"]) == 2
    stage.plays_to("5h")
    assert {row["app"] for row in stage.status()["rollouts"]} == {"acme", "courier"}
    stage.edits_config(lambda config: config["apps"].pop(0))
    _hangs_up(stage)
    assert "no longer watching acme" in stage.daemon.said
    stage.plays_to("11h")
    assert stage.served(app="acme") == ("inProgress", 100_000), "nobody raises what nobody watches"
    assert stage.served(app="courier") == RAISED


def test_a_pass_that_is_under_way_ends_by_what_it_began_with(opens):
    """The raise hangs in the store while its app is taken out: it ends, is confirmed, and nothing follows it."""
    stage = opens(short(until="12h"))
    stage.stops_at("5h")
    stage.starts_daemon()
    stage.plays_to("5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=2.0, count=1)
    stage.stops_at("8h")
    eventually(lambda: stage.ledger("fault"), what="the raise")
    stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: "is in force" in stage.daemon.said, what="the reload")
    stage.plays_to("8h")
    assert stage.committed() == [("inProgress", 50)]
    stage.plays_out()
    stage.is_clean()


def test_ten_hangups_within_a_second_lose_nothing(opens):
    stage = _opened(opens, short(until="20h"), at="5h")
    for number in range(10):
        stage.config.write_text(stage.config.read_text() + f"# {number}\n")
        stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: _in_force(stage)["differs"] is False, what="the last one in force")
    assert "Traceback" not in stage.daemon.said
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    stage.is_clean()


@pytest.mark.parametrize(
    ("key", "value"),
    [("database", "sqlite:///state/other.db"), ("clock", "system")],
    ids=["database", "clock"],
)
def test_what_a_running_daemon_cannot_change_is_refused_by_name(opens, key, value):
    stage = _opened(opens, short(until="10h"))
    whole = stage.config.read_text()
    line = next(number for number, text in enumerate(whole.splitlines(), 1) if text.startswith(f"{key}:"))

    def change(config):
        config[key] = value
        if key == "clock":
            del config["emulator"]

    stage.edits_config(change)
    _hangs_up(stage)
    assert f"{stage.config}:{line}:" in stage.daemon.said
    assert f"{key}: this cannot change while the daemon runs" in stage.daemon.said
    stage.config.write_text(whole)
    stage.plays_to("9h")
    assert stage.served() == RAISED


def test_a_token_that_was_exchanged_is_used_from_then_on(opens):
    stage = _opened(opens, short(until="10h"))
    token = stage.conf / "secrets" / "slack-token"
    good = token.read_text()
    token.write_text("xoxb-no-longer-good-token")
    _hangs_up(stage)
    stage.plays_to("7h")
    assert stage.status()["notices_undelivered"] > 0
    token.write_text(good)
    _hangs_up(stage)
    stage.plays_to("9h")
    assert stage.status()["notices_undelivered"] == 0


def test_a_hangup_while_it_ends_is_ignored(opens):
    stage = opens(short(until="12h"))
    stage.stops_at("5h")
    stage.starts_daemon()
    stage.plays_to("5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=2.0, count=1)
    stage.stops_at("8h")
    eventually(lambda: stage.ledger("fault"), what="the raise")
    stage.daemon.asked_to_stop()
    _breaks(stage)
    stage.daemon.gets(signal.SIGHUP)
    assert stage.daemon.ended(within=20) == 0
    assert "configuration" not in stage.daemon.said


def test_where_logs_are_collected_every_line_is_one_object(opens):
    stage = opens(short(until="10h"))
    stage.stops_at("3h")
    stage.starts_daemon("--log-format", "json")
    stage.plays_to("3h")
    _breaks(stage)
    _hangs_up(stage)
    stage.daemon.asked_to_stop()
    stage.daemon.ended(within=20)
    told = [json.loads(line) for line in stage.daemon.said.splitlines()]
    assert told[0]["message"].startswith("watching ")
    assert any("unknown key `colour`" in line["message"] for line in told)
    assert {"ERROR", "WARNING"} & {line["level"] for line in told}
