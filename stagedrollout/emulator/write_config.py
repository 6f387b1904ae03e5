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
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, AppStory, Member, Scenario
from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.emulator.sentry_sessions import ENVIRONMENT, project_slug
from stagedrollout.emulator.slack import CHANNEL
from stagedrollout.emulator.world import World

ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"
RELEASE_TEMPLATE = "{package}@{version}+{build}"


def write_config(directory: Path, world: World, *, url: str, policies: Path) -> Path:
    """Write it into `directory` and return the path of stagedrollout.yaml.

    `url` is where the world is served, `policies` the folder of shipped policies. The world learns the
    new key. Raises ConfigError where the policy is missing or the directory cannot be written.
    """
    files = {name: _policy_file(world.scenario, name, policies) for name in _policy_names(world.scenario)}
    try:
        for folder in (directory, directory / "secrets", directory / "policies", directory / "state"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stores = _stores(world, url, directory / "secrets")
        _write_secret(directory / "secrets" / "sentry-token", world.credentials.sentry_token)
        # nothing here uses it: whoever tries a signal of their own against the emulated services needs it
        _write_secret(directory / "secrets" / "signals-token", world.credentials.signals_token)
        _write_secret(directory / "secrets" / "slack-token", world.credentials.slack_token)
        # for whoever switches buttons or alarms on
        _write_secret(directory / "secrets" / "pagerduty-key", world.credentials.pagerduty_key)
        _write_secret(directory / "secrets" / "webhook-secret", world.credentials.webhook_secret)
        _write_secret(directory / "secrets" / "slack-app-token", world.credentials.slack_app_token)
        _write_secret(directory / "secrets" / "sentry-dsn", world.credentials.sentry_dsn(url))
        for file in files.values():
            shutil.copyfile(file, directory / "policies" / file.name)
        (directory / "scenario.yaml").write_text(world.scenario.source, "utf-8")
        path = directory / "stagedrollout.yaml"
        names = {written: file.stem for written, file in files.items()}
        path.write_text(_yaml(_document(world.scenario, url, names, stores)), "utf-8")
    except OSError as failed:
        raise ConfigError(f"cannot write the configuration into {directory}: {failed.strerror}") from failed
    return path


def _policy_names(scenario: Scenario) -> tuple[str, ...]:
    """The policies of the story, as written: its own, and those that apps name for themselves."""
    return tuple(dict.fromkeys([scenario.policy, *(app.policy for app in scenario.apps if app.policy)]))


def _policy_file(scenario: Scenario, written: str, policies: Path) -> Path:
    """A shipped policy by its name, or a path beside the scenario file."""
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


def _stores(world: World, url: str, secrets: Path) -> dict[str, Any]:
    """How to get into the stores that the story has apps on; their keys are written into `secrets`."""
    used = {app.store for app in world.scenario.apps}
    sections: dict[str, Any] = {}
    if GOOGLE_PLAY in used:
        _write_secret(secrets / "play.json", _service_account(world, url))
        sections[GOOGLE_PLAY] = {
            "credentials": {"file": "secrets/play.json"},
            "endpoint": url,
            "reporting_endpoint": url,
            "storage_endpoint": url,
        }
    if APP_STORE in used:
        key_id, issuer_id, pem = world.credentials.new_app_store_key()
        _write_secret(secrets / "AuthKey.p8", pem)
        sections[APP_STORE] = {
            "key": {"file": "secrets/AuthKey.p8"},
            "key_id": key_id,
            "issuer_id": issuer_id,
            "endpoint": url,
            "lookup_endpoint": url,
        }
    return sections


def _document(
    scenario: Scenario, url: str, policies: dict[str, str], stores: dict[str, Any]
) -> dict[str, Any]:
    """`policies`: the names of the policies, by what the scenario calls them."""
    names = dict.fromkeys(app.name for app in scenario.apps)
    return {
        "database": "sqlite:///state/stagedrollout.db",
        "poll": _duration(scenario.poll),
        "clock": "emulator",
        "emulator": url,
        **stores,
        "sentry": {
            "url": url,
            "organization": ORGANIZATION,
            "token": {"file": "secrets/sentry-token"},
        },
        "slack": {
            "token": {"file": "secrets/slack-token"},
            "channel": CHANNEL,
            "endpoint": f"{url}/slack/api/",
            **_buttons(scenario),
        },
        "policies": ["policies"],
        "health": {
            "sentry_dsn": {"file": "secrets/sentry-dsn"},
            "monitor": "stagedrollout",
            "heartbeat_file": "state/heartbeat",
        },
        **({"people": [_person(member) for member in scenario.team]} if scenario.team else {}),
        "apps": [_app(scenario, name, policies) for name in names],
    }


def _buttons(scenario: Scenario) -> dict[str, Any]:
    """Where somebody in the story presses them."""
    pressed = any(order.via == "slack" for order in scenario.orders)
    return {"buttons": True, "app_token": {"file": "secrets/slack-app-token"}} if pressed else {}


def _person(member: Member) -> dict[str, Any]:
    said = {"os_user": member.os_user, "slack": member.slack, "groups": list(member.groups)}
    rights = {} if member.rights is None else {"rights": list(member.rights)}
    return {"name": member.name, **{key: value for key, value in said.items() if value}, **rights}


def _app(scenario: Scenario, name: str, policies: dict[str, str]) -> dict[str, Any]:
    """One entry for the app, with a section for each store it is on; it has one policy for all of them."""
    own = next((app.policy for app in scenario.apps if app.name == name and app.policy), scenario.policy)
    policy = policies[own]
    return {
        "name": name,
        "mode": scenario.mode,
        "on_new_release": scenario.on_new_release,
        "policy": policy,
        **{app.store: _listing(app) for app in scenario.apps if app.name == name},
        **_link(scenario, name),
    }


def _link(scenario: Scenario, name: str) -> dict[str, Any]:
    link = next((app.link for app in scenario.apps if app.name == name and app.link), None)
    return {"link": {"lead": link.lead, "after": link.after_ppm / 10_000}} if link else {}


def _listing(app: AppStory) -> dict[str, Any]:
    sentry = {"project": project_slug(app), "environment": ENVIRONMENT, "release": RELEASE_TEMPLATE}
    if app.store == APP_STORE:
        countries = {"countries": list(app.countries)} if app.countries else {}
        return {"app_id": app.app_id, "bundle_id": app.package, "sentry": sentry, **countries}
    return {"package": app.package, "track": app.track, "sentry": sentry}


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
