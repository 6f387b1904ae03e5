"""`export journal`: a third party can verify it, by the few lines that the README has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stagedrollout.core import facts
from tests.core.builders import ANNA, DAY, NOON
from tests.knowing.world import World
from tests.reporting.histories import bad, completed

README = Path(__file__).resolve().parents[2] / "README.md"


def program() -> str:
    (found,) = re.findall(r"```python\n(import hashlib.*?)```", README.read_text("utf-8"), re.DOTALL)
    return found


def verified(lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", program()], input=lines, check=False, capture_output=True, text=True
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, completed(), bad("6.0.0\N{SNOWMAN}", NOON + DAY, app="mail"))


def test_what_the_readme_says_verifies_it_and_gives_the_heads_that_we_give(world: World) -> None:
    done = verified(world.says("export", "journal", "--all").stdout)
    assert done.returncode == 0, done.stderr
    ours = json.loads(world.says("history", "--verify", "--json").stdout)["rollouts"]
    for each in ours:
        assert each["head"] in done.stdout


def test_a_reason_that_would_steer_a_terminal_or_turn_the_writing_is_spelt_and_verifies(
    tmp_path: Path,
) -> None:
    evil = "\x1b[31m \x7f \x9b31m \u202etxt \u2028 \U000e0041 \N{SNOWMAN}"
    history = completed().at(80, facts.Held(ANNA, evil, None))
    world = World(tmp_path, history)
    lines = world.says("export", "journal", "shop").stdout
    assert lines.replace("\n", "").isprintable()
    assert "\N{SNOWMAN}" in lines
    assert json.loads(lines.splitlines()[-1])["body"]["reason"] == evil
    assert verified(lines).returncode == 0


def test_it_notices_one_changed_letter_and_one_missing_line(world: World) -> None:
    lines = world.says("export", "journal", "shop").stdout
    assert verified(lines).returncode == 0
    forged = lines.replace("evidence of safety 12 : 1", "evidence of safety 13 : 1", 1)
    assert "NOT AS WRITTEN: entry" in verified(forged).stderr
    first, second, *rest = lines.splitlines(keepends=True)
    assert "NOT AS WRITTEN: entry" in verified("".join([first, *rest])).stderr
    assert second


def test_every_line_has_the_fields_that_are_promised(world: World) -> None:
    rows = [json.loads(line) for line in world.says("export", "journal", "mail").stdout.splitlines()]
    assert {tuple(row) for row in rows} == {("rollout", "seq", "at", "kind", "body", "prev", "hash")}
    assert {row["rollout"].split("/")[0] for row in rows} == {"mail"}


def test_it_can_begin_at_a_time_and_go_to_a_file(world: World, tmp_path: Path) -> None:
    out = tmp_path / "journal.jsonl"
    said = world.says("export", "journal", "--all", "--since", "2026-03-04", "--out", str(out))
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert (said.stdout, min(row["at"] for row in rows) >= "2026-03-04") == ("", True)
    assert verified(out.read_text("utf-8")).returncode == 0


@pytest.mark.parametrize("words", [(), ("shop", "--all")])
def test_it_is_of_one_app_or_of_all(world: World, words: tuple[str, ...]) -> None:
    said = world.says("export", "journal", *words)
    assert (said.exit_code, "name one APP, or --all of them" in said.stderr) == (2, True)
