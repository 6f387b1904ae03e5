"""One app on both stores whose people talk, and the questions a client asks about what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World
from tests.emulator.appstore_calls import APP, APP_ID, VERSIONS, AppleCaller, path_of
from tests.emulator.calls import Answer, Caller, PlayCaller, pass_time

LIST = f"{APP}/customerReviews"

STORY = """\
name: talk
seed: 7
start: 2026-03-02T06:00:00Z
until: 14d
apps:
  - name: acme
    package: com.acme.app
    population: 2000000
    uptake_hours: 6
    releases:
      - {version: 5.1.0, code: 5010, crash_free: 99.8}
      - {version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {at: 1h, percent: 50, review: 1h}%s}
  - name: acme
    store: app_store
    package: com.acme.app
    app_id: "6448311069"
    population: 1000000
    uptake_hours: 6
    ratings: {count: 20000, stars: 4.6}
    releases:
      - {version: 5.1.0, code: 7010, crash_free: 99.8}
      - {version: 5.2.0, code: 7020, crash_free: 99.8, rolled_out: {at: 1h, review: 1h}%s}
%s
"""
AT_ONCE = "switches: {reviews_at_once: true}"


def talking_scenario(
    release: str = "", rest: str = "", *, seed: int = 7, reviews_per_million: float = 15
) -> Scenario:
    """`release`: more of 5.2.0 on both stores, such as its stars; `rest`: more of the scenario."""
    told = f", {release}" if release else ""
    source = (STORY % (told, told, rest)).replace("seed: 7", f"seed: {seed}")
    talkative = f"uptake_hours: 6\n    reviews_per_million_sessions: {reviews_per_million}"
    source = source.replace("uptake_hours: 6", talkative)
    return parse_scenario(source, Path("talk.yaml"))


def talking_world(
    days: float, release: str = "", rest: str = "", *, seed: int = 7, reviews_per_million: float = 15
) -> World:
    """The world of `talking_scenario`, so many days into it."""
    world = World(talking_scenario(release, rest, seed=seed, reviews_per_million=reviews_per_million))
    pass_time(world, days * 24)
    return world


def play_page(world: World, **query: Any) -> Answer:
    """GET reviews of the publisher API."""
    play = PlayCaller(world)
    return play.call("GET", f"{play.root}/reviews?{urlencode(query)}")


def all_of_play(world: World, size: int = 100) -> list[dict[str, Any]]:
    """Every review Play shows, page by page."""
    found, more = [], {}
    while True:
        document = play_page(world, maxResults=size, **more).document
        found += document.get("reviews", [])
        if "tokenPagination" not in document:
            return found
        more = {"token": document["tokenPagination"]["nextPageToken"]}


def comment(review: dict[str, Any]) -> dict[str, Any]:
    return dict(review["comments"][0]["userComment"])


def apple_page(world: World, target: str = LIST) -> Answer:
    """A page of customerReviews for a path, or for a URL such as one of `links`."""
    return AppleCaller(world)("GET", path_of(target))


def all_of_apple(world: World, version: str | None = None, **query: Any) -> list[dict[str, Any]]:
    """Every customer review of the app, or of one version, following links.next."""
    apple = AppleCaller(world)
    path = f"{VERSIONS}/{apple.version(version)['id']}/customerReviews" if version else LIST
    target, found = f"{path}?{urlencode({'limit': 200, **query})}", []
    while target:
        document = apple.get(path_of(target))
        found += document["data"]
        target = document["links"].get("next", "")
    return found


def lookup(world: World, **query: Any) -> Answer:
    """GET /lookup, by the app's id unless another question is asked."""
    asked = query if {"id", "bundleId"} & set(query) else {"id": APP_ID, **query}
    return Caller(world, "")("GET", f"/lookup?{urlencode(asked)}")
