"""Killed again and again, the daemon loses nothing and does nothing twice; and no process outlives its test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import ROOT, eventually, surroundings
from tests.processes import __main__ as command
from tests.processes.kills import KILLS_PER_STORY, Told, killed, stories

pytestmark = [pytest.mark.promise("R13"), pytest.mark.usefixtures("started_anew")]


def test_five_kills_lose_nothing_and_double_nothing(tmp_path):
    told = killed(3, KILLS_PER_STORY, tmp_path)
    assert told.findings == ()
    assert told.deaths.total() == KILLS_PER_STORY
    assert told.counts["raises_of_ours"] >= 3
    assert told.counts["halts_due"] >= 1


def test_a_finding_ends_with_1_and_says_where_its_evidence_lies(monkeypatch, capsys):
    def found(seed: int, kills: int, folder: Path, _) -> Told:
        return Told(seed, folder, command.Counter({"idle": kills}), ("raised twice",) if seed == 8 else ())

    monkeypatch.setattr(command, "killed", found)
    assert command.main(["--count", "12", "--seed", "7", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["kills"], told["seeds"]) == (12, [7, 8, 9])
    (finding,) = told["findings"]
    assert (finding["seed"], finding["text"]) == (8, "raised twice")
    assert Path(finding["evidence"]).is_dir()
    Path(finding["evidence"]).rmdir()
    monkeypatch.setattr(command, "killed", lambda *_: 1 / 0)
    assert command.main(["--count", "1"]) == 1
    said = capsys.readouterr().out
    assert "ZeroDivisionError" in said
    Path(said.splitlines()[-1].rpartition(" ")[2]).rmdir()


def test_as_many_kills_as_asked():
    assert list(stories(4, 12)) == [(4, 5), (5, 5), (6, 2)]


@pytest.mark.parametrize("born", [False, True], ids=["started", "born"])
def test_no_process_outlives_a_test_that_is_killed(tmp_path, born):
    """The test's process gets kill -9 itself, and can clean nothing up."""
    code = (
        "import sys, time; from pathlib import Path; from tests.acceptance.stage import Stage;"
        "from tests.acceptance import offspring, processes;"
        "from tests.acceptance.stories import short;"
        f"born = {born} and offspring.can_be_born();"
        "nurseries = [offspring.Nursery(processes.ROOT, processes.surroundings())] if born else [];"
        "processes.NURSERIES.extend(nurseries);"
        "stage = Stage(Path(sys.argv[1]), short());"
        "pids = [stage.starts_daemon().pid, stage.emulator.pid, *(each.pid for each in nurseries)];"
        "stage.stops_at('0m'); print(*pids, flush=True); time.sleep(100)"
    )
    killed_one = subprocess.Popen(
        (sys.executable, "-c", code, str(tmp_path)),
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with killed_one:
        pids = [int(pid) for pid in killed_one.stdout.readline().split()]
        killed_one.send_signal(signal.SIGKILL)
    assert len(pids) >= 2
    eventually(lambda: not any(map(_runs, pids)), what="the end of its processes")


def _runs(pid: int) -> bool:
    """Whether it is a process still, and not only one whose parent has not asked how it ended."""
    try:
        return Path(f"/proc/{pid}/exe").readlink() != Path()
    except OSError:
        return False
