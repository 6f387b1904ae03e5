"""`./dev crash`: what it plays, what it says, and how it ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crash import __main__ as command
from tests.crash.playing import Deaths, Played


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """Every story has seven deaths, and three more after each; what would have been played."""
    died: list[tuple[str, tuple[int, ...]]] = []

    def singles(name: str) -> Deaths:
        return Deaths(name, 70, tuple((number,) for number in range(1, 8)))

    def seconds(name: str, first: int) -> Deaths:
        return Deaths(name, 30, tuple((first, number) for number in range(1, 4)))

    def played(name: str, at: tuple[int, ...]) -> Played:
        died.append((name, at))
        faults = ("something is lost",) if (name, at) == ("apple-window", (3, 2)) else ()
        return Played(name, at, tuple("somewhere" for _ in at), faults, "its timeline", 0.5)

    for stand_in in (singles, seconds, played):
        monkeypatch.setattr(command, stand_in.__name__, stand_in)
    monkeypatch.setattr(command, "ProcessPoolExecutor", lambda _: ThreadPoolExecutor(1))
    return died


def test_all_parts_together_are_every_pair_once(deaths, capsys):
    for number in (1, 2, 3, 4):
        command.main(["--pairs", "--part", f"{number}/4"])
    assert len(deaths) == len(set(deaths)) == 3 * 7 * 3
    assert "(part 4/4: 5 of 21), 15 with a second death" in capsys.readouterr().out


def test_a_death_that_cost_something_is_told_with_its_story_and_ends_with_1(deaths, capsys):
    assert command.main(["--pairs", "--scenario", "apple-window"]) == 1
    said = capsys.readouterr().out
    assert "apple-window, dead at point 3 (somewhere), then 2 (somewhere):\nsomething is lost" in said
    assert "1 story, 210 points, 21 runs, 21 with a second death\n1 failed" in said


def test_a_program_is_told_how_much_there_was_to_die(deaths, capsys):
    assert command.main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    counted = {name: told[name] for name in ("part", "of", "runs", "points", "deaths", "pairs", "failed")}
    assert counted == {
        "part": "1/1",
        "of": 105,
        "runs": 105,
        "points": 15 * 70,
        "deaths": 105,
        "pairs": 0,
        "failed": [],
    }
    assert told["cpu_seconds"] == 52.5


@pytest.mark.parametrize("part", ["0/4", "5/4", "1", "a/b", "-1/3"])
def test_a_part_that_there_is_not_is_refused_in_words(deaths, capsys, part):
    with pytest.raises(SystemExit):
        command.main([f"--part={part}"])
    assert "is no part; one looks like 1/3" in capsys.readouterr().err
    assert deaths == []
