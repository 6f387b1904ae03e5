"""What a process keeps from others: no core, no look into its memory, no file that others can read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.stories import short

pytestmark = [pytest.mark.promise("R24"), pytest.mark.usefixtures("started_anew")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows prctl")
def test_a_hardened_process_leaves_no_core_and_opens_its_memory_to_nobody():
    look = (
        "import ctypes, resource; from stagedrollout.daemon.hardening import harden; harden();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "0 (0, 0)\n"


def test_everything_that_a_run_writes_is_for_its_own_user(opens, tmp_path):
    stage = opens(short(until="8h"))
    state = stage.conf / "state"
    state.chmod(0o755)
    loose = state / "stagedrollout.db.lock"
    loose.touch()
    loose.chmod(0o644)
    for told in (stage.types("check").err, stage.types("doctor").out):
        assert f"others can read or write {loose} (mode 0644)" in told
        assert f"chmod 600 {loose}" in told
    stage.starts_daemon().says(f"others can read or write {loose} (mode 0644): it is closed now")
    stage.plays_to("7h")
    assert {"stagedrollout.db", "stagedrollout.db-wal", "stagedrollout.db-shm"} <= _names(state)
    assert not _open_to_others(state)
    done = stage.types("explain", "acme", "--plot", str(tmp_path / "picture.png"))
    assert done.code == 0, done
    assert not _open_to_others(tmp_path / "picture.png")
    stage.plays_out()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _open_to_others(place: Path) -> list[str]:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return [f"{path.name} {path.stat().st_mode:o}" for path in files if path.stat().st_mode & 0o077]
