"""A complete configuration in a folder of its own, to be spoilt one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """\
database: sqlite:///state/x.db
google_play: {credentials: {file: play.json}}
sentry: {organization: acme, token: {env: SENTRY_TOKEN}}
slack: {token: {env: SLACK_TOKEN}, channel: C0RELEASE}
apps:
  - name: acme
    policy: standard
    google_play:
      package: com.acme.app
      sentry: {project: acme-android}
"""

POLICY = """\
stages:
  - {percent: 1, bake: 24h}
  - {percent: 100}
gates:
  - {metric: crash_free_sessions, floor: 99.0, min_sample: 500}
"""

SECRETS = {"SENTRY_TOKEN": "sentry-secret", "SLACK_TOKEN": "slack-secret"}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file beside the configuration, readable by its owner only; without a name, the configuration."""

    def written(text: str | bytes = GOOD, name: str = "stagedrollout.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(0o600)
        return path

    return written
