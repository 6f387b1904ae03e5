"""What the README tells people works as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import COMMANDS, cli
from stagedrollout.config.load import load
from stagedrollout.core.lifecycle import Phase
from tests.docs.__main__ import README
from tests.docs.blocks import BLOCKS
from tests.docs.drills import DRILLS
from tests.docs.page import BadPage, fenced, links, written

PAGE = README.read_text("utf-8")
SECRETS = {
    "SENTRY_TOKEN": "not-a-real-token",
    "STAGEDROLLOUT_DSN": "https://public@sentry.example.invalid/42",
}


@pytest.fixture
def as_told(tmp_path: Path) -> Path:
    """The README's configuration and policy, with secrets that are good for nothing."""
    for folder in ("policies", "secrets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "policies" / "weekday.yaml").write_text(fenced(PAGE, "policy"), "utf-8")
    tokens = ("slack-token", "slack-app-token", "pagerduty-key", "webhook-secret")
    for name, text in (
        ("dead-man-url", "https://hc-ping.example.com/not-a-real-one"),
        ("play.json", "{}"),
        ("AuthKey.p8", "no key"),
        *((name, "no token") for name in tokens),
    ):
        secret = tmp_path / "secrets" / name
        secret.write_text(text)
        secret.chmod(0o600)
    path = tmp_path / "stagedrollout.yaml"
    path.write_text(fenced(PAGE, "configuration"), "utf-8")
    return path


def test_the_generated_parts_are_what_the_code_says_now() -> None:
    assert written(PAGE, BLOCKS) == PAGE, "python -m tests.docs --write"


def test_a_stale_part_is_noticed() -> None:
    stale = PAGE.replace("stateDiagram-v2", "stateDiagram-v1")
    assert stale != PAGE
    assert written(stale, BLOCKS) == PAGE


def test_a_part_that_was_removed_is_noticed() -> None:
    with pytest.raises(BadPage, match="states"):
        written(PAGE.replace("<!-- generated: states -->", ""), BLOCKS)


def test_the_configuration_passes_check(as_told: Path) -> None:
    result = CliRunner().invoke(cli, ["check", "--config", str(as_told)], env=SECRETS)
    assert (result.exit_code, result.output) == (0, f"{as_told}: all is well\n")


def test_the_configuration_starts_carefully_as_the_page_says(as_told: Path) -> None:
    shop, courier = load(as_told, environ=SECRETS).settings.apps
    assert shop.stores == ("google_play", "app_store")
    assert (shop.mode, shop.on_new_release) == (courier.mode, courier.on_new_release) == ("observe", "wait")


def test_check_would_not_accept_just_anything(as_told: Path) -> None:
    as_told.write_text(as_told.read_text().replace("policy: weekday", "policy: weakday"))
    result = CliRunner().invoke(cli, ["check", "--config", str(as_told)], env=SECRETS)
    assert result.exit_code == 2
    assert "weekday" in result.output


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_every_linked_file_is_there(page: str) -> None:
    text = (README.parent / page).read_text("utf-8")
    missing = [target for target in links(text) if not (README.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told_of(command: str) -> None:
    assert f"stagedrollout {command} --help" in PAGE


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_explained(phase: Phase) -> None:
    assert f"| `{phase.value}` |" in PAGE


def test_every_door_behind_the_stage_is_told_of() -> None:
    source = (README.parent / "stagedrollout" / "emulator" / "control.py").read_text("utf-8")
    doors = {
        line.split('"')[3] for line in source.splitlines() if line.strip().startswith(('("GET",', '("POST",'))
    }
    assert doors
    assert [door for door in sorted(doors) if f"/_emulator/{door}" not in PAGE] == []


def test_every_promise_is_told_of_as_kept_or_as_missing() -> None:
    promises = PAGE.split("## Promises")[1].split("## Figures")[0]
    untold = [
        number
        for number in range(1, 25)
        if f"R{number}" not in promises.replace(",", " ").replace(":", " ").split()
    ]
    assert untold == []


@pytest.mark.parametrize("test", sorted(test for drill in DRILLS for test in drill.tests))
def test_every_drill_is_a_test_that_is_there(test: str) -> None:
    file, name = test.split("::")
    assert f"\ndef {name}(" in (README.parent / file).read_text("utf-8")
