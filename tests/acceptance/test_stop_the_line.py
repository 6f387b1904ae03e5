"""Stopping the line by hand: what is refused before anything is written (promises R9, R12)."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stagedrollout.cli.freezing import freeze, thaw
from stagedrollout.storage.brakes import BrakesFolder

pytestmark = pytest.mark.promise("R9", "R12")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "stagedrollout.yaml"
    path.write_text("database: sqlite:///state/x.db\n")
    return path


def stop(config: Path, *more: str, reason: str = "the backend is down") -> Result:
    return CliRunner().invoke(freeze, ["--all", "--reason", reason, "--config", str(config), *more])


def test_what_may_be_an_endless_freeze_is_not_replaced_by_a_short_one(config: Path) -> None:
    assert stop(config).exit_code == 0
    path = BrakesFolder(config).path / "line.json"
    path.write_text("{")
    refused = stop(config, "--for", "1m")
    assert (refused.exit_code, "cannot be read" in refused.output) == (1, True)
    assert path.read_text() == "{"
    assert stop(config).exit_code == 0
    assert BrakesFolder(config).line().stopped


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2_001, "\u00e9" * 70_000])
def test_a_reason_that_says_nothing_or_too_much_is_refused_before_it_is_written(
    config: Path, reason: str
) -> None:
    refused = stop(config, reason=reason)
    assert (refused.exit_code, "--reason" in refused.output) == (2, True)
    thawed = CliRunner().invoke(thaw, ["--reason", reason, "--config", str(config)])
    assert thawed.exit_code == 2
    assert not BrakesFolder(config).path.exists()


def test_the_longest_reason_is_read_again(config: Path) -> None:
    assert stop(config, reason="\u00e9" * 2_000).exit_code == 0
    assert BrakesFolder(config).line().unread == ""
