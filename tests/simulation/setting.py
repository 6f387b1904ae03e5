"""What every run needs and none changes, made once per process: policies, a key, an empty database."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from ruamel.yaml import YAML

from stagedrollout.config.load import Loaded
from stagedrollout.config.policies import Shelf, read_policies
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import (
    AppSettings,
    GooglePlayAccess,
    Limits,
    PlayListing,
    SentryAccess,
    SentrySource,
    Settings,
    SlackAccess,
)
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.model import Mode, OnNewRelease
from stagedrollout.emulator.scenario import AppStory, Scenario
from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.emulator.slack import CHANNEL
from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from tests.simulation.doors import URL
from tests.simulation.plan import HTTP_TIMEOUT

ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"


def memory_folder() -> Path | None:
    """Where a commit costs next to nothing; None (the usual place) on machines without it."""
    place = Path("/dev/shm")
    return place if place.is_dir() else None


@lru_cache(maxsize=1)
def policies() -> Shelf:
    shelf = read_policies(policies_folder(), [Path(__file__).parent / "policies"])
    if shelf.problems:
        raise ValueError(f"the simulation's own policies are wrong: {shelf.problems}")
    return shelf


@lru_cache
def as_written(policy: str) -> Mapping[str, Any]:
    """The policy's file, for a judge who reads it afresh."""
    read: Mapping[str, Any] = YAML(typ="safe", pure=True).load(policies().files[policy].read_text("utf-8"))
    return read


def loaded(scenario: Scenario, world: World, folder: Path) -> Loaded:
    """The configuration of a daemon for this world, with a key that the world knows."""
    world.credentials.learn_account(ACCOUNT, _key().public_key())
    secrets = {
        "PLAY_KEY": _key_file(),
        "SENTRY_TOKEN": world.credentials.sentry_token,
        "SLACK_TOKEN": world.credentials.slack_token,
    }
    settings = Settings(
        database=f"sqlite:///{folder / 'simulated.db'}",
        apps=tuple(_app(scenario, app) for app in scenario.apps),
        poll=scenario.poll,
        google_play=GooglePlayAccess(credentials=SecretRef(env="PLAY_KEY"), endpoint=URL),
        sentry=SentryAccess(organization=ORGANIZATION, token=SecretRef(env="SENTRY_TOKEN"), url=URL),
        slack=SlackAccess(token=SecretRef(env="SLACK_TOKEN"), channel=CHANNEL, endpoint=f"{URL}/slack/api/"),
        limits=Limits(http_timeout=HTTP_TIMEOUT),
    )
    shutil.copyfile(_empty_database(), folder / "simulated.db")
    return Loaded(settings, policies().policies, folder / "stagedrollout.yaml", secrets)


def _app(scenario: Scenario, app: AppStory) -> AppSettings:
    return AppSettings(
        name=app.name,
        policy=scenario.policy,
        mode=Mode(scenario.mode),
        on_new_release=OnNewRelease(scenario.on_new_release),
        google_play=PlayListing(package=app.package, track=app.track, sentry=SentrySource(project=app.name)),
    )


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache(maxsize=1)
def _key_file() -> str:
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "private_key_id": "emulated",
            "private_key": pem.decode(),
            "client_email": ACCOUNT,
            "token_uri": f"{URL}/oauth2/token",
        }
    )


@lru_cache(maxsize=1)
def _empty_database() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="stagedrollout-simulated-")
    _KEPT.append(folder)
    path = Path(folder.name) / "empty.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""
