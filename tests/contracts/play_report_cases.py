"""Every way in which our signals read what Play reports, as stories in front of the emulator."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from stagedrollout.config.load import Loaded
from stagedrollout.config.signals import SignalSettings, VitalsSource
from stagedrollout.core.observation import SignalQuery
from stagedrollout.core.play_reports import Vital
from stagedrollout.emulator.credentials import SCOPES
from stagedrollout.emulator.play_bucket import BUCKET
from stagedrollout.emulator.world import World
from tests.contracts.stand import Stand
from tests.emulator.calls import Caller, scenario
from tests.signals.own.emulated import TOKEN, counts
from tests.signals.own.reported import CRASHES, HOURLY, STARS

ANRS = SignalSettings(name="vitals_anrs", vitals=VitalsSource(metric=Vital.USER_PERCEIVED_ANR_RATE))
HOURS = replace(HOURLY, name="vitals_hourly")
_CRASHES = "/v1beta1/apps/com.acme.app/crashRateMetricSet"


def _stand(*signals: SignalSettings, days: float) -> Stand:
    def with_signals(loaded: Loaded, world: World) -> Loaded:
        (app,) = loaded.settings.apps
        assert app.google_play is not None
        listing = replace(app.google_play, signals=signals)
        settings = replace(loaded.settings, apps=(replace(app, google_play=listing),))
        environ = {**loaded.environ, str(TOKEN.env): world.credentials.signals_token}
        return Loaded(settings, loaded.policies, loaded.path, environ)

    return Stand(scenario("stars: 3"), hours=24 * days, configured=with_signals)


def _week(stand: Stand) -> SignalQuery:
    query = stand.query()
    return replace(query, since=query.until - timedelta(days=7))


def vitals_read() -> Stand:
    """Crashes and ANRs, by day and by hour, on many pages (section 8)."""
    stand = _stand(CRASHES, ANRS, HOURS, days=6)
    stand.turn(vitals_rows_per_page=5)
    day = replace(_week(stand), since=stand.world.timeline.now - timedelta(hours=10))
    for value in stand.listing().values:
        value.read(day if value.name == HOURS.name else _week(stand))
    return stand


def ratings_read() -> Stand:
    stand = _stand(STARS, days=9)
    for value in stand.listing().values:
        value.read(_week(stand))
    return stand


def counts_compared() -> Stand:
    """What any source of counts is asked through; there is no description of the service itself."""
    stand = _stand(counts()["http_json"], days=2)
    for each in stand.listing().counts:
        each.read(stand.ledger_query(users=False))
    return stand


def everything_else() -> Stand:
    """What the emulator answers though no signal asks for it, refusals by the question included."""
    stand = _stand(days=9)
    call = Caller(stand.world, stand.world.credentials.issue("ours@example.invalid", SCOPES))
    file = quote("stats/ratings/ratings_com.acme.app_202603_overview.csv", safe="")
    call("GET", f"/storage/v1/b/{BUCKET}/o/{file}")
    call("GET", f"/storage/v1/b/{BUCKET}/o/nothing?alt=media")
    call("GET", "/storage/v1/b/another-bucket/o?prefix=stats")
    call("GET", "/v1beta1/apps/com.acme.nothing/anrRateMetricSet")
    for changes in WRONG:
        call("POST", f"{_CRASHES}:query", {**question(), **changes})
    for changes in ({}, {"dimensions": []}, {"filter": "versionCode = 5020"}, {"userCohort": "OS_BETA"}):
        call("POST", f"{_CRASHES}:query", {**question(), **changes})
    return stand


def question(*, first: int = 3, end: int = 9) -> dict[str, Any]:
    """The crash rates of whole days of March 2026."""
    zone = {"timeZone": {"id": "America/Los_Angeles"}}
    return {
        "timelineSpec": {
            "aggregationPeriod": "DAILY",
            "startTime": {"year": 2026, "month": 3, "day": first, **zone},
            "endTime": {"year": 2026, "month": 3, "day": end, **zone},
        },
        "dimensions": ["versionCode"],
        "metrics": ["crashRate", "distinctUsers"],
    }


WRONG: tuple[dict[str, Any], ...] = (
    {"timelineSpec": question(end=25)["timelineSpec"]},
    {"metrics": ["crashCount"]},
    {"pageToken": "another"},
    {"filter": "versionCode > 5"},
)
"""What is well formed and refused all the same."""

ALL = (vitals_read, ratings_read, counts_compared, everything_else)
