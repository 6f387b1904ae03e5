"""Linked stores, played to the end with the real daemon and judged from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.daemon.scheduler import TURN_SECONDS
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, LinkStory, Onset, Scenario
from stagedrollout.emulator.scenario_file import load_scenario
from tests.judge import judge
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.run import Left, play
from tests.simulation.weather import Weather

FAIR = Weather(faults={}, chances={}, latency=timedelta(0))
HOUR = timedelta(hours=1)


def played(scenario: Scenario, *orders: PlannedOrder) -> Left:
    left = play(Plan(scenario.seed, scenario, FAIR, scenario.start, points_per_life=0, orders=orders))
    verdict = judge(left.evidence)
    assert verdict.findings == []
    return left


def ends(left: Left) -> dict[str, tuple[str, int]]:
    return {row["store"]: (row["phase"], row["exposure_ppm"]) for row in left.evidence.rollouts}


def told(left: Left, store: str, kind: str) -> Iterator[str]:
    """The sentences of the journal."""
    for entry in left.evidence.journal:
        if entry["kind"] == kind and f"/{store}/" in entry["rollout"]:
            yield entry["said"]


def when(left: Left, store: str, kind: str, words: str) -> datetime:
    """When the first fact of this kind that says so was written down."""
    return next(
        datetime.fromisoformat(entry["at"])
        for entry in left.evidence.journal
        if entry["kind"] == kind and f"/{store}/" in entry["rollout"] and words in entry["said"]
    )


def ordered(verb: CommandVerb, store: str, at: datetime) -> PlannedOrder:
    ana = Actor(ActorKind.HUMAN, "ana")
    return PlannedOrder(at, Command(verb.value, verb, "acme", Store(store), ana, "not our bug", at, None))


def test_the_shipped_story_is_told_to_its_end():
    """As shipped but for the poll: every six hours, so that it does not take a minute."""
    shipped = load_scenario("linked")
    left = played(replace(shipped, poll=6 * HOUR))
    assert ends(left) == {GOOGLE_PLAY: ("halted", 500_000), APP_STORE: ("rolling_out", 50_000)}
    android_at_20 = when(left, GOOGLE_PLAY, "went_live", "at 20 %")
    assert when(left, APP_STORE, "decided", "ADVANCE to 2 %") >= android_at_20
    (held,) = told(left, APP_STORE, "link_held")
    assert "by stagedrollout: evidence of harm" in held
    assert list(told(left, GOOGLE_PLAY, "link_holds")) == ["the halt also holds 5.2.0 (33417) on App Store"]
    (answered,) = told(left, APP_STORE, "link_answered")
    assert "in the store's console" in answered
    assert {
        n["rollout"] for n in left.evidence.notices if "halt" in n["headline"] and n["kind"] == "held"
    } == {"acme/google_play/5020"}


@cache
def _turns_bad_on_ios() -> Scenario:
    """Everything at once, under the simulation's quick policy; iOS begins to crash three hours after it is out."""
    story = load_scenario("linked")
    link = LinkStory(lead=GOOGLE_PLAY, after_ppm=50_000)
    apps = []
    for app in story.apps:
        old, new = app.releases
        onset = Onset(7 * HOUR, 900_000) if app.store == APP_STORE else None
        apps.append(replace(app, link=link, releases=(old, replace(new, onset=onset))))
    return replace(story, apps=tuple(apps), people=(), policy="quick", until=16 * HOUR, poll=HOUR, expect={})


def test_a_halt_on_ios_holds_android_until_a_person_resumes_it():
    story = _turns_bad_on_ios()
    alone = played(story)
    (held,) = told(alone, GOOGLE_PLAY, "link_held")
    assert ends(alone)[GOOGLE_PLAY][0] == "held"
    assert ends(alone)[APP_STORE][0] == "halted"
    halted_at = when(alone, APP_STORE, "decided", "HALT")
    until_held = when(alone, GOOGLE_PLAY, "link_held", "App Store") - halted_at
    assert until_held < timedelta(seconds=2 * TURN_SECONDS), "woken at once, not at its next poll"
    answered = played(story, ordered(CommandVerb.RESUME, GOOGLE_PLAY, halted_at + HOUR))
    assert held in list(told(answered, GOOGLE_PLAY, "link_held"))
    assert answered.orders == {"resume": "done"}
    assert ends(answered)[GOOGLE_PLAY][1] > ends(alone)[GOOGLE_PLAY][1]
