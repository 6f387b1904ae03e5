"""Apps on both stores, each with a release on its way and others beside it, for whoever wants to change them.

On Google Play 5.2.0 is out at 1 %; below it lie 5.1.5, which was halted at 5 %, and 5.1.0, which everybody has. On the
App Store 5.2.0 is out in phases, on its first day. Virtual time stands still.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    ReleaseStory,
    Scenario,
    Submitted,
)
from stagedrollout.emulator.scenario_app import usual_app_id
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.world import World
from tests.emulator.calls import Caller

NEW, CODE, HALTED_CODE, BASE_CODE = "5.2.0", 5020, 5015, 5010
ACCOUNT = "bench@acme-emulated.iam.gserviceaccount.com"
_START, _LATER = datetime(2026, 3, 2, tzinfo=UTC), timedelta(hours=2)
_NOTHING = timedelta(0)
_REVIEWED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Keys:
    """Ways in: Google's key file as text, and Apple's key with its two names."""

    google: str
    apple: str
    key_id: str
    issuer_id: str


@dataclass(frozen=True, slots=True)
class Stores:
    """`packages` and `app_ids` name the apps on the two stores."""

    emulator: RunningEmulator
    keys: Keys
    packages: tuple[str, ...]
    app_ids: tuple[str, ...]

    @property
    def world(self) -> World:
        return self.emulator.world

    def apple_ids(self, app_id: str) -> tuple[str, str]:
        """The ids of 5.2.0 and of its phased release."""
        app = self.world.app_store.app(app_id)
        version = app.version(NEW) if app else None
        if version is None or version.phased is None:
            raise LookupError(f"{app_id} has no {NEW} in phases")
        return version.id, version.phased.id


@contextmanager
def stores(apps: int) -> Iterator[Stores]:
    """`apps` on each store, behind one port of this machine."""
    with serve(_scenario(apps)) as emulator:
        world = emulator.world
        world.timeline.advance(_START + _LATER)
        packages = tuple(_package(number) for number in range(apps))
        for package in packages:
            _lay_out(world, package)
        key_id, issuer_id, apple = world.credentials.new_app_store_key()
        google = {
            "type": "service_account",
            "project_id": "acme-emulated",
            "private_key_id": "emulated",
            "private_key": world.credentials.new_account(ACCOUNT),
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": f"{emulator.url}/oauth2/token",
        }
        keys = Keys(json.dumps(google), apple, key_id, issuer_id)
        yield Stores(emulator, keys, packages, tuple(usual_app_id(package) for package in packages))


def _scenario(apps: int) -> Scenario:
    return Scenario(
        name="stores",
        story="",
        seed=7,
        start=_START,
        until=timedelta(days=1),
        poll=timedelta(minutes=30),
        policy="standard",
        mode="act",
        on_new_release="adopt",
        apps=tuple(_app(number, store) for store in (GOOGLE_PLAY, APP_STORE) for number in range(apps)),
        switches={"reviews_at_once": True},
    )


def _app(number: int, store: str) -> AppStory:
    package, on_play = _package(number), store == GOOGLE_PLAY
    submitted = None if on_play else Submitted(_NOTHING, _NOTHING, processing=_NOTHING)
    halted = (ReleaseStory("5.1.5", HALTED_CODE, 998_000),) if on_play else ()
    return AppStory(
        name=f"app-{number}",
        store=store,
        package=package,
        track="production" if on_play else "",
        population=100_000,
        sessions_per_user=4.0,
        uptake=timedelta(hours=12),
        review=_NOTHING,
        releases=(
            ReleaseStory("5.1.0", BASE_CODE, 998_000),
            *halted,
            ReleaseStory(NEW, CODE, 998_000, submitted=submitted),
        ),
        app_id="" if on_play else usual_app_id(package),
        processing=_NOTHING,
    )


def _package(number: int) -> str:
    return f"com.example.app{number}"


def _lay_out(world: World, package: str) -> None:
    """What the team's CI did: 5.1.5 went out and was halted, then 5.2.0 went out."""
    notes = [{"language": "en-US", "text": "Fixes and improvements."}]
    base = {"versionCodes": [str(BASE_CODE)], "status": "completed", "releaseNotes": notes}
    halted = {"versionCodes": [str(HALTED_CODE)], "userFraction": 0.05, "releaseNotes": notes}
    new = {"versionCodes": [str(CODE)], "status": "inProgress", "userFraction": 0.01, "releaseNotes": notes}
    for releases in (
        [{**halted, "status": "inProgress"}, base],
        [{**halted, "status": "halted"}, base],
        [new, {**halted, "status": "halted"}, base],
    ):
        _commit(world, package, releases)
        world.timeline.advance(world.timeline.now + _REVIEWED)


def _commit(world: World, package: str, releases: list[dict[str, Any]]) -> None:
    call = Caller(world, world.credentials.issue("ci@example.invalid"))
    root = f"/androidpublisher/v3/applications/{package}/edits"
    edit = call("POST", root, {}).document["id"]
    written = call("PUT", f"{root}/{edit}/tracks/production", {"track": "production", "releases": releases})
    committed = call("POST", f"{root}/{edit}:commit")
    if (written.status, committed.status) != (200, 200):
        raise RuntimeError(f"the track could not be laid out: {written.body!r} {committed.body!r}")
