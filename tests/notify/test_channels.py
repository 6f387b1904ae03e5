"""Where people are told, by the configuration."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.config.load import load
from stagedrollout.daemon.channels import open_channels
from stagedrollout.notify.log_channel import LogChannel
from tests.notify.fakes import CHANNEL, SHOP, Workspace, notice

CONFIG = """\
database: sqlite:///x.db
google_play: {credentials: {file: play.json}}
sentry: {organization: acme, token: {env: SENTRY_TOKEN}}
%s
apps:
  - {name: acme, policy: standard, google_play: {package: com.acme.app, sentry: {project: acme}}}
"""
SLACK = "slack: {token: {env: SLACK_TOKEN}, channel: C0RELEASE%s}"


def channels(tmp_path: Path, slack: str) -> Any:
    path = tmp_path / "stagedrollout.yaml"
    path.write_text(CONFIG % slack, "utf-8")
    return open_channels(load(path, environ={}), Workspace())


def test_the_fallback_is_a_second_channel_of_the_same_workspace(tmp_path: Path) -> None:
    found = channels(tmp_path, SLACK % ", fallback_channel: C0ONCALL")
    assert (found.first.channel, found.second.channel) == (CHANNEL, "C0ONCALL")


def test_without_a_fallback_urgent_notices_are_critical_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = channels(tmp_path, SLACK % "")
    assert found.first.channel == CHANNEL
    found.second.post(notice("HALTED", broadcast=True), None, rollout=SHOP)
    found.second.post(notice("in doubt"), None, rollout=SHOP)
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL] * 2


def test_without_slack_the_log_is_the_only_place(tmp_path: Path) -> None:
    found = channels(tmp_path, "")
    assert isinstance(found.first, LogChannel)
    assert found.second is None
