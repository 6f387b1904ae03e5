"""A small story through the real daemon in an emulated world, on a Monday, judged from outside.

5.1.0 is out; 5.2.0 is rolled out to 1 % at 06:00 and published at once. Policy `quick`: 1, 5, 20, 100 %, two to three
hours each, completed by itself, so that what is well reaches everyone within eleven hours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

from stagedrollout.core.model import Supersede
from stagedrollout.emulator.scenario import GOOGLE_PLAY, AppStory, Onset, Outage, PlannedAct, Scenario
from tests.judge import judge
from tests.simulation.by_hand import FINE, MONDAY, app, hours
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.run import Left, play
from tests.simulation.test_newer_releases import most
from tests.simulation.weather import Weather

ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"
EVERYONE = 100


def told(
    until: float,
    *events: PlannedAct | PlannedOrder | Outage,
    stories: AppStory | None = None,
    weather: Weather = FINE,
    calm_from: float = 0,
    lives: int = 0,
    policy: str = "quick",
    poll: float = 0.5,
    switches: dict[str, Any] | None = None,
) -> Left:
    """The whole story, which no judge has anything to say against. `weather` strikes until `calm_from`, and until then
    the daemon dies after `lives` points of I/O on average (0: never)."""
    scenario = Scenario(
        name="incident",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(until),
        poll=hours(poll),
        policy=policy,
        mode="act",
        on_new_release="adopt",
        apps=(stories or app(),),
        people=tuple(event for event in events if isinstance(event, PlannedAct)),
        outages=tuple(event for event in events if isinstance(event, Outage)),
        switches=switches or {},
    )
    plan = Plan(
        seed=7,
        scenario=scenario,
        weather=weather,
        calm_from=MONDAY + hours(calm_from),
        points_per_life=lives,
        orders=tuple(event for event in events if isinstance(event, PlannedOrder)),
        supersede=Supersede.FINISH,
    )
    left = play(plan)
    assert judge(left.evidence).findings == []
    return left


def fails(service: str, kind: str, begins: float = 0, ends: float | None = None) -> Outage:
    return Outage(service, hours(begins), None if ends is None else hours(ends), kind)


def strikes(service: str, kind: str, chance: float = 0.4) -> Weather:
    """Whenever the service is asked, perhaps."""
    return Weather({service: ((kind, ""),)}, {service: chance}, hours(0))


def turning_bad(at: float, store: str = GOOGLE_PLAY, crash_free: int = 940_000) -> AppStory:
    """The app whose newest release begins to crash."""
    story = app(store)
    bad = replace(story.releases[-1], onset=Onset(hours(at), crash_free))
    return replace(story, releases=(*story.releases[:-1], bad))


@cache
def on_a_good_day() -> Left:
    """What all these stories have in common, and nothing that goes wrong: it reaches everyone within 14 hours."""
    left = told(14)
    assert most(left, "5.2.0") == EVERYONE
    return left


def our_commits(left: Left) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """The releases of the track before and after each commit of ours."""
    mine = [r for r in left.evidence.ledger if r["type"] == "track" and r["account"] == ACCOUNT]
    return [(list(r["before"]), list(r["after"])) for r in mine if r["before"] != r["after"]]


def struck(left: Left) -> Counter[str]:
    """How often each kind of fault befell a request."""
    return Counter(r["kind"] for r in left.evidence.ledger if r["type"] == "fault")


def requests(left: Left, method: str, *words: str) -> list[dict[str, Any]]:
    return [
        dict(r)
        for r in left.evidence.requests
        if r["method"] == method and all(w in r["path"] for w in words)
    ]


def last_served(left: Left, release: str) -> tuple[str, int]:
    """What people get of it in the end: status and share in percent."""
    of_it = [r for r in left.evidence.ledger if r["type"] == "served" and r["release"] == release]
    return of_it[-1]["status"], of_it[-1]["exposure_ppm"] // 10_000
