"""A release week as its people live it: orders by the command line and by Slack only, while the stores, the console and
the crash do the rest. Judged by what the store really served, and by what the journal tells of it."""

from __future__ import annotations

import getpass
import json
import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.acceptance.processes import eventually, run
from tests.acceptance.stage import Stage
from tests.acceptance.stories import SHIPPED, shipped, short, write
from tests.judge import judge, read
from tests.judge.terms import duration

pytestmark = pytest.mark.timeout(540)

PATIENCE = 480.0

SERVED = {
    "5.2.0": [
        *(("inProgress", 10_000), ("inProgress", 50_000), ("inProgress", 200_000)),
        *(("inProgress", 300_000), ("halted", 0), ("inProgress", 300_000), ("halted", 0), ("replaced", 0)),
    ],
    "5.2.1": [("inProgress", 10_000), ("inProgress", 50_000)],
}
"""What people really got, in order. The first 300,000 ppm are somebody's in the console; all else is what was ordered, due, or stopped."""

STORY = (
    *("Ana Lima orders start", "people can get it at 1 %", "stagedrollout raises it to 5 %"),
    *("asks for 2 approvals from qa or release", "Ben Ode approved the step to 20 %"),
    *("Ana Lima approved the step to 20 %", "stagedrollout raises it to 20 %"),
    *("somebody has raised it in the console", "is held: frozen until 2026-03-08"),
    *("stagedrollout halts it at 30 %", "REFUSED: frozen", "Ana Lima resumes it at 30 %"),
    *("stagedrollout halts it at 30 %", "superseded by 5.2.1", "Ana Lima orders start"),
    *("people can get it at 1 %", "stagedrollout raises it to 5 %"),
)
"""The week in the words of `history`, in order."""

HEARD = (
    *("starting at 1 %", "Approved by Ben Ode", "the step to 20 % is approved"),
    *("frozen until 2026-03-08", "Resumed by Ana Lima", "the schedule steers it from here"),
)
"""What each of them is answered, on the command line or in Slack."""


def test_the_demo_shows_the_week_and_ends_clean(tmp_path):
    out = tmp_path / "out"
    done = run("demo", "--scenario", "week", "--out", str(out), within=PATIENCE)
    assert (done.code, done.err) == (0, "")
    assert "Friday is frozen" in done.out
    verdict = judge(read(out))
    assert verdict.findings == []
    ledger = [json.loads(line) for line in (out / "ledger.jsonl").read_text("utf-8").splitlines()]
    assert _served(ledger) == SERVED


def test_the_week_is_played_by_commands_and_buttons_and_the_journal_tells_it(opens):
    stage = opens(_week())
    heard = _played(stage)
    assert _served(stage.asks("ledger")["ledger"]) == SERVED
    for said, words in zip(heard, HEARD, strict=True):
        assert words in said
    told = stage.types("history").out
    _stands_in_order(told, STORY)
    assert _orders(stage) == [
        *(("start", "Ana Lima", True), ("approve", "Ben Ode", True), ("approve", "Ana Lima", True)),
        *(("resume", "Ana Lima", False), ("resume", "Ana Lima", True), ("start", "Ana Lima", True)),
    ]
    stage.is_clean()
    assert stage.types("history", "--verify").code == 0
    for kind in ("approved", "drifted", "superseded"):
        _is_noticed_where_one_byte_is_another(stage, kind)


def test_a_button_that_is_not_there_ends_the_demo_in_words(tmp_path):
    """Nothing is halted in this story, so nobody can press that."""
    order = {
        "at": "3h",
        "by": "Ana Lima",
        "verb": "resume",
        "app": "acme",
        "reason": "why not",
        "via": "slack",
    }
    story = short(until="4h", team=[{"name": "Ana Lima", "slack": "U0ANA"}], orders=[order])
    done = run("demo", "--scenario", str(write(story, tmp_path)), within=PATIENCE)
    assert done.code == 1
    assert "no message has a button 'Resume'" in done.err
    assert "Traceback" not in done.err


