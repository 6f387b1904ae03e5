"""What every run needs and none changes, made once per process: policies, a key, an empty database."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from ruamel.yaml import YAML

from stagedrollout.config.escalation import (
    Digest,
    Escalation,
    PagerDutyAccess,
    Reminders,
    WebhookAccess,
)
from stagedrollout.config.load import Loaded
from stagedrollout.config.policies import Shelf, read_policies
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import (
    AppSettings,
    AppStoreAccess,
    AppStoreListing,
    CalendarSettings,
    GooglePlayAccess,
    Limits,
    PlayListing,
    SentryAccess,
    SentrySource,
    Settings,
    SlackAccess,
)
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.linking import Link
from stagedrollout.core.model import Mode, OnNewRelease, Store, Supersede
from stagedrollout.core.people import Person
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, AppStory, Scenario
from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.emulator.sentry_sessions import project_slug
from stagedrollout.emulator.slack import CHANNEL, SECOND_CHANNEL
from stagedrollout.emulator.world import World
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.seal_file import seal_file
from tests.simulation.buttons import SEAL
from tests.simulation.doors import URL
from tests.simulation.plan import HTTP_TIMEOUT

ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"
KEY_ID = "2X9R4HXF34"
ISSUER_ID = "57246542-96fe-1a63-e053-0824d011072a"
COUNTRIES = ("us", "de")


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
    file = policies().files[policy]
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    named = (read.get("calendar") or {}).get("icalendars", ())
    return {**read, "icalendar_files": {name: _icalendar(name).read_text("utf-8") for name in named}}


def _icalendar(name: str) -> Path:
    return Path(__file__).parent / "policies" / f"{name}.ics"


def _calendars(policy: str) -> tuple[CalendarSettings, ...]:
    """Those that the policy names; where it names none, none is read."""
    named = policies().policies[policy].calendar.icalendars
    return tuple(CalendarSettings(name=name, file=str(_icalendar(name))) for name in named)


def loaded(
    scenario: Scenario,
    world: World,
    folder: Path,
    supersede: Supersede = Supersede.FINISH,
    listed: tuple[Person, ...] = (),
    *,
    buttons: bool = False,
    alarms: bool = False,
) -> Loaded:
    """The configuration of a daemon for this world, with keys that the world knows."""
    world.credentials.learn_account(ACCOUNT, _key().public_key())
    world.credentials.learn_app_store_key(KEY_ID, ISSUER_ID, _app_store_key().public_key())
    world.credentials.pagerduty_key = (
        "6b" * 16
    )  # what is drawn stands in each request, and would make each run another
    secrets = {
        "PLAY_KEY": _key_file(),
        "APP_STORE_KEY": _pem(_app_store_key()),
        "SENTRY_TOKEN": world.credentials.sentry_token,
        "SLACK_TOKEN": world.credentials.slack_token,
        "SLACK_APP_TOKEN": world.credentials.slack_app_token,
        "PAGER_KEY": world.credentials.pagerduty_key,
        "WEBHOOK_SECRET": world.credentials.webhook_secret,
    }
    stores = {app.store for app in scenario.apps}
    settings = Settings(
        database=f"sqlite:///{folder / 'simulated.db'}",
        apps=tuple(
            _app(scenario, name, supersede) for name in dict.fromkeys(app.name for app in scenario.apps)
        ),
        poll=scenario.poll,
        google_play=_google_play() if GOOGLE_PLAY in stores else None,
        app_store=_app_store() if APP_STORE in stores else None,
        sentry=SentryAccess(organization=ORGANIZATION, token=SecretRef(env="SENTRY_TOKEN"), url=URL),
        slack=_slack(buttons=buttons),
        limits=Limits(http_timeout=HTTP_TIMEOUT),
        calendars=_calendars(scenario.policy),
        people=listed,
        escalation=_escalation() if alarms else None,
        reminders=Reminders(every=timedelta(hours=1), most=3) if alarms else None,
        digest=Digest(at=time(9)) if alarms else None,
    )
    shutil.copyfile(_empty_database(), folder / "simulated.db")
    if buttons:
        seal_file(folder / "simulated.db").write_text(SEAL)
    return Loaded(settings, policies().policies, folder / "stagedrollout.yaml", secrets)


def _slack(*, buttons: bool) -> SlackAccess:
    return SlackAccess(
        token=SecretRef(env="SLACK_TOKEN"),
        channel=CHANNEL,
        endpoint=f"{URL}/slack/api/",
        buttons=buttons,
        app_token=SecretRef(env="SLACK_APP_TOKEN") if buttons else None,
    )


def _escalation() -> Escalation:
    return Escalation(
        channel=SECOND_CHANNEL,
        pagerduty=PagerDutyAccess(routing_key=SecretRef(env="PAGER_KEY"), url=URL),
        webhook=WebhookAccess(url=f"{URL}/webhook/alarms", secret=SecretRef(env="WEBHOOK_SECRET")),
    )


def _google_play() -> GooglePlayAccess:
    return GooglePlayAccess(
        credentials=SecretRef(env="PLAY_KEY"), endpoint=URL, reporting_endpoint=URL, storage_endpoint=URL
    )


def _app_store() -> AppStoreAccess:
    return AppStoreAccess(
        key=SecretRef(env="APP_STORE_KEY"),
        key_id=KEY_ID,
        issuer_id=ISSUER_ID,
        endpoint=URL,
        lookup_endpoint=URL,
    )


def _app(scenario: Scenario, name: str, supersede: Supersede) -> AppSettings:
    stories = {app.store: app for app in scenario.apps if app.name == name}
    return AppSettings(
        name=name,
        policy=scenario.policy,
        mode=Mode(scenario.mode),
        on_new_release=OnNewRelease(scenario.on_new_release),
        supersede=supersede,
        google_play=_on_google_play(stories[GOOGLE_PLAY]) if GOOGLE_PLAY in stories else None,
        app_store=_on_app_store(stories[APP_STORE]) if APP_STORE in stories else None,
        link=_link(tuple(stories.values())),
    )


def _link(stories: tuple[AppStory, ...]) -> Link | None:
    told = next((story.link for story in stories if story.link), None)
    return Link(lead=Store(told.lead), after=Decimal(told.after_ppm) / 10_000) if told else None


def _on_google_play(app: AppStory) -> PlayListing:
    return PlayListing(package=app.package, track=app.track, sentry=SentrySource(project=project_slug(app)))


def _on_app_store(app: AppStory) -> AppStoreListing:
    sentry = SentrySource(project=project_slug(app))
    return AppStoreListing(app_id=app.app_id, bundle_id=app.package, sentry=sentry, countries=COUNTRIES)


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache(maxsize=1)
def _app_store_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@lru_cache(maxsize=1)
def _key_file() -> str:
    return json.dumps(
        {
            "type": "service_account",
            "private_key_id": "emulated",
            "private_key": _pem(_key()),
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
