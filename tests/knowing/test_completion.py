"""TAB: names of this configuration and its database, quickly, and silence where something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stagedrollout.cli.completion import SHELLS
from tests.core.builders import DAY, NOON
from tests.knowing.world import World
from tests.reporting.histories import bad, completed

PROGRAM = "from stagedrollout.cli.main import main; main()"
HEAVY = ("pydantic", "sqlalchemy", "rich", "httpx", "google")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("completion")
    return World(folder, completed(), bad("6.0.0", NOON + DAY, app="mail"))


def completions(config: Path, line: str, program: str = PROGRAM) -> list[str]:
    """What bash is offered for the last word of the line."""
    asked = {
        "_STAGEDROLLOUT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    environ = {**os.environ, **asked, "STAGEDROLLOUT_CONFIG": str(config)}
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environ
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return [each.partition(",")[2] for each in ran.stdout.splitlines() if each]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("stagedrollout why", ["why-not"]),
        ("stagedrollout export j", ["journal"]),
        ("stagedrollout halt ", ["shop", "mail"]),
        ("stagedrollout explain m", ["mail"]),
        ("stagedrollout status shop --release ", ["5.2.0"]),
        ("stagedrollout status shop --release 52", ["520"]),
        ("stagedrollout advance mail --release ", ["6.0.0"]),
        ("stagedrollout start shop --store ", ["google_play"]),
        ("stagedrollout start shop --policy h", ["hotfix"]),
        ("stagedrollout policy show s", ["standard"]),
        ("stagedrollout doctor --app s", ["shop"]),
        ("stagedrollout completion ", list(SHELLS)),
        ("stagedrollout history --exp", ["--expect"]),
    ],
)
def test_names_are_completed(world: World, line: str, offered: list[str]) -> None:
    assert completions(world.config, line) == offered


def test_nothing_heavy_is_imported_for_it(world: World) -> None:
    watched = (
        "import atexit, sys; atexit.register(lambda: print('plain,' + ' '.join(sorted(sys.modules))));"
        + PROGRAM
    )
    *offered, modules = completions(world.config, "stagedrollout status shop --release ", watched)
    assert offered == ["5.2.0"]
    assert {name.split(".")[0] for name in modules.split()} & set(HEAVY) == set()


@pytest.mark.parametrize("broken", ["{{", "apps: 7\ndatabase: [x]\n", "database: sqlite:///none.db\n", None])
def test_a_broken_configuration_offers_nothing_and_says_nothing(tmp_path: Path, broken: str | None) -> None:
    config = tmp_path / "stagedrollout.yaml"
    if broken is not None:
        config.write_text(broken, "utf-8")
    assert completions(config, "stagedrollout explain ") == []
    assert completions(config, "stagedrollout status shop --release ") == []


def test_a_name_cannot_make_lines_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, completed("5.2.0\nplain,evil"))
    assert completions(world.config, "stagedrollout status shop --release ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(shell: str) -> None:
    said = _script(shell)
    assert f"_STAGEDROLLOUT_COMPLETE={shell}_complete" in said
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=said, check=False, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


def _script(shell: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "stagedrollout", "completion", shell],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_completes_by_the_script(world: World) -> None:
    """As a person's shell does it: the function that the script defines, asked for the words of a line."""
    line = ["stagedrollout", "explain", "m"]
    command = f"""
{_script("bash")}
COMP_WORDS=({" ".join(line)}); COMP_CWORD=2
_stagedrollout_completion stagedrollout
echo "${{COMPREPLY[@]}}"
"""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "STAGEDROLLOUT_CONFIG": str(world.config), "PATH": path}
    ran = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, env=environ)
    assert ran.stdout.strip().endswith("mail"), ran.stderr
