"""The apps of a story: in which stores they are, how the team brings its releases out, when they turn bad."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    Onset,
    ReleaseStory,
    RolledOut,
    StarsOnset,
    Submitted,
)
from stagedrollout.emulator.scenario_app import usual_app_id
from tests.simulation.drawing import some_hours

_REVIEWS_A_DAY = (10, 10, 50)
"""Written ones, of all releases. More would make a gate speak sooner, and a story many times slower."""

_CODES = {"5.1.0": 5010, "5.2.0": 5020, "5.3.0": 5030}


def apps(draw: Random, stores: tuple[str, ...], troubled: timedelta) -> tuple[AppStory, ...]:
    """Mostly one app, in each of `stores`; sometimes a second one in the first of them."""
    found = [_app(draw, "acme", store, troubled) for store in stores]
    if draw.random() < 0.12:
        found.append(_app(draw, "shop", stores[0], troubled))
    return tuple(found)


def _app(draw: Random, name: str, store: str, troubled: timedelta) -> AppStory:
    population = draw.choice((20_000, 400_000, 2_000_000, 2_000_000))
    sessions = 4.0
    on_app_store = store == APP_STORE
    package = f"com.example.{name}"
    return AppStory(
        name=name,
        store=store,
        package=package,
        track="" if on_app_store else "production",
        population=population,
        sessions_per_user=sessions,
        uptake=timedelta(hours=draw.choice((2, 4, 12))),
        review=timedelta(hours=draw.randrange(0, 4)),
        releases=_releases(draw, store, troubled),
        reviews_per_million_sessions=draw.choice(_REVIEWS_A_DAY) * 1_000_000 / (population * sessions),
        app_id=usual_app_id(package) if on_app_store else "",
        processing=timedelta(minutes=draw.choice((10, 30, 90))),
        manual_share_ppm=draw.choice((0, 0, 50_000)) if on_app_store else 0,
    )


def _releases(draw: Random, store: str, troubled: timedelta) -> tuple[ReleaseStory, ...]:
    at = timedelta(minutes=draw.randrange(0, 180))
    candidate = _release(draw, store, "5.2.0", at if draw.random() < 0.9 else None, troubled)
    releases = [ReleaseStory("5.1.0", _CODES["5.1.0"], 998_000), candidate]
    if draw.random() < 0.2:
        later = some_hours(draw, troubled) if draw.random() < 0.8 else None
        releases.append(_release(draw, store, "5.3.0", later, troubled))
    return tuple(releases)


def _release(
    draw: Random, store: str, version: str, at: timedelta | None, troubled: timedelta
) -> ReleaseStory:
    """`at`: when the team brings it out; None leaves it a draft."""
    first = version == "5.2.0"
    onset = stars_onset = None
    if first and draw.random() < 0.35:
        onset = Onset(some_hours(draw, troubled), draw.choice((970_000, 940_000)))
    if first and draw.random() < 0.2:
        stars_onset = StarsOnset(some_hours(draw, troubled), draw.choice((1.8, 3.2)))
    return ReleaseStory(
        version,
        _CODES[version],
        draw.choice((998_000, 998_000, 998_000, 993_000, 970_000)) if first else 998_000,
        rolled_out=_rolled_out(draw, at, first=first) if at is not None and store == GOOGLE_PLAY else None,
        onset=onset,
        stars_onset=stars_onset,
        submitted=_submitted(draw, at) if at is not None and store == APP_STORE else None,
    )


def _rolled_out(draw: Random, at: timedelta, *, first: bool) -> RolledOut:
    share = draw.choice((10_000, 10_000, 20_000, 50_000, 100_000, 3_000)) if first else 10_000
    return RolledOut(at, share, timedelta(hours=draw.choice((0, 1, 2, 4)) if first else 1))


def _submitted(draw: Random, at: timedelta) -> Submitted:
    """Mostly it goes live by itself and in phases; some wait for a release request, some have no phases."""
    return Submitted(
        at,
        review=timedelta(hours=draw.choice((0, 1, 2, 4))),
        release_type=draw.choice(("after_approval", "after_approval", "after_approval", "manual")),
        phased=draw.random() < 0.88,
        processing=timedelta(minutes=draw.choice((0, 10, 30))),
    )
