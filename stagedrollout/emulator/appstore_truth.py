"""What the ledger and the crowd are told of the App Store: every phase, every day, and what people get."""

from __future__ import annotations

from typing import Any

from stagedrollout.emulator.appstore_state import AppStoreApp, Version
from stagedrollout.emulator.author import START, Author
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.population import Crowd
from stagedrollout.emulator.scenario import APP_STORE, PPM

View = dict[str, Any]


class Truth:
    """Told after every change; says nothing where nothing changed."""

    def __init__(self, timeline: Timeline, ledger: Ledger) -> None:
        self._timeline = timeline
        self._ledger = ledger
        self.crowds: dict[str, Crowd] = {}

    def phased(self, app: AppStoreApp, version: Version, before: View, author: Author) -> None:
        """The phased release was as `before` and may be otherwise now."""
        after = view(version)
        if (before["state"], before["day"]) == (after["state"], after["day"]):
            return
        self._ledger.add(
            "phased",
            **_place(app, version),
            before=before,
            after=after,
            cause=author.cause,
            account="",
            request=author.request,
        )

    def served(self, app: AppStoreApp, version: Version, author: Author) -> None:
        """What people get of the version may have changed."""
        before, now = version.told, app.offered(version)
        if now == before:
            return
        version.told = now
        was = before.exposure_ppm if before else 0
        if author is not START and was != now.exposure_ppm:
            self._offer(app, version, now.exposure_ppm)
        self._ledger.add(
            "served",
            **_place(app, version),
            track="",
            version_code=version.code,
            status=now.status,
            exposure_ppm=now.exposure_ppm,
            review=now.review,
            cause=author.cause,
            request=author.request,
        )

    def _offer(self, app: AppStoreApp, version: Version, exposure_ppm: int) -> None:
        """A pause changes nothing here: who was chosen goes on updating, as do those who do it by hand."""
        by_hand = (PPM - exposure_ppm) * app.manual_share_ppm // PPM
        offered = exposure_ppm + by_hand if exposure_ppm else None
        self.crowds[app.id].offer(version.code, self._timeline.now.timestamp(), offered)


def view(version: Version) -> View:
    """The phased release as the ledger tells it; without one, state and day are None."""
    phased = version.phased
    state, day = (phased.state, phased.day) if phased else (None, None)
    return {"state": state, "day": day, "version_state": version.state}


def _place(app: AppStoreApp, version: Version) -> View:
    names = {"app": app.name, "store": APP_STORE, "package": app.bundle_id}
    return {**names, "release": version.version, "release_id": version.version}
