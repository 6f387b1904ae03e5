"""`policy simulate`: what people are told of a policy before they trust it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stagedrollout.cli.main import cli
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.rehearsal import extra
from stagedrollout.rehearsal.limits import at_most, quantile


def asked(*options: str) -> Result:
    """Few worlds, in one process."""
    few = ("--seeds", "4", "--workers", "1", "--config", "nowhere.yaml")
    return CliRunner().invoke(cli, ["policy", "simulate", *options, *few])


def told(*options: str) -> dict[str, Any]:
    result = asked(*options, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_regression_is_told_beside_the_plan() -> None:
    found = told("hotfix", "--daily-users", "100000", "--regression", "5", "--loops", "1")
    worse = found["regression"]
    assert (worse["halted"], worse["misses"]) == (4, 0)
    assert 0 < worse["hours_to_halt"]["median"] <= worse["planned"]["hours_to_halt"]["p90"]
    assert 0 < worse["share_exposed"]["median"] < 0.2
    assert worse["cannot_be_seen"] is None
    assert found["healthy"]["false_halts"] == 0
    assert found["healthy"]["completed"] == 4
    assert 0.5 < found["healthy"]["chance_at_most"] < 0.6


def test_the_same_question_has_the_same_answer() -> None:
    question = ("hotfix", "--daily-users", "20000", "--noise", "10", "--bias", "20", "--incident", "3")
    assert told(*question) == told(*question)


def test_what_cannot_be_seen_at_this_size_is_said() -> None:
    found = told("hotfix", "--daily-users", "1000", "--regression", "1.5")
    sentence = found["regression"]["cannot_be_seen"]
    assert sentence.startswith("x1.5 cannot be seen at 1,000 daily users before 100 %: it would take about ")
    assert found["regression"]["planned"]["hours_to_halt"]["median"] is None


def test_what_is_tolerated_is_never_seen() -> None:
    found = told("hotfix", "--daily-users", "1000", "--regression", "1.1")
    assert "within what the policy tolerates" in found["regression"]["cannot_be_seen"]


def test_a_late_regression_begins_with_its_stage() -> None:
    found = told("hotfix", "--daily-users", "1000000", "--regression", "20", "--onset-stage", "50")
    assert found["regression"]["onset_percent"] == 50
    assert found["regression"]["hours_to_halt"]["p90"] <= 1


def test_the_screen_says_what_was_assumed() -> None:
    result = asked("cautious", "--daily-users", "200", "--regression", "20")
    assert result.exit_code == 0, result.output
    assert "cautious at 200 daily users, 99.6 % crash-free, 4 seeded worlds" in result.stdout
    assert "a person answers within the hour" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    result = asked("hotfix", "--daily-users", "10000", "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("nothing", "--daily-users", "1000"), "no policy 'nothing'"),
        (("hotfix", "--daily-users", "0"), "--daily-users"),
        (("hotfix",), "--daily-users"),
        (("hotfix", "--daily-users", "1000", "--crash-free", "40"), "--crash-free is a percentage"),
        (("hotfix", "--daily-users", "1000", "--crash-free", "nan"), "nan"),
        (("hotfix", "--daily-users", "1000", "--onset-stage", "30"), "the stages of hotfix are 10, 50, 100"),
        (("hotfix", "--daily-users", "1000", "--regression", "0.5"), "--regression"),
        (("hotfix", "--daily-users", "1000", "--plot", "x.doc"), "a picture ends in .png"),
        (("hotfix", "--daily-users", "1000", "--plot", "/nowhere/x.png"), "No such file or directory"),
    ],
)
def test_a_wrong_question_is_refused_in_words(options: tuple[str, ...], words: str) -> None:
    result = asked(*options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(extra.MissingExtra, match=r"pip install 'stagedrollout\[rehearsal\]'"):
        extra.need("a_package_that_nobody_has")
    assert issubclass(extra.MissingExtra, WrongConfiguration)  # which the command line tells with exit code 2


@pytest.mark.parametrize(("hits", "tries", "limit"), [(0, 1000, 0.0029912), (3, 1000, 0.0077352), (5, 5, 1)])
def test_a_chance_has_an_upper_limit(hits: int, tries: int, limit: float) -> None:
    assert at_most(hits, tries) == pytest.approx(limit, abs=1e-6)


def test_a_quantile_of_what_never_happens_is_never() -> None:
    assert quantile([1.0, 2.0, float("inf")], 0.5) == 2
    assert quantile([1.0, 2.0, float("inf")], 0.9) is None
    assert quantile([], 0.5) is None
