"""What a screen wants to show of an app right now; true values, not what services tell.

Apps of both stores have one shape; those of the App Store also have `phase_day` and `pause_days`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stagedrollout.emulator.appstore_state import DAY, AppStoreApp, Phased
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.population import Crowd
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, PPM

Picture = dict[str, Any]


def play_picture(store: PlayStore, app: PlayApp, now: datetime) -> Picture:
    crowd = store.crowd(app)
    releases = [
        {
            "release": app.names[code],
            "release_id": str(code),
            "version_code": code,
            "status": served.status,
            "exposure_ppm": served.exposure_ppm,
            "review": served.review,
            **_people(crowd, code, now),
        }
        for code, served in sorted(app.tracks[app.main_track].told.items(), reverse=True)
    ]
    names = {"app": app.name, "store": GOOGLE_PLAY, "package": app.package, "track": app.main_track}
    return {**names, "population": crowd.population, "releases": releases}


def app_store_picture(store: AppStoreStore, app: AppStoreApp, now: datetime) -> Picture:
    crowd = store.crowd(app)
    releases = [
        {
            "release": version.version,
            "release_id": version.version,
            "version_code": version.code,
            "status": version.told.status,
            "exposure_ppm": version.told.exposure_ppm,
            "review": version.told.review,
            "phase_day": version.phased.day if version.phased else None,
            "pause_days": _pause_days(version.phased, now),
            **_people(crowd, version.code, now),
        }
        for version in sorted(app.versions, key=lambda one: one.code, reverse=True)
        if version.told is not None
    ]
    names = {"app": app.name, "store": APP_STORE, "package": app.bundle_id, "track": ""}
    return {**names, "app_id": app.id, "population": crowd.population, "releases": releases}


def _people(crowd: Crowd, code: int, now: datetime) -> Picture:
    at = now.timestamp()
    uptake = round(crowd.share(code, at) * PPM)
    return {"crash_free_ppm": crowd.crash_free_ppm(code, at), "uptake_ppm": uptake}


def _pause_days(phased: Phased | None, now: datetime) -> float | None:
    return round(phased.paused_until(now) / DAY, 2) if phased else None
