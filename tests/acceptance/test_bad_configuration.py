"""A configuration that is wrong: every problem at once, with its place, and nothing started."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.processes import Background, run
from tests.acceptance.stories import short

CANARY = "canary-6f1d2a90c7"
PLACE = re.compile(r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+)")


@pytest.fixture
def stage(opens):
    return opens(short())


def _refused(stage):
    """`check` and `run` both refuse, with the same words; these are they."""
    checked = run("check", "--config", str(stage.config))
    ran = run("run", "--config", str(stage.config), within=20)
    assert (checked.code, ran.code, ran.out) == (2, 2, "")
    assert set(checked.err.splitlines()) <= set(ran.err.splitlines())
    assert list((stage.conf / "state").iterdir()) == []
    return ran.err


def test_every_problem_is_named_at_once_with_its_place(stage):
    lines = stage.config.read_text().splitlines()
    poll = next(number for number, line in enumerate(lines, 1) if line.startswith("poll:"))
    lines[poll - 1] = "poll: 3 fortnights"
    text = "\n".join(lines).replace("mode: act", "mode: actt").replace("policy: hotfix", "policy: hotfx")
    stage.config.write_text(text + "\ncolour: red\n")
    said = _refused(stage)
    places = [place for line in said.splitlines() if (place := PLACE.match(line))]
    assert (str(stage.config), str(poll), "7") in [place.group("file", "line", "column") for place in places]
    assert len(places) == 4
    for wrong in ("poll:", "mode", "policy", "colour"):
        assert wrong in said
    for right in ("24h", "act", "hotfix"):
        assert right in said


def test_a_wrong_policy_is_named_with_its_place(stage):
    policy = stage.conf / "policies" / "hotfix.yaml"
    policy.write_text(
        policy.read_text().replace("floor: 95.0", "floor: 950").replace("bake: 4h  ", "bake: soon", 1)
    )
    said = _refused(stage)
    assert len([line for line in said.splitlines() if line.startswith(f"{policy}:")]) == 2


def test_a_file_that_is_no_yaml_is_named_with_its_place(stage):
    stage.config.write_text("apps: [\n")
    assert PLACE.match(_refused(stage))


def test_a_secret_that_is_missing_is_named(stage):
    (stage.conf / "secrets" / "slack-token").unlink()
    (stage.conf / "secrets" / "sentry-token").write_text("")
    said = _refused(stage)
    assert "secrets/slack-token" in said
    assert "secrets/sentry-token" in said


def test_a_secret_that_others_can_read_is_named_and_never_printed(stage):
    token = stage.conf / "secrets" / "slack-token"
    token.write_text(CANARY)
    token.chmod(0o644)
    said = _refused(stage)
    assert "secrets/slack-token" in said
    assert "chmod" in said
    assert CANARY not in said


def test_a_secret_written_into_the_configuration_is_refused_and_never_printed(stage):
    stage.edits_config(lambda config: config["slack"].update(token=CANARY))
    said = _refused(stage)
    assert "token" in said
    assert CANARY not in said


def test_a_key_file_that_is_no_key_is_named_and_never_printed(stage):
    (stage.conf / "secrets" / "play.json").write_text(f'{{"private_key": "{CANARY}"')
    done = run("run", "--config", str(stage.config), within=20)
    assert done.code == 2
    assert "secrets/play.json" in done.err
    assert CANARY not in done.err


def test_a_configuration_that_is_not_there_is_said_so(tmp_path):
    for command in ("run", "check", "status", "history"):
        done = run(command, "--config", str(tmp_path / "nowhere.yaml"), within=20)
        assert done.code == 2, done
        assert "nowhere.yaml" in done.err
        assert "Traceback" not in done.err


def test_reading_a_database_that_is_not_there_creates_none(stage):
    for command in ("status", "history"):
        done = stage.types(command)
        assert done.code == 1
        assert "Traceback" not in done.err
    assert list((stage.conf / "state").iterdir()) == []


def test_a_second_daemon_on_the_same_database_refuses_in_words(stage):
    stage.stops_at("5h")
    stage.starts_daemon()
    second = Background(stage.folder, "second", "run", "--config", str(stage.config))
    assert second.ended(within=20) == 1
    assert "another stagedrollout daemon" in second.said
    assert "Traceback" not in second.said
    stage.plays_out()
    stage.is_clean()
