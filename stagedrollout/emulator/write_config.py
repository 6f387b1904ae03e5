"""A complete configuration of stagedrollout for one world, with throw-away keys.

Whoever has it can run the daemon against the emulator in another process at once. The form of the file
is stated here as text on purpose: the emulator knows nothing of how the daemon reads it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stagedrollout.emulator.errors import ConfigError
from stagedrollout.emulator.scenario import AppStory, Scenario
from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.emulator.sentry_sessions import ENVIRONMENT
from stagedrollout.emulator.slack import CHANNEL
from stagedrollout.emulator.world import World

ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"
RELEASE_TEMPLATE = "{package}@{version}+{build}"


def write_config(directory: Path, world: World, *, url: str, policies: Path) -> Path:
    """Write it into `directory` and return the path of stagedrollout.yaml.

    `url` is where the world is served, `policies` the folder of shipped policies. The world learns the
    new key. Raises ConfigError where the policy is missing or the directory cannot be written.
    """
    policy = _policy_file(world.scenario, policies)
    try:
        for folder in (directory, directory / "secrets", directory / "policies", directory / "state"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_secret(directory / "secrets" / "play.json", _service_account(world, url))
        _write_secret(directory / "secrets" / "sentry-token", world.credentials.sentry_token)
        _write_secret(directory / "secrets" / "slack-token", world.credentials.slack_token)
        shutil.copyfile(policy, directory / "policies" / policy.name)
        (directory / "scenario.yaml").write_text(world.scenario.source, "utf-8")
        path = directory / "stagedrollout.yaml"
        path.write_text(_yaml(_document(world.scenario, url, policy.stem)), "utf-8")
    except OSError as failed:
        raise ConfigError(f"cannot write the configuration into {directory}: {failed.strerror}") from failed
    return path


def _policy_file(scenario: Scenario, policies: Path) -> Path:
    """A shipped policy by its name, or a path beside the scenario file."""
    written = scenario.policy
    if written.endswith((".yaml", ".yml")) or "/" in written:
        beside = scenario.path.parent if scenario.path else Path()
        file = beside / written
    else:
        file = policies / f"{written}.yaml"
    if not file.is_file():
        raise ConfigError(f"scenario {scenario.name}: there is no policy file {file}")
    return file


def _service_account(world: World, url: str) -> str:
    key = {
        "type": "service_account",
        "project_id": "acme-emulated",
        "private_key_id": "emulated",
        "private_key": world.credentials.new_account(ACCOUNT),
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": f"{url}/oauth2/token",
    }
    return json.dumps(key, indent=2) + "\n"


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _document(scenario: Scenario, url: str, policy: str) -> dict[str, Any]:
    return {
        "database": "sqlite:///state/stagedrollout.db",
        "poll": _duration(scenario.poll),
        "clock": "emulator",
        "emulator": url,
        "google_play": {"credentials": {"file": "secrets/play.json"}, "endpoint": url},
        "sentry": {
            "url": url,
            "organization": ORGANIZATION,
            "token": {"file": "secrets/sentry-token"},
        },
        "slack": {
            "token": {"file": "secrets/slack-token"},
            "channel": CHANNEL,
            "endpoint": f"{url}/slack/api/",
        },
        "policies": ["policies"],
        "apps": [_app(scenario, app, policy) for app in scenario.apps],
    }


def _app(scenario: Scenario, app: AppStory, policy: str) -> dict[str, Any]:
    sentry = {"project": app.name, "environment": ENVIRONMENT, "release": RELEASE_TEMPLATE}
    return {
        "name": app.name,
        "mode": scenario.mode,
        "on_new_release": scenario.on_new_release,
        "policy": policy,
        "google_play": {"package": app.package, "track": app.track, "sentry": sentry},
    }


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _yaml(document: dict[str, Any]) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    written = io.StringIO()
    writer.dump(document, written)
    return written.getvalue()