def _week() -> dict[str, Any]:
    """The shipped story; its policy is found from everywhere."""
    story = shipped("week")
    return story | {"policy": str(SHIPPED / story["policy"])}


def _played(stage: Stage) -> list[str]:
    """Everybody gives their orders when their time has come, by the way that the story says; what they heard."""
    _sits_at_the_keyboard(stage, "Ana Lima")
    stage.stops_at("0m")
    stage.starts_daemon()
    heard = []
    for order in sorted(_week()["orders"], key=lambda order: duration(order["at"])):
        stage.plays_to(order["at"])
        heard.append(_presses(stage, order) if order.get("via") == "slack" else _types(stage, order))
    stage.plays_out()
    return heard


def _types(stage: Stage, order: dict[str, Any]) -> str:
    assert order["by"] == "Ana Lima", "nobody else has an account on this machine"
    more = [word for key in ("to", "release") if key in order for word in (f"--{key}", str(order[key]))]
    done = stage.types(order["verb"], order["app"], "--reason", order["reason"], *more)
    assert done.code == (1 if "frozen" in done.said else 0), done.said
    return done.said


def _presses(stage: Stage, order: dict[str, Any]) -> str:
    """The newest button with that word on it; what is answered is for the presser's eyes alone."""
    (user,) = [member["slack"] for member in _week()["team"] if member["name"] == order["by"]]
    before = len(stage.ledger("slack_ephemeral"))
    stage.asks("slack/press", {"label": order["verb"].capitalize(), "user": user})
    told = eventually(lambda: stage.ledger("slack_ephemeral")[before:], within=20, what="an answer in Slack")
    assert [each["user"] for each in told] == [user]
    return str(told[0]["text"])


def _sits_at_the_keyboard(stage: Stage, name: str) -> None:
    """The account that the tests run under is this person's: who types is an OS user, never what somebody claims."""

    def change(document: Any) -> None:
        (person,) = [each for each in document["people"] if each["name"] == name]
        person["os_user"] = getpass.getuser()

    stage.edits_config(change)


def _served(ledger: list[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """What people got of each of the two, without what only repeats the last."""
    found: dict[str, list[tuple[str, int]]] = {release: [] for release in SERVED}
    for record in ledger:
        if record["type"] != "served" or record["release"] not in found:
            continue
        course, got = found[record["release"]], (record["status"], record["exposure_ppm"])
        if got[0] != "draft" and got != ("inProgress", 0) and got not in course[-1:]:
            course.append(got)
    return found


def _orders(stage: Stage) -> list[tuple[str, str, bool]]:
    """Verb, actor and whether it was accepted, of every order in the journal."""
    facts = stage.document("history")["history"]
    told = [entry["body"] for entry in facts if entry["kind"] == "commanded"]
    return [(each["verb"], each["actor"]["name"], each["accepted"]) for each in told]


def _stands_in_order(told: str, story: tuple[str, ...]) -> None:
    place = 0
    for words in story:
        found = told.find(words, place)
        assert found >= 0, f"{words!r} is not told after {told[:place].splitlines()[-1:]}"
        place = found + len(words)


def _is_noticed_where_one_byte_is_another(stage: Stage, kind: str) -> None:
    """In the middle of the first fact of this kind; in a copy of everything."""
    copy = stage.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(stage.conf, copy)
    database = copy / "state" / "stagedrollout.db"
    with closing(sqlite3.connect(database)) as opened:
        (body,) = opened.execute("SELECT body FROM event WHERE kind = ? ORDER BY seq", (kind,)).fetchone()
    content = bytearray(database.read_bytes())
    content[content.index(body.encode()) + len(body) // 2] ^= 1
    database.write_bytes(content)
    done = run("history", "--verify", "--config", str(copy / "stagedrollout.yaml"))
    assert done.code == 1, done.said
    assert "NOT AS WRITTEN: " in done.out
