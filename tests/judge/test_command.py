import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.judge import Unreadable, read
from tests.judge.__main__ import main
from tests.judge.story import Story, bad_release, first_raise

ROOT = Path(__file__).resolve().parents[2]


def written(story: Story, directory: Path) -> Path:
    evidence = story.evidence()
    for name in ("ledger", "requests", "journal", "notices"):
        lines = [json.dumps(record) + "\n" for record in getattr(evidence, name)]
        (directory / f"{name}.jsonl").write_text("".join(lines))
    (directory / "rollouts.json").write_text(json.dumps({"rollouts": story.rollouts}))
    (directory / "policies").mkdir()
    yaml = YAML(typ="safe", pure=True)
    yaml.dump(story.scenario, directory / "scenario.yaml")
    yaml.dump(story.policy, directory / "policies" / "standard.yaml")
    return directory


@pytest.mark.parametrize("how", [["-m", "tests.judge"], ["tests/judge"]])
def test_a_stranger_judges_a_demo_from_its_files(tmp_path, how):
    directory = written(first_raise(), tmp_path)
    command = [sys.executable, *how, str(directory), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["findings"] == []
    assert document["requests"] == {"google_play": 1, "sentry": 53, "slack": 1}


def test_a_run_that_broke_a_promise_fails_and_says_which(tmp_path, capsys):
    story = bad_release()
    story.ends("rolling_out", 10_000)
    assert main([str(written(story, tmp_path))]) == 1
    told = capsys.readouterr().out
    assert "halts lost: 1" in told
    assert "5.2.0 was never halted" in told


@pytest.mark.parametrize("name", ["ledger.jsonl", "journal.jsonl", "rollouts.json", "scenario.yaml"])
def test_torn_evidence_proves_nothing(tmp_path, capsys, name):
    directory = written(first_raise(), tmp_path)
    (directory / name).write_text('{"seq": 1, "at"')
    assert main([str(directory)]) == 2
    assert name in capsys.readouterr().err


def test_a_record_that_lacks_a_field_proves_nothing(tmp_path, capsys):
    directory = written(first_raise(), tmp_path)
    (directory / "notices.jsonl").write_text('{"key": "x"}\n')
    assert main([str(directory)]) == 2
    assert "KeyError" in capsys.readouterr().err


def test_a_secret_in_any_file_is_found(tmp_path, capsys):
    directory = written(first_raise(), tmp_path)
    (directory / "canaries.txt").write_text("hunter2-canary\n")
    (directory / "daemon.log").write_text("token=hunter2-canary")
    assert main([str(directory)]) == 1
    told = capsys.readouterr().out
    assert "canary 1 appears in daemon.log" in told
    assert "hunter2" not in told


def test_a_directory_without_evidence_is_named(tmp_path):
    with pytest.raises(Unreadable, match="ledger"):
        read(tmp_path)


def test_the_judge_imports_nothing_it_judges():
    for path in (ROOT / "tests" / "judge").rglob("*.py"):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.startswith(("import staged", "from staged"))], path
