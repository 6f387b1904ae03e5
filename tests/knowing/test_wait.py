"""`status --wait`: exit codes that a script can go by."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from stagedrollout.cli import status_wait
from stagedrollout.core import facts
from tests.core.builders import ANNA, DAY, NOON
from tests.knowing.world import STANDARD, World, superseded
from tests.reporting.histories import History, bad, completed


def going_on(percent: float = 10) -> History:
    return History("5.3.0", NOON + 7 * DAY).started(0, percent=percent).waits(1)


def code(world: World, goal: str, *more: str) -> int:
    return world.says("status", "shop", "--wait", goal, *more).exit_code


def test_what_is_there_already_is_reached_at_once_also_without_a_daemon(tmp_path: Path) -> None:
    world = World(tmp_path, completed(), running=False)
    said = world.says("status", "shop", "--wait", "completed")
    assert (said.exit_code, said.stdout.startswith("completed: google_play 5.2.0")) == (0, True)
    assert code(world, "stage=10") == code(world, "stage=100") == 0


def test_what_is_halted_comes_nowhere_any_more_by_itself(tmp_path: Path) -> None:
    world = World(tmp_path, bad())
    assert code(world, "halted") == 0
    assert code(world, "completed") == code(world, "stage=100") == code(world, "stage=10") == 1
    assert "only a person can resume it" in world.says("status", "shop", "--wait", "completed").stderr


def test_what_is_superseded_comes_nowhere_any_more(tmp_path: Path) -> None:
    world = World(tmp_path, superseded(going_on(), 9, "5.4.0"))
    for goal in ("completed", "halted", "stage=100"):
        assert code(world, goal) == 1
    document = json.loads(world.says("status", "shop", "--wait", "halted", "--json").stdout)
    assert (document["result"], document["why"]) == (
        "not_reachable",
        "google_play: a newer release has taken its place",
    )


def test_nobody_waits_for_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    world = World(tmp_path, going_on(), running=False)
    said = world.says("status", "shop", "--wait", "completed")
    assert (said.exit_code, "No daemon is running" in said.stderr) == (4, True)


def test_a_timeout_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, going_on())
    said = world.says("status", "shop", "--wait", "completed", "--timeout", "0s", "--json")
    document = json.loads(said.stdout)
    assert (said.exit_code, document["result"], document["rollouts"][0]["exposure_ppm"]) == (
        5,
        "timeout",
        100_000,
    )


def test_it_waits_until_the_stage_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_wait, "LOOK_SECONDS", 0.01)
    history = going_on(1)
    world, before = World(tmp_path, history), len(history.told)
    rising = threading.Timer(0.2, lambda: world.writes(history.raised(30, 10), told_before=before))
    rising.start()
    said = world.says("status", "shop", "--wait", "stage=10", "--timeout", "1m")
    rising.join()
    assert (said.exit_code, "at 10 %" in said.stdout) == (0, True), said.output


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("shop", "--wait", "stage=7"), "the nearest is 10 %, of 1 %, 10 %, 100 %"),
        (("shop", "--wait", "complete"), "did you mean `completed`?"),
        (("shop", "--wait", "stage=many"), "a percentage is a number"),
        (("--wait", "completed"), "--wait needs an APP"),
        (("mail", "--wait", "completed"), "mail has no rollout"),
        (("shop", "--timeout", "2h"), "--timeout belongs to --wait"),
        (("shop", "--wait", "halted", "--watch"), "two ways to stay"),
    ],
)
def test_a_goal_that_is_none_is_wrong_usage(tmp_path: Path, words: tuple[str, ...], right: str) -> None:
    said = World(tmp_path, going_on()).says("status", *words)
    assert (said.exit_code, right in said.stderr) == (2, True), said.output


def test_without_a_database_there_is_no_daemon_either(tmp_path: Path) -> None:
    world = World(tmp_path, going_on())
    (tmp_path / "x.db").unlink()
    said = world.says("status", "shop", "--wait", "completed")
    assert (said.exit_code, "no database at" in said.stderr) == (4, True)


def test_the_stages_are_those_of_the_policy_that_steers_it(tmp_path: Path) -> None:
    """Not those of the policy that the configuration names."""
    history = going_on().at(2, facts.PolicySet(ANNA, "hurry", "hurried"))
    world = World(tmp_path, history)
    text = STANDARD.replace("percent: 10,", "percent: 25,")
    (tmp_path / "policies" / "hurried.yaml").write_text(text, "utf-8")
    assert code(world, "stage=25", "--timeout", "0s") == 5
    assert code(world, "stage=10", "--timeout", "0s") == 2
