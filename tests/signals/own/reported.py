"""What Play reports of the app of a world, through Google's own client and our signals, without sockets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import AppSettings, GooglePlayAccess, PlayListing, SentrySource, Settings
from stagedrollout.config.signals import RatingsCsvSource, SignalSettings, VitalsSource
from stagedrollout.core.model import Release, Store
from stagedrollout.core.observation import SignalQuery, Unvalued, Valued
from stagedrollout.core.play_reports import Period, Vital
from stagedrollout.daemon.signal_sources import Sources
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.play_bucket import BUCKET
from tests.emulator.calls import PACKAGE, pass_time, world_at
from tests.signals.own.emulated import NEW, OLD
from tests.simulation import setting
from tests.simulation.doors import URL, Gate, doors
from tests.simulation.weather import Weather

CRASHES = SignalSettings(name="vitals_crashes", vitals=VitalsSource(metric=Vital.USER_PERCEIVED_CRASH_RATE))
HOURLY = SignalSettings(
    name="vitals_crashes", vitals=VitalsSource(metric=Vital.CRASH_RATE, period=Period.HOURLY)
)
STARS = SignalSettings(
    name="play_stars", ratings_csv=RatingsCsvSource(bucket=f"gs://{BUCKET}/stats/ratings/")
)

STAGED = "stars: 2.5"
"""What 5.2.0 gets; 5.1.0 has 4.66 or so."""


def access() -> GooglePlayAccess:
    return GooglePlayAccess(
        credentials=SecretRef(env="PLAY_KEY"), endpoint=URL, reporting_endpoint=URL, storage_endpoint=URL
    )


class Reported:
    """So many days into the story: 5.2.0 goes out to 1 % of two million on 2 March at 10:00."""

    def __init__(
        self, signal: SignalSettings, *, days: float = 6, release: str = STAGED, **switches: Any
    ) -> None:
        self.world = world_at(24 * days, release)
        self.world.turn(switches)
        self.world.credentials.learn_account(setting.ACCOUNT, setting._key().public_key())
        gate = Gate(self.world, Weather({}, {}, timedelta(0)), Random(7))
        (self.source,) = self._opened(signal, doors(gate, self.world))

    def _opened(self, signal: SignalSettings, ways: Any) -> Any:
        listing = PlayListing(package=PACKAGE, sentry=SentrySource(project="acme"), signals=(signal,))
        settings = Settings(
            database="sqlite:///x.db",
            apps=(AppSettings(name="acme", policy="standard", google_play=listing),),
            google_play=access(),
        )
        loaded = Loaded(settings, {}, Path("stagedrollout.yaml"), {"PLAY_KEY": setting._key_file()})
        return Sources(loaded, ways).of(PACKAGE, Store.GOOGLE_PLAY, (signal,)).values

    @property
    def now(self) -> datetime:
        return self.world.timeline.now

    def read(
        self, *, days: float = 7, candidate: Release = NEW, since: datetime | None = None
    ) -> Valued | Unvalued:
        """Raises EdgeError."""
        since = since or self.now - timedelta(days=days)
        found: Valued | Unvalued = self.source.read(SignalQuery(candidate, (OLD,), since, self.now))
        return found

    def wait(self, hours: float) -> None:
        pass_time(self.world, hours)

    def fault(self, service: str, kind: str, **more: Any) -> None:
        self.world.faults.add(Fault(service, kind, **more), self.now)

    def asked(self, service: str) -> list[Mapping[str, Any]]:
        return [entry for entry in self.world.ledger.requests if entry["service"] == service]

    def paths(self, service: str) -> list[str]:
        return [f"{entry['method']} {entry['path']}" for entry in self.asked(service)]
