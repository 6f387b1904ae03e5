"""What is installed where it runs for real: in a container, or under systemd, by somebody who may write only its state."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import stagedrollout
from stagedrollout.cli.main import cli
from tests.acceptance.stories import short, turns_bad, write
from tests.bench.emulated import world

ROOT = Path(__file__).parents[2]
DEPLOY = Path(stagedrollout.__file__).parent / "deploy"
SERVICE = DEPLOY / "stagedrollout.service"
DOCKERFILE = DEPLOY / "Dockerfile"
USED = ["androidpublisher.v3.json", "playdeveloperreporting.v1beta1.json", "storage.v1.json"]


@pytest.fixture
def installed():
    """By the script that the container's steps are, in a folder that everybody may read and only its owner write."""
    folder = Path(tempfile.mkdtemp(prefix="stagedrollout-installed-"))
    folder.chmod(0o755)
    try:
        script = ["sh", str(DEPLOY / "install.sh"), str(folder / "app"), str(ROOT)]
        done = subprocess.run(
            script,
            env={**os.environ, "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"stagedrollout, version {stagedrollout.__version__}\n"
        yield folder / "app"
    finally:
        shutil.rmtree(folder)


def test_only_what_runs_is_installed_and_halts_where_it_may_write_its_state_and_nothing_else(
    installed, tmp_path
):
    """One test, for the installation takes a quarter of a minute."""
    (documents,) = installed.glob("lib/*/site-packages/googleapiclient/discovery_cache/documents")
    assert sorted(path.name for path in documents.iterdir()) == USED
    packages = {path.name for path in installed.glob("lib/*/site-packages/*")}
    assert "stagedrollout" in packages
    assert not packages & {"pytest", "hypothesis", "scipy", "mypy", "numpy", "matplotlib"}
    _halts_a_bad_release(installed, tmp_path)


READ_ONLY = """
mount --bind "$1" "$1"
for mounted in / "$(stat --format=%m "$1/..")"; do mount -o remount,bind,ro "$mounted"; done
shift
exec setpriv --bounding-set=-all --inh-caps=-all "$@"
"""
"""A machine of which everything is read-only but one folder, and root without root's powers."""


def _alone(folder: Path, command: list[str], **options) -> subprocess.CompletedProcess[str]:
    """The command where only `folder` can be written."""
    script = ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh", str(folder), *command]
    return subprocess.run(
        script, cwd="/", capture_output=True, text=True, check=False, timeout=100, **options
    )


def _can_be_alone(folder: Path) -> bool:
    return shutil.which("unshare") is not None and _alone(folder, ["true"]).returncode == 0


def _halts_a_bad_release(installed: Path, tmp_path: Path) -> None:
    if not _can_be_alone(tmp_path):
        pytest.skip("no mounts of one's own can be made here")
    story = write(turns_bad(short(until="10h"), at="5h"), tmp_path / "story")
    with world(story, tmp_path / "etc") as (config, _):
        before = _files(tmp_path)
        done = _alone(
            tmp_path / "etc" / "state",
            [
                str(installed / "bin" / "stagedrollout"),
                "run",
                "--config",
                str(config),
                "--log-format",
                "json",
            ],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
        )
        assert _alone(tmp_path / "etc" / "state", ["touch", str(tmp_path / "here")]).returncode != 0
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["message"] for line in told if line["level"] == "ERROR"} == set()
    assert {path.parts[1] for path in _files(tmp_path) - before} == {"state"}
    assert [row["phase"] for row in _status(config)["rollouts"]] == ["halted"]


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _status(config: Path) -> dict:
    command = [sys.executable, "-m", "stagedrollout", "status", "--json", "--config", str(config)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _understood(command: list[str]) -> bool:
    """Whether our command line takes it. Raises click.UsageError where it does not."""
    assert Path(command[0]).name == "stagedrollout"
    context = cli.make_context("stagedrollout", command[1:])
    name, found, rest = cli.resolve_command(context, command[1:])
    found.make_context(name, rest, parent=context)
    return True


def _instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: name and what follows, long lines put together."""
    lines = DOCKERFILE.read_text().replace("\\\n", " ").splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def test_the_container_runs_what_our_command_line_takes_as_somebody_without_rights():
    said = dict(_instructions())
    start = json.loads(said["ENTRYPOINT"])
    assert _understood(start + json.loads(said["CMD"]))
    assert _understood(json.loads(said["HEALTHCHECK"].split("CMD", 1)[1]))
    assert all(int(part) > 0 for part in said["USER"].split(":"))


def test_the_container_installs_by_the_script_that_was_tried_here():
    runs = [what for name, what in _instructions() if name == "RUN"]
    assert [shlex.split(run)[0] for run in runs] == ["/source/stagedrollout/deploy/install.sh", "useradd"]
    copied = {
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line[0] == "!"
    }
    assert all((ROOT / name).exists() for name in copied)


def test_systemd_runs_what_our_command_line_takes():
    (start,) = (
        line.split("=", 1)[1] for line in SERVICE.read_text().splitlines() if line.startswith("ExecStart=")
    )
    assert _understood(start.split())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_nothing_wrong_and_little_open(tmp_path):
    unit = tmp_path / SERVICE.name
    program = shutil.which("true")
    unit.write_text(SERVICE.read_text().replace("/opt/stagedrollout/bin/stagedrollout", program))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in verified.stderr.splitlines() if SERVICE.name in line] == []
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]
