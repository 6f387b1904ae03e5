"""The house itself: what is light stays light, what is in one place stays there."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stagedrollout.cli.main import COMMANDS
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "stagedrollout"
LINES_MAX = 400
HEAVY = (
    "pydantic",
    "sqlalchemy",
    "alembic",
    "google",
    "googleapiclient",
    "httpx",
    "slack_sdk",
    "websockets",
    "rich",
    "ruamel",
    "matplotlib",
    "numpy",
    "prometheus_client",
)

_RUN = """
import sys
from stagedrollout.cli.main import main
sys.argv = ["stagedrollout", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
print("modules:", *sorted({name.split(".")[0] for name in sys.modules}))
sys.exit(code)
"""


def _imported_by(*arguments: str) -> set[str]:
    """The top-level modules in memory once the command has done its work."""
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rsplit("modules:", 1)[1].split())


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A configuration whose database exists, as after a daemon's first start."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    engine.dispose()
    path = tmp_path / "stagedrollout.yaml"
    path.write_text("database: sqlite:///x.db\napps: []\n")
    return path


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=lambda c: " ".join(c) or "-")
def test_help_comes_without_anything_heavy(command: tuple[str, ...]) -> None:
    assert _imported_by(*command, "--help") & set(HEAVY) == set()


def test_status_needs_neither_migrations_nor_validation(configuration: Path) -> None:
    imported = _imported_by("status", "--config", str(configuration))
    assert "sqlalchemy" in imported
    assert imported & {"alembic", "pydantic", "google", "googleapiclient", "httpx", "slack_sdk"} == set()


def test_status_as_json_needs_no_tables(configuration: Path) -> None:
    assert "rich" not in _imported_by("status", "--json", "--config", str(configuration))


def test_httpx_is_imported_where_requests_are_sent_and_connections_are_kept() -> None:
    importers = [file.relative_to(ROOT).as_posix() for file in _sources() if "httpx" in _imports(file)]
    assert importers == ["stagedrollout/http/client.py", "stagedrollout/http/lines.py"]


def test_prometheus_client_is_an_extra_and_imported_in_one_module() -> None:
    importers = [
        file.relative_to(ROOT).as_posix() for file in _sources() if "prometheus_client" in _imports(file)
    ]
    assert importers == ["stagedrollout/daemon/watched/page.py"]


def test_no_file_is_too_long_to_be_read() -> None:
    long = {
        file.name: count for file in _sources() if (count := len(file.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(file: Path) -> set[str]:
    """Top-level names a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _project() -> dict[str, object]:
    project: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def test_every_package_that_is_installed_says_what_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    needed = _project()["dependencies"]
    assert isinstance(needed, list)
    assert needed
    said = {package: next(line for line in lines if f'"{package}"' in line) for package in needed}
    assert [package for package, line in said.items() if not re.search(r"# \w+", line)] == []


def test_every_package_that_is_installed_is_pinned() -> None:
    needed = _project()["dependencies"]
    assert isinstance(needed, list)
    pinned = {_normal(line.split("==")[0]) for line in _constraints()}
    assert [package for package in needed if _normal(re.split(r"[\[<>=!~;]", package)[0]) not in pinned] == []


def test_constraints_are_names_and_versions_and_nothing_else() -> None:
    odd = [line for line in _constraints() if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)]
    assert odd == []
    assert len(set(map(_normal, _constraints()))) == len(_constraints())


def _constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _completing(**variables: str) -> str:
    """What the installed program answers a shell that asks for completions."""
    program = [sys.executable, "-c", "from stagedrollout.cli.main import main; main()"]
    environ = {**os.environ, **variables}
    return subprocess.run(program, check=False, capture_output=True, text=True, cwd=ROOT, env=environ).stdout


def test_bash_gets_a_completion_script() -> None:
    script = _completing(_STAGEDROLLOUT_COMPLETE="bash_source")
    assert "complete -o nosort -F _stagedrollout_completion stagedrollout" in script
    checked = subprocess.run(["bash", "-n"], input=script, check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_commands_are_completed() -> None:
    asked = {"_STAGEDROLLOUT_COMPLETE": "bash_complete", "COMP_WORDS": "stagedrollout st", "COMP_CWORD": "1"}
    assert sorted(_completing(**asked).split()) == ["plain,start", "plain,status"]


def test_options_of_a_command_are_completed() -> None:
    asked = {
        "_STAGEDROLLOUT_COMPLETE": "bash_complete",
        "COMP_WORDS": "stagedrollout halt --rea",
        "COMP_CWORD": "2",
    }
    assert _completing(**asked).split() == ["plain,--reason"]


def test_every_mark_of_a_promise_names_promises_that_there_are() -> None:
    marked = [
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for names in re.findall(r"^@pytest\.mark\.promise\((.*)\)$", file.read_text("utf-8"), re.MULTILINE)
        for name in re.findall(r'"([^"]*)"', names)
    ]
    assert len(marked) > 50
    assert set(marked) <= {f"R{number}" for number in range(1, 25)}
