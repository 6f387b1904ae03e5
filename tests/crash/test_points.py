"""Everything that the daemon does to the world outside is a point at which it has died, and none escapes the list."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.dying import Chosen, Dies, distinct
from tests.crash.playing import played, points, story_of
from tests.crash.stories import STORIES
from tests.simulation import files
from tests.simulation import points as listed
from tests.simulation.files import haunt_files, watched_files
from tests.simulation.marks import marks_of
from tests.simulation.perils import WithoutName, of_statement
from tests.simulation.run import play

NAMES = [story.name for story in STORIES]


@pytest.mark.parametrize("name", NAMES)
def test_each_story_is_still_the_one_that_its_name_says(name: str) -> None:
    story = story_of(name)
    met = marks_of(play(story.plan, Dies()))
    assert [mark for mark in story.meets if mark not in met] == []
    assert played(name).faults == ()


def test_every_point_of_the_list_is_met_in_some_story() -> None:
    met = {point.name for name in NAMES for point in points(name)}
    assert listed.POINTS - met - listed.AFTER_TROUBLE == frozenset()


def test_what_is_done_without_a_point_is_noticed_wherever_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    without = listed.POINTS - {"storage insert intent: before"}
    monkeypatch.setattr("tests.simulation.perils.POINTS", without)
    with pytest.raises(WithoutName, match="storage insert intent: before"):
        play(story_of("play-halt").plan, Dies())


def test_a_file_that_the_daemon_writes_is_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = {"__name__": "stagedrollout.daemon.somewhere", "os": os}
    exec(
        "def write(path):\n    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))\n    os.rename(path, path + '.old')",
        room,
    )
    exec("def read(path):\n    os.close(os.open(path, os.O_RDONLY))", room)
    met: list[str] = []
    with watched_files():
        haunt_files(met.append)
        room["write"](str(tmp_path / "simulated.db.mark"))
        room["read"](str(tmp_path / "simulated.db.mark.old"))
        (tmp_path / "ours").write_text("a test may write what it likes")
    room["write"](str(tmp_path / "another"))
    assert met == ["file write mark", "file rename mark"]
    assert not files._Watch.points


def test_a_file_without_a_name_stops_the_run(tmp_path: Path) -> None:
    room = {"__name__": "stagedrollout.notify.somewhere", "os": os}
    exec("def write(path):\n    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))", room)
    with watched_files(), pytest.raises(WithoutName, match="file write picture"):
        haunt_files(Chosen(None).point)
        room["write"](str(tmp_path / "picture"))
    assert not (tmp_path / "picture").exists()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("BEGIN IMMEDIATE", "storage begin immediate"),
        ("INSERT INTO event (a, b) VALUES (?, ?)", "storage insert event"),
        ("UPDATE outbox SET state=? WHERE id = ?", "storage update outbox"),
        ("SELECT a \nFROM thread \nWHERE b = ?", "storage select thread"),
        ("WITH RECURSIVE n(a) AS \n(SELECT a FROM event) SELECT a FROM n", "storage select event"),
        ("DELETE FROM pass", "storage delete pass"),
        ("SAVEPOINT sa_savepoint_1", "storage savepoint"),
        ("PRAGMA data_version", "storage pragma"),
    ],
)
def test_a_statement_is_named_by_its_kind_and_its_table(statement: str, name: str) -> None:
    assert of_statement(statement) == name


def test_deaths_that_count_as_one_come_to_the_same_end() -> None:
    """All the points of one pass, which are far more than its distinct deaths."""
    found = points("apple-halt")
    once = {point.number for point in distinct(found)}
    same = [point.number for point in found if point.number not in once]
    assert len(same) > 5 * len(once)
    names = {point.number: point.name for point in found}
    for number in same[:: len(same) // 12]:
        result = played("apple-halt", (number,))
        assert result.died_at == (names[number],)
        assert result.faults == ()


def test_the_daemon_dies_between_a_commit_and_the_mark_of_it_beside_the_database() -> None:
    died = {point.name for point in distinct(points("play-halt"))}
    assert {"file write highwater.new", "file rename highwater.new"} <= died


def test_a_point_is_the_same_one_in_each_play_and_whoever_else_is_at_work() -> None:
    """Passes of two stores, halts, notices and the heartbeat take turns, in an order that the seed draws."""
    found = points("linked-halt")
    assert points("linked-halt") == found
    for point in found[:: len(found) // 6]:
        assert played("linked-halt", (point.number,)).died_at == (point.name,)
