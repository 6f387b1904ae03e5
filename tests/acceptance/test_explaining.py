"""Why a rollout is where it is: the same numbers in `explain`, in the exported ledger, in Slack, and a picture there."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest

from tests.acceptance.processes import eventually, run
from tests.acceptance.stories import newest, short, turns_bad

CRASH = "NullPointerException: onCreate"
PNG, SVG = b"\x89PNG\r\n\x1a\n", b"<?xml"
GET_URL = "files.getUploadURLExternal"


def told_at(stage, words):
    """Place in the ledger and thread of the one message in which the words stand."""
    (found,) = [r for r in stage.ledger("slack") if not r["update"] and words in r["text"]]
    return found["seq"], found["thread_ts"]


def test_a_halt_is_told_first_and_then_shown_in_its_thread(opens):
    story = turns_bad(short(until="12h"), at="3h")
    newest(story)["issues"] = [CRASH]
    stage = opens(story, to="7h")
    stage.shows("halted")
    (file,) = eventually(lambda: stage.ledger("slack_file"), within=60, what="the picture")
    seq, thread = told_at(stage, "HALTED at")
    assert file["seq"] > seq
    assert (file["thread_ts"], file["filetype"]) == (thread, "png")
    assert "HALTED" in file["title"]

    assert (told_at(stage, CRASH)[1], told_at(stage, CRASH)[0] > seq) == (thread, True)
    said = run("explain", "acme", "--config", str(stage.config), COLUMNS="80")
    assert f"{CRASH} (" in said.out

    (halt,) = stage.messages("HALTED at", broadcast=True)
    (explained,) = stage.document("explain", "acme")["rollouts"]
    assert explained["phase"] == "halted"
    assert explained["evidence"]["text"].removeprefix("evidence of harm ") in halt
    assert explained["halt"]["signal"] == "crashed_sessions"
    assert explained["halt"]["words"] in halt
    assert explained["needed"] is None
    assert [issue["title"] for issue in explained["new_issues"]["issues"]] == [CRASH]
    stage.plays_out()
    assert len(stage.ledger("slack_file")) == 1
    assert "picture" not in stage.daemon.said
    stage.is_clean()


def test_a_picture_that_slack_does_not_take_changes_nothing(opens):
    stage = opens(turns_bad(short(until="12h"), at="3h"))
    stage.breaks("slack", "error", GET_URL, count=None, detail="missing_scope")
    stage.starts_daemon()
    stage.plays_to("7h")
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    stage.daemon.says(
        "no picture follows its halt: slack: files.getUploadURLExternal: missing_scope", within=60
    )
    stage.plays_out()
    assert len([r for r in stage.requests("slack") if r["path"].endswith(GET_URL)]) == 1
    stage.is_clean()


def test_a_release_that_goes_on_is_explained_with_what_it_waits_for(opens, tmp_path):
    stage = opens(short(), to="5h")
    said = run("explain", "acme", "--config", str(stage.config), COLUMNS="80")
    assert (said.code, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    assert "\x1b" not in said.out
    for words in (
        "ROLLING OUT at 10 %",
        "policy hotfix",
        "as of now",
        "halt at 100 : 1",
        "the bake at 10 % ends",
    ):
        assert words in said.out
    (explained,) = stage.document("explain", "acme")["rollouts"]
    assert explained["decision"]["kind"] == "WAIT"
    gates = {gate["gate"]: gate for gate in explained["gates"]}
    assert gates["evidence"]["n"] > 0
    assert gates["evidence"]["age_seconds"] < timedelta(hours=2).total_seconds()
    assert explained["needed"]["sessions"] >= 0
    assert [each["at"] for each in explained["next"]] == sorted(each["at"] for each in explained["next"])

    picture = tmp_path / "rollout.svg"
    assert stage.types("explain", "acme", "--plot", str(picture)).code == 0
    assert picture.read_bytes().startswith(SVG)


def test_an_exported_ledger_is_judged_as_the_daemon_judges_it(opens, tmp_path):
    stage = opens(short(), to="5h 30m")
    out = tmp_path / "ledger.csv"
    assert stage.types("export", "ledger", "acme", "--out", str(out)).code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert {row["stage_percent"] for row in rows} == {"10"}
    (explained,) = stage.document("explain", "acme")["rollouts"]
    terms = explained["evidence"]["terms"]
    judged = run(
        "policy", "evaluate", str(out), "--rho0", repr(terms["rho0"]), "--s", repr(terms["s"]), "--json"
    )
    last = json.loads(judged.out)["rows"][-1]
    sessions = explained["evidence"]["signals"][0]
    assert (sessions["signal"], last["ln_e"]) == ("crashed_sessions", sessions["ln_e"])
    assert last["ratio"] == explained["evidence"]["ratio"]["point"]


@pytest.mark.parametrize("command", [("explain", "amce"), ("export", "ledger", "amce")], ids=" ".join)
def test_who_misspells_an_app_is_told_its_name(opens, command):
    stage = opens(short())
    wrong = stage.types(*command)
    assert wrong.code == 2
    assert "did you mean `acme`?" in wrong.err


def test_a_release_that_nobody_knows_is_answered_with_those_that_are(opens):
    stage = opens(short(), to="5h")
    wrong = stage.types("explain", "acme", "--release", "9.9.9")
    assert wrong.code == 2
    assert "5.2.0 (5020)" in wrong.err
